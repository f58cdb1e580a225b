"""The commands of python -m explainer.inspect: what they print and write is what is so."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import explainer
from explainer.inspect.__main__ import COMMANDS, main, parser
from explainer.inspect.attended import between, decomposed, imposed
from explainer.inspect.comparison import perplexity
from explainer.inspect.measured import mean, of_sums, ratio
from explainer.models import checkpoint
from explainer.models.text import TOKENISER, TextClassifier, predict
from explainer.subjects.load import load

CHECKPOINTS = Path(explainer.__file__).parent / "assets" / "checkpoints"
REVIEWS = [
    ("A warm and generous comedy.", "positive"),
    ("A lifeless remake.", "negative"),
    ("The jokes are old and the acting is flat.", "negative"),
    ("Quiet, patient and beautifully shot.", "positive"),
]
PROMPTS = ["The old lighthouse was built in", "The film tells the story of", "of the"]


@pytest.fixture
def texts(tmp_path):
    """Reviews, and prompts, as files."""
    reviews, prompts = tmp_path / "reviews.jsonl", tmp_path / "prompts.jsonl"
    reviews.write_text("\n".join(json.dumps({"text": t, "truth": y}) for t, y in REVIEWS))
    prompts.write_text("\n".join(json.dumps({"text": text}) for text in PROMPTS))
    return reviews, prompts


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command: what it wrote as JSON, and what it printed."""

    def go(*options):
        path = tmp_path / "found.json"
        given = [*map(str, options), "--device", "cpu", "--json", str(path)]
        assert main(given) == 0, capsys.readouterr().err
        data = json.loads(path.read_text())
        assert data["schema"] == "credence/inspection/1"
        return data, capsys.readouterr().out

    return go


def read(name):
    return load(CHECKPOINTS / name, device="cpu")


def test_layers_beside_saying_how_often_each_label_is_true(run, texts):
    data, said = run("layers", "reviews-s4", "--data", texts[0])
    found = predict(read("reviews-s4").model, [text for text, _ in REVIEWS])
    rows = [["negative", "positive"].index(truth) for _, truth in REVIEWS]
    assert data["loss"]["value"] == pytest.approx(-found[range(4), rows].mean(), abs=1e-5)
    assert data["right"]["value"] == (found.argmax(1) == rows).mean()
    assert data["baseline"] == {"loss": round(float(np.log(2)), 4), "right": 0.5}
    assert "block 0 S4" in said
    assert data["checkpoint"] == read("reviews-s4").digest


def test_layers_of_a_language_model_are_judged_by_whole_texts(run, texts):
    data, _ = run("layers", "wikitext-s4", "--data", texts[1])
    subject = read("wikitext-s4")
    expected = np.mean([np.log(perplexity(subject, text)) for text in PROMPTS])
    assert data["loss"]["value"] == pytest.approx(expected, rel=1e-4)
    assert len(data["layers"]) == 6


def test_refresh_counts_what_was_given_apart(run, texts):
    data, said = run("refresh", "wikitext-s4", "--data", texts[1], "--length", 5, "--prefix", 3)
    one, two, three = data["every"]
    assert [each["given"] for each in data["every"]] == [1, round(2 / 3, 4), round(1 / 3, 4)]
    assert (one["naive"]["value"], one["not_given"], one["commonest"]) == (1, None, None)
    assert two["not_given"]["n"] == data["passages"] * 1
    assert three["not_given"]["n"] == data["passages"] * 2
    assert one["after"]["n"] == data["passages"]
    assert three["naive"]["value"] >= 1 / 3 - 1e-6
    assert "after the prefix" in said


