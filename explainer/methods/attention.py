"""Attention as explanation: how much each word was attended to. No sum of it is the output.

Attention says where a model looked, not what moved its answer: explainer.inspect.attention_tests
measures how much of an explanation it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import Attribution, MethodError
from explainer.models.attention import AttentionClassifier
from explainer.models.gpt2 import Transformers
from explainer.models.lstm import LSTMLanguageModel
from explainer.models.transformer import TransformerLanguageModel
from explainer.shapley.game import Ask, Game, Play
from explainer.subjects import Players, Subject
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.text import TextSubject
from explainer.subjects.tokens import encoded


def attention(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """The weight of each word: for a label, or for each token written; heads averaged.

    base_values and full_values are the output without and with the input, to which weights do not
    add up. Source: Bahdanau et al. 2015, arXiv:1409.0473.
    """
    if isinstance(subject, TextSubject):
        rows, source = _of_text(subject, stimulus, len(outputs))
    else:
        rows, source = _of_prompt(subject, stimulus, outputs, parameters["layers"])
    players = subject.players(stimulus, parameters["players"])
    return (
        yield from _attribution(_game(subject, stimulus, outputs, players), players, rows, source)
    )


def attention_rollout(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Attention followed through all layers of a Transformer, half of each beside it.

    Source: Abnar & Zuidema 2020, arXiv:2005.00928, section 3.
    """
    network = subject.network
    if not isinstance(network, TransformerLanguageModel | Transformers):
        raise MethodError(
            f"attention_rollout needs layers of attention over one another, and this model "
            f"({_kind(network)}) has none or one: use attention, or a Transformer"
        )
    tokens, prompt = _read(subject, stimulus)
    with torch.no_grad():
        found = rollout(network.attentions(tokens).mean(2)[:, 0])
    rows = _by_output(found, prompt, outputs, subject, stimulus)
    players = subject.players(stimulus, parameters["players"])
    source = "attention rolled out over layers"
    return (
        yield from _attribution(_game(subject, stimulus, outputs, players), players, rows, source)
    )


def rollout(layers: Tensor) -> Tensor:
    """Attention (layers, L, L), rows adding up to 1 -> what steps take of tokens (L, L)."""
    beside = torch.eye(layers.shape[-1], dtype=layers.dtype, device=layers.device)
    found = beside
    for each in layers:
        found = (each + beside) / 2 @ found
    return found


def _of_text(subject: TextSubject, stimulus: Stimulus, outputs: int) -> tuple[Tensor, str]:
    """The classifier's attention to all tokens and the end, the same for each output."""
    network = subject.network
    if not isinstance(network, AttentionClassifier):
        raise _none(network)
    with torch.no_grad():
        _, weights = network.attend(*subject.model.tokens([stimulus.text]))
    return weights.expand(outputs, -1), "attention"


def _of_prompt(
    subject: Subject, stimulus: Stimulus, outputs: Sequence[int], layers: str
) -> tuple[Tensor, str]:
    network = subject.network
    if isinstance(network, LSTMLanguageModel):
        if network.attention is None:
            raise _none(network)
        tokens, prompt = _read(subject, stimulus)
        with torch.no_grad():
            found = network.attentions(tokens)[0]
        source = "attention to past states"
    elif isinstance(network, TransformerLanguageModel | Transformers):
        tokens, prompt = _read(subject, stimulus)
        with torch.no_grad():
            each = network.attentions(tokens)[:, 0].mean(1)  # (layers, L, L)
        found = each[-1] if layers == "last" else each.mean(0)
        which = "of the last layer" if layers == "last" else "averaged over layers"
        source = f"attention {which}, heads averaged"
    else:
        raise _none(network)
    return _by_output(found, prompt, outputs, subject, stimulus), source


def _read(subject: Subject, stimulus: Stimulus) -> tuple[Tensor, int]:
    """The prompt and what was written but for its last token, (1, L); the prompt's length."""
    if not isinstance(subject, PromptSubject):
        raise subject.refuse("attention")
    subject.outputs(stimulus)  # refuses a text that has no continuation
    prompt, _ = encoded(subject.tokeniser, stimulus.text)
    written = torch.tensor(stimulus.source["generation"]["tokens"])
    tokens = torch.cat([prompt, written[:-1]]).to(subject.device)
    return tokens.unsqueeze(0), len(prompt)


def _by_output(
    found: Tensor, prompt: int, outputs: Sequence[int], subject: Subject, stimulus: Stimulus
) -> Tensor:
    """Rows of attention (L, L) at which each output was written; the sum has their mean."""
    rows = found[prompt - 1 :]  # token t is predicted once all before it are read
    total = len(subject.outputs(stimulus)) - 1
    return torch.stack([rows.mean(0) if k == total else rows[k] for k in outputs])


def _game(subject: Subject, stimulus: Stimulus, outputs: Sequence[int], players: Players) -> Game:
    """What gives the output with and without the input."""
    return subject.game(stimulus, outputs, players, subject.mask(stimulus))


def _attribution(game: Game, players: Players, rows: Tensor, source: str) -> Play[Attribution]:
    """Add the weights (outputs, tokens) of each player's tokens, and ask what the output is."""
    values = _of_players(rows.double().cpu(), players)
    ends = torch.stack([torch.zeros(len(players)), torch.ones(len(players))]).bool()
    base, full = (yield Ask(game, ends)).numpy()
    return Attribution(
        players.spans,
        values.T.numpy(),
        base,
        full,
        f"{source}; it adds up to 1 over all that was read, and not to the output",
        game.evaluations,
        complete=False,
        details={"attention_elsewhere": [round(float(1 - each), 6) for each in values.sum(1)]},
    )


def _of_players(rows: Tensor, players: Players) -> Tensor:
    """Weights (outputs, tokens and more) -> (outputs, players)."""
    found = torch.zeros(len(rows), len(players), dtype=rows.dtype)
    return found.index_add(1, players.member, rows[:, : len(players.member)])


def _none(network: nn.Module) -> MethodError:
    return MethodError(
        f"this model ({_kind(network)}) has no attention: what it read is in its state; use "
        "permutation, a gradient, or channels, which shows the state"
    )


def _kind(network: nn.Module) -> str:
    return str(getattr(network, "architecture", type(network).__name__))
