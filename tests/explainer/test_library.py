"""Checkpoints of an installation: brought in whole, found by name, judged again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer import describe, library
from explainer.artifact import ArtifactError
from explainer.models import checkpoint
from explainer.models.checkpoint import CheckpointError
from explainer.models.cnn import CNNConfig, ReLUCNN
from explainer.models.image import Preprocessing
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.spacetime import SpaceTime, SpaceTimeConfig
from explainer.models.text import TextClassifier
from explainer.models.tokenisers import BytePair, WordTokeniser
from explainer.train import mnist, reviews
from tests.explainer.conftest import ABOUT, GOLDEN, save, tiny_model
from tests.explainer.test_mnist import write_mnist

SHARED = Path(__file__).parents[3] / "shared"
LIGHTNING = GOLDEN / "s4_lightning_omegaconf.ckpt"
LM = {"config": GOLDEN / "s4_lm_config.json"}


@pytest.fixture
def instance(tmp_path):
    return tmp_path / "instance"


def digits_network(folder, training, side=28):
    """A network with new weights that reads digits, kept in a folder."""
    torch.manual_seed(0)
    checkpoint.save(
        folder,
        ReLUCNN(CNNConfig(side, side, channels=2, labels=10)),
        preprocessing=Preprocessing(side, side, (0.1,), (0.3,)).to_json(),
        labels=tuple("0123456789"),
        about={**ABOUT, "training": training},
    )
    return folder


def texts_network(folder, tokeniser):
    """A network with new weights that sorts texts, kept in a folder with its tokeniser."""
    torch.manual_seed(0)
    config = SequenceClassifierConfig(
        encoder="embedding", inputs=tokeniser.size, labels=2, width=4, layers=1, state=2
    )
    checkpoint.save(
        folder,
        SequenceClassifier(config),
        preprocessing={"kind": "text", "tokeniser": "tokeniser.json"},
        labels=("negative", "positive"),
        about={**ABOUT, "training": {"trainer": "reviews"}},
        files={"tokeniser.json": tokeniser.to_bytes()},
    )
    return folder


def test_the_original_s4_comes_in_with_its_numbers(instance, golden):
    """The original code's logits, fp32, within the 2e-5 of REFERENCES.md."""
    found = library.bring_in(LIGHTNING, "s4", instance)
    assert found.new
    assert found.folder == instance / "checkpoints" / "s4"
    network, card = checkpoint.load(found.folder)
    assert card == found.card
    assert card["name"] == "s4"
    assert card["parameters"] == 127_562
    assert card["training"]["imported_from"] == LIGHTNING.name
    assert card["training"]["imported_sha256"] == library.checkpoint.digest_of(
        LIGHTNING.read_bytes()
    )
    assert describe.inputs(card) == "28 x 28 grey images in 10 classes"
    io = golden("s4_io.npz")
    with torch.inference_mode():
        logits = network(torch.from_numpy(io["x"])).numpy()
    np.testing.assert_allclose(logits, io["logits"], atol=2e-5, rtol=0)


def test_the_original_language_model_comes_in_with_its_vocabulary(instance, golden, tmp_path):
    """The original code's log-probabilities, fp32, within the 3e-4 of REFERENCES.md."""
    words = ["<eos>", *(f"w{k}" for k in range(999))]
    vocabulary = tmp_path / "vocabulary.txt"
    vocabulary.write_text("\n".join(words) + "\n")
    path = GOLDEN / "s4_lm_state_dict.pt"
    found = library.bring_in(path, "lm", instance, tokeniser=vocabulary, **LM)
    assert found.card["preprocessing"] == {"kind": "text", "tokeniser": "tokeniser.json"}
    tokeniser = checkpoint.companion(found.folder, found.card, "tokeniser.json")
    assert tokeniser == WordTokeniser(words).to_bytes()
    network, _ = checkpoint.load(found.folder)
    io = golden("s4_lm_io.npz")
    with torch.inference_mode():
        full = network.log_probabilities(torch.from_numpy(io["tokens"])).numpy()
    np.testing.assert_allclose(full[:, ::9], io["logprob_full"], atol=3e-4)
    # The same again, with the tokeniser's own file.
    ours = found.folder / "tokeniser.json"
    assert not library.bring_in(path, "lm", instance, tokeniser=ours, **LM).new


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<eos>\na\nb\n", "has 3 tokens, but the network reads 1000"),
        ("a\nb\n", "the first word is not <eos>; give a tokeniser.json of ours, or a word a line"),
        ("{}", "the tokeniser's schema is not credence/tokeniser/1"),
    ],
)
def test_a_tokeniser_that_does_not_fit(instance, tmp_path, content, said):
    given = tmp_path / "words.txt"
    given.write_text(content)
    with pytest.raises(CheckpointError, match=rf"words\.txt: .*{said}"):
        library.bring_in(GOLDEN / "s4_lm_state_dict.pt", "lm", instance, tokeniser=given, **LM)
    with pytest.raises(CheckpointError, match="reads no tokens; leave the tokeniser out"):
        library.bring_in(LIGHTNING, "s4", instance, tokeniser=given)
    own = texts_network(tmp_path / "own", BytePair([]))
    with pytest.raises(CheckpointError, match=r"has its own tokeniser; leave .* out"):
        library.bring_in(own, "own", instance, tokeniser=given)
    assert list((instance / "checkpoints").glob("*")) == []


