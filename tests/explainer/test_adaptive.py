"""The adaptive embedding and softmax against the original's numbers and torch's own softmax."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from explainer.models.adaptive import AdaptiveEmbedding, AdaptiveSoftmax
from tests.explainer.conftest import GOLDEN

CUTOFFS = (100, 300, 600)


class Both(nn.Module):
    def __init__(self, *args):
        super().__init__()
        self.embedding = AdaptiveEmbedding(*args)
        self.softmax = AdaptiveSoftmax(self.embedding)


def built(*args, seed=0):
    torch.manual_seed(seed)
    both = Both(*args).double()
    for bias in both.softmax.biases:
        bias.data.normal_()
    both.softmax.cluster_bias.data.normal_()
    return both


def renamed(name):
    for old, new in (
        ("encoder.0.emb_layers", "embedding.tables"),
        ("encoder.0.emb_projs", "embedding.projections"),
        ("loss.out_layers_biases", "softmax.biases"),
        ("loss.out_projs.0", "softmax.projection"),
        ("loss.", "softmax."),
        (".weight", ""),
    ):
        name = name.replace(old, new)
    return name


@pytest.fixture(scope="module")
def io():
    return np.load(GOLDEN / "adaptive.npz")


@pytest.fixture(scope="module")
def original(io):
    """The golden WikiText layout; its numbers are the original code's, for random weights."""
    with torch.device("meta"):
        both = Both(1000, 64, CUTOFFS)
    state = {
        renamed(name): torch.from_numpy(io[name])
        for name in io.files
        if name.startswith(("encoder.", "loss."))
    }
    both.load_state_dict(state, assign=True)
    return both.requires_grad_(False)


def test_vectors_agree_with_the_original(original, io):
    found = original.embedding(torch.from_numpy(io["tokens"]))
    np.testing.assert_allclose(found, io["embed"], atol=1e-6, rtol=0)


def test_log_probabilities_agree_with_the_original(original, io):
    found = original.softmax.log_probabilities(torch.from_numpy(io["hidden_fp32"]))
    np.testing.assert_allclose(found, io["log_probabilities_fp32"], atol=2e-5, rtol=0)
    double = copy.deepcopy(original).double()
    found = double.softmax.log_probabilities(torch.from_numpy(io["hidden"]))
    np.testing.assert_allclose(found, io["log_probabilities"], atol=1e-12, rtol=0)


def test_losses_agree_with_the_original(original, io):
    double = copy.deepcopy(original).double()
    found = double.softmax.losses(torch.from_numpy(io["hidden"]), torch.from_numpy(io["targets"]))
    expected = -np.take_along_axis(io["log_probabilities"], io["targets"][:, None], 1)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-12, rtol=0)


def test_the_golden_targets_reach_every_cluster(io):
    assert set(np.searchsorted(CUTOFFS, io["targets"], "right")) == {0, 1, 2, 3}
    assert set(np.searchsorted(CUTOFFS, io["tokens"], "right")) == {0, 1, 2, 3}


def test_agrees_with_torchs_adaptive_softmax():
    """nn.AdaptiveLogSoftmaxWithLoss has no tail biases and counts its clusters forwards."""
    both = built(50, 16, (10, 25, 40), 2)
    theirs = nn.AdaptiveLogSoftmaxWithLoss(16, 50, [10, 25, 40], 2.0, head_bias=True).double()
    ours, tied = both.softmax, both.embedding
    with torch.no_grad():
        head = torch.cat([tied.tables[0], ours.cluster_weight.flip(0)])
        theirs.head.weight.copy_(head @ ours.projection.T)
        theirs.head.bias.copy_(torch.cat([ours.biases[0], ours.cluster_bias.flip(0)]))
        for k, (narrow, words) in enumerate(theirs.tail, 1):
            narrow.weight.copy_(tied.projections[k].T)
            words.weight.copy_(tied.tables[k])
            ours.biases[k].zero_()
        h, targets = torch.randn(50, 16, dtype=torch.float64), torch.randperm(50)
        torch.testing.assert_close(
            ours.log_probabilities(h), theirs.log_prob(h), atol=1e-12, rtol=0
        )
        torch.testing.assert_close(
            ours.losses(h, targets), -theirs(h, targets).output, atol=1e-12, rtol=0
        )


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    divisor=st.integers(1, 3),
    shape=st.sampled_from([(), (1,), (7,), (2, 3), (2, 0)]),
    seed=st.integers(0, 100),
)
def test_losses_are_the_log_probabilities(steps, divisor, shape, seed):
    edges = np.cumsum(steps).tolist()
    both = built(edges[-1], 27, tuple(edges[:-1]), divisor, seed=seed)
    h = torch.randn(*shape, 27, dtype=torch.float64)
    targets = torch.randint(edges[-1], shape)
    dense = both.softmax.log_probabilities(h)
    torch.testing.assert_close(dense.exp().sum(-1), torch.ones(shape, dtype=torch.float64))
    expected = -dense.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(both.softmax.losses(h, targets), expected, atol=1e-12, rtol=0)


