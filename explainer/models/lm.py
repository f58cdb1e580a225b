"""The S4 language model: adaptive embedding, S4 and feed-forward blocks, adaptive softmax, tied.

Source: Gu et al. 2022, arXiv:2111.00396, section 4.3 and appendix D.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from explainer.models.adaptive import AdaptiveEmbedding, AdaptiveSoftmax
from explainer.models.config import increasing, number, whole
from explainer.models.language import LanguageModel
from explainer.models.sequence import Backbone, BackboneConfig


@dataclass(frozen=True, kw_only=True)
class S4LanguageModelConfig(BackboneConfig):
    """cutoffs: where clusters of rarer tokens begin; none makes a plain tied softmax.

    divisor: how much narrower each next cluster is. embedding_dropout: also before the softmax.
    """

    vocabulary: int = whole(2**24)
    cutoffs: tuple[int, ...] = increasing(2**24, default=())
    divisor: int = whole(64, default=4)
    embedding_dropout: float = number(0, 0.95, default=0.0)


class S4LanguageModel(LanguageModel):
    """Tokens in, log-probabilities of the next one out; its state has one size at any length."""

    architecture: ClassVar[str] = "s4-lm"
    config_type: ClassVar[type[S4LanguageModelConfig]] = S4LanguageModelConfig

    def __init__(self, config: S4LanguageModelConfig) -> None:
        """Draw initial weights from torch's generator. Raises ValueError on impossible cutoffs."""
        super().__init__()
        self.config = config
        self.vocabulary = config.vocabulary
        self.embedding = AdaptiveEmbedding(
            config.vocabulary, config.width, config.cutoffs, config.divisor
        )
        self.backbone = Backbone(config)
        self.softmax = AdaptiveSoftmax(self.embedding)

    def start(self, batch: int) -> tuple[Tensor, ...]:
        """Return the state before the first token."""
        return self.backbone.start(batch)

    def advance(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read tokens on from a state."""
        h, state = self.read(tokens, state)
        return self.softmax.log_probabilities(h), state

    def read(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return what the softmax reads, (batch, L, width), and the state where one was given."""
        if state is None:
            return self.hidden(tokens), None
        h, state = self.backbone.advance(self._embed(tokens), state)
        return h.permute(1, 2, 0), state

    def pick(self, h: Tensor, targets: Tensor) -> Tensor:
        """Score targets, at the price of their clusters only."""
        return -self.softmax.losses(h, targets)

    def repeated(self, state: tuple[Tensor, ...], batch: int) -> tuple[Tensor, ...]:
        """Repeat each layer's state (H, 1, N); a feed-forward layer has none."""
        return tuple(
            each.expand(-1, batch, -1).contiguous() if each.numel() else each for each in state
        )

    def log_probabilities(self, tokens: Tensor) -> Tensor:
        """Read whole texts."""
        return self.softmax.log_probabilities(self.hidden(tokens))

    def losses(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Negative log-probabilities of targets, at the price of their clusters only."""
        return self.softmax.losses(self.hidden(tokens), targets)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the tokens' vectors."""
        vectors: Tensor = self.embedding(tokens)
        return vectors

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the softmax reads, (batch, L, width)."""
        h = self.backbone(self._embed(tokens)).permute(1, 2, 0)
        return nn.functional.dropout(h, self.config.embedding_dropout, self.training)

    def _embed(self, tokens: Tensor) -> Tensor:
        """To (H, batch, L)."""
        vectors = tokens if tokens.is_floating_point() else self.embed(tokens)
        dropped = nn.functional.dropout(vectors, self.config.embedding_dropout, self.training)
        return dropped.permute(2, 0, 1)
