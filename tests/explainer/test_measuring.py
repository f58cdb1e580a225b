"""Measuring after explaining: once, shared, whole, of controls too, and the costly on request."""

import json
import os

import numpy as np
import pytest
from scipy.stats import spearmanr

from explainer.artifact import ArtifactError, Measures, Store
from explainer.attribution import play
from explainer.methods.catalogue import METHODS
from explainer.methods.randomised import randomised
from explainer.metrics.agreement import rank_agreement, top_overlap
from explainer.metrics.groups import ALWAYS, COSTLY, GROUPS
from explainer.precompute import PrecomputeError, forecast, run
from explainer.shapley.game import drive
from explainer.subjects.load import load
from tests.explainer.test_work import LEFT_OUT, LIME, SENTENCES, Texts, other_kind
from tests.explainer.test_work import prompt_subject as prompts

CONTROLS = ("mismatched", "shuffled", "random", "randomised", "placebic")


def measured(store, result, name):
    return [store.read_measures(digest) for digest in result.explanations[name].values()]


def test_every_explanation_is_measured_beside_a_random_one(tiny, store):
    controls = {name: {"method": name, "of": "e", "seed": 1} for name in CONTROLS}
    result = run(tiny.plan(e=LEFT_OUT, **controls), store)
    assert result.measured == 30
    for name in ("e", *CONTROLS[:-1]):
        for found in measured(store, result, name):
            assert found.asked == ALWAYS
            assert found.reasons == {}
            assert found.metrics["deletion_area"] != found.metrics["random_deletion_area"]
            assert {"infidelity", "faithfulness_correlation", "sparsity"} <= set(found.metrics)
            assert {"removal", "random_removal_other_mask"} <= set(found.curves)
    for found in measured(store, result, "placebic"):
        assert (found.metrics, found.curves) == ({}, {})
        assert found.reasons == {"removal": "it has words instead of values"}
    # What leaving each out finds is what each drop is.
    for found in measured(store, result, "e"):
        assert found.metrics["faithfulness_correlation"] == pytest.approx(1, abs=1e-4)
    faithful = [
        np.mean([each.metrics["faithfulness_correlation"] for each in measured(store, result, of)])
        for of in ("shuffled", "random")
    ]
    assert max(np.abs(faithful)) < 0.5


def test_what_is_measured_is_not_measured_again(tiny, store, shap_and_controls, batches):
    plan = tiny.plan(**shap_and_controls)
    first = run(plan, store)
    before = {path: path.read_bytes() for path in store.root.rglob("*.metrics.json")}
    assert len(before) == 15
    assert forecast(plan, store).measuring == {}
    batches.clear()
    assert run(plan, store).measured == 0
    assert batches == []
    digest = first.explanations["shuffled"][first.stimuli["shapes"][2]]
    path = store.path(digest).with_name(f"{digest}.metrics.json")
    path.write_bytes(before[path][:100])
    with pytest.raises(ArtifactError, match=r"no readable metrics .*; run flask precompute"):
        store.read_measures(digest)
    assert forecast(plan, store).measuring["shapes"].explanations == 1
    assert run(plan, store).measured == 1
    found, expected = (json.loads(each) for each in (path.read_bytes(), before[path]))
    for each in (found, expected):
        del each["seconds"], each["evaluations"]
    assert found == expected


@pytest.mark.parametrize("costly", [False, True])
def test_a_forecast_counts_what_measuring_asks(tiny, store, costly):
    shuffled = {"method": "shuffled", "of": "e", "seed": 2}
    plan = tiny.plan(e=LEFT_OUT, shuffled=shuffled, lime=LIME)
    expected = forecast(plan, store, costly=costly).measuring["shapes"]
    result = run(plan, store, costly=costly)
    taken = [each for name in result.explanations for each in measured(store, result, name)]
    assert expected.explanations == len(taken) == 15
    # LIME asks a little less of some neighbours, of which two coalitions look alike.
    slack = 0.005 if costly else 0
    assert expected.evaluations == pytest.approx(sum(e.evaluations for e in taken), rel=slack)
    line = str(forecast(plan, Store(store.root / "new"), costly=costly)).splitlines()[-2]
    assert line.startswith(
        f"metrics of shapes: 15 explanations to measure, {expected.evaluations:,}"
    )


def test_the_costly_ones_come_on_request_and_leave_the_others(tiny, store):
    plan = tiny.plan(lime=LIME, shuffled={"method": "shuffled", "of": "lime", "seed": 2})
    cheap = run(plan, store)
    assert not any("lipschitz" in each.metrics for each in measured(store, cheap, "lime"))
    kept = measured(store, cheap, "lime")
    result = run(plan, store, costly=True)
    assert (result.computed, result.measured) == (0, 10)
    assert run(plan, store, costly=True).measured == 0
    subject = load(tiny.folder, device="cpu")
    for before, found, (of, digest) in zip(
        kept, measured(store, result, "lime"), result.explanations["lime"].items(), strict=True
    ):
        assert found.asked == tuple(sorted(GROUPS))
        assert before.metrics.items() <= found.metrics.items()
        assert before.curves == found.curves
        assert found.metrics["max_sensitivity"] > 0
        assert found.evaluations == before.evaluations + 12 * 120
        other = again(subject, store.read_stimulus(of), 4, "lime", LIME["parameters"])
        values = store.read_explanation(digest).values[:, 0].astype(float)
        agreed = rank_agreement(values, other)
        assert found.metrics["seed_agreement"] == pytest.approx(agreed, abs=1e-6)
        assert found.metrics["seed_top_overlap"] == top_overlap(values, other)
    for found in measured(store, result, "shuffled"):
        assert set(found.reasons) == set(COSTLY)
        assert "this is measured of lime" in found.reasons["seeds"]


