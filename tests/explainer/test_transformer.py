"""The Transformer: its cache equals reading again, and its parts equal torch's and the paper's."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.models.config import ConfigError
from explainer.models.transformer import (
    TransformerLanguageModel,
    TransformerLanguageModelConfig,
    rotate,
)


def made(layers=2, dropout=0.0, heads=2, **changed):
    torch.manual_seed(0)
    sizes = {"vocabulary": 11, "width": 8, "feedforward": 12, "length": 40, **changed}
    config = TransformerLanguageModelConfig(layers=layers, heads=heads, dropout=dropout, **sizes)
    model = TransformerLanguageModel(config).double().eval()
    for weight in model.parameters():
        weight.data.mul_(2)  # so that attention and predictions differ well
    return model


def tokens(length, batch=2):
    return torch.randint(11, (batch, length), generator=torch.Generator().manual_seed(length))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 39), max_size=4), layers=st.integers(1, 3))
def test_pieces_equal_the_whole(cuts, layers):
    model, text = made(layers), tokens(40)
    state, found = model.start(2), []
    with torch.no_grad():
        whole = model.log_probabilities(text)
        edges = [0, *sorted(set(cuts)), 40]
        for a, b in pairwise(edges):
            some, state = model.advance(text[:, a:b], state)
            found.append(some)
    torch.testing.assert_close(torch.cat(found, 1), whole, atol=1e-10, rtol=0)


def test_steps_equal_the_whole_and_a_kept_state_is_gone_on_from():
    model, text = made(), tokens(20)
    state, found, kept = model.start(2), [], None
    with torch.no_grad():
        whole = model.log_probabilities(text)
        for k in range(20):
            if k == 7:
                kept = state
            some, state = model.step(text[:, k], state)
            found.append(some)
        torch.testing.assert_close(torch.stack(found, 1), whole, atol=1e-10, rtol=0)
        for _ in range(2):
            again, _ = model.advance(text[:, 7:], kept)
            torch.testing.assert_close(again, whole[:, 7:], atol=1e-10, rtol=0)


def test_attention_without_turns_equals_that_of_torch(monkeypatch):
    """The same weights in nn.MultiheadAttention, where no position turns anything."""
    monkeypatch.setattr("explainer.models.transformer.rotate", lambda x, first: x)
    attention = made().blocks[0].attention
    other = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    other.load_state_dict(
        {
            "in_proj_weight": attention.inputs.weight,
            "in_proj_bias": attention.inputs.bias,
            "out_proj.weight": attention.output.weight,
            "out_proj.bias": attention.output.bias,
        }
    )
    x = torch.randn(3, 9, 8, dtype=torch.float64)
    later = torch.ones(9, 9, dtype=torch.bool).triu(1)
    expected, weights = other(x, x, x, attn_mask=later, average_attn_weights=False)
    found, _ = attention(x, attention.start(x))
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(attention.weights(x), weights, atol=1e-12, rtol=0)


def test_the_attention_shown_is_the_one_that_mixes():
    """The last layer's output recomputed from the weights shown."""
    model, text = made(), tokens(9)
    with torch.no_grad():
        shown = model.attentions(text)
        x, _ = model.blocks[0](model.embedding(text) * 8**0.5, model.start(2)[0])
        last = model.blocks[1].attention
        x = model.blocks[1].attention_norm(x)
        y, cache = last(x, last.start(x))
        mixed = (shown[1] @ cache.values).transpose(1, 2).flatten(2)
        torch.testing.assert_close(last.output(mixed), y, atol=1e-12, rtol=0)
    assert shown.shape == (2, 2, 2, 9, 9)
    torch.testing.assert_close(shown.sum(-1), torch.ones(2, 2, 2, 9, dtype=torch.float64))
    assert shown.triu(1).eq(0).all()


def test_a_turn_is_a_complex_product_whose_effect_is_of_the_distance_alone():
    """Su et al. 2021, eq. 12 and 16: pairs turn by position x 10000^(-2 i / size)."""
    torch.manual_seed(0)
    x, y = torch.randn(2, 1, 6, dtype=torch.float64)
    angles = torch.tensor([10_000 ** (-2 * i / 6) for i in range(3)], dtype=torch.float64)
    turned = torch.complex(x[0, :3], x[0, 3:]) * torch.exp(5j * angles)
    expected = torch.cat([turned.real, turned.imag])
    torch.testing.assert_close(rotate(x, 5)[0], expected, atol=1e-12, rtol=0)
    near, far = rotate(x, 5) @ rotate(y, 2).T, rotate(x, 33) @ rotate(y, 30).T
    torch.testing.assert_close(near, far, atol=1e-12, rtol=0)
    assert not torch.allclose(near, rotate(x, 5) @ rotate(y, 3).T)


def test_probabilities_sum_to_one_and_no_later_token_matters():
    model, text = made(), tokens(12)
    changed = text.clone()
    changed[:, 8:] = (changed[:, 8:] + 1) % 11
    with torch.no_grad():
        found, other = model.log_probabilities(text), model.log_probabilities(changed)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(2, 12, dtype=torch.float64))
    torch.testing.assert_close(found[:, :8], other[:, :8], atol=1e-12, rtol=0)
    assert not torch.allclose(found[:, 8:], other[:, 8:])


def test_every_weight_gets_a_gradient():
    model = made(dropout=0.2).train()
    model.losses(tokens(10), tokens(10).flip(1)).mean().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name


def test_it_is_built_without_memory_and_filled():
    model, text = made(), tokens(10)
    with torch.device("meta"):
        empty = TransformerLanguageModel(model.config)
    empty.load_state_dict(model.state_dict(), assign=True)
    with torch.no_grad():
        found = empty.eval().log_probabilities(text)
        torch.testing.assert_close(found, model.log_probabilities(text), atol=0, rtol=0)


def test_more_tokens_than_its_length_are_refused():
    model = made()
    with torch.no_grad():
        _, state = model.advance(tokens(40), model.start(2))
        with pytest.raises(ValueError, match="41 tokens are more than the 40 this Transformer"):
            model.step(tokens(2)[:, 0], state)
        with pytest.raises(ValueError, match="41 tokens are more than the 40 this Transformer"):
            model.attentions(tokens(41))


def test_a_width_that_the_heads_cannot_share_is_refused():
    with pytest.raises(ConfigError, match="width is 8, expected a multiple of twice the heads, 6"):
        made(heads=3)
