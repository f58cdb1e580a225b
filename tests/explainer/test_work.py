"""Many explanations at once: shared batches, shared work, shards, and what goes wrong."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from explainer.artifact import Explanation, Job, Store
from explainer.attribution import play
from explainer.jobs import onto
from explainer.methods.catalogue import METHODS
from explainer.methods.randomised import randomised
from explainer.precompute import PrecomputeError, forecast, parse_shard, run
from explainer.shapley.game import drive
from explainer.subjects import image
from explainer.subjects.image import ImageScorer
from explainer.subjects.load import load
from explainer.subjects.series import Called, SeriesSubject
from tests.explainer.test_subject_prompt import subject as prompt_subject

LEFT_OUT = {"method": "leave_one_out"}
LIME = {"method": "lime", "parameters": {"evaluations": 120}, "seed": 3}


def test_stimuli_share_batches(tiny, store, batches, monkeypatch):
    """38 rows a stimulus, 64 a batch: 190 rows take 3 batches and not 5."""
    monkeypatch.setattr(image, "SHARED_BATCH", 64)
    result = run(tiny.plan(e=LEFT_OUT), store)
    assert batches[:3] == [64, 64, 62]  # what comes then measures
    for digest in result.explanations["e"].values():
        assert store.read_run(digest).evaluations == 38


def test_what_a_method_gives_is_stored_as_it_is_alone(tiny, store):
    """Values, errors, details and no gap where values are not meant to add up."""
    plan = tiny.plan(lime=LIME, alone=LEFT_OUT)
    result = run(plan, store)
    subject = load(tiny.folder, device="cpu")
    for name, recipe in (("lime", LIME), ("alone", LEFT_OUT)):
        method = METHODS[recipe["method"]]
        for stimulus_digest, digest in result.explanations[name].items():
            stimulus = store.read_stimulus(stimulus_digest)
            found, cost = store.read_explanation(digest), store.read_run(digest)
            expected = drive(
                play(
                    method,
                    subject,
                    stimulus,
                    outputs=subject.explained(stimulus, "predicted"),
                    parameters=method.complete(recipe.get("parameters", {})),
                    seed=recipe.get("seed", 0),
                )
            )
            np.testing.assert_allclose(found.values, expected.values, atol=2e-6)
            assert found.outputs == (stimulus.predicted,)
            assert found.players == expected.players
            assert (found.standard_errors is None) == (expected.standard_errors is None)
            assert (found.completeness_gap is None) == (not expected.complete)
            assert set(cost.details) == set(expected.details)
            assert cost.evaluations == expected.evaluations
            assert cost.seconds > 0


def test_a_randomised_control_explains_the_model_with_other_weights(tiny, store):
    control = {"method": "randomised", "of": "e", "seed": 5}
    result = run(tiny.plan(control=control, e=LEFT_OUT), store)
    subject = randomised(load(tiny.folder, device="cpu"), 5)
    for stimulus_digest, digest in result.explanations["control"].items():
        stimulus, found = store.read_stimulus(stimulus_digest), store.read_explanation(digest)
        assert found.job.parameters == {"of": result.explanations["e"][stimulus_digest]}
        assert found.job.checkpoint_digest == tiny.digest
        assert found.completeness_gap is None
        assert store.read_run(digest).evaluations == 38
        expected = drive(
            play(
                METHODS["leave_one_out"],
                subject,
                stimulus,
                outputs=[stimulus.labels.index(stimulus.predicted)],
                parameters=METHODS["leave_one_out"].complete({}),
                seed=0,
            )
        )
        np.testing.assert_allclose(found.values, expected.values, atol=2e-6)


def test_every_control_can_be_made(tiny, store):
    names = [name for name, method in METHODS.items() if method.control]
    controls = {name: {"method": name, "of": "e", "seed": 1} for name in names}
    result = run(tiny.plan(e=LEFT_OUT, **controls), store)
    assert result.missing == {}
    for name in names:
        assert list(result.explanations[name]) == result.stimuli["shapes"]
    (words,) = {
        json.dumps(store.read_explanation(digest).job.parameters["words"])
        for digest in result.explanations["placebic"].values()
    }
    assert words


def test_two_at_once_do_no_job_twice(tiny, store, shap_and_controls):
    shap_and_controls["lime"] = LIME
    plan = tiny.plan(**shap_and_controls)
    results = []
    together = threading.Barrier(2)

    def work():
        together.wait()
        results.append(run(plan, store))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one, other = results
    assert one.explanations == other.explanations
    assert one.computed + other.computed == 25
    assert one.computed + one.reused == other.computed + other.reused == 25
    assert not [path for path in (store.root / "claims").rglob("*") if path.is_file()]


def test_the_same_job_under_two_names_is_done_once(tiny, store):
    result = run(tiny.plan(a=LIME, b=LIME), store)
    assert (result.computed, result.reused) == (5, 5)
    assert result.explanations["a"] == result.explanations["b"]


def test_shards_are_enough_for_themselves_and_together_the_whole(
    tiny, store, tmp_path, shap_and_controls
):
    """Each in a store of its own has its stimuli; on one store the last finds nothing missing."""
    plan = tiny.plan(**shap_and_controls)
    whole = run(plan, Store(tmp_path / "whole"))
    found = {name: {} for name in whole.explanations}
    for part in (1, 2, 3):
        alone = run(plan, Store(tmp_path / str(part)), shard=(part, 3))
        assert alone.stimuli == whole.stimuli
        mine = set(alone.stimuli["shapes"][part - 1 :: 3])
        for name, each in alone.explanations.items():
            assert set(each) >= mine
            found[name] |= each
        assert alone.missing == {name: 5 - len(each) for name, each in alone.explanations.items()}
    assert found == whole.explanations
    shared = [run(plan, store, shard=(part, 3)) for part in (1, 2, 3)]
    assert [bool(each.missing) for each in shared] == [True, True, False]
    assert shared[-1].explanations == whole.explanations
    assert sum(each.computed for each in shared) == whole.computed


def test_more_shards_than_stimuli_leave_some_with_nothing(tiny, store):
    result = run(tiny.plan(e=LEFT_OUT), store, shard=(6, 6))
    assert (result.computed, result.reused, result.missing) == (0, 0, {"e": 5})


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2", "1 / 2"])
def test_a_shard_is_written_i_of_n(text):
    assert parse_shard("2/3") == (2, 3)
    with pytest.raises(PrecomputeError, match="expected i/n, with i from 1 to n"):
        parse_shard(text)


def short_of_memory(monkeypatch, rows):
    """The model reads at most so many rows at once."""
    score = ImageScorer.__call__

    def scored(self, inputs):
        if len(inputs[0]) > rows:
            raise torch.cuda.OutOfMemoryError
        return score(self, inputs)

    monkeypatch.setattr(ImageScorer, "__call__", scored)


def test_out_of_memory_halves_the_batch_and_goes_on(tiny, store, tmp_path, monkeypatch):
    plan = tiny.plan(e=LIME)
    whole = run(plan, Store(tmp_path / "whole"))
    short_of_memory(monkeypatch, rows=5)
    found = run(plan, store)
    assert found.computed == 5
    for stimulus, digest in found.explanations["e"].items():
        expected = Store(tmp_path / "whole").read_explanation(whole.explanations["e"][stimulus])
        np.testing.assert_allclose(
            store.read_explanation(digest).values, expected.values, atol=1e-5
        )


def test_no_memory_for_one_row_says_so(tiny, store, monkeypatch):
    short_of_memory(monkeypatch, rows=0)
    with pytest.raises(PrecomputeError, match="no memory for even one input more: free it, or use"):
        run(tiny.plan(e=LIME), store)


def test_nan_in_a_shared_batch_names_its_stimulus(tiny, store, monkeypatch):
    """One stimulus's worth is NaN; the others of its batch are not blamed."""
    done = run(tiny.plan(e=LEFT_OUT), store)
    blamed = done.stimuli["shapes"][3]
    image = torch.from_numpy(store.read_stimulus(blamed).content.astype(np.float64) / 255)
    score = ImageScorer.__call__

    def scored(self, inputs):
        found = score(self, inputs)
        mine = (inputs[0] == image.to(inputs[0])).flatten(1).all(1)
        return torch.where(mine.unsqueeze(1), torch.nan, found)

    monkeypatch.setattr(ImageScorer, "__call__", scored)
    with pytest.raises(PrecomputeError, match=rf"explanation lime of stimulus {blamed} \(row \d+ "):
        run(tiny.plan(lime=LIME), store)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"method": "anchors"}, r"explanations\.e\.method: anchors does not apply to a image|text"),
        (
            {"method": "lime", "parameters": {"mask": "delete"}},
            r"explanations\.e\.parameters: an image has no mask 'delete'",
        ),
        (
            {"method": "lime", "parameters": {"players": "words"}},
            r"explanations\.e\.parameters: an image has no players 'words'",
        ),
    ],
)
def test_what_does_not_suit_a_set_is_said_before_any_work(tiny, store, recipe, message):
    with pytest.raises(PrecomputeError, match=message):
        run(tiny.plan(first=LEFT_OUT, e=recipe), store)
    assert not store.root.exists()


