"""Training on images: small real runs, their cards, the same numbers as before and after a kill."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from explainer.data.mnist import Digits, Mnist
from explainer.data.mnist import load as load_mnist
from explainer.models import checkpoint
from explainer.models.image import ImageClassifier, predict
from explainer.train import cifar, images, mnist
from explainer.train.images import ImageExamples, Pictures
from tests.explainer.test_cifar import binary, records
from tests.explainer.test_mnist import write_mnist

SMALL = {"width": 8, "layers": 1, "state": 4, "device": "cpu"}


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mnist, "VALIDATION", 30)
    torch.set_num_threads(1)
    return write_mnist(tmp_path / "mnist", train=30 + 64 * 4, test=40)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path / "cifar"
    folder.mkdir()
    (folder / "data_batch_1.bin").write_bytes(binary(*records(120)))
    (folder / "test_batch.bin").write_bytes(binary(*records(20, seed=1)))
    return folder


def test_trains_writes_a_card_and_repeats(digits: Path, tmp_path: Path):
    steps = []
    options = {"data": digits, "permute": True, "epochs": 3, "seed": 3, **SMALL}
    card = mnist.train(
        out=tmp_path / "a",
        progress=lambda done, total, what: steps.append((done, total)),
        **options,
    )
    assert steps[-1] == (12, 12)
    assert card["training"]["command"] == (
        "flask train mnist --out a --data mnist --permute --epochs 3 --seed 3 --width 8 --layers 1 "
        "--state 4 --kernel diagonal --learning-rate 0.004 --precision float32 --device cpu"
    )
    assert card["training"]["trainer"] == "mnist"
    assert card["data"]["split"] == {"train": 256, "validation": 30, "test": 40, "seed": 3}
    assert str(tmp_path) not in str(card)
    network, found = checkpoint.load(tmp_path / "a")
    assert found == card
    test = load_mnist(digits).test
    predicted = predict(ImageClassifier.of(network, card), test.images).argmax(-1)
    assert card["metrics"]["test_accuracy"]["n"] == 40
    assert card["metrics"]["test_accuracy"]["value"] == (predicted == test.labels).mean()
    linear = card["metrics"]["baselines_test_accuracy"]
    assert linear["multinomial logistic regression on raw pixels"]["value"] > 0.9
    assert mnist.evaluate(network, card, digits, "cpu") == card["metrics"]
    again = mnist.train(out=tmp_path / "b", **options)
    assert again["weights_sha256"] == card["weights_sha256"]


class KilledError(Exception):
    pass


def test_learns_from_noisy_images_and_is_judged_on_noisy_ones(digits: Path, tmp_path: Path):
    card = mnist.train(out=tmp_path / "a", data=digits, noise=6.0, epochs=1, **SMALL)
    assert "--noise 6.0" in card["training"]["command"]
    assert card["data"]["noise"] == 6
    network, _ = checkpoint.load(tmp_path / "a")
    assert mnist.evaluate(network, card, digits, "cpu") == card["metrics"]
    quiet = {**card, "data": {**card["data"], "noise": 0}}
    judged = mnist.evaluate(network, quiet, digits, "cpu")
    assert judged["baselines_test_accuracy"] != card["metrics"]["baselines_test_accuracy"]


def test_goes_on_after_a_stop_to_the_same_checkpoint(digits: Path, tmp_path: Path):
    def progress(done: int, total: int, what: str) -> None:
        if done == 6:
            raise KilledError

    options = {"out": tmp_path / "a", "data": digits, "epochs": 3, **SMALL}
    with pytest.raises(KilledError):
        mnist.train(**options, progress=progress)
    seen = []
    card = mnist.train(**options, progress=lambda done, total, what: seen.append(done))
    assert seen[0] == 5  # the resume point is that of the first epoch's end
    whole = mnist.train(**options)
    assert whole["weights_sha256"] == card["weights_sha256"]


def test_the_losses_are_those_of_the_first_release(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Made by explainer.train.train_mnist at commit 08818e7, with the options below."""
    losses = []
    true = nn.functional.cross_entropy

    def spy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        value = true(logits, labels)
        if len(labels) == 64:  # not the baseline's, which sees all at once
            losses.append(value.item())
        return value

    monkeypatch.setattr(nn.functional, "cross_entropy", spy)
    mnist.train(out=tmp_path / "a", data=digits, permute=True, epochs=5, seed=3, **SMALL)
    expected = [2.298951, 2.306655, 2.334046, 2.301119, 2.310663, 2.304088, 2.290144, 2.315273]
    expected += [2.287670, 2.298896, 2.304420, 2.309999, 2.316996, 2.310558, 2.267033, 2.293591]
    expected += [2.328571, 2.302491, 2.287222, 2.264495]
    assert losses == pytest.approx(expected, abs=2e-5)