@pytest.mark.parametrize("name", [each.name for each in sorted(library.SHIPPED.iterdir())])
def test_what_is_ours_keeps_its_digest_and_its_card(instance, name):
    before = checkpoint.load(library.SHIPPED / name)[1]
    found = library.bring_in(library.SHIPPED / name, "copy", instance)
    assert found.card["weights_sha256"] == before["weights_sha256"]
    origin = {"imported_from": name, "imported_sha256": before["weights_sha256"]}
    assert found.card == before | {"name": "copy", "training": origin | before["training"]}
    # Brought in once more from there, it still says where it came from first.
    again = library.bring_in(found.folder, "again", instance).card
    assert again["training"]["imported_from"] == name


def test_another_checkpoint_is_never_replaced(instance, tmp_path):
    save(tmp_path / "a", tiny_model())
    save(tmp_path / "b", tiny_model(permuted=True))
    target = library.bring_in(tmp_path / "a", "mine", instance).folder
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert not library.bring_in(tmp_path / "a", "mine", instance).new
    with pytest.raises(CheckpointError, match=r"is another checkpoint, or damaged: .* rm -r"):
        library.bring_in(tmp_path / "b", "mine", instance)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    (target / "card.json").write_text("{}")
    with pytest.raises(CheckpointError, match="is another checkpoint, or damaged"):
        library.bring_in(tmp_path / "a", "mine", instance)
    with pytest.raises(CheckpointError, match="mnist-s4d is a checkpoint that ships"):
        library.bring_in(tmp_path / "b", "mnist-s4d", instance)
    assert [path.name for path in (instance / "checkpoints").iterdir()] == ["mine"]


def test_an_import_that_stops_half_way_leaves_nothing(instance, tmp_path, monkeypatch):
    save(tmp_path / "a", tiny_model())
    write, seen = checkpoint.write_atomically, []

    def full(path, data):
        if path.name == "card.json":
            seen.extend(entry.name for entry in library.every(instance) if entry.where != "shipped")
            raise ArtifactError(f"cannot write {path}: No space left on device")
        write(path, data)

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.raises(ArtifactError, match="No space left"):
        library.bring_in(tmp_path / "a", "mine", instance)
    assert seen == []
    assert list((instance / "checkpoints").iterdir()) == []


