"""Training commands: made of the trainers' arguments, listed without torch, refusing in words."""

import inspect
import re
import subprocess
import sys
import types
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner, Result

from explainer.data.fetch import DataError
from explainer.train.card import about, command, proportion
from explainer.train.commands import HELP, TRAINERS, build, describe, train
from explainer.train.fit import Best, Settings, TrainingError

NAMES = ["out", "data", "epochs", "seed", "kernel", "learning_rate", "until", "permute"]


def trainer(raises: BaseException | None = None) -> Any:
    """A module with a trainer that returns what it was called with in its card."""

    def train(
        *,
        out: Path,
        data: Path | None = None,
        epochs: int = 3,
        seed: int = 0,
        kernel: Literal["diagonal", "low-rank"] = "diagonal",
        learning_rate: float = 0.5,
        until: str | None = None,
        permute: bool = False,
        progress: Any = None,
    ) -> dict[str, Any]:
        """Train nothing."""
        options = {name: value for name, value in locals().items() if name in NAMES}
        if raises:
            raise raises
        progress(8, 10, "loss 0.500")
        progress(10, 10, "loss 0.250, best 98.0%")
        metrics = {"test_accuracy": proportion(9, 10), "baselines": {"majority": proportion(1, 10)}}
        return {"parameters": 5, "weights_sha256": repr(options), "metrics": metrics}

    own = dict.fromkeys(("kernel", "learning_rate", "until", "permute"), "Some help.")
    return types.SimpleNamespace(train=train, HELP=own)


def call(*arguments: object, raises: BaseException | None = None) -> Result:
    return CliRunner().invoke(build("mnist", trainer(raises)), [str(each) for each in arguments])


def test_arguments_become_options():
    result = call("--out", "a/b")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == (
        f"a/b: 5 weights, {{'out': {Path('a/b')!r}, 'data': None, 'epochs': 3, 'seed': 0, "
        "'kernel': 'diagonal', 'learning_rate': 0.5, 'until': None, 'permute': False}"
    )
    chosen = "--out x --data d --epochs 5 --seed 7 --kernel low-rank --learning-rate 1e-3 --permute"
    options = eval(  # noqa: S307
        call(*chosen.split(), "--until", "2023").stdout.splitlines()[0].split(", ", 1)[1],
        {"PosixPath": Path},
    )
    assert options == {
        "out": Path("x"),
        "data": Path("d"),
        "epochs": 5,
        "seed": 7,
        "kernel": "low-rank",
        "learning_rate": 0.001,
        "until": "2023",
        "permute": True,
    }


def test_says_loss_time_left_and_the_metrics_with_baselines():
    result = call("--out", "a")
    assert re.search(
        r"10/10 \[\d\d:\d\d<00:00, .* steps/s, loss 0.250, best 98.0%\]", result.stderr
    )
    assert result.stdout.splitlines()[1:] == [
        "test accuracy: 0.9 [0.59585, 0.98212], n 10",
        "baselines",
        "  majority: 0.1 [0.01788, 0.40415], n 10",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing option '--out'"),
        (("--out", "a", "--epochs", 0), "0 is not in the range x>=1"),
        (("--out", "a", "--seed", -1), "-1 is not in the range x>=0"),
        (("--out", "a", "--learning-rate", -1), "-1.0 is not in the range x>=0"),
        (("--out", "a", "--kernel", "fast"), "'fast' is not one of 'diagonal', 'low-rank'"),
        (("--out", "a", "--permute", "yes"), "unexpected extra argument (yes)"),
    ],
)
def test_a_wrong_option_is_said(arguments: tuple[object, ...], said: str):
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("no data here: get them"), "no data here: get them"),
        (TrainingError("it diverged"), "it diverged"),
        (PermissionError(13, "Permission denied", "d/x"), "d/x: Permission denied"),
        (KeyboardInterrupt(), "stopped; the same command goes on from the last resume point"),
    ],
)
def test_an_expected_failure_is_one_line(error: BaseException, said: str):
    result = call("--out", "a", raises=error)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, said)


def test_the_list_loads_no_torch():
    code = (
        "import sys; from click.testing import CliRunner; from explainer.__main__ import main; "
        "print(CliRunner().invoke(main, ['train', '--help']).output); assert 'torch' not in "
        "sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name, said in TRAINERS.items():
        assert re.search(rf"^  {name} +{said[:20]}", done.stdout, re.MULTILINE)


def test_an_unknown_trainer_and_a_missing_library_are_said(monkeypatch: pytest.MonkeyPatch):
    result = CliRunner().invoke(train, ["mnits"])
    assert "No such command 'mnits'" in result.stderr
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "explainer.train.mnist", raising=False)
    result = CliRunner().invoke(train, ["mnist", "--help"])
    assert "training needs: pip install 'credence[explainer]'" in result.stderr


@pytest.mark.parametrize("name", TRAINERS)
def test_every_trainer_becomes_a_command_with_help_for_each_option(name: str):
    module = import_module(f"explainer.train.{name}")
    made = build(name, module)
    assert made.help
    assert {"out", "data", "seed", "device"} <= {option.name for option in made.params}
    for option in made.params:
        assert isinstance(option, click.Option)
        assert option.help.endswith(".")
        # Then a card's command, which leaves out what is False, repeats its training.
        assert not option.is_flag or option.default is False
    assert set(module.HELP) <= {option.name for option in made.params}
    assert list(inspect.signature(module.evaluate).parameters) == [
        "model",
        "card",
        "data",
        "device",
    ]


def test_a_command_line_repeats_a_training_and_names_no_path():
    options = {"out": Path("/home/ann/my model"), "data": Path("/d/mnist"), "epochs": 3}
    options |= {"until": None, "permute": True, "augment": False, "learning_rate": 0.004}
    assert command("mnist", options) == (
        "flask train mnist --out 'my model' --data mnist --epochs 3 --permute --learning-rate 0.004"
    )


def test_what_a_card_says_of_a_training():
    found = about(
        trainer="mnist",
        command="flask train mnist --out a",
        seed=3,
        settings=Settings(epochs=2, batch=64, learning_rate=4e-3, weight_decay=0.01),
        best=Best(0.9, 2, 12.4),
        data={"name": "MNIST"},
        metrics={"test_accuracy": 1},
        loss="cross-entropy",
    )
    assert set(found) == {"data", "training", "metrics", "versions", "date"}
    assert found["training"]["trainer"] == "mnist"
    assert found["training"]["best_epoch"] == 2
    assert found["training"]["seconds"] == 12
    assert found["training"]["loss"] == "cross-entropy"
    assert set(found["versions"]) == {"python", "numpy", "torch"}


def test_wilson_interval():
    """statsmodels 0.15: proportion_confint(976, 1000, method="wilson") = .9645371, .9838198."""
    assert proportion(976, 1000)["interval_95_wilson"] == [0.96454, 0.98382]
    assert proportion(10, 10)["interval_95_wilson"][1] == 1.0


def test_metrics_without_an_interval_are_said_too():
    metrics = {"fidelity": {"value": 0.5}, "note": "a word", "mae": 3}
    assert list(describe(metrics)) == ["fidelity: 0.5", "note: a word", "mae: 3"]
    assert "data" in HELP
