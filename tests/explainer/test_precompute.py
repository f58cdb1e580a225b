"""Precompute: plan in, artifacts out; stops, resumes, repeats, and says what is wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from explainer.artifact import Store, sha256
from explainer.forecast import NOTHING
from explainer.models.image import Preprocessing, predict
from explainer.precompute import PrecomputeError, forecast, main, run
from explainer.progress import Progress, clock
from tests.explainer.conftest import save, tiny_model


def explanations(result, store, name):
    return {
        stimulus: store.read_explanation(digest)
        for stimulus, digest in result.explanations[name].items()
    }


def digests(store):
    """Names and content of everything but what it cost, how good it is and who was at work."""
    found = {path.relative_to(store.root): path for path in store.root.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not path.name.endswith((".run.json", ".metrics.json")) and name.parts[0] != "claims"
    }


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_stimuli(tiny, store, shap_and_controls):
    result = run(tiny.plan(**shap_and_controls), store)
    found = [store.read_stimulus(digest) for digest in result.stimuli["shapes"]]
    assert sorted(stimulus.model_correct for stimulus in found) == [False] * 2 + [True] * 3
    for stimulus in found:
        row = stimulus.source["index"]
        assert stimulus.predicted == "abc"[tiny.predicted[row]]
        assert stimulus.source == {
            "data_sha256": tiny.data_digest,
            "index": row,
            "test_index": row + 100,
        }
        assert stimulus.checkpoint_digest == tiny.digest
        exact = stimulus.log_probabilities.astype(float)
        np.testing.assert_array_equal(np.round(exact, 5).astype(np.float32), exact)


def test_explanations_and_controls(tiny, store, shap_and_controls):
    result = run(tiny.plan(**shap_and_controls), store)
    assert set(result.explanations) == {"shap", "mismatched", "shuffled"}
    real = explanations(result, store, "shap")
    assert list(real) == result.stimuli["shapes"]
    donors = set()
    for stimulus, found in explanations(result, store, "mismatched").items():
        donor = store.read_explanation(found.job.parameters["of"])
        donors.add(donor.job.stimulus_digest)
        assert found.job.stimulus_digest == stimulus
        assert donor.job.stimulus_digest not in result.stimuli["shapes"]
        assert (found.values == donor.values).all()
        assert found.outputs == real[stimulus].outputs == donor.outputs
        assert found.completeness_gap is None
        store.read_stimulus(donor.job.stimulus_digest)
    assert len(donors) == 5
    for stimulus, found in explanations(result, store, "shuffled").items():
        assert found.job.parameters == {"of": result.explanations["shap"][stimulus]}
        assert sorted(found.values[:, 0]) == sorted(real[stimulus].values[:, 0])
        assert (found.values != real[stimulus].values).any()
        assert found.completeness_gap is None
    for digest in result.explanations["shap"].values():
        explanation, record = store.read_explanation(digest), store.read_run(digest)
        assert explanation.completeness_gap < 1e-4
        assert 4 <= record.evaluations <= 41
        assert record.device in {"cpu", "cuda"}
        assert set(record.versions) == {"python", "numpy", "shap", "torch"}


def test_jobs_that_are_done_are_not_done_again(tiny, store, shap_and_controls):
    plan = tiny.plan(**shap_and_controls)
    todo = forecast(plan, store)
    assert (todo.jobs, todo.total.explanations) == (20, 20)
    assert 200 <= todo.total.evaluations <= 410
    assert not store.root.exists()
    first = run(plan, store)
    assert (first.computed, first.reused) == (20, 0)
    again = run(plan, store)
    assert (again.computed, again.reused) == (0, 20)
    assert again.explanations == first.explanations
    assert forecast(plan, store).total == NOTHING
    broken = store.path(first.explanations["shap"][first.stimuli["shapes"][0]])
    broken.write_bytes(broken.read_bytes()[:-20])
    assert run(plan, store).computed == 1
    assert run(plan, store).computed == 0


def test_only(tiny, store, shap_and_controls):
    result = run(tiny.plan(**shap_and_controls), store, only="shuffled")
    assert set(result.explanations) == {"shuffled"}
    assert result.computed == 10


def test_all_outputs(tiny, store):
    everything = {"method": "permutation", "parameters": {"evaluations": 73}, "output": "all"}
    result = run(tiny.plan(e=everything), store)
    for found in explanations(result, store, "e").values():
        assert found.outputs == ("a", "b", "c")
        assert found.values.shape == (36, 3)


@pytest.fixture
def told_everything(monkeypatch):
    monkeypatch.setattr("explainer.work.SHOWN_EVERY", 0.0)


@pytest.mark.usefixtures("told_everything")
def test_progress(tiny, store, shap_and_controls):
    seen = []
    result = run(tiny.plan(**shap_and_controls), store, progress=seen.append)
    start = [each.what for each in seen].index("measuring")
    seen, measuring = seen[:start], seen[start:]
    first, last = seen[0], seen[-1]
    assert (first.what, first.jobs, first.stimuli) == ("starting", (0, 20), (0, 5))
    assert (first.evaluations, first.left, first.memory) == (0, None, None)
    assert (last.what, last.jobs, last.stimuli, last.left) == ("done", (20, 20), (5, 5), 0)
    read = [store.read_run(digest).evaluations for digest in result.explanations["shap"].values()]
    assert last.evaluations > sum(read)  # and what was borrowed
    assert last.pace > 0
    for before, after in pairwise(seen):
        assert before.jobs <= after.jobs
        assert before.evaluations <= after.evaluations
    # Of the 20 explanations, 15 are of selected stimuli: the others are borrowed from.
    assert (measuring[0].jobs, measuring[0].stimuli) == ((0, 15), (0, 5))
    last = measuring[-1]
    assert (last.what, last.jobs, last.stimuli, last.left) == ("done", (15, 15), (5, 5), 0)
    found = [digest for each in result.explanations.values() for digest in each.values()]
    assert last.evaluations == sum(store.read_measures(digest).evaluations for digest in found)
    for before, after in pairwise(measuring):
        assert before.jobs <= after.jobs
    again = []
    run(tiny.plan(**shap_and_controls), store, progress=again.append)
    assert (again[-1].jobs, again[-1].evaluations) == ((15, 15), 0)


def test_progress_is_said_in_a_line():
    now = Progress((3, 20), (1, 5), 1200, 1234.5, 7500, 3 * 2**29, "shap of digits")
    assert str(now) == (
        "shap of digits: 1/5 stimuli, 3/20 explanations, 1,234 evaluations/s, 2 h 05 min left, "
        "1.5 GiB on the GPU"
    )
    assert [clock(each) for each in (0.4, 119, 120, 7199)] == [
        "0 s",
        "119 s",
        "2 min",
        "2 h 00 min",
    ]


@pytest.mark.usefixtures("told_everything")
@pytest.mark.parametrize("where", ["a job", "a write"])
def test_an_interrupt_leaves_no_part_and_the_same_command_goes_on(
    tiny, store, shap_and_controls, monkeypatch, where
):
    plan = tiny.plan(**shap_and_controls)
    writes = []

    def told(now):
        if where == "a job" and now.jobs[0] == 3:
            raise KeyboardInterrupt

    def written(_):
        writes.append(1)
        if where == "a write" and len(writes) == 14:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", written)
    with pytest.raises(KeyboardInterrupt):
        run(plan, store, progress=told)
    monkeypatch.undo()
    assert not list(store.root.rglob("*.part"))
    result = run(plan, store)
    assert result.reused >= 3
    assert result.reused + result.computed == 20


def test_a_full_disk(tiny, store, shap_and_controls):
    """The kernel refuses every byte written to a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    plan = tiny.plan(**shap_and_controls)
    run(plan, store, only="shap")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(PrecomputeError, match=r"cannot write .*nothing is half-written: free"):
            run(plan, store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(store.root.rglob("*.part"))
    assert run(plan, store).reused == 5


def spawn(plan, store, threads):
    command = [sys.executable, "-W", "error", "-m", "explainer.precompute", plan, "--store", store]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "NUMBA_DISABLE_JIT": "1",  # compiling shap's loops takes longer than running them here
    }
    return subprocess.Popen(
        [str(part) for part in command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_and_raced_and_repeated_elsewhere(tiny, store, shap_and_controls, tmp_path):
    """Two processes at once on one plan, one killed: the other ends well, nothing is damaged, and
    a third, here, with another number of threads, gets the same bytes."""
    shap_and_controls["shap"]["parameters"]["evaluations"] = 400
    plan = tiny.plan(**shap_and_controls)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    killed, other = spawn(path, store.root, "2"), spawn(path, store.root, "1")
    deadline = time.monotonic() + 120
    while not list((store.root / "jobs").glob("*/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert killed.poll() is None, "it ended before it could be killed"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    out, err = other.communicate(timeout=120)
    assert other.returncode == 0, err
    found = json.loads(out)
    result = run(plan, store)
    assert result.computed == 0
    assert result.explanations == found["explanations"]
    elsewhere = Store(tmp_path / "elsewhere")
    assert run(plan, elsewhere).computed == 20
    written = {path: data for path, data in digests(store).items() if path.suffix != ".part"}
    assert digests(elsewhere) == written


def test_too_few_of_a_kind(tiny, store, shap_and_controls):
    plan = tiny.plan(**shap_and_controls)
    plan["stimuli"]["shapes"]["select"]["wrong"] = 11
    with pytest.raises(PrecomputeError, match="20 that the model gets right and 10 that it gets"):
        run(plan, store)
    assert not store.root.exists()


def test_permutation_with_too_small_a_budget_says_so_before_any_work(tiny, store):
    plan = tiny.plan(
        first={"method": "partition", "parameters": {"evaluations": 40}},
        e={"method": "permutation", "parameters": {"evaluations": 71}},
    )
    with pytest.raises(PrecomputeError, match=r"explanations\.e\.parameters\.evaluations: .* 72"):
        run(plan, store)
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("checkpoint", "path"), "/nowhere", r"/nowhere/card\.json: no such file.*flask train"),
        (("checkpoint", "sha256"), "0" * 64, "SHA-256 is .*, but 0000"),
        (("data", "path"), "/nowhere.npz", r"/nowhere\.npz: no such file"),
        (("data", "sha256"), "0" * 64, "SHA-256 is .*, but 0000"),
        (("data", "sha256"), "0", "stimuli.shapes.data.sha256: expected 64"),
    ],
)
def test_wrong_files(tiny, store, place, value, message):
    part, key = place
    plan = tiny.plan(shap={"method": "partition"})
    plan["stimuli"]["shapes"][part][key] = value
    with pytest.raises(PrecomputeError, match=message):
        run(plan, store)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((3, 6, 6), np.uint8)}, "no .npz with images, labels and indices"),
        ({"images": np.zeros((3, 6, 6))}, "images is float64"),
        ({"images": np.zeros((3, 5, 6), np.uint8)}, r"images are \(5, 6\), but the checkpoint"),
        ({"labels": np.array([0, 1, 3])}, "a label is 3, but the checkpoint has 3 classes"),
        ({"labels": np.array([0, 1])}, "labels is int64"),
        ({"indices": np.array(["a", "b", "c"])}, "indices is <U1"),
        ({"indices": np.array([{}, {}, {}])}, "no .npz of plain arrays"),
    ],
)
def test_wrong_data(tiny, store, tmp_path, arrays, message):
    whole = {
        "images": np.zeros((3, 6, 6), np.uint8),
        "labels": np.arange(3),
        "indices": np.arange(3),
    }
    path = tmp_path / "bad.npz"
    if message.startswith("no .npz with images"):
        np.savez(path, **arrays)
    else:
        np.savez(path, **{**whole, **arrays})
    check_refused(tiny, store, path, message)