def test_what_is_wrong_is_said_and_nothing_is_kept(instance, tmp_path):
    whole = (GOLDEN / "s4_lightning.ckpt").read_bytes()
    files = {
        "empty.ckpt": b"",
        "picture.pt": b"\xff\xd8\xff\xe0" + bytes(4000),
        "random.safetensors": np.random.default_rng(0).bytes(2**20),
        "cut.ckpt": whole[: len(whole) // 2],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    for name in [*files, "folder", "none.ckpt"]:
        with pytest.raises(CheckpointError, match=name):
            library.bring_in(tmp_path / name, "mine", instance)
    other = {"config": GOLDEN / "s4_config.json"}
    key = r"model\.layers\.0\.layer\.layer\.kernel\.P is missing"
    with pytest.raises(CheckpointError, match=rf"s4d_state_dict\.safetensors: {key}"):
        library.bring_in(GOLDEN / "s4d_state_dict.safetensors", "mine", instance, **other)
    assert library.home(instance).exists() is False


def test_a_damaged_checkpoint_hides_no_other(instance, tmp_path):
    home = library.home(instance)
    save(home / "whole", tiny_model())
    save(home / "cut", tiny_model())
    (home / "cut" / "weights.safetensors").write_bytes(b"")
    (home / "empty").mkdir()
    (home / ".import-stopped").mkdir()
    shutil.copytree(library.SHIPPED / "mnist-s4d", home / "mnist-s4d")
    found = {(each.name, each.where): each for each in library.every(instance)}
    own = [name for name, where in found if where == "instance"]
    assert own == ["cut", "empty", "mnist-s4d", "whole"]
    assert found["whole", "instance"].card["name"] == "whole"
    assert "but its card says" in found["cut", "instance"].wrong
    assert "no such file" in found["empty", "instance"].wrong
    assert found["mnist-s4d", "shipped, hidden by the instance's"].card is not None
    assert found["mnist-cnn", "shipped"].card is not None


def test_a_name_is_looked_up_in_the_instance_then_among_the_shipped_then_as_a_path(
    instance, tmp_path, monkeypatch
):
    assert library.find("mnist-s4d", instance) == library.SHIPPED / "mnist-s4d"
    save(instance / "checkpoints" / "mnist-s4d", tiny_model())
    assert library.find("mnist-s4d", instance) == instance / "checkpoints" / "mnist-s4d"
    save(tmp_path / "here", tiny_model())
    monkeypatch.chdir(tmp_path)
    assert library.find("here", instance) == Path("here")
    assert library.find("..", instance) == Path("..")
    assert library.find(str(tmp_path / "here"), instance) == tmp_path / "here"
    assert library.card("here", instance)[1]["name"] == "here"
    with pytest.raises(
        CheckpointError, match=r"no checkpoint 'mnist-s4'; did you mean mnist-s4d\?"
    ):
        library.find("mnist-s4", instance)


def test_judged_again_by_its_trainer_or_on_what_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "VALIDATION", 10)
    data = write_mnist(tmp_path / "mnist", train=60, test=40)
    own = digits_network(tmp_path / "own", {"trainer": "mnist", "seed": 0})
    before = {path: path.read_bytes() for path in own.iterdir()}
    card, found = library.evaluate(own, data=data, device="cpu")
    assert found["test_accuracy"]["n"] == 40
    assert "majority class" in found["baselines_test_accuracy"]
    assert {path: path.read_bytes() for path in own.iterdir()} == before
    assert card["metrics"] == {}
    imported = digits_network(tmp_path / "imported", {})
    assert library.evaluate(imported, data=data, device="cpu", on="mnist")[1] == found
    with pytest.raises(CheckpointError, match=r"imported: its card names no trainer; .* --on"):
        library.evaluate(imported, data=data)
    with pytest.raises(CheckpointError, match="there is no chess; judge it on one of mnist"):
        library.evaluate(imported, data=data, on="chess")
    for on, reads in (("cifar", "32 x 32 colour"), ("senn", "senn that reads 28 x 28")):
        with pytest.raises(CheckpointError, match=f"cannot be judged on {on}, .* {reads}"):
            library.evaluate(imported, data=data, on=on)
    hostile = digits_network(tmp_path / "hostile", {"trainer": ["../../etc"]})
    with pytest.raises(CheckpointError, match="names no trainer"):
        library.evaluate(hostile)


def test_texts_are_judged_with_the_tokeniser_of_the_checkpoint(tmp_path, monkeypatch):
    tokeniser = BytePair([("a", "b")])
    folder = texts_network(tmp_path / "reviews", tokeniser)
    judged = []
    monkeypatch.setattr(reviews, "evaluate", lambda *given: judged.append(given) or {"seen": 1})
    assert library.evaluate(folder, device="cpu")[1] == {"seen": 1}
    ((model, card, data, device),) = judged
    assert isinstance(model, TextClassifier)
    assert model.tokeniser.to_bytes() == tokeniser.to_bytes()
    assert (card["training"]["seed"], data, device) == (0, None, "cpu")


def test_a_card_that_lacks_what_its_trainer_needs(instance):
    path = GOLDEN / "s4_lm_state_dict.pt"
    folder = library.bring_in(path, "lm", instance, **LM).folder
    with pytest.raises(CheckpointError, match="its card has no 'wikitext'; only what flask train"):
        library.evaluate(folder, on="wikitext", device="cpu")


def test_forecasts_stand_beside_the_naive_ones_under_each_measure(tmp_path):
    torch.manual_seed(0)
    config = SpaceTimeConfig(lag=84, horizon=20, width=8, kernels=2, state=4)
    folder = tmp_path / "own"
    checkpoint.save(
        folder, SpaceTime(config), preprocessing={"kind": "series"}, labels=(), about=ABOUT
    )
    days = np.arange("2019-01-01", "2022-06-01", dtype="datetime64[D]")
    closes = 100 + np.random.default_rng(0).normal(size=len(days)).cumsum() / 10
    lines = [f"{day},{close:.4f}" for day, close in zip(days, closes, strict=True)]
    series = tmp_path / "closes.csv"
    series.write_text("Date,Close\n" + "\n".join(lines))
    card, found = library.evaluate(folder, data=series, device="cpu", on="prices")
    lines = describe.compared(found, card).splitlines()
    at = lines.index("  mae")
    names = [line.split("  ")[2] for line in lines[at + 1 : at + 5]]
    assert names == ["model", "last value", "drift", "seasonal"]
    assert lines[at + 1].split()[-1] == f"{found['test']['model']['mae']:.7g}"


@pytest.mark.skipif(
    not (SHARED / "golden" / "spacetime").exists(),
    reason="../shared/golden/spacetime holds others' weights, which are not in the repository",
)
def test_the_original_spacetime_is_judged_as_its_notebook_did(instance):
    """REFERENCES.md: MAE over batches 28.1527 / 89.0828 / 124.9059, last value 27.34 / ... ."""
    path = SHARED / "golden" / "spacetime" / "bval_state_dict.safetensors"
    folder = library.bring_in(path, "spacetime", instance).folder
    data = SHARED / "data" / "sp500"
    metrics = library.evaluate(folder, data=data, device="cpu", on="prices")[1]
    parts = ("train", "validation", "test")
    model = [metrics[part]["model"]["batch_mae"] for part in parts]
    naive = [metrics[part]["last_value"]["mae"] for part in parts]
    assert model == pytest.approx([28.1527, 89.0828, 124.9059], abs=1e-4)
    assert naive == pytest.approx([27.34286, 82.04117, 108.58916], abs=1e-4)


def card_with(**what):
    return {
        "architecture": {"name": "s4-lm", "width": 4},
        "preprocessing": {"kind": "text"},
        "labels": [],
        "files": {},
        "parameters": 1234,
        "weights_sha256": "ab" * 32,
        **ABOUT,
        **what,
    }


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"test_accuracy": {"value": 0.5, "n": 10_000}}, "accuracy 0.5, n 10,000"),
        (
            {"test": {"all": {"perplexity_per_token": {"value": 71.25, "n": 2000}}}},
            "perplexity 71.25, n 2,000",
        ),
        (
            {"test": {"n": 589, "model": {"mae": 120.5}, "last_value": {"mae": 108.6}}},
            "MAE 120.5 (last value 108.6), n 589",
        ),
        ({}, "not evaluated"),
    ],
)
def test_one_metric_stands_for_a_checkpoint(metrics, said):
    assert describe.headline(card_with(metrics=metrics)) == said


