"""Channels and rules, reading order, and two models side by side: against cases that are known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import explainer
from explainer.explain import explain
from explainer.inspect.activations import places, record
from explainer.inspect.comparison import compare, perplexity, worst
from explainer.inspect.order import differences, interactions, kept_within, reading_order, runs
from explainer.inspect.reach import common_players, reach
from explainer.inspect.rules import step_rules, token_rules
from explainer.inspect.states import rank_channels, shown, strongest
from explainer.methods import MethodError
from explainer.models.cnn import CNNConfig, ReLUCNN
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.subjects.image import ImageSubject
from explainer.subjects.load import load

CHECKPOINTS = Path(explainer.__file__).parent / "assets" / "checkpoints"
TEXTS = ["The cat sat . It was 12 .", 'He said "no way" to Ann .', "Is it on , or off ?"]


def spans_of(text):
    """A span a word, the space before it inside, as byte-pair tokens have it."""
    found, at = [], 0
    for word in text.split(" "):
        end = at + len(word) + (1 if at else 0)
        found.append((at, end))
        at = end
    return found


@pytest.fixture(scope="module")
def rules():
    return token_rules(TEXTS, [spans_of(text) for text in TEXTS])


def column(rules, name):
    names, features, owner = rules
    return [features[owner == k, names.index(name)].astype(int).tolist() for k in range(3)]


def test_rules_of_tokens_hold_where_they_should(rules):
    assert column(rules, "capitalised") == [
        [1, 0, 0, 0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0, 1, 0],
        [1, 0, 0, 0, 0, 0, 0],
    ]
    assert column(rules, "digit")[0] == [0, 0, 0, 0, 0, 0, 1, 0]
    assert column(rules, "end of sentence") == [
        [0, 0, 0, 1, 0, 0, 0, 1],
        [0] * 6 + [1],
        [0] * 6 + [1],
    ]
    assert column(rules, "after the end of a sentence")[0] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert column(rules, "inside quotation marks")[1] == [0, 0, 0, 1, 0, 0, 0]
    assert column(rules, "comma or colon")[2] == [0, 0, 0, 1, 0, 0, 0]
    assert column(rules, "letters")[0] == [3, 3, 3, 1, 2, 3, 2, 1]
    assert column(rules, "position")[1] == list(range(7))
    assert column(rules, "is '.'") == [*column(rules, "end of sentence")[:2], [0] * 7]


def test_rules_of_steps_are_in_units_of_the_mean_step():
    window = np.array([[1.0, 2.0, 4.0, 3.0]])
    names, features, owner = step_rules(window, np.array([[0, 1, 2, 3]]))
    _, higher, _ = step_rules(10 * window)
    unit = (0 + 1 + 2 + 1) / 4
    found = dict(zip(names, features.T, strict=True))
    np.testing.assert_allclose(
        found["change since the step before"], np.array([0, 1, 2, -1]) / unit
    )
    np.testing.assert_allclose(found["size of the step"], np.array([0, 1, 2, 1]) / unit)
    np.testing.assert_allclose(found["level less the window's mean"], (window[0] - 2.5) / unit)
    np.testing.assert_array_equal(found["Wednesday"], [0, 0, 1, 0])
    np.testing.assert_allclose(higher, features[:, : higher.shape[1]])
    assert owner.tolist() == [0] * 4


def test_a_channel_that_follows_a_rule_is_ranked_first_and_named():
    """R2 and AUC are those of numpy and scipy on the half that was not fitted on."""
    random = np.random.default_rng(0)
    features = (random.random((400, 3)) < 0.3).astype(float)
    owner = np.repeat(np.arange(40), 10)
    activations = random.normal(size=(400, 4))
    activations[:, 2] += 5 * features[:, 1]
    first, *rest = rank_channels(activations, (("a", "b", "c"), features, owner), seed=3)
    assert (first.channel, first.rule) == (2, "b")
    assert first.r2.value > 0.7
    assert first.r2.low < first.r2.value < first.r2.high
    assert all(each.r2.value < 0.1 for each in rest)
    drawn = np.random.default_rng([3, 5]).permutation(np.arange(40))
    fitted = np.isin(owner, drawn[:20])
    line = stats.linregress(features[fitted, 1], activations[fitted, 2])
    x, y = features[~fitted, 1], activations[~fitted, 2]
    wrong = y - line.intercept - line.slope * x
    assert first.r2.value == pytest.approx(
        1 - wrong.var() / y.var() - wrong.mean() ** 2 / y.var(), abs=1e-3
    )
    u = stats.mannwhitneyu(y[x == 1], y[x == 0]).statistic
    assert first.auc == pytest.approx(u / ((x == 1).sum() * (x == 0).sum()), abs=1e-4)
    assert first.slope == pytest.approx(line.slope, rel=1e-3)
    assert first.r2.n == 200
    with pytest.raises(MethodError, match="give two or more"):
        rank_channels(activations, (("a",), features[:, :1], np.zeros(400, int)))


def test_the_strongest_spans_are_of_different_inputs():
    activation = np.zeros(30)
    activation[[4, 5, 6]] = 3, 9, 8
    activation[[21, 22]] = -7, -2
    owner = np.repeat([0, 1, 2], 10)
    one, two, *_ = strongest(activation, owner)
    assert (one.input, one.start, one.end, one.peak, one.activation) == (0, 5, 7, 5, 9.0)
    assert (two.input, two.start, two.end) == (2, 1, 2)
    text = TEXTS[0]
    assert "[ was 12]" in shown(one, text, spans_of(text))


@pytest.mark.parametrize(
    "name", ["reviews-s4", "wikitext-s4", "wikitext-transformer", "wikitext-lstm"]
)
def test_what_a_block_puts_out_is_recorded_step_by_step(name):
    network = load(CHECKPOINTS / name, device="cpu").network
    tokens = torch.arange(2, 14).view(2, 6)
    read = (
        (lambda: network(tokens))
        if name == "reviews-s4"
        else lambda: network.log_probabilities(tokens)
    )
    found = record(network, -1, read)
    assert found.shape[:2] == (2, 6)
    assert found.shape[2] in {64, 128}
    with pytest.raises(MethodError, match="there is no block 9"):
        record(network, 9, read)
    with pytest.raises(MethodError, match="no blocks"):
        places(torch.nn.Linear(1, 1))


class Neighbours(torch.nn.Module):
    """The sum of products of neighbours in some order: only they interact."""

    def __init__(self, order):
        super().__init__()
        self.order = torch.tensor(order)
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        read = x[:, self.order, 0]
        score = self.weight * (read[:, 1:] * read[:, :-1]).sum(-1)
        return torch.stack([score, -score], -1)


def small(network, order=None):
    preprocessing = Preprocessing(8, 8, (0.2,), (0.3,), order)
    return ImageSubject(ImageClassifier(network, preprocessing, ("a", "b")).eval(), "0" * 64)


@pytest.mark.parametrize("name", ["runs row by row", "runs as read", "patches"])
def test_the_order_in_which_an_image_is_read_is_found(name):
    """Neighbours in an order interact: runs of it keep (m - 1) / m of what there is."""
    pixels = np.arange(64)
    drawn = tuple(np.random.default_rng(0).permutation(64).tolist())
    blocks = np.lexsort((pixels % 8 % 4, pixels // 8 % 4, pixels % 8 // 4, pixels // 8 // 4))
    order = {"runs row by row": pixels, "runs as read": drawn, "patches": blocks}[name]
    subject = small(Neighbours(pixels), tuple(order) if name == "runs as read" else None)
    if name == "patches":
        subject = small(Neighbours(blocks))
    image = np.random.default_rng(1).integers(1, 255, (8, 8)).astype(np.uint8)
    found = reading_order(subject, [subject.stimulus(image)] * 2)
    assert found.most == name
    assert found.within[name].value == pytest.approx(15 / 16, abs=0.05)
    assert found.chance == pytest.approx(15 / 63)
    assert all(each.value > 0 for each in found.against.values())
    assert found.to_json()["n"] == 2


def test_mixed_differences_of_what_is_bilinear_are_its_second_derivatives():
    subject = small(Neighbours(np.arange(64)))
    image = np.random.default_rng(1).integers(1, 255, (8, 8)).astype(np.uint8)
    stimulus, drawn = subject.stimulus(image), np.array([0, 9, 63])
    expected = interactions(subject, stimulus, drawn)
    assert (expected > 0).sum() == 1 + 2 + 1
    np.testing.assert_allclose(differences(subject, stimulus, drawn), expected, atol=1e-3)


def test_relus_interact_by_differences_and_an_added_up_model_does_not():
    image = np.random.default_rng(1).integers(1, 255, (8, 8)).astype(np.uint8)
    torch.manual_seed(0)
    relu = small(ReLUCNN(CNNConfig(8, 8, 2, 2)).eval())
    found = reading_order(relu, [relu.stimulus(image)], by="differences")
    assert found.most == "patches"
    line = small(Line())
    with pytest.raises(MethodError, match="adds up what it makes of each alone"):
        differences(line, line.stimulus(image), np.array([1]))


class Line(torch.nn.Module):
    """Counts in whole numbers, so that nothing is rounded."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return torch.stack([self.weight + 0 * x.sum((1, 2)), self.weight + 0 * x.sum((1, 2))], -1)