def again(subject, stimulus, seed, name, given):
    method = METHODS[name]
    outputs, parameters = subject.explained(stimulus, "predicted"), method.complete(given)
    made = play(method, subject, stimulus, outputs=outputs, parameters=parameters, seed=seed)
    return drive(made).values[:, 0]


def test_a_gradient_by_another_seed_is_itself_and_of_random_weights_another(tiny, store):
    gradient = {"method": "gradient", "seed": 5}
    result = run(tiny.plan(g=gradient), store, costly=True)
    subject = randomised(load(tiny.folder, device="cpu"), 5)
    for (of, digest), found in zip(
        result.explanations["g"].items(), measured(store, result, "g"), strict=True
    ):
        assert found.metrics["seed_agreement"] == pytest.approx(1)
        assert found.metrics["seed_top_overlap"] == 1
        values = store.read_explanation(digest).values[:, 0].astype(float)
        other = again(subject, store.read_stimulus(of), 5, "gradient", {})
        for name, mine, theirs in (
            ("randomised_agreement", values, other),
            ("randomised_agreement_absolute", np.abs(values), np.abs(other)),
        ):
            assert found.metrics[name] == pytest.approx(spearmanr(mine, theirs)[0], abs=0.01)


def test_texts_have_no_neighbours_and_say_so(tiny, store, monkeypatch):
    texts = Texts(SENTENCES, [None] * len(SENTENCES))
    plan = other_kind(tiny, monkeypatch, prompts(), texts, {"count": 3, "seed": 0}, e=LEFT_OUT)
    result = run(plan, store, costly=True)
    for found in measured(store, result, "e"):
        assert "a text has no neighbour" in found.reasons["sensitivity"]
        assert {"seed_agreement", "deletion_area", "deletion_area_other_mask"} <= set(found.metrics)


def test_an_interrupt_while_measuring_loses_what_is_at_work_alone(
    tiny, store, shap_and_controls, monkeypatch
):
    plan = tiny.plan(**shap_and_controls)
    monkeypatch.setattr("explainer.work.AT_ONCE", {"cpu": 1})
    monkeypatch.setattr("explainer.metrics.phase.AT_ONCE", {"cpu": 1})
    replaced, replace = [], os.replace

    def stopped(source, target):
        if str(target).endswith(".metrics.json"):
            replaced.append(target)
            if len(replaced) == 8:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(plan, store)
    monkeypatch.undo()
    assert not list(store.root.rglob("*.part"))
    assert len(list(store.root.rglob("*.metrics.json"))) == 7
    assert run(plan, store).measured == 8


def test_a_shard_measures_its_own_and_says_what_is_missing(tiny, store, shap_and_controls):
    plan = tiny.plan(**shap_and_controls)
    run(plan, store)
    for path in store.root.rglob("*.metrics.json"):
        path.unlink()
    first = run(plan, store, shard=(1, 2))
    assert first.measured == 9
    assert first.missing == {
        f"the metrics of {name}": 2 for name in ("shap", "shuffled", "mismatched")
    }
    second = run(plan, store, shard=(2, 2))
    assert (second.measured, second.missing) == (6, {})


def test_what_is_not_finite_is_an_error_that_names_the_stimulus(tiny, store, monkeypatch):
    run(tiny.plan(e=LEFT_OUT), store)
    for path in store.root.rglob("*.metrics.json"):
        path.unlink()
    monkeypatch.setattr("explainer.metrics.measure.sparsity", lambda values: float("nan"))
    with pytest.raises(
        PrecomputeError, match=r"e of stimulus .* \(row \d+ of shapes\): .*sparsity"
    ):
        run(tiny.plan(e=LEFT_OUT), store)
    assert not list(store.root.rglob("*.metrics.json"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "credence/metrics/0"}, "schema is 'credence/metrics/0'"),
        ({"metrics": {"a": "1"}}, "metrics.a is no number"),
        ({"metrics": None}, "metrics is missing or is not dict"),
        (
            {"curves": {"removal": {"shares": [0, 1], "deletion": [1], "insertion": [1, 2]}}},
            "parts of curves.removal differ in length",
        ),
    ],
)
def test_metrics_are_validated(change, message):
    with pytest.raises(ArtifactError, match=message):
        Measures.from_json(Measures().to_json() | change)


def test_measures_come_back_as_they_were(store):
    curve = {"shares": [0.0, 1.0], "deletion": [1.0, 0.5], "insertion": [0.5, 1.0]}
    found = Measures({"a": 0.5}, {"removal": curve}, ("removal",), {"x": "y"}, 12, 0.25)
    store.write_measures("ab" * 32, found)
    assert store.read_measures("ab" * 32) == found
    assert store.read_measures("cd" * 32) is None
    assert (found + Measures({"b": 1.0}, seconds=1)).metrics == {"a": 0.5, "b": 1.0}
