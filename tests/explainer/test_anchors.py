"""Anchors on classifiers whose rules are known, and their bounds against their definition."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from explainer.artifact import Stimulus
from explainer.methods import MethodError
from explainer.methods.anchors import coverage
from explainer.methods.bounds import divergence, exploration, lower, upper
from explainer.methods.catalogue import method
from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.text import TextClassifier
from explainer.models.tokenisers import WordTokeniser
from explainer.shapley.game import Plain, drive
from explainer.shapley.trees import line_tree
from explainer.subjects import Mask, Players, Subject
from explainer.subjects.text import TextSubject

TEXT = "the film was not at all bad , and short"
WORDS = TEXT.split()


class Words(Subject):
    """Says 1 of a text whose words a rule likes; a masked word is gone, or one of `others`."""

    kind = "text"
    artifact_kind = "text"
    masks = ("baseline", "background")
    groups = ("words",)
    digest = "0" * 64

    def __init__(self, rule, others=()):
        self.network = nn.Linear(1, 1)
        self.rule, self.others = rule, others
        self.scorer = Plain(self.score)
        self.rows = 0

    def score(self, rows):
        self.rows += len(rows)
        likes = [self.rule([word for word in row if word]) for row in self.words(rows)]
        return torch.tensor([[0.2, 0.8] if like else [0.8, 0.2] for like in likes]).log()

    def words(self, rows):
        names = ["", *WORDS, *self.others]
        return [[names[k] for k in row] for row in rows.tolist()]

    def stimulus(self, content, truth=None, source=None):
        likes = self.rule(content.split())
        scores = np.log(np.array([0.2, 0.8] if likes else [0.8, 0.2], np.float32))
        return Stimulus(
            "text",
            np.frombuffer(content.encode(), np.uint8),
            None,
            ("no", "yes"),
            scores,
            self.digest,
            {},
        )

    def outputs(self, stimulus):
        return stimulus.labels

    def explained(self, stimulus, which):
        return [stimulus.labels.index(stimulus.predicted)]

    def players(self, stimulus, group="default", size=1):
        ends = np.cumsum([len(word) + 1 for word in WORDS])
        spans = tuple((int(e) - len(w) - 1, int(e) - 1) for w, e in zip(WORDS, ends, strict=True))
        return Players(torch.arange(len(WORDS)), spans, line_tree(len(WORDS)))

    def mask(self, stimulus, mask="default", seed=0):
        tokens = torch.arange(len(WORDS)) + 1
        if mask == "background" and not self.others:
            raise MethodError("none at hand")
        if mask == "background":
            rest = (torch.arange(len(self.others)) + 1 + len(WORDS))[:, None]
        else:
            rest = torch.zeros(1, 1, dtype=torch.long)

        def fill(playing):
            return (torch.where(playing[:, None], tokens, rest).flatten(0, 1),)

        return Mask(str(mask), fill, len(rest), torch.tensor([w == "," for w in WORDS]))

    def embed(self, stimulus):
        raise NotImplementedError

    def embedded_baseline(self, stimulus, mask):
        raise NotImplementedError

    def score_embedded(self, x, stimulus):
        raise NotImplementedError


def run(subject, seed=0, text=TEXT, outputs=None, **given):
    stimulus = subject.stimulus(text)
    chosen = method("anchors")
    outputs = subject.explained(stimulus, "predicted") if outputs is None else outputs
    return drive(chosen.function(subject, stimulus, outputs, chosen.complete(given), seed))


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_that_is_right_is_found(seed):
    """Yes means "not" and "bad" both: a rule of one has precision 1/2, of none 1/4."""
    found = run(Words(lambda words: {"not", "bad"} <= set(words)), seed)
    assert set(found.details["words"]) == {"not", "bad"}
    assert found.details["found"]
    assert found.details["precision"] == 1
    assert found.details["coverage"] == 0.25
    low, high = found.details["precision_interval"]
    assert 0.95 < low < high == 1
    first, second = (found.values[player, 0] for player in found.details["players"])
    assert found.base_values[0] == pytest.approx(0.25, abs=0.1)
    assert first == pytest.approx(0.25, abs=0.15)
    assert second == pytest.approx(0.5, abs=0.1)
    assert (np.delete(found.values[:, 0], found.details["players"]) == 0).all()
    assert not found.complete


def test_words_that_are_enough_together_need_all_of_them():
    """Yes means three of "not", "all", "bad", "short": any three do, no two have precision 0.95."""
    key = {"not", "all", "bad", "short"}
    found = run(Words(lambda words: len(key & set(words)) >= 3), evaluations=40_000)
    assert len(found.details["words"]) == 3
    assert set(found.details["words"]) < key


def test_a_prediction_that_nothing_changes_needs_no_word():
    found = run(Words(lambda words: True))
    assert found.details["words"] == []
    assert found.details["coverage"] == 1
    assert (found.values == 0).all()


def test_a_less_precise_rule_is_shorter():
    """Of four words with three needed, two have precision 3/4."""
    key = {"not", "all", "bad", "short"}
    found = run(Words(lambda words: len(key & set(words)) >= 3), threshold=0.6)
    assert len(found.details["words"]) == 2
    assert found.details["precision"] == pytest.approx(0.75, abs=0.08)


def test_backgrounds_are_drawn_one_by_one():
    """A masked word is "awful" in one background of two, so a rule of nothing has 3/4."""
    subject = Words(lambda words: bool({"bad", "awful"} & set(words)), others=("awful", "fine"))
    found = run(subject)
    assert found.value_function.endswith("background")
    assert found.details["words"] == ["bad"]
    # "awful" stands for any masked word in one background; in the other, "bad" itself must show.
    assert found.base_values[0] == pytest.approx(0.75, abs=0.08)


@pytest.mark.parametrize("mask", ["baseline", "delete", "background"])
def test_precision_on_a_text_model_is_the_share_of_all_draws(mask):
    """Every way to mask the words that the rule leaves, on every background, counted out."""
    tokeniser = WordTokeniser(["<eos>", "<unk>", "good", "bad", "film", "the"])
    torch.manual_seed(6)
    network = AttentionClassifier(AttentionConfig(tokeniser.size, 8, 6, 2)).eval()
    network.requires_grad_(False)
    for parameter in network.parameters():
        parameter.mul_(3)
    model = TextClassifier(network, tokeniser, ("no", "yes"))
    subject = TextSubject(model, "0" * 64, ("bad bad film", "the good film the"))
    text = "the film the bad good film"
    found = run(subject, text=text, mask=mask, threshold=0.99)
    stimulus = subject.stimulus(text)
    rule = found.details["players"]
    free = [k for k in range(6) if k not in rule]
    rows = torch.ones(2 ** len(free), 6, dtype=torch.bool)
    rows[:, free] = torch.tensor(list(itertools.product([False, True], repeat=len(free)))).bool()
    tokens = subject.mask(stimulus, mask).fill(rows)
    label = stimulus.labels.index(stimulus.predicted)
    exact = (subject.scorer(tokens).argmax(-1) == label).double().mean()
    low, high = found.details["precision_interval"]
    assert low <= exact <= high
    assert found.details["words"] == [text.split()[k] for k in rule]
    assert found.base_values[0] < found.details["precision"]


def test_every_evaluation_is_counted_and_the_budget_holds():
    subject = Words(lambda words: len(words) % 2 == 0)
    found = run(subject, evaluations=1000, text=TEXT)
    assert found.evaluations == subject.rows
    words = len(found.details["words"])
    assert found.evaluations <= 1000 + 400 * (words + 1)
    assert not found.details["found"]
    assert 0 <= found.details["precision"] <= 1


def test_standard_errors_are_binomial():
    found = run(Words(lambda words: "bad" in words))
    (player,) = found.details["players"]
    base = found.base_values[0]
    assert found.standard_errors[player, 0] == pytest.approx(
        np.sqrt(base * (1 - base) / 399), rel=1e-6
    )


def test_coverage_is_the_share_of_background_texts_with_the_rules_words():
    """Whole words, as many of each, in any order; spans reach into words where tokens play."""
    text = "not a bad film , not at all"
    not_, bad, again = (0, 3), (5, 9), (16, 20)
    background = [
        "bad , not good",
        "not badly made",
        "nothing bad",
        "not not bad at all",
        "Not bad",
    ]
    for spans, share in (
        ([], 1.0),
        ([not_], 0.6),
        ([not_, bad], 0.4),
        ([not_, bad, again], 0.2),
        ([(1, 2), (7, 9)], 0.4),
    ):
        found = coverage(text, spans, background)
        assert found == {"coverage": share, "coverage_of": "5 background texts"}
    assert coverage(text, [not_, bad], None) == {
        "coverage": 0.25,
        "coverage_of": "draws of masked words",
    }


def test_only_the_prediction_can_be_held():
    with pytest.raises(MethodError, match="explain the output predicted"):
        run(Words(lambda words: True), outputs=[0, 1])


@pytest.mark.parametrize(("mean", "count"), [(0.0, 5), (0.3, 20), (0.97, 400), (1.0, 60)])
def test_bounds_solve_their_equation(mean, count):
    """count * kl(mean, q) = level, by scipy's root finding; 1e-9."""
    level = exploration(10, 3, 0.05)

    def over(q):
        return count * divergence(np.array(mean), np.array(q)) - level

    given = np.array([mean]), np.array([count]), level
    high = 1.0 if mean == 1 else brentq(over, mean, 1 - 1e-15, xtol=1e-14)
    low = 0.0 if mean == 0 else brentq(over, 1e-300, mean, xtol=1e-14)
    assert upper(*given)[0] == pytest.approx(high, abs=1e-9)
    assert lower(*given)[0] == pytest.approx(low, abs=1e-9)


def test_divergence_by_hand():
    expected = 0.3 * np.log(0.3 / 0.6) + 0.7 * np.log(0.7 / 0.4)
    assert divergence(np.array(0.3), np.array(0.6)) == pytest.approx(expected)
