"""Games read in less than float32: what is computed so, and what is told of it."""

import numpy as np
import pytest
import torch

from explainer.artifact import Store
from explainer.attribution import play
from explainer.explain import explain
from explainer.methods import MethodError
from explainer.methods.catalogue import method
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.s4 import CHUNK, LayerConfig, S4Layer
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.plan import PlanError, check
from explainer.precision import Reduced, computing, difference
from explainer.precompute import PrecomputeError, run
from explainer.shapley.game import Game, Plain, drive, drive_all
from explainer.subjects.image import ImageSubject
from explainer.subjects.load import load

KERNELS = {
    "diagonal": {},
    "low-rank": {"kernel": "low-rank", "init": "legs", "hold": "bilinear", "length": 200},
}


@pytest.fixture
def subject():
    torch.manual_seed(0)
    sizes = {"inputs": 1, "width": 16, "layers": 2, "state": 4, "labels": 3}
    network = SequenceClassifier(SequenceClassifierConfig(**sizes)).eval().requires_grad_(False)
    labels = ("a", "b", "c")
    return ImageSubject(
        ImageClassifier(network, Preprocessing(9, 9, (0.5,), (0.5,)), labels), "0" * 64
    )


@pytest.fixture
def stimulus(subject):
    return subject.stimulus(np.random.default_rng(0).integers(0, 256, (9, 9)).astype(np.uint8))


def found(subject, stimulus, precision, name="permutation"):
    chosen = method(name)
    given = {"mask": "zero", "players": "patches", "size": 3} if name == "permutation" else {}
    parameters = {**chosen.complete(given), "precision": precision}
    return play(chosen, subject, stimulus, outputs=[0, 2], parameters=parameters, seed=1)


def test_values_are_near_and_the_error_is_told(subject, stimulus):
    exact, rounded = (drive(found(subject, stimulus, each)) for each in ("float32", "bfloat16"))
    assert exact.details.get("precision") is None
    told = rounded.details["precision"]
    missed = np.abs(rounded.full_values - exact.full_values).max()
    assert missed > 0
    assert told["name"] == "bfloat16"
    assert 0 < told["rms"] <= told["largest"] < 0.05 * told["spread"]
    assert told["relative"] == pytest.approx(told["largest"] / told["spread"], rel=0.01)
    assert 2 < told["coalitions"] <= 64
    assert np.abs(rounded.values - exact.values).max() < 4 * told["largest"]


def test_one_precision_leaves_no_trace_in_another(subject, stimulus):
    """What a layer keeps is computed in full, whichever precision asks for it first."""
    drive(found(subject, stimulus, "bfloat16"))
    after = drive(found(subject, stimulus, "float32"))
    for block in subject.network.backbone.blocks:
        block.layer._kept.clear()
    assert np.array_equal(after.values, drive(found(subject, stimulus, "float32")).values)


def test_gradients_stay_in_float32(subject, stimulus):
    exact, asked = (
        drive(found(subject, stimulus, each, "integrated_gradients"))
        for each in ("float32", "bfloat16")
    )
    assert np.array_equal(exact.values, asked.values)
    assert "precision" not in asked.details


def test_plays_of_one_scorer_share_batches(subject, stimulus, monkeypatch):
    sizes = []
    real = subject.scorer.__class__.__call__
    monkeypatch.setattr(
        subject.scorer.__class__,
        "__call__",
        lambda self, inputs: sizes.append(len(inputs[0])) or real(self, inputs),
    )
    alone = drive(found(subject, stimulus, "bfloat16"))
    batches = len(sizes)
    both = list(drive_all([found(subject, stimulus, "bfloat16") for _ in range(2)]))
    assert len(sizes) - batches < 2 * batches
    np.testing.assert_allclose(both[0].values, alone.values, atol=1e-6)


