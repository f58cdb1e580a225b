"""Every command does what it says, or says in words why not and what to do."""

import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from conftest import Postgres
from flask import Flask
from flask.cli import FlaskGroup
from lab import ASSETS, REPOSITORY, Laboratory, both, definition, write_study

from explainer.methods.catalogue import FAMILIES, METHODS
from webapp.models import Membership, Researcher, StudyVersion, VersionExplanation


def run(app: Flask, *arguments: object) -> Result:
    flask = FlaskGroup(create_app=lambda: app)
    return app.test_cli_runner().invoke(flask, [str(each) for each in arguments])


def done(app: Flask, *arguments: object) -> str:
    result = run(app, *arguments)
    assert result.exit_code == 0, result.output
    return str(result.output).strip()


def refused(app: Flask, *arguments: object) -> str:
    """The message of a refusal: on stderr, exit code 1, and nothing like a traceback."""
    result = run(app, *arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert result.stdout == ""
    return str(result.stderr).strip()


@pytest.fixture
def folder(lab: Laboratory) -> Path:
    """The small study on disk."""
    return write_study(lab.folder / "small", definition())


def test_the_schema_is_json(app: Flask) -> None:
    assert json.loads(done(app, "study", "schema"))["title"] == "A Credence study"


def test_check_finds_no_mistakes_or_says_them(app: Flask, folder: Path) -> None:
    found, note = done(app, "study", "check", folder).splitlines()
    assert found == "small: no mistakes found"
    assert note.startswith("note: main: a participant's right and wrong decisions do not divide")
    assert done(app, "study", "check", folder / "study.yaml").splitlines() == [found, note]
    broken = yaml.safe_dump(definition() | {"colour": "red"}, sort_keys=False)
    (folder / "study.yaml").write_text(broken)
    line = broken.splitlines().index("colour: red") + 1
    assert refused(app, "study", "check", folder) == (
        f"{folder}/study.yaml:{line}: colour: unknown key; remove it or correct its name"
    )
    assert "there is no such file" in refused(app, "study", "check", folder / "none")


@both
def test_load_open_list_close(app: Flask, lab: Laboratory, folder: Path) -> None:
    assert done(app, "study", "list").startswith("no studies yet; load one with: flask study load")
    assert done(app, "study", "load", folder) == "small: version 1 loaded"
    assert done(app, "study", "load", folder) == "small: version 1 is unchanged"
    assert done(app, "study", "list") == "small\tversion 1\tdraft"
    assert "small cannot be opened, it lacks: 6 of 6 stimuli" in refused(
        app, "study", "open", "small"
    )
    lab.prepare(1)
    opened = done(app, "study", "open", "small")
    assert opened.startswith("small: version 1 is open, SHA-256 ")
    assert done(app, "study", "list") == "small\tversion 1\topen: version 1"
    (folder / "debrief.md").write_text("Another text.")
    assert done(app, "study", "load", folder) == "small: version 2 loaded"
    assert done(app, "study", "list") == "small\tversion 2\topen: version 1"
    assert done(app, "study", "close", "small") == "small: closed"
    assert done(app, "study", "close", "small") == "small: was not open"
    assert done(app, "study", "list") == "small\tversion 2\tdraft"


@both
def test_a_study_can_be_loaded_for_its_owner(app: Flask, lab: Laboratory, folder: Path) -> None:
    assert "no researcher ann@example.org; create one: flask researcher create" in refused(
        app, "study", "load", folder, "--owner", "ann@example.org"
    )
    lab.researcher("ann@example.org")
    done(app, "study", "load", folder, "--owner", "Ann@Example.org")
    with lab.session() as session:
        assert session.query(Membership).one().role == "owner"


@pytest.mark.parametrize("command", [("open",), ("close",)])
def test_an_unknown_study_is_said(app: Flask, lab: Laboratory, command: tuple[str, ...]) -> None:
    expected = "no study 'trust'; load one with: flask study load FOLDER"
    assert refused(app, "study", *command, "trust") == expected


@both
def test_a_researcher_is_created_and_given_a_role(
    app: Flask, lab: Laboratory, folder: Path
) -> None:
    word, email, password = done(app, "researcher", "create", "ann@example.org").split()
    assert (word, email) == ("login:", "ann@example.org")
    assert len(password) >= 16
    given = done(app, "researcher", "create", "bob@example.org", "--password", "a long password")
    assert given == "login: bob@example.org (the password you gave)"
    assert lab.count(Researcher) == 2
    lab.load()
    assert done(app, "researcher", "grant", "bob@example.org", "small", "viewer") == (
        "bob@example.org: viewer of small"
    )
    assert "fewer than 12 characters" in refused(
        app, "researcher", "create", "bob@example.org", "--password", "short"
    )
    assert "is no email address" in refused(app, "researcher", "create", "bob")
    assert "no study 'trust'" in refused(
        app, "researcher", "grant", "bob@example.org", "trust", "owner"
    )
    result = run(app, "researcher", "grant", "bob@example.org", "small", "king")
    assert result.exit_code == 2
    assert "'viewer', 'editor', 'owner'" in result.stderr


@both
def test_export(app: Flask, lab: Laboratory, opened: int, tmp_path: Path) -> None:
    lab.finish(lab.enrol(opened, "RECRUITED-1"))
    lab.load(definition() | {"title": {"en": "Second"}})
    out = tmp_path / "out" / "bundle.zip"
    assert done(app, "export", "small", "--out", out) == f"small: version 1 exported to {out}"
    assert out.exists()
    assert "exists already" in refused(app, "export", "small", "--out", out)
    assert "version 2 was never opened" in refused(
        app, "export", "small", "--out", tmp_path / "two", "--version", 2
    )
    assert "no study 'trust'" in refused(app, "export", "trust", "--out", tmp_path / "trust")
    identities = tmp_path / "identities.csv"
    done(app, "export", "small", "--out", tmp_path / "three", "--identities", identities)
    assert "RECRUITED-1" in identities.read_text()


def test_identities_are_never_overwritten_nor_put_into_the_bundle(
    app: Flask, lab: Laboratory, opened: int, tmp_path: Path
) -> None:
    there = tmp_path / "identities.csv"
    there.write_text("mine")
    out = tmp_path / "bundle"
    assert "exists already" in refused(app, "export", "small", "--out", out, "--identities", there)
    assert there.read_text() == "mine"
    assert "would be in the bundle" in refused(
        app, "export", "small", "--out", out, "--identities", out / "identities.csv"
    )
    assert not out.exists()


def test_a_draft_cannot_be_exported(app: Flask, lab: Laboratory, tmp_path: Path) -> None:
    lab.load()
    assert "any version was never opened" in refused(
        app, "export", "small", "--out", tmp_path / "bundle"
    )


def test_a_place_that_cannot_be_written_is_said(
    app: Flask, lab: Laboratory, opened: int, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    said = refused(app, "export", "small", "--out", tmp_path / "file" / "bundle")
    assert str(tmp_path / "file") in said


def test_precompute_of_an_unknown_study_is_said(app: Flask, lab: Laboratory) -> None:
    assert "no study 'trust'" in refused(app, "precompute", "trust")


def test_precompute_without_its_data_is_said(app: Flask, lab: Laboratory) -> None:
    own = lab.folder / "small" / "own.npz"
    own.parent.mkdir(parents=True)
    own.write_bytes((ASSETS / "data" / "mnist-200.npz").read_bytes())
    study = definition()
    study["stimuli"]["digits"]["data"]["path"] = "own.npz"
    lab.load(study)
    own.unlink()
    assert "own.npz is neither in" in refused(app, "precompute", "small")


def test_shards_register_when_all_is_there(
    app: Flask, lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explainer.metrics.fidelity.COALITIONS", 4)
    monkeypatch.setattr("explainer.metrics.removal.RANDOM_ORDERS", 2)
    monkeypatch.setattr("explainer.metrics.removal.POINTS", 4)
    study = definition()
    study["explanations"]["shap"]["parameters"] = {
        "evaluations": 4,
        "players": "patches",
        "size": 7,
    }
    lab.load(study)
    assert "9 of 9 explanations to do" in done(
        app, "precompute", "small", "--shard", "1/2", "--dry-run"
    )
    first = done(app, "precompute", "small", "--shard", "1/2").splitlines()
    assert first[0] == "small: 9 explanations computed, 0 were there"
    assert first[1] == "small: 6 explanations measured now"
    assert first[2].startswith("small: still missing: 3 of shap, 3 of mismatched; the last shard")
    assert lab.count(VersionExplanation) == 0
    second = done(app, "precompute", "small", "--shard", "2/2")
    assert re.match(r"small: \d+ explanations computed, \d were there\n", second)
    assert second.endswith("small: 6 explanations measured now")
    assert lab.count(VersionExplanation) == 12
    assert done(app, "study", "open", "small").startswith("small: version 1 is open")
    assert "expected i/n" in refused(app, "precompute", "small", "--shard", "3/2")


def test_the_methods_are_listed(app: Flask) -> None:
    """Each by family, with what it applies to, parameters with defaults, cost and source."""
    listed = done(app, "methods")
    for method in METHODS.values():
        (block,) = re.findall(rf"^{method.name}: .*\n(?: .*\n?)*", listed, re.M)
        words = " ".join(block.split())
        assert words.startswith(f"{method.name}: {', '.join(method.kinds)} ")
        for name, parameter in method.parameters.items():
            assert f" {name}: {parameter}; default " in words
        assert words.endswith(f" cost: {method.cost} source: {method.source}")
    assert [line for line in listed.splitlines() if line.isupper()] == [
        family.upper() for family, methods in FAMILIES.items() if methods
    ]
    series = done(app, "methods", "--kind", "series")
    shown = {name for name in METHODS if re.search(rf"^{name}: ", series, re.M)}
    assert shown == {name for name, method in METHODS.items() if "series" in method.kinds}


def test_training_without_data_is_said(app: Flask, tmp_path: Path) -> None:
    said = refused(app, "train", "mnist", "--data", tmp_path, "--out", tmp_path / "out")
    assert str(tmp_path) in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("port", [None, 99999, -1])
def test_a_port_that_cannot_be_used_is_said_before_anything_is_done(
    app: Flask, lab: Laboratory, port: int | None
) -> None:
    before = sorted(os.listdir(app.instance_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1] if port is None else port
        said = refused(app, "demo", "--port", number)
    assert said.startswith(f"port {number} cannot be used")
    assert said.endswith("choose another: PORT=9000 make demo")
    assert sorted(os.listdir(app.instance_path)) == before
    assert lab.count(StudyVersion) == 0


COMMANDS = [
    ("study", "list"),
    ("study", "load", REPOSITORY / "studies" / "demo"),
    ("study", "open", "demo"),
    ("study", "close", "demo"),
    ("researcher", "create", "ann@example.org"),
    ("export", "demo", "--out", "never"),
]


def test_a_database_without_tables_says_how_to_make_them(
    make_app: Callable[..., Flask], postgres: Postgres, tmp_path: Path, folder: Path
) -> None:
    postgres.run("DROP DATABASE IF EXISTS bare")
    postgres.run("CREATE DATABASE bare")
    for url in (f"sqlite:///{tmp_path / 'bare.sqlite3'}", postgres.url("bare")):
        app = make_app(DATABASE_URL=url)
        for command in COMMANDS:
            arguments = [folder if isinstance(each, Path) else each for each in command]
            said = refused(app, *arguments)
            assert "run: flask db upgrade" in said
            assert "SELECT" not in said


def test_the_tables_are_made_by_the_command(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'bare.sqlite3'}")
    done(app, "db", "upgrade")
    assert done(app, "study", "list").startswith("no studies yet")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+pg8000://nobody@/none?unix_sock=/nowhere/.s.PGSQL.5432",
        "sqlite:////nowhere/at/all.sqlite3",
    ],
)
def test_a_database_that_cannot_be_reached_is_said(
    make_app: Callable[..., Flask], url: str
) -> None:
    said = refused(make_app(DATABASE_URL=url), "study", "list")
    assert "the database cannot be used" in said


def test_every_command_has_a_sentence_of_help(app: Flask) -> None:
    overview = done(app, "--help")
    for name in ("study", "precompute", "methods", "researcher", "export", "train", "demo", "db"):
        assert f"\n  {name} " in overview
        assert len(done(app, name, "--help")) > 50
