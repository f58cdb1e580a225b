"""The S4 language model against the original's numbers and against itself."""

import numpy as np
import pytest
import torch

from explainer.models.checkpoint import load
from explainer.models.language import continuations
from explainer.models.lm import S4LanguageModel, S4LanguageModelConfig
from tests.explainer.conftest import GOLDEN

LENGTH = 128  # l_max of the golden model


@pytest.fixture(scope="module")
def original():
    """The WikiText-103 layout at d_model 64, vocabulary 1000; random weights."""
    return load(GOLDEN / "s4_lm_state_dict.safetensors", GOLDEN / "s4_lm_config.json")[0]


@pytest.fixture(scope="module")
def double(original):
    model = S4LanguageModel(original.config).double().eval().requires_grad_(False)
    model.load_state_dict(original.state_dict())
    return model


@pytest.fixture(scope="module")
def io():
    return np.load(GOLDEN / "s4_lm_io.npz")


def walk(model, tokens):
    """Read one token after another."""
    state = None
    found = []
    for k in range(tokens.shape[1]):
        y, state = model.step(tokens[:, k], state)
        found.append(y)
    return torch.stack(found, 1)


def test_log_probabilities_agree_with_the_original(original, double, io):
    """REFERENCES: 3e-4 in float32; here every ninth position is kept."""
    tokens = torch.from_numpy(io["tokens"])
    found = original.log_probabilities(tokens)
    np.testing.assert_allclose(found[:, ::9], io["logprob_full"], atol=3e-4, rtol=0)
    found = double.log_probabilities(tokens)
    np.testing.assert_allclose(found[:, ::9], io["logprob_full_fp64"], atol=1e-9, rtol=0)
    found = double.hidden(tokens)
    np.testing.assert_allclose(found[:, ::9], io["hidden_full_fp64"], atol=1e-9, rtol=0)


def test_steps_agree_with_the_original_and_with_the_whole(original, double, io):
    """REFERENCES: full = step to 1e-11 in float64."""
    tokens = torch.from_numpy(io["tokens"])
    found = walk(original, tokens)[:, ::9]
    np.testing.assert_allclose(found, io["logprob_step"], atol=3e-4, rtol=0)
    torch.testing.assert_close(
        walk(double, tokens), double.log_probabilities(tokens), atol=1e-11, rtol=0
    )


def test_losses_agree_with_the_original(double, io):
    tokens, targets = (torch.from_numpy(io[name]) for name in ("tokens", "targets"))
    losses = double.losses(tokens, targets)
    assert losses.mean() == pytest.approx(float(io["loss_nll_mean"]), abs=2e-5)
    dense = -double.log_probabilities(tokens).gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close(losses, dense, atol=1e-11, rtol=0)


def test_past_its_length_it_goes_on_as_the_recurrence_does(original, double, io):
    """The original's convolution forgets what lies more than l_max steps back; its steps do not.

    Ours agrees with its steps everywhere, and so with its convolution up to l_max.
    """
    tokens = torch.from_numpy(io["tokens_long"])
    hidden = original.hidden(tokens).numpy()
    np.testing.assert_allclose(hidden, io["hidden_long_step"], atol=3e-4, rtol=0)
    truncated = np.abs(hidden - io["hidden_long_full"]).max(-1)[0]
    assert truncated[:LENGTH].max() < 3e-4
    assert truncated[LENGTH:].max() > 0.1
    torch.testing.assert_close(
        walk(double, tokens), double.log_probabilities(tokens), atol=1e-9, rtol=0
    )


@pytest.mark.parametrize("pieces", [[160], [1, 159], [57, 55, 48], [128, 32]])
def test_pieces_equal_the_whole(double, io, pieces):
    tokens = torch.from_numpy(io["tokens_long"])
    state, found = double.start(1), []
    for piece in tokens.split(pieces, 1):
        y, state = double.advance(piece, state)
        found.append(y)
    torch.testing.assert_close(
        torch.cat(found, 1), double.log_probabilities(tokens), atol=1e-9, rtol=0
    )


def test_a_kept_state_is_not_changed_by_going_on(double, io):
    tokens = torch.from_numpy(io["tokens"])
    _, state = double.advance(tokens[:, :30], double.start(2))
    once, _ = double.advance(tokens[:, 30:], state)
    again, _ = double.advance(tokens[:, 30:], state)
    assert torch.equal(once, again)


def test_given_continuations(double, io):
    tokens = torch.from_numpy(io["tokens"])
    prompt, given = tokens[0, :10], tokens[:, 10:14]
    found = continuations(double, prompt, given)
    for row, wanted in zip(found, given, strict=True):
        log_p = double.log_probabilities(torch.cat([prompt, wanted])[None])[0]
        torch.testing.assert_close(row, log_p[9:13].gather(1, wanted[:, None])[:, 0])
    with pytest.raises(ValueError, match="the prompt is empty"):
        continuations(double, prompt[:0], given)


def test_a_small_plain_one():
    """No cutoffs: a tied softmax over all tokens."""
    torch.manual_seed(0)
    config = S4LanguageModelConfig(
        vocabulary=50, width=8, layers=1, state=4, norm="layer", embedding_dropout=0.1
    )
    model = S4LanguageModel(config).eval().requires_grad_(False)
    tokens = torch.randint(0, 50, (2, 9))
    found = model.log_probabilities(tokens)
    assert found.shape == (2, 9, 50)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(2, 9))
    changed = tokens.clone()
    changed[:, 5] += 1
    changed %= 50
    difference = (model.log_probabilities(changed) - found).abs().amax((0, 2))
    assert (difference[:5] == 0).all()
    assert (difference[5:] > 0).all()
    with pytest.raises(ValueError, match="cutoffs"):
        S4LanguageModel(
            S4LanguageModelConfig(vocabulary=50, width=8, layers=1, norm="layer", cutoffs=(60,))
        )
