"""Researchers' pages: each sees their own studies, as far as their role goes."""

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from browsing import Visitor
from flask import Flask
from lab import PASSWORD, Laboratory, both, definition
from sqlalchemy import select

from webapp import studies
from webapp.models import StudyVersion
from webapp.participation import Answer

ANN = "ann@example.org"
LogIn = Callable[[str | None], Visitor]


@pytest.fixture
def log_in(lab: Laboratory, app: Flask) -> LogIn:
    """log_in(role) is a researcher with that role on the small study, or with none."""

    def enter(role: str | None) -> Visitor:
        lab.researcher(ANN)
        if role is not None:
            with lab.session() as session:
                studies.grant(session, ANN, "small", role)
        return Visitor(app).get("/login").send(email=ANN, password=PASSWORD)

    return enter


def state(lab: Laboratory) -> list[bool]:
    with lab.session() as session:
        return list(session.scalars(select(StudyVersion.is_open).order_by(StudyVersion.number)))


PATHS = (
    "/admin/studies/small",
    "/admin/studies/small/live",
    "/admin/studies/small/versions/1/export",
)


@pytest.mark.parametrize("path", ["/admin/", *PATHS])
def test_strangers_are_asked_to_log_in(lab: Laboratory, app: Flask, path: str) -> None:
    lab.open()
    visitor = Visitor(app).get(path)
    assert visitor.path == "/login"
    assert "small" not in visitor.page.text


@both
def test_what_is_not_theirs_does_not_exist_for_them(
    lab: Laboratory, opened: int, log_in: LogIn
) -> None:
    visitor = log_in(None)
    assert "A small study" not in visitor.get("/admin/").page.text
    pages = set()
    for path in (*PATHS, *(path.replace("small", "none") for path in PATHS)):
        pages.add(visitor.get(path).page.text)
        assert visitor.status == 404
    assert len(pages) == 1
    assert visitor.get("/admin/studies/%00").status == 404


@both
def test_a_viewer_sees_and_downloads_but_changes_nothing(
    lab: Laboratory, opened: int, log_in: LogIn
) -> None:
    visitor = log_in("viewer")
    for path in PATHS:
        assert visitor.client.get(path, buffered=True).status_code == 200
    visitor.get("/admin/studies/small")
    csrf = visitor.form.sent["csrf_token"]
    # To look at the pages as a participant would is to see them, too.
    preview = "/admin/studies/small/preview"
    assert [form.action for form in visitor.page.forms] == ["/logout", preview]
    for action in ("open", "close"):
        visitor.post(f"/admin/studies/small/{action}", {"csrf_token": csrf})
        assert visitor.status == 403
        assert "Your role on this study is viewer; this takes editor or owner." in visitor.page.text
    assert state(lab) == [True]


@pytest.mark.parametrize("role", ["editor", "owner"])
def test_an_editor_closes_and_opens(lab: Laboratory, opened: int, log_in: LogIn, role: str) -> None:
    visitor = log_in(role).get("/admin/studies/small")
    assert "open , version 1" in visitor.page.text
    visitor.post("/admin/studies/small/close", visitor.page.forms[1].sent)
    assert (visitor.status, visitor.path) == (200, "/admin/studies/small")
    assert state(lab) == [False]
    visitor.post("/admin/studies/small/open", visitor.page.forms[1].sent)
    assert state(lab) == [True]


def test_an_incomplete_study_says_why_it_does_not_open(lab: Laboratory, log_in: LogIn) -> None:
    lab.load()
    visitor = log_in("owner").get("/admin/studies/small")
    assert "Nothing yet: the study was never open." in visitor.page.text
    visitor.post("/admin/studies/small/open", visitor.page.forms[1].sent)
    assert "small cannot be opened, it lacks: 6 of 6 stimuli" in visitor.page.text
    assert "Run: flask precompute small" in visitor.page.text
    assert state(lab) == [False]
    assert visitor.get("/admin/studies/small/versions/1/export").status == 404
    assert visitor.get("/admin/studies/small/versions/2/export").status == 404


