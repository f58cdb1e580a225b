"""The answers of simulated people follow the model that is stated."""

import numpy as np
import pytest

from webapp.simulate.chance import chance, logistic
from webapp.simulate.model import (
    WIDTH,
    EffectError,
    Model,
    describe,
    parse_effects,
    rate,
    thresholds,
)
from webapp.simulate.person import person

FACTORS = {"explanation": ["none", "shap", "mismatched"]}


@pytest.mark.parametrize("latent", [-1.0, 0.0, 1.5])
@pytest.mark.parametrize("points", [2, 5, 7])
def test_ratings_have_the_probabilities_of_the_cumulative_logit_model(
    latent: float, points: int
) -> None:
    """McCullagh 1980: P(at most k) = logistic(threshold k - latent); within 4 standard errors."""
    n, draw = 4000, chance(1, "test", latent, points)
    counts = np.bincount([rate(latent, points, draw) for _ in range(n)], minlength=points)
    at_most = np.array([logistic(each - latent) for each in thresholds(points)] + [1.0])
    wanted = np.diff(at_most, prepend=0.0)
    assert counts.sum() == n
    assert np.all(np.abs(counts / n - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / n))


def test_thresholds_are_even_and_in_the_middle() -> None:
    found = thresholds(7)
    assert np.allclose(np.diff(found), np.diff(found)[0])
    assert found[0] == -WIDTH
    assert found[-1] == WIDTH
    assert thresholds(2) == [0.0]


def test_one_seed_makes_the_same_people_however_many_there_are() -> None:
    assert person(Model(seed=3), 7) == person(Model(seed=3), 7)
    assert person(Model(seed=3), 7) != person(Model(seed=4), 7)
    assert person(Model(seed=3), 7).intercept != person(Model(seed=3), 8).intercept


def test_shares_of_people_and_their_spread_are_as_stated() -> None:
    model = Model(seed=2, dropout=0.3, slow=0.2, straight=0.1, hasty=0.05, participant_sd=1.5)
    crowd = [person(model, number) for number in range(3000)]

    def near(share: float, stated: float) -> bool:
        return abs(share - stated) < 4 * (stated * (1 - stated) / len(crowd)) ** 0.5

    for kind, stated in (("slow", 0.2), ("straight", 0.1), ("hasty", 0.05), ("careful", 0.65)):
        assert near(sum(each.kind == kind for each in crowd) / len(crowd), stated)
    assert near(sum(each.leaves is not None for each in crowd) / len(crowd), 0.3)
    # The standard error of a standard deviation is about sd / sqrt(2 n).
    assert abs(np.std([each.intercept for each in crowd]) - 1.5) < 4 * 1.5 / (2 * 3000) ** 0.5


def test_a_level_moves_the_latent_rating_by_its_effect() -> None:
    effects = {("explanation", "shap"): 0.8, ("model_correct", "true"): 0.5}
    model = Model(effects=effects, slope_sd=0.0)
    who = person(model, 0)
    alone = who.latent({"explanation": "none", "model_correct": "false"}, None)
    both = who.latent({"explanation": "shap", "model_correct": "true"}, None)
    assert both - alone == pytest.approx(1.3)
    assert who.latent({}, "abc") - who.latent({}, None) == pytest.approx(model.stimulus("abc"))


def test_a_slope_is_a_persons_own_and_has_the_stated_spread() -> None:
    model = Model(slope_sd=0.7)
    condition = {"explanation": "shap"}
    crowd = [person(model, number) for number in range(2000)]
    slopes = [each.latent(condition, None) - each.latent({}, None) for each in crowd]
    assert abs(np.std(slopes) - 0.7) < 4 * 0.7 / (2 * 2000) ** 0.5


def test_times_are_lognormal_with_the_stated_median() -> None:
    model = Model(seconds=6.0, spread=0.5, slow=0.0, straight=0.0, hasty=0.0)
    who = person(model, 0)
    logs = np.log([who.milliseconds(page) for page in range(2000)])
    assert abs(np.mean(logs) - np.log(6000 * who.pace)) < 4 * 0.5 / 2000**0.5
    assert abs(np.std(logs) - 0.5) < 4 * 0.5 / (2 * 2000) ** 0.5


def test_effects_are_read_as_they_are_written() -> None:
    given = ["explanation=shap:0.8", "model_correct=true:-1"]
    assert parse_effects(given, FACTORS) == {
        ("explanation", "shap"): 0.8,
        ("model_correct", "true"): -1.0,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["colour=red:1"], "no factor 'colour'; there is: explanation, model_correct"),
        (["explanation=shapp:1"], "no level 'shapp'; there is: none, shap, mismatched"),
        (["explanation=shap:much"], "'much' is no number"),
        (["explanation=shap:nan"], "'nan' is no number"),
        (["explanation=shap"], "has no level"),
        (["explanation=shap:1", "explanation=shap:2"], "has an effect already"),
    ],
)
def test_an_effect_that_cannot_be_is_refused_with_what_can(given: list[str], said: str) -> None:
    with pytest.raises(EffectError) as refused:
        parse_effects(given, FACTORS)
    assert said in str(refused.value)


def test_the_model_is_stated_with_every_number_of_it() -> None:
    model = Model(seed=9, effects={("explanation", "shap"): 0.8}, dropout=0.21, seconds=7.5)
    text = describe(model, "demo", 40)
    for part in ("seed 9", "explanation=shap: +0.8", "21% leave", "median 7.5 s", "stay real"):
        assert part in text


def test_no_effect_is_found_no_more_often_than_by_chance() -> None:
    """Seeds 1 to 100, 40 people, three trials each: at 5 %, within 4 standard errors.

    Student's test for pairs; 2.02 is the two-sided 5 % point of t with 39 degrees of freedom.
    """
    found = {"shap": 0, "mismatched": 0}
    for seed in range(1, 101):
        model = Model(seed=seed, effects={("explanation", "shap"): 2.0})
        ratings: dict[str, list[int]] = {level: [] for level in FACTORS["explanation"]}
        for number in range(40):
            who = person(model, number)
            for level, given in ratings.items():
                stimulus = str(chance(seed, "which", number, level).integers(12))
                latent = who.latent({"explanation": level}, stimulus)
                given.append(rate(latent, 7, chance(seed, "answer", number, level)))
        for level in found:
            less = np.subtract(ratings[level], ratings["none"])
            found[level] += abs(less.mean()) * 40**0.5 / less.std(ddof=1) > 2.02
    assert found["mismatched"] <= 5 + 4 * (0.05 * 0.95 * 100) ** 0.5
    assert found["shap"] >= 90