def test_metrics_now_stand_beside_those_of_the_card():
    was = {"accuracy": {"value": 0.5, "n": 10, "interval_95_wilson": [0.2, 0.8]}, "gone": 1}
    now = {"accuracy": {"value": 0.6, "n": 10}, "naive": {"majority class": {"value": 0.1}}}
    assert describe.compared(now, card_with(metrics=was)).splitlines() == [
        "                  now        in the card",
        "accuracy          0.6, n 10  0.5 [0.2, 0.8], n 10  differs",
        "naive",
        "  majority class  0.1        -",
        "gone              -          1",
    ]
    assert "differs" not in describe.compared(was, card_with(metrics=was))
    assert describe.compared(now, card_with()).splitlines()[1] == "accuracy          0.6, n 10"


keys = st.sampled_from(["kind", "mean", "value", "n", "test", "model", "mae", "interval", "name"])
json_values = st.recursive(
    st.sampled_from([None, True, 7, 0.5, "a\nb", float("inf")]),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(keys, each, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(keys, json_values, max_size=4)


@settings(max_examples=60, deadline=None)
@given(tables, tables, tables, tables)
def test_whatever_json_a_card_holds_is_said(preprocessing, data, training, metrics):
    """No digest covers data, training and metrics, and a kind of preprocessing may be unknown."""
    what = {"preprocessing": preprocessing, "data": data, "training": training, "metrics": metrics}
    card = json.loads(json.dumps(card_with(**what)))
    assert describe.described(card)
    assert len(describe.listed("a", "instance", card)) == len(describe.LISTED)
    assert describe.compared({}, card)
