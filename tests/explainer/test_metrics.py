"""Metrics against captum, closed forms, and games whose answer is known."""

from dataclasses import replace

import captum.metrics
import numpy as np
import pytest
import torch
from scipy import stats

from explainer import library
from explainer.artifact import Explanation, Job
from explainer.methods import MethodError
from explainer.metrics import fidelity
from explainer.metrics.agreement import on_common_ground, rank_agreement, sparsity, top_overlap
from explainer.metrics.fidelity import correlation, drops, infidelity, losses
from explainer.metrics.measure import Known, measure, other_mask, parts_of
from explainer.metrics.removal import area, random_removal, ranking, removal
from explainer.metrics.stability import neighbours, stability
from explainer.shapley.game import Game, Plain, drive
from explainer.subjects.image import ImageSubject
from explainer.subjects.load import load
from tests.explainer.conftest import SIDE, tiny_model


def additive(weights, base=0.5, idle=None):
    weights = torch.as_tensor(weights, dtype=torch.float64)
    scorer = Plain(lambda coalitions: (base + coalitions.double() @ weights).unsqueeze(-1))
    return Game(len(weights), lambda coalitions: (coalitions,), scorer, idle=idle)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(size=40)


def test_curves_of_an_additive_game_are_cumulative_sums(weights):
    """Deleting the most relevant first leaves what the rest adds up to, and inserting builds it."""
    found = drive(removal(additive(weights), ranking(weights, 0)))
    in_order = np.sort(weights)[::-1]
    built = 0.5 + np.concatenate([[0], np.cumsum(in_order)])
    counts = (found.shares * 40).round().astype(int)
    np.testing.assert_allclose(found.insertion, built[counts], atol=1e-12)
    np.testing.assert_allclose(found.deletion, built[-1] - built[counts] + 0.5, atol=1e-12)
    lost = [built[max(1, round(share * 40))] - 0.5 for share in (0.01, 0.05, 0.1, 0.2, 0.5)]
    assert found.comprehensiveness == pytest.approx(np.mean(lost), abs=1e-12)
    assert found.sufficiency == pytest.approx(built[-1] - 0.5 - np.mean(lost), abs=1e-12)
    assert found.deletion_area == pytest.approx(np.trapezoid(found.deletion, found.shares))


def test_deleting_the_least_relevant_first_is_insertion_backwards(weights):
    game = additive(weights)
    order = ranking(weights, 0)
    forth, back = drive(removal(game, order)), drive(removal(game, order[::-1]))
    np.testing.assert_allclose(back.deletion[::-1], forth.insertion, atol=1e-12)
    assert back.deletion_area == pytest.approx(forth.insertion_area, abs=1e-12)


def test_the_true_order_beats_random_ones(weights):
    game = additive(weights)
    found = drive(removal(game, ranking(weights, 0)))
    for chance in drive(random_removal(game, seed=3)):
        assert found.deletion_area < chance.deletion_area
        assert found.insertion_area > chance.insertion_area


@pytest.mark.parametrize("players", [1, 2, 3, 7, 40, 65])
def test_random_orders_come_with_their_reverses_for_nothing(players):
    """On a game that is not additive, each is what removing in that order finds."""
    values = torch.from_numpy(np.random.default_rng(players).normal(size=(players, players)))

    def scored(coalitions):
        playing = coalitions.double()
        return ((playing @ values) * playing).sum(-1, keepdim=True)

    game = Game(players, lambda coalitions: (coalitions,), Plain(scored))
    found = drive(random_removal(game, seed=5))
    asked = game.evaluations
    random = np.random.default_rng([5, 6])
    for k in range(0, len(found), 2):
        order = random.permutation(players)
        for each, expected in ((found[k], order), (found[k + 1], order[::-1])):
            alone = drive(removal(game, expected))
            for name in ("shares", "deletion", "insertion"):
                np.testing.assert_allclose(getattr(each, name), getattr(alone, name), atol=1e-10)
            assert each.numbers() == pytest.approx(alone.numbers())
    assert asked < 0.7 * (game.evaluations - asked)


def test_equal_players_are_removed_in_an_order_of_the_seed():
    values = np.zeros(100)
    values[40] = 1
    orders = [ranking(values, seed) for seed in (1, 2)]
    assert orders[0][0] == orders[1][0] == 40
    assert sorted(orders[0]) == list(range(100))
    assert (orders[0] != orders[1]).mean() > 0.9


