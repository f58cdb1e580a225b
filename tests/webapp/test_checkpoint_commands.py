"""`flask checkpoint`: trained models are kept, listed, shown and judged, or refused in a line."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from flask import Flask
from lab import ASSETS, REPOSITORY
from test_cli import done, refused, run

from explainer import describe

GOLDEN = REPOSITORY / "tests" / "golden"
SHIPPED = ASSETS / "checkpoints"
DIGEST = "270c3a3beec418c817fca6da7baba5ea14ab006d7e94f5a6e79d6a11bfdac9c7"


class Bomb:
    """A pickle that makes a file when it is executed."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def home(app: Flask) -> Path:
    """Where an installation keeps its checkpoints."""
    return Path(app.instance_path) / "checkpoints"


def test_import_says_what_to_write_into_a_study(app: Flask, home: Path) -> None:
    file = GOLDEN / "s4_lightning.ckpt"
    lines = done(app, "checkpoint", "import", file, "--as", "s4").splitlines()
    digest = json.loads((home / "s4" / "card.json").read_text())["weights_sha256"]
    assert lines == [
        f"s4: imported, {home / 's4'}",
        "s4-classifier, 127,562 parameters, reads 28 x 28 grey images in 10 classes",
        f"SHA-256 {digest}",
        "",
        "write into study.yaml:",
        "",
        "checkpoints:",
        f"  s4: {{path: checkpoints/s4, sha256: {digest}}}",
    ]
    again = done(app, "checkpoint", "import", file, "--as", "s4").splitlines()
    assert again == [f"s4: was there already, {home / 's4'}", *lines[1:]]
    other = GOLDEN / "s4d_state_dict.safetensors"
    given = (other, "--config", GOLDEN / "s4d_config.json", "--as", "s4")
    assert f"{home / 's4'} is there and is another checkpoint" in refused(
        app, "checkpoint", "import", *given
    )
    lm = (GOLDEN / "s4_lm_state_dict.pt", "--config", GOLDEN / "s4_lm_config.json", "--as", "lm")
    assert "it has no tokeniser: " in done(app, "checkpoint", "import", *lm)


@pytest.mark.parametrize("name", ["", "Mine", "../mine", "a/b", "1st", "a" * 65, "a\n", ".hidden"])
def test_a_name_that_no_study_could_write_is_refused(app: Flask, home: Path, name: str) -> None:
    given = (GOLDEN / "s4_lightning.ckpt", "--as", name)
    assert refused(app, "checkpoint", "import", *given) == (
        f"{name!r} is no name: use up to 64 of a-z, 0-9, _ and -, a letter first"
    )
    assert not home.exists()


def test_a_bad_file_is_refused_in_one_line_and_never_executed(
    app: Flask, home: Path, tmp_path: Path
) -> None:
    fired = tmp_path / "fired"
    weights = {"encoder.0.weight": torch.zeros(2, 1)}
    torch.save({"state_dict": weights, "callbacks": Bomb(fired)}, tmp_path / "lightning.ckpt")
    torch.save(weights | {"key": Bomb(fired)}, tmp_path / "weights.pt")
    torch.save({"\x1b[2Jbad\nkey": [1]}, tmp_path / "steering.pt")
    (tmp_path / "empty.pth").touch()
    said = {
        "lightning.ckpt": "no configuration inside",
        "weights.pt": "key is no tensor",
        "steering.pt": "?[2Jbad key is no tensor",
        "empty.pth": "no whole file of torch.save",
        "none.ckpt": "no such file or folder",
    }
    for name, message in said.items():
        error = refused(app, "checkpoint", "import", tmp_path / name, "--as", "mine")
        assert error.startswith(f"{tmp_path / name}: {message}")
        assert error.isprintable()
    assert not fired.exists()
    assert not home.exists()


