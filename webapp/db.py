"""The database: one engine for SQLite or PostgreSQL, and what makes a write safe on each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pg8000
from flask_alembic import Alembic
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session

BUSY_SECONDS = 15


class Base(DeclarativeBase):
    """What every table shares: constraint names that migrations can refer to."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# Answers are parameters, and parameters must not reach a log through an error message.
db = SQLAlchemy(engine_options={"hide_parameters": True})
alembic = Alembic(metadatas=Base.metadata, run_mkdir=False)


@contextmanager
def writing(session: Session) -> Iterator[Session]:
    """One transaction that writes: all of it is on disk afterwards, or none of it.

    SQLite takes its write lock at once, so that what the block reads cannot change under it; on
    PostgreSQL the rows that decide are locked by the queries themselves.
    """
    session.rollback()
    session.connection(execution_options={"begin": "IMMEDIATE"})
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def hold_still(session: Session) -> None:
    """Begin a transaction in which all queries see the same moment; SQLite's always do."""
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def prepare_engine(engine: Engine) -> None:
    """Make SQLite durable and strict: WAL, full sync, foreign keys, patience when busy."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "checkout", _try_connection)
        return

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        # The driver's own transactions would begin too late and end DDL early.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        how = connection.get_execution_options().get("begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {how}")


def _try_connection(connection: Any, _record: object, _proxy: object) -> None:
    """Try a connection before it is used: the server at its other end may have been restarted.

    SQLAlchemy's own pre-ping misses the operating system's errors, which pg8000 passes through.
    """
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
        connection.rollback()
    except (OSError, pg8000.Error) as error:
        raise DisconnectionError from error