def test_data_that_is_no_zip(tiny, store, tmp_path):
    path = tmp_path / "bad.npz"
    path.write_bytes(b"images")
    check_refused(tiny, store, path, "no .npz of plain arrays")


def check_refused(tiny, store, path, message):
    plan = tiny.plan(shap={"method": "partition"})
    digest = sha256(path.read_bytes())
    plan["stimuli"]["shapes"]["data"] = {"path": str(path), "sha256": digest}
    with pytest.raises(PrecomputeError, match=message):
        run(plan, store)


def overflowing(tiny, tmp_path, brightest):
    """A plan whose model is fine up to a hundredth of full brightness and overflows above."""
    model = tiny_model()
    model.preprocessing = Preprocessing(6, 6, mean=(0.0,), std=(1e-39,))
    digest = save(tmp_path / "model", model)
    images = np.random.default_rng(0).integers(0, brightest, (5, 6, 6)).astype(np.uint8)
    path = tmp_path / "dark.npz"
    labels = predict(model, images).argmax(-1)
    np.savez(path, images=images, labels=labels, indices=np.arange(5))
    plan = tiny.plan(e={"method": "partition", "parameters": {"mask": 1}})
    plan["stimuli"]["dark"] = {
        "checkpoint": {"path": str(tmp_path / "model"), "sha256": digest},
        "data": {"path": str(path), "sha256": sha256(path.read_bytes())},
        "select": {"right": 1, "wrong": 0, "seed": 0},
    }
    del plan["stimuli"]["shapes"]
    return plan


