"""Settings are safe from the start, and the secret key is the installation's own."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from webapp import config, create_app


def test_the_secret_key_is_made_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    first, second = (create_app(str(tmp_path)).config["SECRET_KEY"] for _ in range(2))
    assert first == second
    assert len(bytes.fromhex(first)) == 32
    assert stat.S_IMODE(os.stat(tmp_path / "secret_key").st_mode) == 0o600


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    keys = {create_app(str(tmp_path / name)).config["SECRET_KEY"] for name in ("a", "b")}
    assert len(keys) == 2


@pytest.mark.parametrize("content", ["", "short", "\n"])
def test_a_broken_key_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret_key").write_text(content)
    with pytest.raises(RuntimeError, match="secret_key holds no key; remove it"):
        create_app(str(tmp_path))


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """gunicorn's workers build their applications at the same moment."""
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(config._secret, [folder / "secret_key"] * 8))
        assert len(keys) == 1
        assert [file.name for file in folder.iterdir()] == ["secret_key"]


def test_defaults_are_safe(app: Flask) -> None:
    assert app.config["SESSION_COOKIE_HTTPONLY"] is True
    assert app.config["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert app.config["DEBUG"] is False
    assert app.config["SECURITY_PASSWORD_HASH"] == "argon2"
    assert app.config["MAX_CONTENT_LENGTH"] == 20 * 2**20


def test_the_environment_sets_what_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENCE_INSTANCE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("CREDENCE_LOGIN_LIMIT", "3 per minute")
    app = create_app()
    assert app.config["LOGIN_LIMIT"] == "3 per minute"
    assert app.instance_path == str(tmp_path / "elsewhere")
    assert app.config["DATABASE_URL"] == f"sqlite:///{tmp_path}/elsewhere/credence.sqlite3"
    assert config.artifacts(app) == tmp_path / "elsewhere" / "artifacts"


@pytest.mark.parametrize(("proxies", "secure"), [(1, True), (0, False)])
def test_cookies_are_secure_where_a_trusted_proxy_ends_tls(
    tmp_path: Path, proxies: int, secure: bool
) -> None:
    client = create_app(str(tmp_path), PROXIES=proxies).test_client()
    answer = client.get("/login", headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["Set-Cookie"]
    assert ("; Secure" in cookie) is secure
    assert ("Strict-Transport-Security" in answer.headers) is secure
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie


def test_a_secret_key_of_digits_is_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CREDENCE_SECRET_KEY", "1234567890")
    app = create_app(str(tmp_path))
    assert app.config["SECRET_KEY"] == "1234567890"
    assert app.test_client().get("/login").status_code == 200


def test_what_cannot_be_used_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="CREDENCE_INSTANCE"):
        create_app(str(tmp_path / "file" / "instance"))
    with pytest.raises(SystemExit, match="CREDENCE_DATABASE_URL is no database address"):
        create_app(str(tmp_path / "other"), DATABASE_URL="nonsense")