def test_difference_by_hand():
    given, expected = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[1.0, 1.0], [3.0, 5.0]])
    told = difference(given, expected)
    assert told == {"coalitions": 2, "largest": 1.0, "rms": 0.707, "spread": 4.0, "relative": 0.25}
    assert difference(given[:1], expected[:1])["relative"] is None


def test_memory_that_runs_out_halves_the_scorer_itself():
    scorer = Plain(lambda x: x.double(), batch=8)
    both = [Reduced(scorer, "bfloat16", torch.device("cpu")) for _ in range(2)]
    assert both[0] == both[1]
    assert both[0] != scorer
    both[0].batch //= 2
    assert scorer.batch == both[1].batch == 4
    games = [Game(2, lambda coalitions: (coalitions,), each) for each in both]
    assert games[0](torch.eye(2, dtype=torch.bool)).tolist() == [[1, 0], [0, 1]]


def test_tf32_is_set_and_put_back():
    """Only the switches: there is no GPU that would round by them."""
    parts = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
    before = [part.fp32_precision for part in parts]
    with computing("tf32", "cuda"):
        assert [part.fp32_precision for part in parts] == ["tf32"] * 3
    assert [part.fp32_precision for part in parts] == before


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("length", [20, CHUNK, 150])
def test_a_layer_reads_in_bfloat16(kernel, length):
    """To 3 % of the largest value, whole, in chunks and from a state."""
    torch.manual_seed(0)
    layer = S4Layer(LayerConfig(width=8, state=4, **KERNELS[kernel])).eval().requires_grad_(False)
    u = torch.randn(8, 16, length)
    expected, (ahead, state) = layer(u), layer.advance(u, layer.start(16))
    with computing("bfloat16", "cpu"):
        given, (also, after) = layer(u), layer.advance(u, layer.start(16))
    assert given.dtype == torch.bfloat16
    assert not torch.equal(given.float(), expected)
    for one, other in ((given, expected), (also, ahead), (after, state)):
        torch.testing.assert_close(
            one.to(other.dtype), other, atol=0.03 * float(other.abs().max()), rtol=0
        )


def test_a_subject_that_is_loaded_reads_in_float32(tiny):
    for part in (torch.backends.cudnn.conv, torch.backends.cudnn.rnn):
        part.fp32_precision = "tf32"
    load(tiny.folder, device="cpu")
    for part in (torch.backends.cudnn.conv, torch.backends.cudnn.rnn):
        assert part.fp32_precision == "ieee"


def test_what_is_not_there_is_refused(subject, stimulus):
    with pytest.raises(MethodError, match="tf32 is of NVIDIA GPUs, and this runs on the CPU: take"):
        explain(subject, stimulus, "permutation", precision="tf32")
    with pytest.raises(MethodError, match="no precision 'half'; there is float32, tf32, bfloat16"):
        explain(subject, stimulus, "permutation", precision="half")
    with pytest.raises(PlanError, match="no precision 'half'"):
        check({}, precision="half")


def test_precompute_keeps_precisions_apart(tiny, tmp_path, shap_and_controls):
    store, plan = Store(tmp_path / "store"), tiny.plan(**shap_and_controls)
    full = run(plan, store, only="shap")
    assert run(plan, store, only="shap", precision="float32").computed == 0
    reduced = run(plan, store, only="shap", precision="bfloat16")
    assert reduced.computed == full.computed == len(full.stimuli["shapes"])
    assert reduced.plan != full.plan
    for stimulus, digest in reduced.explanations["shap"].items():
        found = store.read_explanation(digest)
        assert found.job.parameters["precision"] == "bfloat16"
        assert store.read_run(digest).details["precision"]["coalitions"] > 2
        exact = store.read_explanation(full.explanations["shap"][stimulus])
        assert "precision" not in exact.job.parameters
        assert store.read_run(full.explanations["shap"][stimulus]).details.get("precision") is None
        assert found.value_function == exact.value_function
    with pytest.raises(PrecomputeError, match="tf32 is of NVIDIA GPUs"):
        run(plan, store, device="cpu", precision="tf32")
