"""Researchers' accounts: passwords, guessing, sessions and forged forms."""

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
from browsing import Visitor
from flask import Flask
from lab import PASSWORD, Laboratory, both
from sqlalchemy import select

from webapp import accounts
from webapp.accounts import AccountError
from webapp.db import db
from webapp.models import Researcher

WRONG = "The email or the password is wrong."
ANN = "ann@example.org"


def log_in(app: Flask, email: str = ANN, password: str = PASSWORD) -> Visitor:
    return Visitor(app).get("/login").send(email=email, password=password)


@both
def test_an_account_is_made_with_an_argon2_hash(lab: Laboratory) -> None:
    lab.researcher(ANN)
    with lab.session() as session:
        researcher = session.scalars(select(Researcher)).one()
    assert researcher.password.startswith("$argon2id$")
    assert PASSWORD not in researcher.password
    assert researcher.active is True


@both
def test_an_account_made_again_has_the_new_password(lab: Laboratory, app: Flask) -> None:
    lab.researcher(ANN)
    lab.researcher("Ann@Example.org", "another password")
    assert lab.count(Researcher) == 1
    assert WRONG in log_in(app).page.text
    assert log_in(app, password="another password").path == "/admin/"


def test_a_new_password_logs_the_old_one_out(lab: Laboratory, app: Flask) -> None:
    lab.researcher(ANN)
    visitor = log_in(app)
    assert visitor.get("/admin/").path == "/admin/"
    lab.researcher(ANN, "another password")
    assert visitor.get("/admin/").path == "/login"


def test_without_a_password_a_random_one_is_made(app: Flask, lab: Laboratory) -> None:
    with app.app_context():
        made = {accounts.create(db.session, f"r{n}@example.org")[1] for n in range(5)}
    assert len(made) == 5
    assert all(len(password) >= 16 for password in made)


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "@example.org", "a b@example.org", "a\x00@b.c"]
)
def test_what_is_no_address_is_refused(app: Flask, lab: Laboratory, email: str) -> None:
    with app.app_context(), pytest.raises(AccountError, match="is no email address"):
        accounts.create(db.session, email)
    assert lab.count(Researcher) == 0


def test_a_short_password_is_refused(app: Flask, lab: Laboratory) -> None:
    with app.app_context(), pytest.raises(AccountError, match="fewer than 12 characters"):
        accounts.create(db.session, ANN, "eleven char")
    assert lab.count(Researcher) == 0


@both
def test_login_leads_to_the_studies_and_logout_ends_it(lab: Laboratory, app: Flask) -> None:
    lab.researcher(ANN)
    visitor = log_in(app, "ANN@example.org")
    assert visitor.path == "/admin/"
    assert "You have no studies yet." in visitor.page.text
    assert visitor.form.action == "/logout"
    visitor.send()
    assert visitor.path == "/"
    assert visitor.get("/admin/").path == "/login"
    assert "Please log in to see this page." in visitor.page.text


@both
def test_a_refused_login_does_not_say_what_was_wrong(lab: Laboratory, app: Flask) -> None:
    lab.researcher(ANN)
    pages = [
        log_in(app, password="wrong password").page.text,
        log_in(app, email="nobody@example.org").page.text,
    ]
    for email in ("", "a\x00b", "x" * 5000, "' OR 1=1 --"):
        page = log_in(app, email=email)
        assert page.status == 200
        assert page.path == "/login"
    assert all(WRONG in page for page in pages)
    assert pages[0].replace(ANN, "") == pages[1].replace("nobody@example.org", "")


def test_guessing_is_limited(make_app: Callable[..., Flask]) -> None:
    app = make_app(LOGIN_LIMIT="3 per minute")
    visitor = Visitor(app)
    for _ in range(3):
        assert visitor.get("/login").send(email=ANN, password="guess").status == 200
    visitor.get("/login")
    assert visitor.status == 200
    visitor.send(email=ANN, password="guess")
    assert visitor.status == 429
    assert "Too many attempts Please wait a minute and try again." in visitor.page.text


def test_a_limit_on_logins_never_meets_participants(lab: Laboratory, app: Flask) -> None:
    lab.open()
    for _ in range(30):
        assert Visitor(app).enter().status == 200


@pytest.mark.parametrize("path", ["/login", "/logout", "/admin/studies/small/open",
                                  "/admin/studies/small/close"])  # fmt: skip
@pytest.mark.parametrize("token", [None, "", "forged"])
def test_a_form_without_its_csrf_token_is_refused(
    lab: Laboratory, app: Flask, path: str, token: str | None
) -> None:
    lab.load()
    lab.researcher(ANN)
    visitor = log_in(app)
    before = lab.everything()
    visitor.post(
        path,
        {"email": ANN, "password": PASSWORD} | ({"csrf_token": token} if token is not None else {}),
    )
    assert visitor.status == 400
    assert "This page was open for too long" in visitor.page.text
    assert lab.everything() == before
    assert visitor.get("/admin/").path == "/admin/"


def test_a_link_cannot_log_anybody_out(lab: Laboratory, app: Flask) -> None:
    lab.researcher(ANN)
    visitor = log_in(app)
    assert visitor.get("/logout").status == 405
    assert visitor.get("/admin/").path == "/admin/"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "https:evil.example",
     "javascript:alert(1)", "\\\\evil.example", "%2f%2fevil.example"],
)  # fmt: skip
def test_login_leads_to_no_other_site(lab: Laboratory, app: Flask, target: str) -> None:
    lab.researcher(ANN)
    client = app.test_client()
    page = Visitor(app)
    page.client = client
    page.get("/login", query_string={"next": target})
    answer = client.post(
        page.form.action, data=page.form.sent | {"email": ANN, "password": PASSWORD}
    )
    location = answer.headers.get("Location", "/login")
    assert urlsplit(urljoin("http://localhost/login", location)).netloc == "localhost"
    assert "/\\" not in location


def test_login_leads_back_to_the_page_that_asked_for_it(lab: Laboratory, app: Flask) -> None:
    lab.open()
    lab.researcher(ANN)
    with lab.session() as session:
        from webapp import studies

        studies.grant(session, ANN, "small", "viewer")
    visitor = Visitor(app).get("/admin/studies/small")
    assert visitor.path == "/login"
    visitor.send(email=ANN, password=PASSWORD)
    assert visitor.path == "/admin/studies/small"


@both
def test_find_is_blind_to_case(lab: Laboratory) -> None:
    lab.researcher(ANN)
    with lab.session() as session:
        assert accounts.find(session, "ANN@EXAMPLE.ORG") is not None
        assert accounts.find(session, "bob@example.org") is None
