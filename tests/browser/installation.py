"""An installation as a user has one: a folder with a database and artifacts, served by gunicorn."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "studies" / "demo"
EMAIL, PASSWORD = "researcher@example.org", "correct horse battery"


def prepare(instance: Path, study: Path) -> None:
    """Migrate a database, load the study, explain its stimuli, open it, create its owner.

    Beside it lies a study `closed`, which was never opened.
    """
    closed = study.with_name("closed")
    shutil.copytree(study, closed)
    change(closed / "study.yaml", ("slug: demo", "slug: closed"), ("en: Judging a", "en: Another"))
    flask(instance, "db", "upgrade")
    flask(instance, "researcher", "create", EMAIL, "--password", PASSWORD)
    flask(instance, "study", "load", str(study), "--owner", EMAIL)
    flask(instance, "study", "load", str(closed), "--owner", EMAIL)
    flask(instance, "precompute", "demo")
    flask(instance, "study", "open", "demo")


def small_demo(folder: Path) -> Path:
    """The demo study with fewer pages and coarser explanations."""
    shutil.copytree(DEMO, folder)
    change(
        folder / "study.yaml",
        (r"evaluations: \d+", "evaluations: 100"),
        (r"right: \d+, wrong: \d+", "right: 3, wrong: 3"),
        (r"per_participant: \d+", "per_participant: 6"),
    )
    return folder


def change(file: Path, *changes: tuple[str, str]) -> None:
    """Replace what each pattern finds, which must be one place."""
    text = file.read_text("utf-8")
    for pattern, replacement in changes:
        text, found = re.subn(pattern, replacement, text)
        assert found == 1, f"{pattern} stands {found} times in {file}"
    file.write_text(text, "utf-8")


def flask(instance: Path, *arguments: str) -> str:
    """Run a flask command on an installation; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        # Compiling shap's helpers takes 20 s and changes no digest.
        env=os.environ | {"CREDENCE_INSTANCE": str(instance), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"flask {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


class Site:
    """A served installation."""

    def __init__(self, instance: Path) -> None:
        self.instance = instance
        self.log = instance / "gunicorn.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{self.host}"
        self.study = f"{self.url}/s/demo"
        self.start()

    def start(self) -> None:
        """Start gunicorn as the leader of a process group, and wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "--config", "python:webapp.serving"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--bind", self.host, "wsgi:app"],
                cwd=ROOT,
                env=os.environ | {"CREDENCE_INSTANCE": str(self.instance)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(300):
            assert self.process.poll() is None, self.log.read_text()
            if self._listens():
                return
            time.sleep(0.1)
        raise AssertionError(f"gunicorn does not answer:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End gunicorn and its workers as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # The workers die at the same moment, but are not ours to wait for.
        while self._listens():
            time.sleep(0.02)

    def _listens(self) -> bool:
        name, port = self.host.split(":")
        try:
            socket.create_connection((name, int(port)), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop gunicorn as Ctrl-C would."""
        self.process.terminate()
        self.process.wait(20)

    def database(self) -> sqlite3.Connection:
        """A connection of our own to its database, in autocommit mode."""
        return sqlite3.connect(self.instance / "credence.sqlite3", isolation_level=None)

    def count(self, query: str, *parameters: object) -> int:
        """The number that a query gives."""
        database = self.database()
        try:
            return int(database.execute(query, parameters).fetchone()[0])
        finally:
            database.close()

    def stored(self, token: str) -> dict[tuple[int, str], float | str | None]:
        """The answers of the participant with this token, by position and item."""
        database = self.database()
        try:
            found = database.execute(
                "SELECT position, item_id, coalesce(number, text) FROM response"
                " JOIN step ON step.id = step_id JOIN participant p ON p.id = participant_id"
                " WHERE token_hash = ?",
                (sha256(token.encode()).hexdigest(),),
            ).fetchall()
        finally:
            database.close()
        answers = {(position, item): value for position, item, value in found}
        assert len(answers) == len(found)
        return answers


def served(folder: Path, script: str) -> Iterator[Site]:
    """An installation that a script beside this file makes in a folder, served while it is used."""
    command = [sys.executable, str(Path(__file__).with_name(script)), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    site = Site(folder / "instance")
    yield site
    site.stop()