def test_vectors_are_the_projected_rows():
    both = built(12, 8, (3, 7), 2)
    rows = torch.cat(
        [t @ p.T for t, p in zip(both.embedding.tables, both.embedding.projections, strict=True)]
    )
    tokens = torch.tensor([[0, 2, 3], [6, 7, 11]])
    torch.testing.assert_close(both.embedding(tokens), rows[tokens] * math.sqrt(8))


def test_every_weight_gets_the_gradient_of_both_uses():
    both = built(12, 8, (3, 7), 2)
    tokens = torch.arange(12).view(3, 4)
    both.softmax.losses(both.embedding(tokens), tokens).sum().backward()
    found = {name: p.grad.clone() for name, p in both.named_parameters()}
    both.zero_grad()
    dense = both.softmax.log_probabilities(both.embedding(tokens))
    (-dense.gather(-1, tokens.unsqueeze(-1))).sum().backward()
    for name, parameter in both.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, atol=1e-12, rtol=0)
        assert parameter.grad.any(), name


def test_shared_weights_are_stored_once_and_stay_shared():
    both = built(12, 8, (3, 7), 2)
    assert sorted(both.softmax.state_dict()) == [
        "biases.0", "biases.1", "biases.2", "cluster_bias", "cluster_weight", "projection",
    ]  # fmt: skip
    twin = copy.deepcopy(both)
    h = torch.randn(1, 8, dtype=torch.float64)
    before = twin.softmax.log_probabilities(h)
    both.embedding.tables[2].data.zero_()
    torch.testing.assert_close(twin.softmax.log_probabilities(h), before, atol=0, rtol=0)
    twin.load_state_dict(both.state_dict())
    torch.testing.assert_close(
        twin.softmax.log_probabilities(h), both.softmax.log_probabilities(h), atol=0, rtol=0
    )


def test_the_public_layout_has_its_sizes():
    """real_s4_wt103_shapes.json: the tables and projections of the 243-million-parameter model."""
    with torch.device("meta"):
        both = Both(267735, 1024, (19997, 39997, 199997))
    shapes = [tuple(p.shape) for p in both.embedding.parameters()]
    assert shapes == [
        (19997, 1024), (20000, 256), (160000, 64), (67738, 16),
        (1024, 1024), (1024, 256), (1024, 64), (1024, 16),
    ]  # fmt: skip
    assert both.softmax.cluster_weight.shape == (3, 1024)


def test_losses_make_no_score_of_every_word():
    """Frequent targets never touch the table of the rare words."""
    both = built(12, 8, (3, 7), 2)
    both.embedding.tables[2].data.fill_(torch.nan)
    h = torch.randn(5, 8, dtype=torch.float64)
    assert both.softmax.losses(h, torch.tensor([0, 2, 3, 6, 1])).isfinite().all()
    assert both.softmax.losses(h, torch.tensor([0, 2, 3, 7, 1])).isnan().tolist() == [
        False, False, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("token", [-1, 12])
def test_unknown_tokens_are_refused(token):
    both = built(12, 8, (3, 7), 2)
    with pytest.raises(IndexError, match=f"token {token} is not in the vocabulary of 12"):
        both.embedding(torch.tensor([3, token]))
    with pytest.raises(IndexError, match=f"token {token} is not in the vocabulary of 12"):
        both.softmax.losses(torch.zeros(2, 8, dtype=torch.float64), torch.tensor([3, token]))


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match=r"cutoffs \(3, 12\) must grow between 0 and 12"):
        AdaptiveEmbedding(12, 8, (3, 12))
    with pytest.raises(ValueError, match="use fewer cutoffs or a larger width"):
        AdaptiveEmbedding(12, 8, (3, 7), 4)
