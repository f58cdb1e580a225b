"""An LSTM language model, with an attention over its past states that can be seen, or frozen."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from explainer.models.config import Config, choice, number, whole
from explainer.models.language import LanguageModel

PIECE = 256  # states averaged at once: memory grows with its square


@dataclass(frozen=True)
class LSTMLanguageModelConfig(Config):
    """What defines an LSTM language model; its embedding is also its output's weights."""

    vocabulary: int = whole(2**20)
    width: int = whole(2**14)
    layers: int = whole(256)
    attention: str = choice("none", "learnt", "uniform")
    dropout: float = number(0.0, 0.9, default=0.0)


class Past(NamedTuple):
    """What was averaged: its weighted mean (batch, width), and the log of its weights' sum."""

    mean: Tensor
    log_weight: Tensor


class Reading(NamedTuple):
    """Where an LSTM stands: hidden and cell (layers, batch, width), and its attention's past."""

    hidden: Tensor
    cell: Tensor
    past: Past


class PastAttention(nn.Module):
    """A weighted mean of the states so far, each weighing exp(its own score).

    The score is a learnt projection of a state alone, so a weight is the state's, whoever looks
    back; uniform attention scores every state 0. Source: textgenrnn's AttentionWeightedAverage
    (M. Woolf, 2018), made causal.
    """

    def __init__(self, width: int, *, uniform: bool) -> None:
        """Start with no past."""
        super().__init__()
        self.score = None if uniform else nn.Linear(width, 1, bias=False)

    def forward(self, h: Tensor, past: Past) -> tuple[Tensor, Past]:
        """Average states (batch, L, width) with those before; all L means and the past after."""
        means = []
        for piece in torch.split(h, PIECE, 1):
            # The past is one state more, which weighs what all of it weighed.
            states = torch.cat([past.mean.unsqueeze(1), piece], 1)  # (batch, 1 + L, width)
            scores = torch.cat([past.log_weight.unsqueeze(1), self.scores(piece)], 1)
            causal = causally(scores)[:, 1:]
            mean = causal.softmax(-1) @ states
            past = Past(mean[:, -1], scores.logsumexp(-1))
            means.append(mean)
        return torch.cat(means, 1), past

    def scores(self, h: Tensor) -> Tensor:
        """Score each state: (batch, L, width) -> (batch, L)."""
        if self.score is None:
            return h.new_zeros(h.shape[:-1])
        scores: Tensor = self.score(h)
        return scores.squeeze(-1)


def causally(scores: Tensor) -> Tensor:
    """Scores (batch, L) as rows (batch, L, L), row k without those after k."""
    L = scores.shape[-1]
    later = torch.ones(L, L, dtype=torch.bool, device=scores.device).triu(1)
    return scores.unsqueeze(1).expand(-1, L, -1).masked_fill(later, -torch.inf)


class LSTMLanguageModel(LanguageModel):
    """Embedding, LSTM, the present state plus the mean of all so far, and the tied embedding.

    textgenrnn's output sees the mean alone. So it learnt nothing here beyond how often tokens are:
    perplexity 631 instead of 361, after 200 steps on the text of explainer.train.corpus.
    Source: Hochreiter & Schmidhuber 1997, Neural Computation 9(8); tied weights: Press & Wolf
    2017, arXiv:1608.05859.
    """

    architecture: ClassVar[str] = "lstm-lm"
    config_type: ClassVar[type[Config]] = LSTMLanguageModelConfig

    def __init__(self, config: LSTMLanguageModelConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        self.vocabulary = config.vocabulary
        width = config.width
        self.embedding = nn.Embedding(config.vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(width, width, config.layers, batch_first=True, dropout=between)
        self.attention: PastAttention | None = None
        if config.attention != "none":
            self.attention = PastAttention(width, uniform=config.attention == "uniform")
        self.dropout = nn.Dropout(config.dropout)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def start(self, batch: int) -> Reading:
        """Return the state before the first token."""
        zeros = self.bias.new_zeros(self.config.layers, batch, self.config.width)
        nothing = Past(zeros[0], self.bias.new_full((batch,), -torch.inf))
        return Reading(zeros, zeros, nothing)

    def advance(self, tokens: Tensor, state: Any) -> tuple[Tensor, Reading]:
        """Read tokens (batch, L) on from a state; log-probabilities (batch, L, vocabulary)."""
        h, state = self.read(tokens, state)
        return self._head(h), state

    def read(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Reading]:
        """Return what the output reads, (batch, L, width), and the state."""
        state = self.start(len(tokens)) if state is None else state
        h, (hidden, cell) = self._read(tokens, state)
        past = state.past
        if self.attention is not None:
            mean, past = self.attention(h, past)
            h = h + mean
        return h, Reading(hidden, cell, past)

    def pick(self, h: Tensor, targets: Tensor) -> Tensor:
        """Score targets."""
        return super().pick(self._head(h), targets)

    def repeated(self, state: Reading, batch: int) -> Reading:
        """Repeat the state of one text."""
        hidden, cell = (
            each.expand(-1, batch, -1).contiguous() for each in (state.hidden, state.cell)
        )
        mean, log_weight = state.past
        return Reading(hidden, cell, Past(mean.expand(batch, -1), log_weight.expand(batch)))

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the tokens' vectors."""
        vectors: Tensor = self.embedding(tokens) * self.config.width**0.5
        return vectors

    def attentions(self, tokens: Tensor) -> Tensor:
        """Return (batch, L, L): row k holds the weights of states 0 ... k at step k; its sum is 1.

        Raises ValueError where the model has no attention.
        """
        if self.attention is None:
            raise ValueError("this LSTM has no attention; load one whose attention is learnt")
        h, _ = self._read(tokens, self.start(len(tokens)))
        return causally(self.attention.scores(h)).softmax(-1)

    def _head(self, h: Tensor) -> Tensor:
        logits = nn.functional.linear(self.dropout(h), self.embedding.weight, self.bias)
        return logits.log_softmax(-1)

    def _read(self, tokens: Tensor, state: Reading) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        x = self.dropout(tokens if tokens.is_floating_point() else self.embed(tokens))
        h, after = self.lstm(x, (state.hidden, state.cell))
        return h, after
