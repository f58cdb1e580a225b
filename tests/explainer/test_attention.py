"""Attention: what it sums to, what padding does to it, and what imposing it changes."""

import pytest
import torch

from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.config import ConfigError

KINDS = [(e, a) for e in ("lstm", "mlp") for a in ("learnt", "uniform")]


def make(encoder="lstm", attention="learnt", **more):
    torch.manual_seed(0)
    config = AttentionConfig(20, 5, 4, 3, encoder, attention, **more)
    return AttentionClassifier(config).double().eval()


@pytest.fixture
def texts():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(20, (4, 7), generator=generator), torch.tensor([7, 1, 5, 3])


@pytest.mark.parametrize(("encoder", "attention"), KINDS)
def test_attention_is_a_distribution_over_the_real_tokens(encoder, attention, texts):
    tokens, lengths = texts
    logits, weights = make(encoder, attention).attend(tokens, lengths)
    assert logits.shape == (4, 3)
    torch.testing.assert_close(weights.sum(1), torch.ones(4, dtype=torch.float64))
    for row, length in zip(weights, lengths, strict=True):
        assert (row[length:] == 0).all()
        assert (row[:length] > 0).all()
        if attention == "uniform":
            torch.testing.assert_close(row[:length], torch.full_like(row[:length], 1 / length))


@pytest.mark.parametrize(("encoder", "attention"), KINDS)
def test_padding_changes_nothing(encoder, attention, texts):
    tokens, lengths = texts
    model = make(encoder, attention)
    logits, weights = model.attend(tokens, lengths)
    wider = torch.nn.functional.pad(tokens, (0, 5), value=13)
    wider[1, 1:] = 17
    other, wider_weights = model.attend(wider, lengths)
    torch.testing.assert_close(other, logits, atol=1e-14, rtol=0)
    torch.testing.assert_close(wider_weights[:, :7], weights, atol=1e-14, rtol=0)
    for k, length in enumerate(lengths):
        alone = model(tokens[k : k + 1, :length], lengths[k : k + 1])
        torch.testing.assert_close(alone[0], logits[k], atol=1e-14, rtol=0)


@pytest.mark.parametrize("encoder", ["lstm", "mlp"])
def test_imposing_a_models_own_attention_changes_nothing(encoder, texts):
    model = make(encoder)
    logits, weights = model.attend(*texts)
    torch.testing.assert_close(model(*texts, weights), logits, atol=1e-14, rtol=0)
    torch.testing.assert_close(model(*texts), logits, atol=0, rtol=0)
    generator = torch.Generator().manual_seed(2)
    other = torch.rand(4, 7, generator=generator).double() * (weights > 0)
    other /= other.sum(1, keepdim=True)
    assert (model(*texts, other) - logits).abs().max() > 1e-4


def test_logits_are_linear_in_attention(texts):
    """Attention on one token alone gives that token's logits; their average, the average's."""
    model = make()
    tokens, lengths = texts[0][:1], texts[1][:1]
    logits, weights = model.attend(tokens, lengths)
    each = model(tokens.expand(7, -1), lengths.expand(7), torch.eye(7, dtype=torch.float64))
    torch.testing.assert_close(weights @ each, logits, atol=1e-12, rtol=0)


def test_an_mlp_sees_each_token_alone_and_an_lstm_does_not(texts):
    tokens, lengths = texts[0][:1], texts[1][:1]
    changed = tokens.clone()
    changed[0, 3] = (changed[0, 3] + 1) % 20
    first = torch.eye(7, dtype=torch.float64)[:1]  # all attention on the first token
    for encoder, same in (("mlp", True), ("lstm", False)):
        model = make(encoder, "imposed")
        a, b = model(tokens, lengths, first), model(changed, lengths, first)
        assert torch.equal(a, b) == same


def test_a_model_without_attention_asks_for_it(texts):
    with pytest.raises(ValueError, match="no attention of its own: give weights"):
        make("mlp", "imposed")(*texts)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[0.5, 0.5]], r"shape \(1, 2\), expected that of tokens, \(1, 3\)"),
        ([[0.4, 0.4, 0.2]], "attention to padding"),
        ([[0.5, 0.4, 0]], "add up to 1"),
        ([[1.5, -0.5, 0]], "must be 0 or more"),
        ([[torch.nan, 1, 0]], "must be 0 or more"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    tokens, lengths = torch.tensor([[3, 4, 5]]), torch.tensor([2])
    with pytest.raises(ValueError, match=message):
        make()(tokens, lengths, torch.tensor(weights, dtype=torch.float64))


@pytest.mark.parametrize("lengths", [[7, 0, 5, 3], [8, 1, 5, 3]])
def test_wrong_lengths_are_refused(lengths, texts):
    with pytest.raises(ValueError, match="expected 1 to 7 tokens"):
        make()(texts[0], torch.tensor(lengths))


@pytest.mark.parametrize(("encoder", "attention"), [*KINDS, ("mlp", "imposed")])
def test_fills_a_network_without_weights(encoder, attention, texts):
    model = make(encoder, attention)
    with torch.device("meta"):
        empty = AttentionClassifier(AttentionConfig.from_json(model.config.to_json()))
    empty.load_state_dict(model.state_dict(), assign=True)
    weights = make().attend(*texts)[1]
    expected = model(*texts, weights)
    torch.testing.assert_close(empty.eval()(*texts, weights), expected, atol=0, rtol=0)


def test_dropout_is_off_in_evaluation(texts):
    model = make(dropout=0.5)
    assert torch.equal(model(*texts), model(*texts))
    model.train()
    assert not torch.equal(model(*texts), model(*texts))


def test_an_unknown_attention_is_refused():
    with pytest.raises(ConfigError, match="attention is 'dot', expected one of learnt"):
        make(attention="dot")