def test_a_language_models_attention_times_each_states_logits_is_what_it_says_next():
    subject = read("wikitext-attention")
    attention, logits = decomposed(subject, PROMPTS[0])
    tokens = torch.tensor([subject.tokeniser.encode(PROMPTS[0])])
    with torch.no_grad():
        expected = subject.model.log_probabilities(tokens)[0, -1].double()
    found = torch.log_softmax(attention @ logits, -1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert float(attention.sum()) == pytest.approx(1, abs=1e-6)
    same = between(subject, subject, PROMPTS)
    assert same.attention.value == same.prediction.value == 0
    other = between(subject, read("wikitext-attention-uniform"), PROMPTS)
    assert other.prediction.value > 0.05
    flat, _ = decomposed(read("wikitext-attention-uniform"), PROMPTS[0])
    np.testing.assert_allclose(flat.numpy(), 1 / len(flat), atol=1e-7)


def test_attention_command_beside_a_control_and_imposed(run, texts):
    data, said = run(
        "attention",
        "reviews-attention",
        *("--data", texts[0], "--beside", "reviews-attention-uniform"),
        *("--imposed-on", "reviews-attention-mlp", "--permutations", 5),
    )
    assert data["tests"]["uniform"]["n"] == 4
    assert 0 < data["beside"]["reviews-attention-uniform"]["prediction"]["value"] < 1
    assert len(data["seeds_in_card"]["test_accuracies"]) == 5
    assert "models of several seeds" in said
    folder = CHECKPOINTS / "reviews-attention-mlp"
    network, card = checkpoint.load(folder)
    tokeniser = checkpoint.companion(folder, card, TOKENISER)
    mlp = TextClassifier.of(network, card, tokeniser).eval()
    guide = read("reviews-attention").model
    right = []
    for text, truth in REVIEWS:
        weights = decomposed(guide, text)[0].float()[None]
        logits = network(*mlp.tokens([text]), weights)
        right.append(mlp.labels[int(logits.argmax())] == truth)
    assert data["imposed"]["guide"]["value"] == np.mean(right)
    with pytest.raises(Exception, match="none of its own"):
        imposed(guide, guide, ["a"], ["positive"])


def test_channels_shows_where_each_fires(run, texts):
    data, said = run("channels", "wikitext-s4", "--data", texts[1], "--top", 2)
    best, second = data["channels"][:2]
    assert best["r2"]["value"] >= second["r2"]["value"]
    assert f"channel {best['channel']} ({best['rule']})" in said
    assert len(data["by_chance"]) == 2
    span = best["strongest"][0]
    assert 0 <= span["start"] <= span["peak"] < span["end"]


def test_channels_along_series(run):
    data, said = run("channels", "sp500-spacetime", "--top", 1)
    assert data["channels"][0]["r2"]["value"] > 0.4
    assert abs(data["by_chance"][0]["r2"]["value"]) < 0.05
    assert "steps before what comes" in said
    assert "not independent" in said


def test_compare_finds_the_worst_prompt(run, texts):
    data, said = run(
        "compare", "wikitext-s4", "wikitext-transformer", "--data", texts[1], "--evaluations", 40
    )
    hard = [perplexity(read("wikitext-s4"), text) for text in PROMPTS]
    assert data["worst"][0] == int(np.argmax(hard))
    first = data["summary"]["log perplexity a token"][0]
    assert first["value"] == pytest.approx(np.median(np.log(hard)), rel=1e-4)
    assert "worst perplexity under wikitext-s4" in said
    assert [len(each["words"]) for each in data["prompts"]] == [6, 6, 2]
    assert data["summary"]["range of equal values"][0]["value"] == 3


def test_order_of_a_model_of_relus_by_differences(run):
    data, said = run("order", "mnist-cnn", "--images", 1, "--by", "differences", "--side", 7)
    (found,) = data["orders"].values()
    assert found["chance"] == pytest.approx(48 / 783)
    assert found["most"] == "patches"
    assert "patches keep the most" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["layers", "mnist-s4x"], "did you mean mnist-s4d"),
        (["layers", "mnist-cnn"], "no layers beside residuals"),
        (["layers", "sp500-spacetime"], "no right answers to lose"),
        (["layers", "wikitext-s4", "--data", "none.jsonl"], "none.jsonl: cannot be read"),
        (["refresh", "reviews-s4"], "is no language model"),
        (["refresh", "wikitext-s4", "--length", "900"], "give a lower --length"),
        (["attention", "wikitext-lstm"], "such as wikitext-attention"),
        (["attention", "mnist-s4d"], "reads texts"),
        (["channels", "mnist-s4d"], "texts or series"),
        (["channels", "wikitext-s4", "--block", "9"], "there is no block 9"),
        (["order", "reviews-s4"], "reads no images"),
        (["order", "mnist-cnn", "--images", "1"], "compare it by differences"),
    ],
)
def test_refusals_are_one_line(options, message, capsys):
    assert main([*options, "--device", "cpu"]) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_every_command_says_what_it_takes(capsys):
    for name in COMMANDS:
        with pytest.raises(SystemExit) as left:
            parser().parse_args([name, "--help"])
        assert left.value.code == 0
        assert "--json" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        parser().parse_args(["refresh", "wikitext-s4", "--length", "1"])
    assert "no whole number from 2 on" in capsys.readouterr().err


def test_a_statistic_of_sums_is_the_ratio_that_it_is():
    parts, wholes = np.array([1.0, 0, 3]), np.array([2.0, 4, 3])
    found = of_sums(np.stack([parts, wholes]), lambda sums: sums[0] / sums[1], "share", 9)
    expected = ratio(parts, wholes)
    assert (found.value, found.low, found.high, found.n) == (
        expected.value,
        expected.low,
        expected.high,
        9,
    )
    logs = mean(np.log([1.0, 2.0, 4.0])).exp()
    assert logs.value == pytest.approx(2)
    assert 1 <= logs.low <= 2 <= logs.high <= 4
