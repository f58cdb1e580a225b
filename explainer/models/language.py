"""What every language model offers, whatever it is made of."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn


class LanguageModel(nn.Module, ABC):
    """Tokens in, log-probabilities of the next token out; a state carries what was read.

    Tokens are int64 in 0 ... vocabulary - 1; in their place may stand what `embed` makes of them,
    (batch, length, width), so that there is a gradient. A state is opaque, belongs to one batch,
    and can be kept and gone on from any number of times: nothing changes it in place.
    """

    vocabulary: int

    @abstractmethod
    def start(self, batch: int) -> Any:
        """Return the state before the first token."""

    def embed(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, length) -> vectors (batch, length, width).

        Raises NotImplementedError where the model has no such layer.
        """
        raise NotImplementedError(f"{type(self).__name__} has no vectors of tokens")

    @abstractmethod
    def advance(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read tokens (batch, length) on from a state.

        Returns natural log-probabilities (batch, length, vocabulary), at k those of the token
        after tokens[:, k], and the state after the last.
        """

    def log_probabilities(self, tokens: Tensor) -> Tensor:
        """Read whole texts: tokens (batch, length) -> (batch, length, vocabulary)."""
        return self.advance(tokens, self.start(len(tokens)))[0]

    def read(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Read tokens (batch, length); return what `pick` takes (batch, length, ...), and a state.

        Without a state they are the first.
        """
        return self.advance(tokens, self.start(len(tokens)) if state is None else state)

    def pick(self, h: Tensor, targets: Tensor) -> Tensor:
        """Log-probabilities (batch, n) of targets (batch, n), from what `read` gave.

        A model that can overrides both, so that it need not score every token at every place.
        """
        return h.gather(-1, targets.unsqueeze(-1)).squeeze(-1)

    def repeated(self, state: Any, batch: int) -> Any:
        """Return the state of one text as that of `batch` equal ones; None where it cannot."""
        return None

    def continued(
        self, tokens: Tensor, first: Tensor, targets: Tensor, state: Any = None
    ) -> Tensor:
        """Log-probabilities (batch, n) of targets (batch, n) that follow one another in texts.

        tokens (batch, length) are read on from a state; targets[i, 0] comes after tokens[i,
        first[i]]. What would lie behind a text's last token is scored after that: padding.
        """
        steps = torch.arange(targets.shape[1], device=tokens.device)
        places = (first.unsqueeze(1) + steps).clamp(max=tokens.shape[1] - 1)
        return self._at(tokens, places, targets, state)

    def _at(self, tokens: Tensor, places: Tensor, targets: Tensor, state: Any) -> Tensor:
        """Log-probabilities of targets (batch, n) after the tokens at places (batch, n)."""
        h, _ = self.read(tokens, state)
        rows = torch.arange(len(tokens), device=tokens.device).unsqueeze(1)
        return self.pick(h[rows, places], targets)

    def step(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Read one token each: tokens (batch,) -> (batch, vocabulary), and the next state.

        Without a state they are the first.
        """
        if state is None:
            state = self.start(len(tokens))
        found, state = self.advance(tokens.unsqueeze(1), state)
        return found[:, 0], state

    def losses(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Negative log-probabilities (batch, length) of `targets`, each after its `tokens`."""
        found = self.log_probabilities(tokens)
        return -found.gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def continuations(model: LanguageModel, prompt: Tensor, given: Tensor) -> Tensor:
    """Log-probability of each token of given continuations of one prompt.

    prompt (length,), at least one token; given (batch, n) -> (batch, n) under teacher forcing.
    """
    if len(prompt) == 0:
        raise ValueError("the prompt is empty; give at least one token to go on from")
    tokens = torch.cat([prompt.expand(len(given), -1), given], 1)
    return -model.losses(tokens[:, :-1], tokens[:, 1:])[:, len(prompt) - 1 :]
