import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import agree, oracle

from analysis.calibration import (
    brier,
    calibration_curve,
    calibration_error,
    overconfidence,
    rescaled,
    simulation_accuracy,
    trust_when_right_and_wrong,
)
from analysis.estimate import NotEstimableError
from analysis.reliance import (
    Decisions,
    accuracy_gains,
    reliance,
    signal_detection,
    weight_of_advice,
)

R = oracle("stats_reliance")
TRIALS = pd.DataFrame(R["trials"])  # 12 people, 10 trials each
WHO, STATED = TRIALS["participant_id"], TRIALS["stated"]
RIGHT = (TRIALS["final"] == TRIALS["truth"]).astype(int)
DECISIONS = Decisions.of(TRIALS)
few = settings(max_examples=10, deadline=None)


def by_hand(*rows):
    """Decisions of rows (participant, initial, advice, final), the truth always 1."""
    columns = ["participant_id", "initial", "advice", "final"]
    return Decisions.of(pd.DataFrame(rows, columns=columns).assign(truth=1))


def test_shares_agree_with_r_and_have_intervals_over_participants():
    found = reliance(DECISIONS)
    assert set(found) == set(R["shares"])
    for name, wanted in R["shares"].items():
        estimate = found[name].estimate
        assert estimate.value == pytest.approx(wanted), name
        assert estimate.low < estimate.value < estimate.high
        assert estimate.n == found[name].per_participant.notna().sum()
    np.testing.assert_allclose(found["rair"].per_participant, R["rair_by_person"])
    assert reliance(DECISIONS)["rsr"].estimate == found["rsr"].estimate
    assert reliance(DECISIONS, seed=1)["rsr"].estimate.low != found["rsr"].estimate.low


def test_shares_of_trials_counted_by_hand():
    """REFERENCES: the four cells of RAIR and RSR, and missing where the denominator is zero."""
    found = reliance(
        by_hand(
            ("p1", 0, 1, 1),  # wrong alone, advised well, helped
            ("p1", 0, 1, 0),  # wrong alone, advised well, not taken
            ("p1", 1, 0, 1),  # right alone, advised badly, resisted
            ("p2", 1, 0, 0),  # right alone, advised badly, harmed
            ("p2", 1, 1, 1),
            ("p2", 0, 0, 0),
        )
    )
    values = {name: share.estimate.value for name, share in found.items()}
    assert values["rair"] == 1 / 2
    assert values["rsr"] == 1 / 2
    assert values["switch_fraction"] == 2 / 4
    assert values["over_reliance"] == 2 / 3
    assert values["under_reliance"] == 1 / 3
    assert values["accuracy_alone"] == 3 / 6
    assert values["accuracy_with_advice"] == 3 / 6
    assert values["accuracy_of_model"] == 3 / 6
    assert np.isnan(found["rair"].per_participant["p2"])
    assert found["rair"].estimate.notes[1] == "1 participants have none"


def test_a_share_without_a_denominator_is_missing():
    assert not {"rair", "over_reliance"} & set(reliance(by_hand(("p1", 1, 1, 1), ("p2", 1, 1, 1))))
    alone = reliance(by_hand(("p1", 0, 1, 1), ("p1", 0, 1, 0)))["rair"].estimate
    assert (alone.value, alone.low, alone.n) == (0.5, None, 1)


def test_gains_agree_with_r():
    for name, gain in accuracy_gains(DECISIONS).items():
        assert gain.estimate.value == pytest.approx(R["gains"][name])
        assert gain.estimate.low < gain.estimate.value < gain.estimate.high


def test_weight_of_advice_agrees_with_r_and_leaves_out_advice_that_was_the_answer():
    found = weight_of_advice(WHO, TRIALS["x0"], TRIALS["xa"], TRIALS["xf"])
    estimate = found.estimate
    agree(estimate, R["weight_of_advice"])
    same = int((TRIALS["x0"] == TRIALS["xa"]).sum())
    assert estimate.notes[0].startswith(f"{same} of 120 trials left out")
    moved = weight_of_advice(WHO, 2 * TRIALS["x0"] + 1, 2 * TRIALS["xa"] + 1, 2 * TRIALS["xf"] + 1)
    assert moved.per_participant.tolist() == pytest.approx(found.per_participant.tolist())


def test_signal_detection_agrees_with_r():
    found = signal_detection(DECISIONS)
    for name, measure in found.items():
        np.testing.assert_allclose(measure.per_participant, R[name], atol=1e-12)
        assert measure.estimate.value == pytest.approx(np.mean(R[name]))
        assert "log-linear" in measure.estimate.notes[0]


def test_the_brier_score_and_its_parts_agree_with_r_and_add_up():
    found = brier(WHO, STATED, RIGHT)
    assert found.score.estimate.value == pytest.approx(R["brier"]["score"])
    for part in ("reliability", "resolution", "uncertainty"):
        assert getattr(found, part) == pytest.approx(R["brier"][part])
    parts = found.reliability - found.resolution + found.uncertainty
    assert parts == pytest.approx(found.score.estimate.value)