def test_nan_names_the_stimulus(tiny, store, tmp_path):
    message = r"explanation e of stimulus [0-9a-f]{64} \(row \d of dark\): .* NaN or infinite"
    with pytest.raises(PrecomputeError, match=message):
        run(overflowing(tiny, tmp_path, brightest=3), store)
    with pytest.raises(PrecomputeError, match=r"dark\.npz: the model's output for row 0 is NaN"):
        run(overflowing(tiny, tmp_path, brightest=256), store)


def test_no_such_device(tiny, store, shap_and_controls):
    with pytest.raises(PrecomputeError, match="no device 'tpu' here; there is cpu"):
        run(tiny.plan(**shap_and_controls), store, device="tpu")


def test_command_line(tiny, store, shap_and_controls, tmp_path, capsys):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(tiny.plan(**shap_and_controls)))
    assert main([str(path), "--store", str(store.root), "--dry-run"]) == 0
    assert "20 of 20 explanations to do: " in capsys.readouterr().out
    assert main([str(path), "--store", str(store.root)]) == 0
    assert json.loads(capsys.readouterr().out)["computed"] == 20
    assert main([str(path), "--store", str(store.root), "--only", "lime"]) == 1
    assert "no explanation 'lime'" in capsys.readouterr().err
    path.write_text("{")
    assert main([str(path), "--store", str(store.root)]) == 1
    assert "no readable plan" in capsys.readouterr().err
    assert main([str(Path("/nowhere")), "--store", str(store.root)]) == 1