def test_the_next_version_can_be_opened_while_one_is_open(lab: Laboratory, log_in: LogIn) -> None:
    lab.open()
    lab.prepare(lab.load(definition() | {"title": {"en": "Second"}}))
    visitor = log_in("owner").get("/admin/studies/small")
    assert "Open version 2" in visitor.page.text
    visitor.post("/admin/studies/small/open", visitor.page.forms[1].sent)
    assert state(lab) == [False, True]


def test_the_list_says_where_each_study_stands(lab: Laboratory, log_in: LogIn) -> None:
    lab.open()
    visitor = log_in("viewer").get("/admin/")
    assert "A small study /s/small 1 open (version 1)" in visitor.page.text
    with lab.session() as session:
        studies.close_study(session, "small")
    assert "A small study /s/small 1 closed" in visitor.get("/admin/").page.text


@both
def test_a_study_without_anybody_says_so(lab: Laboratory, opened: int, log_in: LogIn) -> None:
    text = log_in("viewer").get("/admin/studies/small").page.text
    assert "Nobody has enrolled yet." in text
    assert "No answers yet." in text


@both
def test_progress_and_answers_are_there_live(lab: Laboratory, opened: int, log_in: LogIn) -> None:
    lab.finish(lab.enrol(opened))
    half = lab.enrol(opened)
    lab.submit(half, {})
    lab.submit(half, {"trust": Answer(number=7.0), "sure": Answer(number=1.0)})
    visitor = log_in("viewer")
    for path in ("/admin/studies/small", "/admin/studies/small/live"):
        text = visitor.get(path).page.text
        assert "finished 1 under way 1 declined 0" in text
        assert "9 of 9" in text
        assert "2 of 9" in text
        for level in ("none", "shap", "mismatched"):
            assert f"explanation={level}" in text
    live = visitor.html
    assert "<html" not in live
    assert half not in live
    assert all(each.pseudonym in live for each in lab.participants())


@both
def test_the_download_is_a_bundle(lab: Laboratory, opened: int, log_in: LogIn) -> None:
    lab.finish(lab.enrol(opened, "RECRUITED-1"))
    visitor = log_in("viewer")
    answer = visitor.client.get("/admin/studies/small/versions/1/export", buffered=True)
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"] == "attachment; filename=small-1-bundle.zip"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as bundle:
        assert bundle.testzip() is None
        assert "data/table-responses_data.csv" in bundle.namelist()
        description = json.loads(bundle.read("dataset_description.json"))
        assert description["schema"] == "credence/bundle/1"
        assert not any(b"RECRUITED-1" in bundle.read(name) for name in bundle.namelist())


def test_asking_for_the_downloads_headers_leaves_nothing_behind(
    lab: Laboratory, opened: int, log_in: LogIn
) -> None:
    visitor = log_in("viewer")
    answer = visitor.client.head("/admin/studies/small/versions/1/export")
    assert answer.status_code == 200
    answer.close()


def test_researchers_pages_keep_to_themselves(lab: Laboratory, opened: int, log_in: LogIn) -> None:
    visitor = log_in("owner")
    for path in ("/admin/", *PATHS[:2], "/login", "/"):
        headers = visitor.get(path).response.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "script-src 'self';" in headers["Content-Security-Policy"]


def test_static_files_may_be_kept(app: Flask) -> None:
    answer = app.test_client().get("/static/credence.css")
    assert answer.status_code == 200
    assert "no-store" not in answer.headers["Cache-Control"]
    answer.close()


def test_the_front_door(app: Flask) -> None:
    visitor = Visitor(app).get("/")
    assert visitor.status == 200
    assert "/admin/" in visitor.page.links


def test_a_damaged_artifact_of_an_open_study_is_said(
    lab: Laboratory, opened: int, log_in: LogIn
) -> None:
    visitor = log_in("viewer").get("/admin/studies/small")
    assert "lacks what participants are to see" not in visitor.page.text
    with lab.session() as session:
        version = session.get_one(StudyVersion, opened)
        shown = studies.explanations_of(session, version)[0].explanation_digest
    lab.store.path(shown).write_bytes(b"damaged")
    visitor.get("/admin/studies/small")
    assert visitor.status == 200
    assert "lacks what participants are to see. Run flask precompute small" in visitor.page.text
    assert "the file is damaged" in visitor.page.text