def test_the_curve_and_its_errors_agree_with_r():
    curve = calibration_curve(STATED, RIGHT, bins=5)
    for column, wanted in R["curve"].items():
        np.testing.assert_allclose(curve[column], wanted, atol=1e-12)
    error = calibration_error(WHO, STATED, RIGHT, bins=5)
    assert error.value == pytest.approx(R["ece"])
    assert overconfidence(WHO, STATED, RIGHT).estimate.value == pytest.approx(R["overconfidence"])
    # On an edge a value belongs to the bin that it opens, and 1 to the last.
    edges = calibration_curve([0.29, 0.28999, 1, 0.999], [1, 1, 1, 1], bins=100)
    assert edges["n"].tolist() == [1, 1, 2]


def test_simulation_accuracy_agrees_with_r():
    found = simulation_accuracy(WHO, TRIALS["final"], TRIALS["advice"])
    for name, wanted in R["simulation"].items():
        assert found[name].estimate.value == pytest.approx(wanted)
    given_baseline = simulation_accuracy(
        WHO, TRIALS["final"], TRIALS["advice"], baseline=TRIALS["initial"]
    )
    wanted = (TRIALS["initial"] == TRIALS["advice"]).mean()
    assert given_baseline["baseline"].estimate.value == pytest.approx(wanted)


def test_trust_agrees_with_r_and_counts_those_who_met_one_kind():
    right = (TRIALS["advice"] == TRIALS["truth"]).astype(int)
    estimate = trust_when_right_and_wrong(WHO, STATED, right).estimate
    agree(estimate, R["trust"])
    more = trust_when_right_and_wrong([*WHO, "z"], [*STATED, 0.5], [*right, 1])
    assert more.estimate.value == pytest.approx(estimate.value)
    assert np.isnan(more.per_participant["z"])
    assert more.estimate.notes == ("1 left out who did not meet both",)


@few
@given(st.integers(0, 10**6))
def test_order_and_names_do_not_matter_and_copies_of_people_leave_the_shares(seed):
    order = np.random.default_rng(seed).permutation(len(TRIALS))
    shuffled = TRIALS.iloc[order]
    renamed = shuffled.replace({"cat": "a", "dog": "b", "owl": "c"})
    copies = TRIALS.assign(participant_id=TRIALS["participant_id"] + "copy")
    doubled = pd.concat([TRIALS, copies])
    before = signal_detection(DECISIONS)["d_prime"].estimate.value
    for frame in (shuffled, renamed, doubled):
        assert signal_detection(Decisions.of(frame))["d_prime"].estimate.value == pytest.approx(
            before
        )
    score = brier(WHO, STATED, RIGHT)
    again = brier(WHO.iloc[order], STATED.iloc[order], RIGHT.iloc[order])
    assert again.resolution == pytest.approx(score.resolution)
    assert again.score.estimate.low == pytest.approx(score.score.estimate.low)


def test_ratings_are_rescaled():
    assert rescaled([1, 4, 7], 1, 7).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Decisions.of(TRIALS.iloc[:0]), "there are no trials"),
        (lambda: Decisions.of(TRIALS.assign(final=None)), "120 trials lack a value"),
        (lambda: Decisions.of(TRIALS.assign(final=1)), "mix text and numbers"),
        (lambda: weight_of_advice(["a", "b"], [1, 2], [1, 2], [1, 2]), "no weight to have"),
        (lambda: weight_of_advice(["a", "b"], [1, 2], [2, np.nan], [1, 2]), "not finite"),
        (lambda: weight_of_advice(["a", "a"], [1, 2], [2, 3], [1, 2]), "there are 1"),
        (lambda: signal_detection(by_hand(("p", 1, 1, 1), ("q", 1, 1, 1))), "there are 0"),
        (lambda: brier(["a"], [1.2], [1]), "between 0 and 1"),
        (lambda: brier(["a"], [np.inf], [1]), "not finite"),
        (lambda: brier(["a"], [0.5], [2]), "only 0 and 1"),
        (lambda: brier([None], [0.5], [1]), "has no participant"),
        (lambda: brier([], [], []), "there are no trials"),
        (lambda: calibration_curve([], []), "there are no trials"),
        (lambda: rescaled([8], 1, 7), "between 1 and 7"),
        (lambda: simulation_accuracy(["a"], [None], ["x"]), "missing"),
        (lambda: simulation_accuracy(["a"], [1], ["x"]), "mix text and numbers"),
        (lambda: trust_when_right_and_wrong(["a", "b"], [1, 2], [1, 1]), "both right and wrong"),
        (lambda: trust_when_right_and_wrong(["a", "a"], [1, 2], [1, 0]), "there are 1"),
    ],
)
def test_trials_that_carry_no_statistic_are_refused_in_words(call, said):
    with pytest.raises(NotEstimableError, match=said):
        call()


def test_columns_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="no column advice; there are participant_id"):
        Decisions.of(TRIALS.drop(columns="advice"))
    with pytest.raises(ValueError, match=r"stated \(1,\)"):
        brier(["a", "b"], [0.5], [1, 0])
