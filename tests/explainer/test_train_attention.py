"""Training attention with its controls: a small real run, and the measures of agreement."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

import explainer
from explainer.data import reviews
from explainer.models import checkpoint
from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.text import TOKENISER, TextClassifier
from explainer.models.tokenisers import WordTokeniser, from_bytes
from explainer.train import attention, reading
from explainer.train.fit import TrainingError
from explainer.train.reviews import Texts, split
from tests.explainer.test_reviews import write_reviews

SMALL = {"epochs": 3, "seed": 3, "seeds": 2, "rarest": 2, "width": 8, "hidden": 4, "device": "cpu"}
FOLDERS = ["a", "a-mlp", "a-mlp-learnt", "a-mlp-uniform", "a-seed-1", "a-uniform"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sentences whose first word tells their class, between words that tell nothing."""
    random = np.random.default_rng(0)
    good, bad = (
        [f"{word} {' '.join(random.permutation(list('abc')))} {k}" for k in range(200)]
        for word in ("fine", "dull")
    )
    return write_reviews(tmp_path_factory.mktemp("reviews"), good, bad)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    steps = []
    card = attention.train(
        out=folder / "a",
        data=data,
        dropout=0.1,
        learning_rate=0.05,
        progress=lambda done, total, what: steps.append((done, total, what)),
        **SMALL,
    )
    return folder, card, steps


def load(folder):
    network, card = checkpoint.load(folder)
    tokeniser = from_bytes(checkpoint.companion(folder, card, TOKENISER))
    return TextClassifier(network, tokeniser, card["labels"]), card


def test_trains_the_model_and_its_controls(trained, data):
    folder, card, steps = trained
    assert sorted(each.name for each in folder.iterdir()) == FOLDERS
    assert [done for done, _, _ in steps] == list(range(1, 6 * 15 + 1))
    assert {total for _, total, _ in steps} == {6 * 15}
    assert steps[0][2].startswith("a: loss")
    configs = {name: load(folder / name)[0].network.config for name in FOLDERS}
    assert {name: (each.encoder, each.attention) for name, each in configs.items()} == {
        "a": ("lstm", "learnt"),
        "a-mlp": ("mlp", "imposed"),
        "a-mlp-learnt": ("mlp", "learnt"),
        "a-mlp-uniform": ("mlp", "uniform"),
        "a-seed-1": ("lstm", "learnt"),
        "a-uniform": ("lstm", "uniform"),
    }
    assert card["training"]["trainer"] == "attention"
    assert card["training"]["command"].startswith("flask train attention --out a --data reviews")
    assert str(folder) not in str(card)
    accuracy = card["metrics"]["test_accuracy"]
    assert accuracy["n"] == 40
    assert accuracy["value"] > 0.9


def test_the_card_holds_what_the_controls_say(trained, data):
    """Each number again from the checkpoints that were written."""
    folder, card, _ = trained
    test = split(reviews.load(data), 3).test
    models = {name: load(folder / name)[0] for name in FOLDERS}
    base = reading.read(models["a"], test.texts)
    found = {name: reading.read(models[name], test.texts) for name in FOLDERS if name != "a-mlp"}
    found["a-mlp"] = reading.read(models["a-mlp"], test.texts, base.attention)
    right = {
        name: float((each.probabilities.argmax(-1) == test.labels).mean())
        for name, each in found.items()
    }
    controls = card["metrics"]["controls"]
    on_mlp = controls["attention_imposed_on_mlp"]
    assert on_mlp["test_accuracy"]["value"] == right["a-mlp"]
    assert on_mlp["test_accuracy_under_uniform_attention"]["value"] == right["a-mlp-uniform"]
    assert on_mlp["test_accuracy_under_its_own_attention"]["value"] == right["a-mlp-learnt"]
    uniform = controls["uniform_attention"]
    assert uniform["test_accuracy"]["value"] == right["a-uniform"]
    assert uniform["between_this_and_learnt"] == reading.agreement([(base, found["a-uniform"])])
    seeds = controls["seeds"]
    assert seeds["test_accuracies"] == [right["a"], right["a-seed-1"]]
    assert seeds["between_two_of_them"] == reading.agreement([(base, found["a-seed-1"])])
    other = load(folder / "a-mlp")[1]
    assert other["training"]["attention_of"] == "a"
    assert other["metrics"]["test_accuracy"]["value"] == right["a-mlp"]


