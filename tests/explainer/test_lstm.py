"""The LSTM language model: pieces equal the whole, and its attention is what is averaged."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.models import lstm
from explainer.models.config import ConfigError
from explainer.models.lstm import LSTMLanguageModel, LSTMLanguageModelConfig

KINDS = ("none", "learnt", "uniform")


def made(attention="learnt", layers=2, dropout=0.0):
    torch.manual_seed(0)
    config = LSTMLanguageModelConfig(
        vocabulary=11, width=6, layers=layers, attention=attention, dropout=dropout
    )
    model = LSTMLanguageModel(config).double().eval()
    for weight in model.parameters():
        weight.data.mul_(3)  # so that states, scores and predictions differ well
    return model


def tokens(length, batch=2):
    return torch.randint(11, (batch, length), generator=torch.Generator().manual_seed(length))


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    piece=st.integers(1, 45),
)
def test_pieces_equal_the_whole(kind, cuts, piece):
    model, text = made(kind), tokens(40)
    state, found = model.start(2), []
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        whole = model.log_probabilities(text)
        patch.setattr(lstm, "PIECE", piece)
        edges = [0, *sorted(set(cuts) - {0, 40}), 40]
        for a, b in pairwise(edges):
            some, state = model.advance(text[:, a:b], state)
            found.append(some)
    torch.testing.assert_close(torch.cat(found, 1), whole, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_the_whole_and_a_kept_state_is_gone_on_from(kind):
    model, text = made(kind), tokens(20)
    state, found, kept = model.start(2), [], None
    with torch.no_grad():
        whole = model.log_probabilities(text)
        for k in range(20):
            if k == 7:
                kept = state
            some, state = model.step(text[:, k], state)
            found.append(some)
        torch.testing.assert_close(torch.stack(found, 1), whole, atol=1e-10, rtol=0)
        again, _ = model.advance(text[:, 7:], kept)
    torch.testing.assert_close(again, whole[:, 7:], atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_sum_to_one_and_no_later_token_matters(kind):
    model, text = made(kind), tokens(12)
    changed = text.clone()
    changed[:, 8:] = (changed[:, 8:] + 1) % 11
    with torch.no_grad():
        found, other = model.log_probabilities(text), model.log_probabilities(changed)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(2, 12, dtype=torch.float64))
    torch.testing.assert_close(found[:, :8], other[:, :8], atol=1e-12, rtol=0)
    assert not torch.allclose(found[:, 8:], other[:, 8:])


@pytest.mark.parametrize("kind", ["learnt", "uniform"])
def test_the_attention_shown_is_the_one_that_averages(kind):
    """The output recomputed from the weights shown, one step at a time."""
    model, text = made(kind), tokens(9)
    with torch.no_grad():
        weights = model.attentions(text)
        h, _ = model.lstm(model.embedding(text) * 6**0.5)
        for k in range(9):
            mean = (weights[:, k, :, None] * h).sum(1)
            logits = (h[:, k] + mean) @ model.embedding.weight.T + model.bias
            torch.testing.assert_close(
                logits.log_softmax(-1), model.log_probabilities(text)[:, k], atol=1e-12, rtol=0
            )
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 9, dtype=torch.float64))
    assert weights.triu(1).eq(0).all()


def test_learnt_weights_are_a_softmax_of_each_states_score_and_uniform_ones_are_equal():
    text = tokens(9)
    with torch.no_grad():
        model = made("learnt")
        h, _ = model.lstm(model.embedding(text) * 6**0.5)
        score = (h @ model.attention.score.weight[0]).exp()
        expected = score[:, :5] / score[:, :5].sum(-1, keepdim=True)
        learnt = model.attentions(text)[:, 4, :5]
        torch.testing.assert_close(learnt, expected, atol=1e-12, rtol=0)
        assert learnt.std() > 0.005
        uniform = made("uniform").attentions(text)[:, 4, :5]
    torch.testing.assert_close(uniform, torch.full_like(uniform, 0.2))


def test_scores_of_any_size_leave_finite_probabilities():
    model = made("learnt")
    model.attention.score.weight.data.mul_(1e4)
    with torch.no_grad():
        assert model.log_probabilities(tokens(30)).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_gets_a_gradient(kind):
    model = made(kind, dropout=0.2).train()
    model.losses(tokens(10), tokens(10).flip(1)).mean().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_built_without_memory_and_filled(kind):
    model, text = made(kind), tokens(10)
    with torch.device("meta"):
        empty = LSTMLanguageModel(model.config)
    empty.load_state_dict(model.state_dict(), assign=True)
    with torch.no_grad():
        found = empty.eval().log_probabilities(text)
        torch.testing.assert_close(found, model.log_probabilities(text), atol=0, rtol=0)


def test_one_without_attention_has_none_to_show():
    with pytest.raises(ValueError, match="has no attention"):
        made("none").attentions(tokens(3))


def test_an_unknown_attention_is_refused():
    with pytest.raises(ConfigError, match="attention is 'hard', expected one of none, learnt"):
        made("hard")
