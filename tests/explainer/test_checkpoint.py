"""Checkpoints: what is saved is loaded; everything else is refused by name."""

import json
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as tensor_bytes

from explainer.artifact import sha256
from explainer.models import checkpoint
from explainer.models.checkpoint import CheckpointError, load
from explainer.models.config import ConfigError
from explainer.models.image import ImageClassifier, Preprocessing, predict
from tests.explainer.conftest import SIDE, save, tiny_model


@pytest.fixture
def folder(tiny, tmp_path):
    return shutil.copytree(tiny.folder, tmp_path / "model")


def rewrite(folder, change_definition=None, change_tensors=None):
    """Write weights again with something changed, and a card that fits them."""
    path = folder / "weights.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    definition = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["credence"])
    tensors = parse_tensors(data)
    if change_definition:
        change_definition(definition)
    if change_tensors:
        change_tensors(tensors)
    data = tensor_bytes(tensors, {"credence": json.dumps(definition)})
    path.write_bytes(data)
    card = json.loads((folder / "card.json").read_text())
    card.update(definition, weights_sha256=sha256(data))
    (folder / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize("permuted", [False, True])
def test_round_trip(tmp_path, permuted):
    model = tiny_model(permuted)
    digest = save(tmp_path / "model", model)
    network, card = load(tmp_path / "model", sha256=digest)
    images = torch.rand(2, SIDE, SIDE)
    found = predict(ImageClassifier.of(network, card), images)
    assert (predict(model, images) == found).all()
    assert card["weights_sha256"] == digest
    assert card["name"] == "model"
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    assert load(tmp_path / "model" / "weights.safetensors")[1] == card


def test_the_digest_covers_the_preprocessing(tmp_path):
    assert save(tmp_path / "a", tiny_model()) != save(tmp_path / "b", tiny_model(permuted=True))


def test_half_precision_is_computed_in_float32(folder):
    rewrite(
        folder, change_tensors=lambda t: t.update({name: value.half() for name, value in t.items()})
    )
    model, _ = load(folder)
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


def test_another_digest_than_asked_for(folder):
    with pytest.raises(CheckpointError, match=f"SHA-256 is .* but {'0' * 64} is asked for"):
        load(folder, sha256="0" * 64)


@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name}: no such file; .*flask train"):
        load(folder)


@pytest.mark.parametrize("card", ["", "[]", "{}", "[" * 100_000, '{"schema": "credence/plan/1"}'])
def test_no_card(folder, card):
    (folder / "card.json").write_text(card)
    with pytest.raises(CheckpointError, match=r"card\.json: (not JSON|schema is not)"):
        load(folder)


@pytest.mark.parametrize("key", ["name", "architecture", "labels", "metrics", "weights_sha256"])
def test_card_without_a_field(folder, key):
    card = json.loads((folder / "card.json").read_text())
    del card[key]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=rf"card\.json: {key} is missing"):
        load(folder)


def test_card_of_another_function(folder):
    card = json.loads((folder / "card.json").read_text())
    card["labels"] = ["c", "b", "a"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(
        CheckpointError, match=r"weights.*labels differs from the one in card\.json"
    ):
        load(folder)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_flipped_or_missing_byte_is_noticed(tiny, tmp_path_factory, data):
    folder = shutil.copytree(tiny.folder, tmp_path_factory.mktemp("flip") / "model")
    path = folder / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[at] ^= 1 + data.draw(st.integers(0, 254))
    else:
        del raw[at:]
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors"):
        load(folder)


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 400))
def test_cut_off_weights_whose_card_agrees(tiny, tmp_path_factory, cut):
    folder = shutil.copytree(tiny.folder, tmp_path_factory.mktemp("cut") / "model")
    path = folder / "weights.safetensors"
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "weights_sha256": sha256(data)}))
    with pytest.raises(CheckpointError, match="header"):
        load(folder)


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("architecture", "name", "perceptron", "architecture.name is none of .*s4-classifier"),
        ("architecture", "width", 10**12, "architecture.width is 10+, expected a whole number"),
        ("architecture", "layers", True, "architecture.layers is True"),
        ("architecture", "extra", 1, "architecture.extra is no field"),
        ("architecture", "kernel", "low-rank", "architecture.init is 'lin'"),
        ("architecture", "width", 8, "encoder.bias has shape|encoder.weight has shape"),
        (None, "labels", ["a", "a", "b"], "labels are not 3 different strings"),
        (None, "labels", ["a", "b"], "labels are not 3 different strings"),
        (None, "files", {"../card.json": "0" * 64}, "files is not a table of file names"),
    ],
)
def test_hostile_definitions(folder, part, key, value, message):
    def change(definition):
        (definition if part is None else definition[part])[key] = value

    rewrite(folder, change_definition=change)
    with pytest.raises(CheckpointError, match=rf"weights\.safetensors: .*({message})"):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("std", [0], "preprocessing.std"),
        ("std", [0.5, 0.5], "preprocessing.std"),
        ("std", [0.5, 0.5, 0.5], "different numbers of channels"),
        ("mean", [float("nan")], "preprocessing.mean"),
        ("pixel_order", [0] * 36, "pixel_order"),
        ("pixel_order", "column-major", "pixel_order"),
        ("height", -1, "preprocessing.height"),
        ("kind", "text", "preprocessing is not of an image"),
    ],
)
def test_hostile_preprocessing(key, value, message):
    data = {**tiny_model().preprocessing.to_json(), key: value}
    with pytest.raises(ConfigError, match=message):
        Preprocessing.from_json(data)


def test_files_that_belong_to_a_checkpoint(tiny, tmp_path):
    network, card = load(tiny.folder)
    known = {key: card[key] for key in ("data", "training", "metrics", "versions", "date")}
    what = {"preprocessing": {"kind": "text"}, "labels": card["labels"], "about": known}
    folder = tmp_path / "model"
    checkpoint.save(folder, network, files={"tokeniser.json": b"{}"}, **what)
    card = load(folder)[1]
    assert checkpoint.companion(folder, card, "tokeniser.json") == b"{}"
    with pytest.raises(CheckpointError, match=r"card\.json: names no other\.json"):
        checkpoint.companion(folder, card, "other.json")
    (folder / "tokeniser.json").write_bytes(b"[]")
    with pytest.raises(CheckpointError, match=r"tokeniser\.json: SHA-256 is"):
        load(folder)
    (folder / "tokeniser.json").unlink()
    with pytest.raises(CheckpointError, match=r"tokeniser\.json: no such file"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("decoder.bias"), "decoder.bias is missing"),
        (lambda t: t.update({"more": torch.zeros(1)}), "more is no weight"),
        (lambda t: t["decoder.bias"].fill_(float("nan")), "decoder.bias holds NaN"),
        (lambda t: t.update({"decoder.bias": torch.zeros(3, dtype=torch.long)}), "is torch.int64"),
        (
            lambda t: t.update({"decoder.bias": torch.zeros(4)}),
            r"has shape \(4,\), expected \(3,\)",
        ),
    ],
)
def test_hostile_weights(folder, change, message):
    rewrite(folder, change_tensors=change)
    with pytest.raises(CheckpointError, match=message):
        load(folder)
