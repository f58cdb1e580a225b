"""A full disk, a busy database, an artifact that is gone: answers are kept, logs are discreet."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, both, definition
from sqlalchemy import event, text

from webapp import displays
from webapp.models import Response

SORRY = "Your answers could not be saved just now. They are still here: send them again."


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that waits for nobody."""
    monkeypatch.setattr("webapp.db.BUSY_SECONDS", 0)


@contextmanager
def locked(lab: Laboratory) -> Iterator[None]:
    """Another process writes and does not finish."""
    with closing(sqlite3.connect(str(lab.engine.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def test_a_busy_database_keeps_the_answers_in_the_page(
    impatient: None, lab: Laboratory, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.enter().answer()
    with locked(lab):
        visitor.answer(trust="6", sure="1")
        assert visitor.status == 503
        assert SORRY in visitor.page.text
        assert visitor.form.sent["item-trust"] == "6"
        assert visitor.token not in caplog.text
    assert lab.count(Response) == 0
    visitor.send()
    assert visitor.status == 200
    assert lab.count(Response) == 2


def test_a_busy_database_enrols_nobody_halfway(
    impatient: None, lab: Laboratory, visitor: Visitor
) -> None:
    visitor.get("/s/small")
    form, before = visitor.form, lab.everything()
    with locked(lab):
        visitor.post(form.action, form.sent | {"choice": "agree"})
        assert visitor.status >= 500
    assert lab.everything() == before
    visitor.post(form.action, form.sent | {"choice": "agree"})
    assert "What you will see" in visitor.page.text


def test_a_full_disk_keeps_the_answers_in_the_page(lab: Laboratory, app: Flask) -> None:
    study = definition()
    study["items"]["comment"]["max_length"] = 20_000
    lab.open(study)
    visitor = Visitor(app).enter().until("Anything else?")
    before = lab.everything()

    def no_page_more(connection: Any, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(lab.engine, "connect", no_page_more)
    lab.engine.dispose()
    words = "word " * 4000
    visitor.answer(comment=words)
    assert visitor.status == 503
    assert SORRY in visitor.page.text
    assert visitor.form.sent["item-comment"] == words
    assert lab.everything() == before
    event.remove(lab.engine, "connect", no_page_more)
    lab.engine.dispose()
    visitor.send()
    assert "CODE-DONE" in visitor.html


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("code", ["53100", "53300", "57014", "40001"])
def test_a_postgresql_in_trouble_keeps_the_answers_in_the_page(
    lab: Laboratory, visitor: Visitor, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Disk full, too many connections, query cancelled, serialisation failure."""
    visitor.enter().answer()
    with lab.session() as session:
        session.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION 'trouble' USING ERRCODE = '{code}'; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER trouble BEFORE INSERT ON response "
                "FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        )
        session.commit()
    visitor.answer(trust="6")
    assert visitor.status == 503
    assert SORRY in visitor.page.text
    assert visitor.form.sent["item-trust"] == "6"
    assert visitor.token not in caplog.text
    with lab.session() as session:
        session.execute(text("DROP TRIGGER trouble ON response"))
        session.commit()
    visitor.send()
    assert visitor.status == 200
    assert lab.count(Response) == 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_postgresql_that_restarted_is_met_again(
    lab: Laboratory, visitor: Visitor, postgres: Any
) -> None:
    visitor.enter().answer()
    name = lab.engine.url.database
    postgres.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608  # a name of our own
    )
    visitor.answer(trust="6")
    assert visitor.status == 200
    assert lab.count(Response) == 2


@both
def test_an_artifact_that_vanished_is_an_error_page_without_a_trace_of_the_link(
    lab: Laboratory, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.enter()
    for file in Path(lab.store.root).rglob("*.json.gz"):
        file.unlink()
    displays._shown.cache_clear()
    before = lab.everything()
    visitor.answer()
    assert visitor.status == 503
    assert "Answers that you have sent before are safe." in visitor.page.text
    assert "no such artifact" not in visitor.html
    assert "Traceback" not in visitor.html
    assert visitor.response.headers["Content-Security-Policy"]
    assert "artifact not readable" in caplog.text
    assert "no such artifact; run flask precompute" in caplog.text
    token = visitor.token
    assert token not in caplog.text
    assert lab.everything() == before
    lab.prepare(1)
    assert visitor.get(f"/p/{token}/").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("get", "/nowhere", 404, "check that the link is complete"),
        ("get", "/p/", 404, "check that the link is complete"),
        ("get", "/p/x/1e3", 404, "check that the link is complete"),
        ("put", "/s/small", 405, "use the page's own buttons"),
        ("delete", "/admin/", 405, "use the page's own buttons"),
    ],
)
def test_error_pages_say_what_to_do(
    app: Flask, method: str, path: str, status: int, said: str
) -> None:
    answer = getattr(app.test_client(), method)(path)
    assert answer.status_code == status
    assert said in answer.get_data(as_text=True).replace("&#39;", "'")
    assert f"Error {status}" in answer.get_data(as_text=True)


def test_the_development_servers_log_names_no_link(app: Flask) -> None:
    import logging

    from webapp.logs import without_links

    line = logging.LogRecord(
        "werkzeug", logging.INFO, "f", 1, '"%s" %s -', (f"GET /p/{'ab' * 16}/3 HTTP/1.1", 200), None
    )
    assert without_links(line)
    assert line.getMessage() == '"GET /p/.../3 HTTP/1.1" 200 -'
    assert without_links in logging.getLogger("werkzeug").filters


def test_a_key_in_another_alphabet_is_not_logged_either(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(SECRET_KEY="x" * 64)
    app.test_client().get("/p/some-other-link/")
    assert "some-other-link" not in caplog.text
