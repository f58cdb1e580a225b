"""The migrations make exactly the tables that the models describe, and can be undone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Postgres
from flask import Flask
from lab import both
from sqlalchemy import inspect

from webapp import create_app
from webapp.db import Base, alembic, db


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database without tables."""
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        server.run("DROP DATABASE IF EXISTS empty")
        server.run("CREATE DATABASE empty")
        url = server.url("empty")
    app = create_app(str(tmp_path), DATABASE_URL=url)
    yield app
    with app.app_context():
        db.engine.dispose()


on_both = pytest.mark.parametrize("empty", ["sqlite", "postgresql"], indirect=True)


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


@on_both
def test_models_and_migrations_agree(empty: Flask) -> None:
    with empty.app_context():
        alembic.upgrade()
        assert tables() == set(Base.metadata.tables)
        assert alembic.compare_metadata() == []


@on_both
def test_migrations_can_be_undone_and_done_again(empty: Flask) -> None:
    with empty.app_context():
        alembic.upgrade()
        alembic.downgrade("base")
        assert tables() == set()
        alembic.upgrade()
        assert tables() == set(Base.metadata.tables)


@on_both
def test_upgrading_twice_changes_nothing(empty: Flask) -> None:
    with empty.app_context():
        alembic.upgrade()
        alembic.upgrade()
        assert tables() == set(Base.metadata.tables)


@both
def test_every_foreign_key_is_enforced(app: Flask) -> None:
    with app.app_context():
        found = inspect(db.engine)
        keys = {
            (table, *key["constrained_columns"])
            for table in Base.metadata.tables
            for key in found.get_foreign_keys(table)
        }
        expected = {
            (table.name, constraint.parent.name)
            for table in Base.metadata.tables.values()
            for constraint in table.foreign_keys
        }
        assert keys == expected
        assert len(keys) > 10
