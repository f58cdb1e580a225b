"""Fitting: it learns, goes on after a kill to the same bits, and says why it cannot."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer.encoding import sha256
from explainer.train.fit import Best, Settings, TrainingError, cosine, fit, groups

REPOSITORY = Path(__file__).parents[2]
SETTINGS = Settings(epochs=3, batch=8, learning_rate=0.02, weight_decay=0.1, every=0)
# A process that ends itself, as kill -9 does, at the nth step, or in the middle of the nth writing
# of a resume point: before the bytes are on disk, or before they take the old file's place.
PROCESS = """
import os, signal, sys
from pathlib import Path
from tests.explainer.test_fit import train

out, event, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def dying(name, function):
    def work(*arguments):
        global left
        left -= name == event
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return work

os.fsync, os.replace = dying("fsync", os.fsync), dying("replace", os.replace)
train(out, progress=dying("step", lambda done, total, what: None))
"""


class Slow(nn.Module):
    """A weight that is to learn slowly."""

    slow: ClassVar[tuple[str, ...]] = ("dt",)

    def __init__(self) -> None:
        super().__init__()
        self.dt = nn.Parameter(torch.ones(6))
        self.C = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.dt * self.C


class Sums:
    """Whether the sum of six numbers is positive."""

    def __init__(self, n: int = 100) -> None:
        self.x = torch.from_numpy(np.random.default_rng(0).standard_normal((n, 6))).float()
        self.y = (self.x.sum(1) > 0).long()

    def __len__(self) -> int:
        return len(self.y)

    def loss(self, model: nn.Module, rows: Tensor) -> Tensor:
        noisy = self.x[rows] + 0.1 * torch.randn(len(rows), 6)
        return nn.functional.cross_entropy(model(noisy), self.y[rows])


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        Slow(), nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2)
    )


def train(out: Path, model: nn.Module | None = None, **changed) -> list[Best]:
    """Train a small network, and write every state that is the best into out/best."""
    torch.set_num_threads(1)
    model = model or network()
    examples = changed.pop("examples", Sums())
    kept = []

    def score() -> float:
        assert not model.training
        with torch.no_grad():
            return float((model(examples.x).argmax(1) == examples.y).float().mean())

    def keep(best: Best) -> None:
        assert not model.training
        kept.append(best)
        out.mkdir(exist_ok=True)
        (out / "best").write_text(digest(model))

    settings = changed.pop("settings", SETTINGS)
    arguments = {"seed": 0, "out": out, "keep": keep, "score": score, **changed}
    fit(model, examples, settings=settings, **arguments)
    (out / "last").write_text(digest(model))
    return kept


def digest(model: nn.Module) -> str:
    return sha256(b"".join(each.numpy().tobytes() for each in model.state_dict().values()))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole")
    train(out)
    return out


def test_learns_and_keeps_only_what_is_better(tmp_path: Path):
    seen = []
    kept = train(
        tmp_path,
        settings=Settings(epochs=12, batch=8, learning_rate=0.02, weight_decay=0.0),
        progress=lambda *step: seen.append(step),
    )
    assert [best.score for best in kept] == sorted({best.score for best in kept})
    assert kept[-1].score > 0.9
    assert [done for done, _, _ in seen] == list(range(1, 12 * 12 + 1))
    assert seen[0][1:] == (144, seen[0][2])
    assert seen[0][2].startswith("loss ")
    assert seen[-1][2].endswith(f", best {kept[-1].score:.1%}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["best", "last"]


def test_goes_on_after_a_kill_to_the_same_weights(whole: Path, tmp_path: Path):
    """36 steps in 3 epochs of 12; a writing after each, and one more after an epoch."""
    for event, nth in (("step", 2), ("fsync", 14), ("replace", 9)):
        process = [sys.executable, "-c", PROCESS, str(tmp_path), event, str(nth)]
        done = subprocess.run(process, cwd=REPOSITORY, check=False)
        assert done.returncode == -signal.SIGKILL
        assert (tmp_path / "training.pt").exists()
    seen = []
    train(tmp_path, progress=lambda done, total, what: seen.append(done))
    assert seen[0] == 22  # after 1 step, 12 more and 8 more that were kept
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        each.name: each.read_text() for each in whole.iterdir()
    }


class KilledError(Exception):
    pass


def interrupted(out: Path, after: int = 15, **changed) -> None:
    """Train up to a step."""

    def progress(done: int, total: int, what: str) -> None:
        if done == after:
            raise KilledError

    with pytest.raises(KilledError):
        train(out, progress=progress, **changed)


@pytest.mark.parametrize("after", [2, 12, 20, 36])
def test_goes_on_from_any_step_and_from_an_hour_ago(whole: Path, tmp_path: Path, after: int):
    """With a resume point only at the ends of epochs, steps are taken again."""
    rarely = Settings(epochs=3, batch=8, learning_rate=0.02, weight_decay=0.1, every=3600)
    interrupted(tmp_path, after, settings=rarely)
    train(tmp_path)
    assert (tmp_path / "last").read_text() == (whole / "last").read_text()
    assert (tmp_path / "best").read_text() == (whole / "best").read_text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"settings": Settings(4, 8, 0.02, 0.1)}, "its epochs is 3, here it is 4"),
        ({"seed": 1}, "its seed is 0, here it is 1"),
        ({"examples": Sums(101)}, "its number of examples is 100, here it is 101"),
        ({"run": {"command": "flask train b"}}, "its command is flask train a, here it is"),
    ],
)
def test_another_run_is_not_gone_on_with(tmp_path: Path, changed: dict, said: str):
    interrupted(tmp_path, run={"command": "flask train a"})
    with pytest.raises(TrainingError, match=said) as raised:
        train(tmp_path, **{"run": {"command": "flask train a"}, **changed})
    assert f"delete {tmp_path / 'training.pt'} to start again, or use another --out" in str(
        raised.value
    )


def test_a_damaged_resume_point_is_said(tmp_path: Path):
    interrupted(tmp_path)
    path = tmp_path / "training.pt"
    data = path.read_bytes()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    for damaged in (data[:-1], b"", bytes(changed)):
        path.write_bytes(damaged)
        with pytest.raises(TrainingError, match=r"training\.pt is damaged: delete"):
            train(tmp_path)
    foreign = b"no resume point"
    path.write_bytes(sha256(foreign).encode() + b"\n" + foreign)
    with pytest.raises(TrainingError, match=r"training\.pt is no resume point: delete"):
        train(tmp_path)


def test_divergence_names_the_step_and_what_is_kept(tmp_path: Path):
    model = network()

    def diverge(done: int, total: int, what: str) -> None:
        if done == 13:
            model[-1].weight.data.fill_(float("inf"))

    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step 14 of 36") as raised:
        train(tmp_path, model, progress=diverge)
    assert f"the best epoch so far, 1, is kept in {tmp_path})" in str(raised.value)
    assert [each.name for each in tmp_path.iterdir()] == ["best"]
    with pytest.raises(TrainingError, match="at step 12 of 36: training diverged; try another"):
        train(tmp_path / "score", score=lambda: float("nan"))


def test_an_infinite_gradient_changes_no_weight(tmp_path: Path):
    class Root(Sums):
        def loss(self, model: nn.Module, rows: Tensor) -> Tensor:
            return model(self.x[rows]).mul(0).abs().sqrt().sum()

    model = network()
    before = {name: each.clone() for name, each in model.named_parameters()}
    with pytest.raises(TrainingError, match="the gradient is nan at step 1 of 36"):
        train(tmp_path, model, examples=Root())
    for name, each in model.named_parameters():
        assert torch.equal(each, before[name])


def test_slow_weights_learn_slowly_and_do_not_decay():
    model = network()
    rest, slow = groups(model, SETTINGS)
    assert slow == {"params": [model[0].dt], "lr": 1e-3, "weight_decay": 0.0}
    assert (rest["lr"], rest["weight_decay"]) == (0.02, 0.1)
    assert len(rest["params"]) == len(list(model.parameters())) - 1
    assert len(groups(nn.Linear(2, 2), SETTINGS)) == 1


def test_schedule():
    assert cosine(0, 100) == pytest.approx(0.2)
    assert cosine(5, 100) == 1.0
    assert cosine(52, 100, warm_up=0.04) == pytest.approx(0.5)
    assert cosine(100, 100) == pytest.approx(0.0)


def test_what_cannot_be_trained_is_said(tmp_path: Path):
    half = Settings(3, 8, 0.02, 0.1, precision="bfloat16")
    with pytest.raises(TrainingError, match="bfloat16 needs a GPU"):
        train(tmp_path, settings=half)
    with pytest.raises(TrainingError, match="no training examples"):
        train(tmp_path, examples=Sums(0))
