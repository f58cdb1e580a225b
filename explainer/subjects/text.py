"""Texts that are classified: players are words, or each token."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import MethodError
from explainer.models import rows
from explainer.models.text import TextClassifier, predict
from explainer.models.tokenisers import TokeniserError
from explainer.shapley.game import Inputs
from explainer.subjects import Mask, Players
from explainer.subjects.classified import ClassifierSubject
from explainer.subjects.tokens import (
    GROUPS,
    MASKS,
    baseline,
    encoded,
    group_tokens,
    joined,
    same_everywhere,
    stand_ins,
    without,
)

BATCH = 256  # coalitions read together


class TextScorer:
    """Log-probabilities (n, labels) of tokens (n, L) with lengths (n,), each text with its end."""

    def __init__(self, network: nn.Module, batch: int = BATCH) -> None:
        """Take a network that reads tokens with lengths."""
        self.network, self.batch = network, batch

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score."""
        tokens, lengths = inputs
        dtype = next(self.network.parameters()).dtype
        if tokens.device.type != "cpu":
            return self._read(tokens[:, : int(lengths.max())], lengths)
        return rows.alone(self._read, tokens, lengths, dtype)

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put rows together, the shorter ones padded on the right."""
        return joined([tokens for tokens, _ in parts]), torch.cat([each for _, each in parts])

    def _read(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return torch.log_softmax(self.network(tokens, lengths), -1)


class TextSubject(ClassifierSubject):
    """A classifier of texts; its outputs are the log-probabilities of its labels.

    background: texts that `background` masks draw from.
    """

    kind: ClassVar[str] = "text"
    artifact_kind: ClassVar[str] = "text"
    masks: ClassVar[tuple[str, ...]] = MASKS
    groups: ClassVar[tuple[str, ...]] = GROUPS

    def __init__(
        self, model: TextClassifier, digest: str, background: Sequence[str] | None = None
    ) -> None:
        """Join a model in eval mode and its checkpoint's digest.

        Raises MethodError for a model whose attention is given from outside: it is no function of
        the text alone.
        """
        if getattr(getattr(model.network, "config", None), "attention", None) == "imposed":
            raise MethodError(
                "this model has no attention of its own: what it says of a text hangs on the model "
                "that lends it attention; explain that one"
            )
        self.model, self.labels = model, model.labels
        self.digest, self.background = digest, background
        self.network: nn.Module = model.network
        self.tokeniser = model.tokeniser
        self.scorer = TextScorer(model.network)

    def stimulus(
        self, content: str, truth: str | None = None, source: Mapping[str, Any] | None = None
    ) -> Stimulus:
        """Classify a text. Raises MethodError for one that the tokeniser cannot read."""
        return self.stimuli([content], [truth], [source or {}])[0]

    def stimuli(
        self,
        contents: Sequence[str],
        truths: Sequence[str | None],
        sources: Sequence[Mapping[str, Any]],
    ) -> list[Stimulus]:
        """Classify texts in batches."""
        try:
            found = predict(self.model, contents)
        except TokeniserError as error:
            raise MethodError(f"a text cannot be read: {error}") from error
        kept = [np.frombuffer(content.encode(), np.uint8) for content in contents]
        return self.classified(kept, truths, sources, found)

    def players(self, stimulus: Stimulus, group: str = "default", size: int = 1) -> Players:
        """Group tokens: into words, or each; a span is characters of the text."""
        _, spans = encoded(self.tokeniser, stimulus.text)
        return group_tokens(stimulus.text, spans, group, size)

    def mask(self, stimulus: Stimulus, mask: str | float = "default", seed: int = 0) -> Mask:
        """Prepare: a token that says nothing, leaving tokens out, or stretches of other texts.

        The end of the text always plays.
        """
        tokens = self._tokens(stimulus)
        if mask == "delete":
            return self._deleted(tokens)
        others, name = stand_ins(self.tokeniser, tokens, mask, self.background, seed)

        def fill(playing: Tensor) -> Inputs:
            shown = torch.where(playing.unsqueeze(1), tokens, others).flatten(0, 1)
            return self._ended(shown), torch.full_like(shown[:, 0], len(tokens) + 1)

        idle = same_everywhere(tokens, others)
        return Mask(f"log-probability; {name}", fill, len(others), idle)

    def embed(self, stimulus: Stimulus) -> Tensor:
        """Return the tokens' vectors, (elements, width)."""
        return self._vectors(self._tokens(stimulus))

    def embedded_baseline(self, stimulus: Stimulus, mask: str | float) -> Tensor:
        """Return as many vectors of the baseline token."""
        return self._vectors(baseline(self.tokeniser, self._tokens(stimulus), mask))

    def score_embedded(self, x: Tensor, stimulus: Stimulus) -> Tensor:
        """Log-probabilities (n, labels) of vectors (n, elements, width), the end behind them."""
        end = self._vectors(torch.tensor([self.tokeniser.end], device=self.device))
        read = torch.cat([x, end.expand(len(x), -1, -1)], 1)
        lengths = torch.full((len(x),), read.shape[1], device=self.device)
        return torch.log_softmax(self.network(read, lengths), -1)

    def _tokens(self, stimulus: Stimulus) -> Tensor:
        return encoded(self.tokeniser, stimulus.text)[0].to(self.device)

    def _vectors(self, tokens: Tensor) -> Tensor:
        network: Any = self.network
        vectors: Tensor = network.embed(tokens.unsqueeze(0))[0]
        return vectors

    def _ended(self, tokens: Tensor) -> Tensor:
        return torch.cat([tokens, torch.full_like(tokens[:, :1], self.tokeniser.end)], 1)

    def _deleted(self, tokens: Tensor) -> Mask:
        def fill(playing: Tensor) -> Inputs:
            left, lengths = without(tokens, playing, self.tokeniser.end)
            return self._ended(left), lengths + 1

        idle = torch.zeros(len(tokens), dtype=torch.bool)
        return Mask("log-probability; masked tokens left out", fill, 1, idle)