def test_the_list_says_what_there_is_and_what_is_damaged(app: Flask, home: Path) -> None:
    shutil.copytree(SHIPPED / "mnist-s4d", home / "mine")
    (home / "cut").mkdir()
    (home / "cut" / "card.json").write_text("{")
    heading, mine, *rest = done(app, "checkpoint", "list").splitlines()
    assert tuple(re.split("  +", heading)) == describe.LISTED
    accuracy = "accuracy 0.9923, n 10,000"
    what = ["s4-classifier", "20,170", "MNIST", accuracy, DIGEST[:12], "instance"]
    assert re.split("  +", mine) == ["mine", *what]
    assert [line.split()[0] for line in rest[:-1]] == sorted(
        each.name for each in SHIPPED.iterdir()
    )
    assert rest[-1].startswith(f"cut (instance) is damaged: {home / 'cut' / 'card.json'}: not JSON")


def test_show_is_for_people_and_json_for_programs(app: Flask, tmp_path: Path) -> None:
    shown = done(app, "checkpoint", "show", "mnist-s4d")
    for said in (
        f"mnist-s4d: {SHIPPED / 'mnist-s4d'}",
        f"sha256        {DIGEST}",
        "architecture  s4-classifier, 20,170 parameters",
        "reads         28 x 28 grey images in 10 classes",
        "labels        0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "test accuracy                                    0.9923 [0.99039, 0.99383], n 10,000",
        "  majority class                                 0.1135 [0.10743, 0.11987], n 10,000",
        f"  mnist-s4d: {{path: checkpoints/mnist-s4d, sha256: {DIGEST}}}",
    ):
        assert said in shown.splitlines()
    card = json.loads((SHIPPED / "mnist-s4d" / "card.json").read_text())
    assert json.loads(done(app, "checkpoint", "show", "mnist-s4d", "--json")) == card
    copy = shutil.copytree(SHIPPED / "mnist-s4d", tmp_path / "copy")
    assert "study.yaml" not in done(app, "checkpoint", "show", copy)
    card["date"] = "\x1b[2J"
    (copy / "card.json").write_text(json.dumps(card))
    assert "\ndate          ?[2J\n" in done(app, "checkpoint", "show", copy)
    error = refused(app, "checkpoint", "show", "mnist-s4")
    assert error.startswith("no checkpoint 'mnist-s4'; did you mean mnist-s4d? there is cifar-s4, ")


def test_evaluate_prints_what_it_finds_beside_the_card(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = json.loads((SHIPPED / "mnist-s4d" / "card.json").read_text())
    found = card["metrics"] | {"test_accuracy": {"value": 0.5, "n": 10}}
    asked = []
    # What is computed is tested in tests/explainer/test_library.py.
    monkeypatch.setattr(
        "explainer.train.mnist.evaluate", lambda *given: asked.append(given[2:]) or found
    )
    given = ("mnist-s4d", "--data", tmp_path, "--device", "cpu")
    result = run(app, "checkpoint", "evaluate", *given)
    assert result.exit_code == 0
    assert result.stdout == describe.compared(found, card) + "\n"
    assert "differs" in result.stdout.splitlines()[1]
    assert "judging" in result.stderr
    assert asked == [(tmp_path, "cpu")]
    file = GOLDEN / "s4_lightning.ckpt"
    assert "there is no chess" in refused(app, "checkpoint", "evaluate", file, "--on", "chess")
    assert "its card does not tell" in done(app, "checkpoint", "evaluate", file, "--on", "mnist")
    monkeypatch.undo()
    given = ("mnist-s4d", "--data", tmp_path)
    assert f"{tmp_path} has no" in refused(app, "checkpoint", "evaluate", *given)


def test_without_torch_the_commands_say_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from webapp import create_app; "
        f"runner = create_app({str(tmp_path)!r}).test_cli_runner(); "
        "print(runner.invoke(args=['checkpoint', '--help']).exit_code, "
        "runner.invoke(args=['checkpoint', 'list']).stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert found.stdout == (
        "0 torch is not installed; checkpoints need: pip install 'credence[explainer]'\n\n"
    )