def test_a_forecast_is_near_what_a_run_takes(tiny, store, shap_and_controls):
    shap_and_controls["lime"] = LIME
    shap_and_controls["left_out"] = LEFT_OUT
    shap_and_controls["randomised"] = {"method": "randomised", "of": "left_out", "seed": 1}
    shap_and_controls["gradient"] = {"method": "gradient"}
    plan = tiny.plan(**shap_and_controls)
    expected = forecast(plan, store)
    result = run(plan, store)
    assert expected.plan == result.plan
    assert expected.jobs == expected.total.explanations == result.computed
    assert expected.costs["left_out", "shapes"].evaluations == 5 * 38
    assert expected.costs["randomised", "shapes"].evaluations == 5 * 38
    assert expected.costs["shuffled", "shapes"].evaluations == 0
    written = [path for path in store.root.rglob("*") if path.is_file()]
    for cost, metrics in ((expected.total, False), (expected.measuring["shapes"], True)):
        files = [each for each in written if each.name.endswith(".metrics.json") == metrics]
        size = sum(-(-path.stat().st_size // 4096) * 4096 for path in files)
        assert cost.size == pytest.approx(size, rel=0.35)
        assert cost.seconds > 0
    assert str(expected).splitlines()[-1].startswith(f"{expected.jobs} of {expected.jobs} expl")


def test_a_forecast_stops_to_measure_a_long_method(tiny, store, monkeypatch):
    monkeypatch.setattr("explainer.forecast.PATIENCE", 0.05)
    long = {"method": "lime", "parameters": {"evaluations": 100_000}}
    started = time.perf_counter()
    cost = forecast(tiny.plan(e=long), store).total
    assert cost.evaluations == 500_000
    assert cost.seconds > 2 * (time.perf_counter() - started)


class Texts:
    """Reviews by row, as the reader of data gives them; `truths` None where nobody knows."""

    def __init__(self, texts, truths):
        self.texts, self.truths = texts, truths

    def __len__(self):
        return len(self.texts)

    def take(self, rows):
        sources = [{"index": row} for row in rows]
        return [self.texts[row] for row in rows], [self.truths[row] for row in rows], sources


def other_kind(tiny, monkeypatch, subject, rows, select, **recipes):
    """A plan on a subject that is at hand, of data that are at hand."""
    monkeypatch.setattr("explainer.prepared.load", lambda *_: subject)
    monkeypatch.setattr("explainer.prepared.contents", lambda *_: rows)
    plan = tiny.plan(**recipes)
    plan["stimuli"]["shapes"]["select"] = select
    return plan


CONTROLS = {
    "other": {"method": "mismatched", "of": "e", "seed": 1},
    "mixed": {"method": "shuffled", "of": "e", "seed": 1},
    "redrawn": {"method": "randomised", "of": "e", "seed": 1},
}
SENTENCES = ("w3 w9 w4 w20", "w5 w11 w3 w8 w21 w6", "w7 w13 w2", "w9 w9 w14 w15 w16", "w6 w2 w22")


def explained(plan, store):
    """Each explanation with its stimulus; all there, and nothing to do again."""
    result = run(plan, store)
    assert result.missing == {}
    assert run(plan, store).computed == 0
    return result, [
        (name, store.read_stimulus(of), store.read_explanation(digest))
        for name, each in result.explanations.items()
        for of, digest in each.items()
    ]


def test_prompts_are_gone_on_from_and_explained_with_controls(tiny, store, monkeypatch):
    rows = Texts(SENTENCES, [None] * len(SENTENCES))
    select, subject = {"count": 3, "seed": 0}, prompt_subject()
    plan = other_kind(tiny, monkeypatch, subject, rows, select, e=LIME, **CONTROLS)
    plan["stimuli"]["shapes"]["generation"] = {"tokens": 4, "seed": 9}
    result, found = explained(plan, store)
    assert len(found) == 12
    for _, stimulus, each in found:
        assert stimulus.model_correct is None
        assert stimulus.source["generation"]["length"] == 4
        assert stimulus.source["generation"]["seed"] == 9
        words = [stimulus.text[start:end] for start, end in each.players]
        assert [word.strip() for word in words] == stimulus.text.split()
        assert each.outputs == subject.outputs(stimulus)
        assert each.values.shape == (len(words), len(each.outputs))
    borrowed = {
        store.read_explanation(each.job.parameters["of"]).job.stimulus_digest
        for name, _, each in found
        if name == "other"
    }
    # Two of the five are nobody's stimulus, so they are borrowed first.
    assert len(borrowed) == 3
    assert len(borrowed - set(result.stimuli["shapes"])) == 2
    plan["stimuli"]["shapes"]["select"] = {"right": 1, "wrong": 1, "seed": 0}
    with pytest.raises(PrecomputeError, match="nobody knows what is right for row 0: select by"):
        run(plan, store)


def test_series_are_right_where_they_beat_the_last_value(tiny, store, monkeypatch):
    """A forecaster that adds a step each day is right of rising and wrong of falling series."""
    slopes = np.array([1.0, 0.5, 2.0, -1.0, -0.5, -2.0])
    days = np.arange(12)
    windows = slopes[:, None] * days + 50
    ahead = slopes[:, None] * (12 + np.arange(3)) + 50
    rows = Texts(list(windows), list(ahead))
    rise = Called(lambda x: x[:, -1:] + np.arange(1, 4))
    subject = SeriesSubject(rise, 12, "0" * 64)
    select = {"right": 2, "wrong": 2, "seed": 0}
    recipes = {"e": LEFT_OUT, "mixed": CONTROLS["mixed"], "other": CONTROLS["other"]}
    _, found = explained(other_kind(tiny, monkeypatch, subject, rows, select, **recipes), store)
    assert len(found) == 12
    for _, stimulus, each in found:
        assert stimulus.model_correct == (stimulus.content[-1] > stimulus.content[0])
        assert each.kind == "series"
        assert each.outputs == ("mean",)
    assert sum(stimulus.model_correct for name, stimulus, _ in found if name == "e") == 2


def explanation(players, outputs, values):
    return Explanation(
        job=Job("0" * 64, "1" * 64, "lime", {}, 0),
        kind="text",
        players=tuple((k, k + 1) for k in range(players)),
        outputs=tuple("abcd"[:outputs]),
        value_function="log-probability",
        values=np.asarray(values, np.float32).reshape(players, outputs),
        base_values=np.zeros(outputs, np.float32),
        full_values=np.zeros(outputs, np.float32),
        standard_errors=None,
        completeness_gap=None,
    )


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ([1, 2], [1, 1, 2, 2]),
        ([1, 2, 3, 4], [2, 4]),
        ([1, 2, 3], [1, 1, 2, 3, 3]),
        ([7], [7, 7, 7]),
    ],
)
def test_a_borrowed_explanation_is_laid_along_the_whole_text(there, here):
    own = replace(explanation(len(here), 1, np.zeros(len(here))), outputs=("b",))
    found = onto(explanation(len(there), 1, there), own)
    assert found.values[:, 0].tolist() == here
    assert (found.players, found.outputs) == (own.players, own.outputs)


def test_a_borrowed_explanation_of_what_was_written_keeps_the_sum_last():
    """Two tokens and their sum, onto three tokens and theirs."""
    found = onto(explanation(1, 3, [[1, 2, 9]]), explanation(1, 4, np.zeros(4)))
    assert found.values.tolist() == [[1, 2, 2, 9]]
    assert found.outputs == tuple("abcd")
    assert found.base_values.shape == found.full_values.shape == (4,)