def test_kernels_learn_slowly(digits: Path):
    shape = images.preprocessing(Pictures(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)))
    for kernel in ("diagonal", "low-rank"):
        network = images.s4(shape, 10, kernel=kernel, width=8, layers=2, state=4)
        slow = {
            name.rsplit(".", 1)[1]
            for name, _ in network.named_parameters()
            for module in [network.get_submodule(name.rsplit(".", 1)[0])]
            if name.rsplit(".", 1)[1] in getattr(module, "slow", ())
        }
        assert {"A_real", "A_imag", "B", "inv_dt"} <= slow
        assert "C" not in slow


def test_trains_on_photographs_in_colour(photographs: Path, tmp_path: Path):
    options = {"data": photographs, "epochs": 2, "flip": True, "kernel": "low-rank", **SMALL}
    card = cifar.train(out=tmp_path / "a", **options)
    assert card["data"]["split"] == {"train": 108, "validation": 12, "test": 20, "seed": 0}
    assert card["labels"][3] == "cat"
    assert len(card["preprocessing"]["mean"]) == len(card["preprocessing"]["std"]) == 3
    network, _ = checkpoint.load(tmp_path / "a")
    assert cifar.evaluate(network, card, photographs, "cpu") == card["metrics"]


def test_gradient_checkpointing_changes_no_weight(photographs: Path, tmp_path: Path):
    options = {"data": photographs, "epochs": 1, "dropout": 0.2, **SMALL}
    plain = cifar.train(out=tmp_path / "a", **options)
    saving = cifar.train(out=tmp_path / "b", gradient_checkpointing=True, **options)
    assert saving["weights_sha256"] == plain["weights_sha256"]


def test_pixels_are_normalised_channel_by_channel():
    pictures = Pictures(
        np.random.default_rng(0).integers(0, 256, (50, 4, 5, 3)).astype(np.uint8),
        np.zeros(50, np.uint8),
    )
    pictures.images[..., 1] //= 3
    found = images.preprocessing(pictures)
    x = found(pictures.images, torch.zeros(1))
    assert x.shape == (50, 20, 3)
    torch.testing.assert_close(x.mean((0, 1)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(x.std((0, 1)), torch.ones(3), atol=2e-3, rtol=0)


class Watching(nn.Module):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(10))
        self.seen: list[torch.Tensor] = []

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        self.seen.append(pictures)
        return self.weight.expand(len(pictures), 10)


def test_flipping_mirrors_left_and_right_and_nothing_for_good():
    planes, labels = records(64)
    pictures = Pictures(planes.transpose(0, 2, 3, 1).copy(), labels)
    before, rows, model = pictures.images.copy(), torch.arange(64), Watching()
    for flip in (True, True, False):
        ImageExamples(pictures, flip).loss(model, rows)
    first, second, plain = (seen.numpy() for seen in model.seen)
    mirrored = (first == before[:, :, ::-1]).all((1, 2, 3))
    assert ((first == before).all((1, 2, 3)) ^ mirrored).all()
    assert 16 < mirrored.sum() < 48
    assert (first != second).any()
    assert (plain == before).all()
    assert (pictures.images == before).all()


def test_the_split_is_drawn_by_seed_and_leaves_nothing_out():
    labels = np.arange(100).astype(np.uint8)
    data = Mnist(Digits(labels.reshape(-1, 1, 1), labels), Digits(labels, labels), {})
    first, second = (images.split(data, 30, seed) for seed in (0, 1))
    assert sorted([*first.train.labels, *first.validation.labels]) == list(range(100))
    assert (first.validation.labels != second.validation.labels).any()
    assert (first.validation.images[:, 0, 0] == first.validation.labels).all()
