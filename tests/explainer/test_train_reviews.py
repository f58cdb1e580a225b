"""Training on film reviews: a small real run, its card, and what its examples are."""

from pathlib import Path

import numpy as np
import pytest
import torch

from explainer.data import reviews
from explainer.models import checkpoint
from explainer.models.text import TOKENISER, TextClassifier, predict
from explainer.train import reviews as trainer
from tests.explainer.test_reviews import write_reviews

SMALL = {"vocabulary": 280, "width": 8, "state": 4, "dropout": 0.0, "device": "cpu", "seed": 3}


def sentences(words, n, seed):
    """Different sentences, each with one of `words` somewhere."""
    random = np.random.default_rng(seed)
    rest = [f"w{k}" for k in range(30)]
    found = []
    for k in range(n):
        line = [*random.choice(rest, random.integers(1, 9)), f"{k}"]
        line.insert(random.integers(len(line) + 1), str(random.choice(words)))
        found.append(" ".join(line))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    good = sentences(["good", "fine"], 200, seed=0)
    bad = sentences(["bad", "dull"], 150, seed=1)
    return write_reviews(tmp_path_factory.mktemp("reviews"), good, bad)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("checkpoints") / "reviews"
    return out, trainer.train(out=out, data=data, epochs=8, learning_rate=0.03, **SMALL)


def load(folder):
    network, card = checkpoint.load(folder)
    return TextClassifier.of(network, card, checkpoint.companion(folder, card, TOKENISER)), card


def test_learns_and_says_how_well(trained, data):
    out, card = trained
    assert card["metrics"]["test_accuracy"]["value"] > 0.85
    assert card["data"]["split"] == {"train": 280, "validation": 35, "test": 35, "seed": 3}
    assert card["training"]["command"].startswith(
        f"flask train reviews --out reviews --data {data.name} --epochs 8 --seed 3 --vocabulary 280"
    )
    baselines = card["metrics"]["baselines_test_accuracy"]
    majority, bag = baselines.values()
    assert 0.4 < majority["value"] < 0.75
    assert bag["value"] > 0.9
    assert [name.split(" (")[0] for name in baselines][1].startswith("logistic regression on words")
    assert all(each["n"] == 35 for each in (card["metrics"]["test_accuracy"], majority, bag))
    assert not (out / "training.pt").exists()


def test_the_checkpoint_gives_what_its_card_says(trained, data):
    out, card = trained
    model, loaded = load(out)
    assert loaded == card
    assert card["preprocessing"] == {"kind": "text", "tokeniser": TOKENISER}
    assert card["files"] == {TOKENISER: model.tokeniser.sha256}
    found = reviews.load(data)
    texts, labels = found.part(reviews.split(found, 3).test)
    right = int((predict(model, texts).argmax(-1) == labels).sum())
    assert card["metrics"]["test_accuracy"]["value"] == round(right / 35, 5)
    assert trainer.evaluate(model, card, data, "cpu") == card["metrics"]
    assert predict(model, [""]).shape == (1, 2)


def test_no_sentence_leaves_with_the_checkpoint(trained, data):
    out, _ = trained
    shipped = b"".join(path.read_bytes() for path in out.iterdir()).decode("latin-1")
    assert sorted(path.name for path in out.iterdir()) == [
        "card.json",
        TOKENISER,
        "weights.safetensors",
    ]
    assert not any(text in shipped for text in reviews.load(data).texts)


def test_the_same_command_gives_the_same_weights(data, tmp_path):
    runs = [trainer.train(out=tmp_path / name / "r", data=data, epochs=1, **SMALL) for name in "ab"]
    assert runs[0]["weights_sha256"] == runs[1]["weights_sha256"]
    assert runs[0]["files"] == runs[1]["files"]


def test_validation_and_test_are_not_learnt_from(trained, data):
    model, _ = load(trained[0])
    found = reviews.load(data)
    texts, _ = found.part(reviews.split(found, 3).train)
    assert trainer.BytePair.train(texts, 280).sha256 == model.tokeniser.sha256
    assert trainer.BytePair.train(found.texts, 280).sha256 != model.tokeniser.sha256


def test_examples_leave_out_a_share_of_the_tokens_but_no_end(trained):
    model, _ = load(trained[0])
    model.train()
    seen = []
    model.network.register_forward_pre_hook(lambda _, given: seen.append(given))
    texts = ["good w1 w2 w3 w4 w5", "bad"]
    given = trainer.Texts(texts * 50, np.array([1, 0] * 50, np.uint8))
    torch.manual_seed(0)
    rows = torch.arange(100)
    trainer.TextExamples(model, given, 0.4).loss(model, rows)
    tokens, lengths = seen[-1]
    whole = model.tokens(given.texts)[1]
    assert (lengths >= 1).all()
    assert ((lengths - 1).sum() / (whole - 1).sum()).item() == pytest.approx(0.6, abs=0.05)
    assert (tokens[rows, lengths - 1] == model.tokeniser.end).all()
    loss = trainer.TextExamples(model.eval(), given, 0.0).loss(model, rows[:2])
    expected = -model.log_probabilities(texts)[[0, 1], [1, 0]].mean()
    torch.testing.assert_close(loss, expected)


def test_neither_padding_nor_company_changes_what_is_read(trained):
    model, _ = load(trained[0])
    model.double()
    texts = ["good", "", "a dull w3 " * 40, "fine w1 w2"]
    together = model.log_probabilities(texts)
    for text, row in zip(texts, together, strict=True):
        torch.testing.assert_close(model.log_probabilities([text])[0], row, atol=1e-10, rtol=0)


def test_the_shipped_checkpoint_tells_praise_from_blame():
    """Sentences written for Credence; the card's accuracy is on the original's test sentences."""
    model, card = load(Path(trainer.__file__).parents[1] / "assets" / "checkpoints" / "reviews-s4")
    praise = ["a warm , moving and beautifully acted film .", "wonderful , funny and touching !"]
    blame = ["a dull , lifeless mess .", "boring and badly written , it fails at everything ."]
    assert predict(model, praise + blame).argmax(-1).tolist() == [1, 1, 0, 0]
    assert card["data"]["split"]["test"] == card["metrics"]["test_accuracy"]["n"] == 1066
    low, _ = card["metrics"]["test_accuracy"]["interval_95_wilson"]
    majority, _ = card["metrics"]["baselines_test_accuracy"].values()
    assert majority["interval_95_wilson"][1] < low
