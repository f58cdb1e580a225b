"""The classifier against the original's numbers, and its ways of reading against one another."""

import json

import numpy as np
import pytest
import torch

from explainer.models import kernels, sequence
from explainer.models.checkpoint import load
from explainer.models.kernels import KernelConfig
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from tests.explainer.conftest import GOLDEN

LOW_RANK = {"kernel": "low-rank", "init": "legs", "hold": "bilinear", "length": 80}


@pytest.fixture(scope="module", params=["s4", "s4d"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def original(name):
    """The original's layout: 3 layers, 128 channels, 64 states; random weights."""
    return load(GOLDEN / f"{name}_state_dict.safetensors", GOLDEN / f"{name}_config.json")[0]


def doubled(model):
    found = SequenceClassifier(model.config).double().eval().requires_grad_(False)
    found.load_state_dict(model.state_dict())
    return found


@pytest.mark.parametrize("edge", ["", "_edge"])
def test_logits_agree_with_the_original(original, name, golden, edge):
    """REFERENCES: logits 2e-5 in float32, 1e-9 in float64."""
    io = golden(f"{name}_io.npz")
    x = torch.from_numpy(io[f"x{edge}"])
    np.testing.assert_allclose(original(x), io[f"logits{edge}"], atol=2e-5, rtol=0)
    logits = doubled(original)(x.double())
    np.testing.assert_allclose(logits, io[f"logits{edge}_fp64"], atol=1e-9, rtol=0)


def test_activations_agree_with_the_original(original, name, golden):
    """REFERENCES: activations 2e-4."""
    io = golden(f"{name}_io.npz")
    seen = {}
    parts = {f"act_block{k}": block for k, block in enumerate(original.backbone.blocks)}
    parts["act_final_norm"] = original.backbone.norm
    hooks = [
        part.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
        for name, part in parts.items()
    ]
    original(torch.from_numpy(io["x"][:1]))
    for hook in hooks:
        hook.remove()
    assert len(seen) == 4
    for part, out in seen.items():  # (H, batch, L)
        np.testing.assert_allclose(out[:, 0, ::56].T, io[part], atol=2e-4, rtol=0)


def test_low_rank_kernel_agrees_with_the_original(golden):
    """REFERENCES: K nplr 3e-4 (784), 6e-4 (1000); fp64 v recurrence 1e-11."""
    expected = golden("s4_kernel.npz")
    model = load(GOLDEN / "s4_state_dict.safetensors", GOLDEN / "s4_config.json")[0]
    kernel = model.backbone.blocks[0].layer.kernel
    double = doubled(model).backbone.blocks[0].layer.kernel
    for length, tolerance in ((784, 3e-4), (1000, 6e-4)):
        K = kernel(length)[0]
        np.testing.assert_allclose(K[:16], expected[f"K_{length}"], atol=tolerance, rtol=0)
        wanted = expected[f"K_{length}_fp64_ch0_7"]
        np.testing.assert_allclose(double(length)[0, :8], wanted, atol=1e-11, rtol=0)
    wanted = expected["K_1000_recurrence_fp64_ch0_7"]
    np.testing.assert_allclose(double(1000)[0, :8], wanted, atol=1e-11, rtol=0)


def test_low_rank_recurrence_is_the_originals(golden):
    """The original holds dense dA, dB, dC over conjugate pairs; ours is the same map."""
    expected = golden("s4_kernel.npz")
    model = load(GOLDEN / "s4_state_dict.safetensors", GOLDEN / "s4_config.json")[0]
    found = doubled(model).backbone.blocks[0].layer.kernel.recurrence()
    dA, dB, dC = (expected[f"{part}_ch0"] for part in ("dA", "dB", "dC"))
    np.testing.assert_allclose(found.B[0], dB[:32], atol=1e-14, rtol=0)
    np.testing.assert_allclose(found.C[0, 0], dC[:32], atol=1e-12, rtol=0)
    x = torch.randn(128, 1, 32, dtype=torch.cdouble)
    state = x[0, 0].numpy()
    turned = dA @ np.concatenate([state, state.conj()])
    np.testing.assert_allclose(found.turn(x)[0, 0], turned[:32], atol=1e-13, rtol=0)


def test_diagonal_kernel_agrees_with_the_original(golden):
    """REFERENCES: K 1e-5; the recurrence is exact."""
    expected = golden("s4d_kernel.npz")
    model = load(GOLDEN / "s4d_state_dict.safetensors", GOLDEN / "s4d_config.json")[0]
    kernel = model.backbone.blocks[0].layer.kernel
    double = doubled(model).backbone.blocks[0].layer.kernel
    for length in (784, 1000):
        np.testing.assert_allclose(kernel(length)[0, :16], expected[f"K_{length}"], atol=1e-5)
        wanted = expected[f"K_{length}_fp64"]
        np.testing.assert_allclose(double(length)[0, :8], wanted, atol=1e-11, rtol=0)
    found = double.recurrence()
    np.testing.assert_allclose(found.A[0], expected["dA"], atol=1e-14, rtol=0)
    np.testing.assert_allclose(found.B[0], expected["dB"], atol=1e-14, rtol=0)
    np.testing.assert_allclose(found.C[0, 0], expected["dC"], atol=1e-14, rtol=0)


def test_reading_in_pieces_agrees_with_the_original(original, name, golden):
    io = golden(f"{name}_io.npz")
    model = doubled(original)
    x = torch.from_numpy(io["x"][:1]).double()
    stream = model.start(1)
    for piece in x.split([1, 300, 56, 427], 1):
        logits, stream = model.advance(piece, stream)
    np.testing.assert_allclose(logits, io["logits_fp64"][:1], atol=1e-9, rtol=0)
    stream = model.start(1)
    for k in range(60):
        logits, stream = model.step(x[:, k], stream)
    torch.testing.assert_close(logits, model(x[:, :60]), atol=1e-9, rtol=0)


VARIANTS = [
    {"norm": "layer"},
    {"norm": "layer", "prenorm": False},
    {"prenorm": False, "pool": "last"},
    {"pattern": "s4-ff", "expand": 2, "mix": "linear"},
    {"norm": "layer", "pattern": "s4-s4-ff", "pool": "last", **LOW_RANK},
]


def made(seed=0, **fields):
    torch.manual_seed(seed)
    config = SequenceClassifierConfig(
        **{"width": 6, "state": 4, "layers": 2, "inputs": 3, "labels": 4, **fields}
    )
    model = SequenceClassifier(config).double()
    with torch.no_grad():
        model.train()(torch.randn(8, 30, 3).double() if config.encoder == "linear" else WORDS)
    return model.eval().requires_grad_(False)


WORDS = torch.tensor([[5, 2, 9, 0, 1], [3, 3, 1, 7, 7]])


@pytest.mark.parametrize("fields", VARIANTS)
def test_whole_equals_pieces(fields):
    model = made(**fields)
    x = torch.randn(2, 70, 3, dtype=torch.float64)
    stream = model.start(2)
    for piece in x.split([3, 1, 60, 6], 1):
        logits, stream = model.advance(piece, stream)
    torch.testing.assert_close(logits, model(x), atol=1e-9, rtol=0)


def test_postnorm_is_after_the_sum():
    model = made(norm="layer", prenorm=False)
    h = torch.randn(6, 1, 5, dtype=torch.float64)
    block = model.backbone.blocks[0]
    expected = torch.nn.functional.layer_norm((h + block.layer(h)).permute(1, 2, 0), (6,))
    torch.testing.assert_close(block(h).permute(1, 2, 0), expected)
    assert isinstance(model.backbone.norm, torch.nn.Identity)


def test_prenorm_is_before_the_layer():
    model = made(norm="layer")
    h = torch.randn(6, 1, 5, dtype=torch.float64)
    block = model.backbone.blocks[0]
    normed = torch.nn.functional.layer_norm(h.permute(1, 2, 0), (6,)).permute(2, 0, 1)
    torch.testing.assert_close(block(h), h + block.layer(normed))


@pytest.mark.parametrize("pool", ["mean", "last"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_comes_after_a_texts_length_changes_nothing(pool, bidirectional):
    model = made(
        encoder="embedding", inputs=10, norm="layer", pool=pool, bidirectional=bidirectional
    )
    lengths = torch.tensor([3, 5])
    alone = torch.cat([model(WORDS[k : k + 1, :n]) for k, n in enumerate(lengths)])
    other = WORDS.clone()
    other[0, 3:] = 8
    for tokens in (WORDS, other):
        torch.testing.assert_close(model(tokens, lengths), alone, atol=1e-12, rtol=0)


def test_recomputing_gives_the_same_gradients():
    model = made(dropout=0.3, pattern="s4-ff").train().requires_grad_(True)
    x = torch.randn(2, 30, 3, dtype=torch.float64)
    found = []
    for recomputing in (False, True):
        model.backbone.recomputing = recomputing
        torch.manual_seed(1)
        model.zero_grad()
        model(x).square().sum().backward()
        found.append([weight.grad.clone() for weight in model.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_recomputing_keeps_less_for_the_gradient():
    def kept(recomputing):
        model = made(layers=6).train().requires_grad_(True)
        model.backbone.recomputing = recomputing
        sizes = []

        def pack(tensor):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(torch.randn(4, 200, 3, dtype=torch.float64))
        return sum(sizes)

    assert kept(True) < kept(False) / 4


def test_configuration_round_trip():
    config = made(**LOW_RANK).config
    text = json.dumps(config.to_json())
    assert SequenceClassifierConfig.from_json(json.loads(text)) == config


def test_slow_weights_are_there():
    """The optimiser gives these a small learning rate and no decay."""
    for kind in ({}, LOW_RANK):
        kernel = kernels.make(KernelConfig(width=4, state=4, **kind))
        assert {"inv_dt", "A_real", "A_imag", "B"} <= set(kernel.slow)
        assert set(kernel.slow) <= set(dict(kernel.named_parameters()))


@pytest.mark.parametrize("kernel", ["diagonal", "low-rank"])
@pytest.mark.parametrize("pool", ["mean", "last"])
def test_many_sequences_are_read_in_spans_to_the_same_logits(kernel, pool, monkeypatch):
    """1e-10 in float64; a gradient, training, a mask and few sequences are read whole."""
    torch.manual_seed(0)
    start = {"init": "legs", "hold": "bilinear"} if kernel == "low-rank" else {}
    config = SequenceClassifierConfig(
        inputs=1,
        width=4,
        layers=2,
        state=4,
        labels=3,
        pool=pool,
        kernel=kernel,
        length=130,
        **start,
    )
    network = SequenceClassifier(config).double().eval()
    x = torch.randn(sequence.MANY, 130, 1, dtype=torch.float64)
    read = []
    by_spans = SequenceClassifier._by_spans
    monkeypatch.setattr(
        SequenceClassifier, "_by_spans", lambda self, x: read.append(len(x)) or by_spans(self, x)
    )
    whole = network(x)
    with torch.no_grad():
        assert network(x[1:]).shape == (sequence.MANY - 1, 3)
        network(x, torch.full((len(x),), 130))
        assert read == []
        torch.testing.assert_close(network(x), whole, atol=1e-10, rtol=0)
    assert read == [sequence.MANY]