def test_reading_order_refuses_what_cannot_tell():
    relu = small(ReLUCNN(CNNConfig(8, 8, 2, 2)))
    image = np.random.default_rng(1).integers(1, 255, (8, 8)).astype(np.uint8)
    with pytest.raises(MethodError, match="ReLUs"):
        reading_order(relu, [relu.stimulus(image)])
    with pytest.raises(MethodError, match="do not divide"):
        reading_order(relu, [relu.stimulus(image)], side=3)
    with pytest.raises(MethodError, match="give at least one"):
        reading_order(relu, [])


def test_what_is_kept_within_players_is_a_share():
    member = runs(np.arange(4), 2)
    found = np.array([[0.0, 3.0, 1.0, 0.0]])
    assert kept_within(found, np.array([0]), member) == 0.75


def test_reach_is_where_half_of_the_absolute_value_lies():
    assert reach([1, -1, 2], [3, 2, 1]) == 1
    assert reach([3, -1, 1], [3, 2, 1]) == 3
    assert reach([0, 0], [2, 1]) is None
    assert common_players([(0, 3), (4, 9)], [(0, 3), (4, 6), (7, 9), (9, 10)]) == (
        (0, 3),
        (4, 9),
        (9, 10),
    )


def test_two_language_models_side_by_side():
    """Each side's values are what explaining it alone gives, on the words that both share."""
    first, second = (
        load(CHECKPOINTS / f"wikitext-{n}", device="cpu") for n in ("s4", "transformer")
    )
    prompt = "The old lighthouse was built in"
    found = compare(first, second, prompt, evaluations=100)
    assert found.words == ("The", "old", "lighthouse", "was", "built", "in")
    for side, subject in zip(found.sides, (first, second), strict=True):
        alone = explain(
            subject,
            subject.stimulus(prompt),
            "permutation",
            output="all",
            players="words",
            evaluations=100,
        ).artifact
        np.testing.assert_allclose(side.values, alone.values, atol=1e-6)
        assert side.values.shape == (6, len(side.tokens) + 1)
        assert all(each is None or 1 <= each <= 6 for each in side.words_back)
        assert side.perplexity == pytest.approx(perplexity(subject, prompt), abs=1e-3)
    assert -1 <= found.agreement <= 1
    assert found.to_json()["method"] == "permutation"


def test_the_worst_prompt_is_the_least_likely():
    subject = load(CHECKPOINTS / "wikitext-s4", device="cpu")
    prompts = ["The film was released in", "zx qv jk ww", "of the of the of the"]
    tokens = torch.tensor([subject.tokeniser.encode(prompts[0])])
    nats = subject.model.log_probabilities(tokens[:, :-1])[0].gather(-1, tokens[0, 1:, None])
    assert perplexity(subject, prompts[0]) == pytest.approx(float((-nats.mean()).exp()), rel=1e-5)
    assert worst(subject, prompts) == "zx qv jk ww"
    with pytest.raises(MethodError, match="no prompts"):
        worst(subject, [])