def test_judges_a_checkpoint_again(trained, data):
    folder, card, _ = trained
    metrics = {name: value for name, value in card["metrics"].items() if name != "controls"}
    assert attention.evaluate(load(folder / "a")[0], card, data, "cpu") == metrics
    seed, its_card = load(folder / "a-seed-1")
    assert attention.evaluate(seed, its_card, data, "cpu") == its_card["metrics"]
    imposed, its_card = load(folder / "a-mlp")
    with pytest.raises(TrainingError, match="no attention of its own and is judged under that of"):
        attention.evaluate(imposed, its_card, data, "cpu")


def test_the_imposed_attention_is_that_of_each_sentence():
    torch.manual_seed(0)
    tokeniser = WordTokeniser(["<eos>", "<unk>", "a", "b", "c"])
    config = AttentionConfig(5, 3, 2, 2, "mlp", "imposed")
    model = TextClassifier(AttentionClassifier(config), tokeniser, ("0", "1"))
    texts = Texts(["a b c", "b", "c a"], np.array([0, 1, 1], np.uint8))
    imposed = [torch.rand(n).softmax(0) for n in (4, 2, 3)]  # a word each, and the end
    examples = attention.AttendedExamples(model, texts, imposed)
    rows = torch.tensor([2, 0])
    each = torch.stack(
        [
            model.network(*model.tokens([texts.texts[row]]), imposed[row].unsqueeze(0))[0]
            for row in rows
        ]
    )
    expected = torch.nn.functional.cross_entropy(each, examples.labels[rows])
    torch.testing.assert_close(examples.loss(model, rows), expected)
    found = reading.read(model, texts.texts, imposed).probabilities
    np.testing.assert_allclose(found[rows], each.softmax(-1).detach(), atol=1e-6)


def test_one_seed_is_too_few(tmp_path):
    with pytest.raises(TrainingError, match="seeds is 1: agreement between seeds needs 2"):
        attention.train(out=tmp_path, seeds=1)


def test_divergence_is_scipys():
    """scipy.spatial.distance.jensenshannon is the square root."""
    random = np.random.default_rng(0)
    for _ in range(20):
        p, q = random.dirichlet(np.ones(6), 2)
        expected = jensenshannon(p, q) ** 2
        assert reading.jensen_shannon(p, q) == pytest.approx(expected, abs=1e-12)
    apart = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert reading.jensen_shannon(*apart) == pytest.approx(math.log(2))
    assert reading.total_variation(*apart) == 1


def test_agreement_is_over_all_pairs_and_texts():
    def say(first, attention):
        probabilities = np.array([[first, 1 - first], [0.5, 0.5]])
        return reading.Reading(probabilities, [torch.tensor(attention), torch.tensor([1.0])])

    a, b, c = say(0.9, [1.0, 0.0]), say(0.7, [1.0, 0.0]), say(0.9, [0.0, 1.0])
    found = reading.agreement([(a, b), (a, c)])
    predictions = found["prediction_total_variation"]
    assert predictions == {"value": 0.05, "median": 0.0, "quantile_90": 0.14, "n": 4}
    assert found["attention_jensen_shannon_nats"]["value"] == round(math.log(2) / 4, 4)


def test_the_shipped_models_tell_praise_from_blame():
    folder = Path(explainer.__file__).parent / "assets" / "checkpoints"
    texts = ["a warm , funny and moving film .", "a dull , tedious and pointless film ."]
    base, card = load(folder / "reviews-attention")
    said = reading.read(base, texts)
    assert said.probabilities.argmax(-1).tolist() == [1, 0]
    for name in ("uniform", "mlp"):
        model, its_card = load(folder / f"reviews-attention-{name}")
        imposed = said.attention if name == "mlp" else None
        assert reading.read(model, texts, imposed).probabilities.argmax(-1).tolist() == [1, 0]
        assert its_card["metrics"]["test_accuracy"]["value"] > 0.7
    metrics = card["metrics"]
    assert metrics["test_accuracy"]["n"] == 1066
    baseline = metrics["baselines_test_accuracy"]["majority class"]
    assert metrics["test_accuracy"]["interval_95_wilson"][0] > baseline["interval_95_wilson"][1]
    assert len(metrics["controls"]["seeds"]["test_accuracies"]) == 5