def test_area_of_a_line():
    assert area(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0.5


def test_infidelity_is_captums(weights):
    """captum.metrics.infidelity with the same hidden sets, by 1e-9."""
    torch.manual_seed(0)
    second = torch.randn(40, 40, dtype=torch.float64) / 10

    def forward(x):
        return x @ torch.from_numpy(weights) + ((x @ second) * x).sum(-1)

    game = Game(40, lambda c: (c.double(),), Plain(lambda x: forward(x).unsqueeze(-1)))
    ours = infidelity(weights, *drive(losses(game, seed=4)))
    sets = fidelity._sets(40, 4)
    theirs = captum.metrics.infidelity(
        forward,
        lambda inputs: (sets.double(), inputs - sets.double()),
        torch.ones(1, 40, dtype=torch.float64),
        torch.from_numpy(weights)[None],
        n_perturb_samples=fidelity.COALITIONS,
    )
    assert ours == pytest.approx(float(theirs), rel=1e-9)
    assert ours > 0


def test_hidden_sets_are_of_all_sizes():
    sizes = fidelity._sets(40, 0).sum(1)
    assert sizes.min() >= 1
    assert len(sizes.unique()) > 30


def test_values_of_an_additive_game_are_faithful(weights):
    idle = torch.zeros(40, dtype=torch.bool)
    idle[3] = True
    known = np.where(idle, 0, weights)
    game = additive(known, idle=idle)
    assert infidelity(known, *drive(losses(game, seed=1))) == pytest.approx(0, abs=1e-20)
    dropped = drive(drops(game))
    np.testing.assert_allclose(dropped, known, atol=1e-12)
    assert game.evaluations == 201 + 1 + 39
    assert correlation(2 * known + 1, dropped) == pytest.approx(1)
    assert correlation(-known, dropped) == pytest.approx(-1)
    assert correlation(np.ones(40), dropped) is None


def test_agreement(weights):
    other = weights + np.random.default_rng(1).normal(size=40)
    assert rank_agreement(weights, other) == pytest.approx(stats.spearmanr(weights, other)[0])
    tied, others = weights.round(), other.round()
    assert rank_agreement(tied, others) == pytest.approx(stats.spearmanr(tied, others)[0])
    assert rank_agreement(weights, np.zeros(40)) is None
    assert top_overlap(weights, weights) == 1
    assert top_overlap(weights, -weights) == 0


def test_maps_of_other_players_are_compared_over_their_parts():
    """Four pixels in pairs against each alone; words against the characters that both have."""
    pairs = made(((0, 1), (2, 3)), [4, 2], "image")
    single = made(((0,), (1,), (2,), (3,)), [1, 5, 3, 3], "image")
    found, other = on_common_ground(pairs, single, "x")
    assert found.tolist() == [2, 2, 1, 1]
    assert other.tolist() == [1, 5, 3, 3]
    words, letters = made(((0, 2), (3, 4)), [4, 1], "text"), made(((1, 2), (2, 4)), [7, 2], "text")
    found, other = on_common_ground(words, letters, "x")
    assert found.tolist() == [2, 1]
    assert other.tolist() == [7, 1]
    assert on_common_ground(words, replace(letters, outputs=("y",)), "x") is None


def test_the_output_that_is_compared_is_the_sum_or_the_predicted_one():
    a = replace(
        made(((0, 1), (1, 2)), [[1, 2], [3, 4]], "text"), outputs=("sum", "y"), full_values=None
    )
    b = replace(made(((0, 1), (1, 2)), [[5, 6, 7], [8, 9, 10]], "text"), outputs=("x", "y", "z"))
    assert on_common_ground(a, b, "z")[1].tolist() == [6, 9]
    both = replace(b, outputs=("x", "y", "sum"))
    assert on_common_ground(both, both, "y")[0].tolist() == [7, 10]
    assert on_common_ground(b, b, "y")[0].tolist() == [6, 9]


def test_sparsity_is_gini():
    """1 - 1 / M where one counts, 0 where all count the same."""
    assert sparsity(np.eye(1, 50)[0]) == pytest.approx(1 - 1 / 50)
    assert sparsity(np.full(50, -2.0)) == pytest.approx(0, abs=1e-12)
    a = np.array([1.0, 2.0, 3.0, 4.0])
    differences = np.abs(a[:, None] - a).mean() / (2 * a.mean())
    assert sparsity(a) == pytest.approx(differences)


@pytest.fixture(scope="module")
def subject():
    return ImageSubject(tiny_model().double(), "0" * 64)


@pytest.fixture(scope="module")
def stimulus(subject):
    image = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return subject.stimulus(image)


def explanation(subject, stimulus, values, players):
    return Explanation(
        job=Job("0" * 64, "0" * 64, "x", {}, 0),
        kind="image",
        players=players,
        outputs=(stimulus.predicted,),
        value_function="",
        values=values[:, None].astype(np.float32),
        base_values=np.zeros(1, np.float32),
        full_values=np.zeros(1, np.float32),
        standard_errors=None,
        completeness_gap=None,
    )


def made(players, values, kind):
    values = np.asarray(values, np.float32).reshape(len(players), -1)
    none = np.zeros(values.shape[1], np.float32)
    job = Job("0" * 64, "0" * 64, "x", {}, 0)
    outputs = ("x",) * values.shape[1]
    return Explanation(job, kind, players, outputs, "", values, none, none, None, None)


def test_explanations_of_a_stimulus_are_compared_with_the_same_random_ones(subject, stimulus):
    """The second is measured by its own removal alone: 2 masks x 37 x 2 points and a few more."""
    spans, known = subject.players(stimulus).spans, Known()
    random = np.random.default_rng(3)
    first, second = (
        explanation(subject, stimulus, random.normal(size=len(spans)), spans) for _ in range(2)
    )
    asked = []

    def counted(play):
        answer, rows = None, 0
        while True:
            try:
                ask = next(play) if answer is None else play.send(answer)
            except StopIteration as stop:
                asked.append(rows)
                return stop.value
            rows += len(ask.coalitions)
            answer = yield ask

    found = [
        drive(counted(measure(subject, stimulus, each, "mean", known=known)))
        for each in (first, second)
    ]
    alone = drive(measure(subject, stimulus, second, "mean"))
    assert found[1] == alone
    assert asked[1] < asked[0] / 6
    random_ones = [
        {name: value for name, value in each.metrics.items() if name.startswith("random_del")}
        for each in found
    ]
    assert random_ones[0] == random_ones[1]


def test_an_explanation_is_measured_beside_random_ones(subject, stimulus):
    """Drops as values: deleting in their order lowers the output faster than at random."""
    players = subject.players(stimulus)
    game = subject.game(
        stimulus, subject.explained(stimulus, "predicted"), players, subject.mask(stimulus)
    )
    dropped = drive(drops(game))
    found = drive(
        measure(subject, stimulus, explanation(subject, stimulus, dropped, players.spans), "mean")
    )
    metrics = found.metrics
    assert metrics["faithfulness_correlation"] == pytest.approx(1, abs=1e-6)
    assert metrics["infidelity"] < metrics["random_infidelity"]
    for suffix in ("", "_other_mask"):
        assert metrics[f"deletion_area{suffix}"] < metrics[f"random_deletion_area{suffix}"]
        assert metrics[f"insertion_area{suffix}"] > metrics[f"random_insertion_area{suffix}"]
    own, other = found.curves["removal"], found.curves["removal_other_mask"]
    assert own["shares"][0] == 0
    assert own["shares"][-1] == 1
    assert own["deletion"][0] == own["insertion"][-1] == pytest.approx(other["deletion"][0])
    assert own["deletion"][-1] != other["deletion"][-1]


def test_the_other_mask_is_another(subject):
    assert other_mask(subject, "default") == other_mask(subject, "zero") == "blur"
    assert other_mask(subject, "blur") == "mean"


def test_players_that_are_no_parts_of_the_input_are_refused(subject, stimulus):
    for spans, problem in ((((0,), ()), "no parts"), (((0,), (1,)), "do not cover")):
        found = explanation(subject, stimulus, np.zeros(2), spans)
        with pytest.raises(MethodError, match=problem):
            drive(measure(subject, stimulus, found, "mean"))


def test_words_are_parts_of_a_text_with_a_token_that_is_white_space_alone():
    subject = load(library.SHIPPED / "reviews-s4", device="cpu")
    stimulus = subject.stimulus("The pace is slow, yet I was never bored.")
    tokens = subject.players(stimulus, "each").spans
    assert any(not stimulus.text[start:end].strip() for start, end in tokens)
    for group in subject.groups:
        players = subject.players(stimulus, group)
        found = parts_of(subject, stimulus, players.spans)
        assert found.member.tolist() == players.member.tolist()


def test_stability_is_its_definition(subject, stimulus):
    """Values that are the pixels themselves move as far as the input: a Lipschitz estimate of 1."""

    def explain(found):
        yield from ()
        return found.content.reshape(-1) / 255

    values = drive(explain(stimulus))
    found = drive(stability(stimulus, values, explain, seed=2))
    moved = [np.linalg.norm(each.reshape(-1) / 255 - values) for each in neighbours(stimulus, 2)]
    assert found.lipschitz == pytest.approx(1)
    assert found.max_sensitivity == pytest.approx(max(moved) / np.linalg.norm(values))


def test_sensitivity_is_captums(subject, stimulus):
    """captum.metrics.sensitivity_max on the same neighbours."""

    def square(x):
        return torch.as_tensor(x).double().reshape(-1) ** 2

    def explain(found):
        yield from ()
        return square(found.content / 255)

    found = drive(stability(stimulus, square(stimulus.content / 255), explain, 2))
    close = torch.stack(
        [torch.from_numpy(each / 255).reshape(-1) for each in neighbours(stimulus, 2)]
    )
    theirs = captum.metrics.sensitivity_max(
        lambda x: (x[0] ** 2,),
        torch.from_numpy(stimulus.content / 255).reshape(1, -1),
        perturb_func=lambda x: (close,),
        n_perturb_samples=len(close),
    )
    assert found.max_sensitivity == pytest.approx(float(theirs), rel=1e-6)
