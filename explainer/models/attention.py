"""A text classifier with attention, whose attention can be frozen or imposed.

Sources: Jain & Wallace 2019, arXiv:1902.10186; Wiegreffe & Pinter 2019, arXiv:1908.04626.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from explainer.models.config import Config, choice, number, whole


@dataclass(frozen=True)
class AttentionConfig(Config):
    """Sizes of a classifier, what reads the tokens, and where its attention comes from.

    width: of a token's embedding. hidden: units of the reader in each direction. attention:
    learnt; uniform, the same for every token; or imposed, given from outside at every call.
    """

    vocabulary: int = whole(2**24)
    width: int = whole(16384)
    hidden: int = whole(16384)
    labels: int = whole(65536)
    encoder: str = choice("lstm", "mlp", default="lstm")
    attention: str = choice("learnt", "uniform", "imposed", default="learnt")
    dropout: float = number(0, 0.9, default=0.0)


class AttentionClassifier(nn.Module):
    """Embedding, a reader, the average of its states weighted by attention, and a linear decoder.

    tokens (batch, L) int64 with lengths (batch,) -> logits (batch, labels). What stands after a
    text's length is padding: it has no attention and changes nothing. The reader is an LSTM in both
    directions, or an MLP that sees each token alone. In the place of tokens may stand what `embed`
    makes of them, (batch, L, width).
    """

    architecture: ClassVar[str] = "attention-classifier"
    config_type: ClassVar[type[Config]] = AttentionConfig

    def __init__(self, config: AttentionConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        states = 2 * config.hidden
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        # Rare words then say little until they have learnt: 79 % right on validation, not 70.
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder: nn.Module
        if config.encoder == "lstm":
            self.encoder = nn.LSTM(
                config.width, config.hidden, batch_first=True, bidirectional=True
            )
        else:
            self.encoder = nn.Sequential(nn.Linear(config.width, states), nn.Tanh())
        if config.attention == "learnt":
            self.score = nn.Sequential(
                nn.Linear(states, config.hidden),
                nn.Tanh(),
                nn.Linear(config.hidden, 1, bias=False),
            )
        self.decoder = nn.Linear(states, config.labels)

    def forward(self, tokens: Tensor, lengths: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the logits, under the model's own attention or under weights (batch, L) imposed.

        Raises ValueError for lengths that no text of the batch can have, for weights that are no
        attention, and without weights where the model has none of its own.
        """
        return self._read(tokens, lengths, weights)[0]

    def embed(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, L) -> vectors (batch, L, width), which can stand in their place."""
        embedded: Tensor = self.embedding(tokens)
        return embedded

    def attend(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits, and the attention (batch, L) behind them: 1 in all, 0 on padding."""
        return self._read(tokens, lengths, None)

    def _read(
        self, tokens: Tensor, lengths: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        L = tokens.shape[1]
        if not ((lengths >= 1) & (lengths <= L)).all():
            raise ValueError(f"lengths are {lengths.tolist()}, expected 1 to {L} tokens a text")
        real = torch.arange(L, device=tokens.device) < lengths.to(tokens.device).unsqueeze(1)
        embedded = tokens if tokens.is_floating_point() else self.embed(tokens)
        states = self._states(self.dropout(embedded), lengths)
        if weights is None:
            weights = self._attention(states, real)
        else:
            _check(weights, real)
        context = (weights.unsqueeze(1) @ states).squeeze(1)  # (batch, 2 hidden)
        return self.decoder(self.dropout(context)), weights

    def _states(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Embedded tokens (batch, L, width) -> the reader's states (batch, L, 2 hidden)."""
        states: Tensor
        if isinstance(self.encoder, nn.LSTM):
            packed = pack_padded_sequence(
                embedded, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            states, _ = pad_packed_sequence(
                self.encoder(packed)[0], batch_first=True, total_length=embedded.shape[1]
            )
        else:
            states = self.encoder(embedded)
        return states

    def _attention(self, states: Tensor, real: Tensor) -> Tensor:
        if self.config.attention == "imposed":
            raise ValueError(
                "this model has no attention of its own: give weights (batch, L), such as those "
                "that attend() of the model it was trained with returns"
            )
        if self.config.attention == "uniform":
            scores = states.new_zeros(real.shape)
        else:
            scores = self.score(states).squeeze(-1)
        return torch.softmax(scores.masked_fill(~real, -torch.inf), -1)


def _check(weights: Tensor, real: Tensor) -> None:
    """Raise ValueError unless weights are a distribution over the real tokens of each text."""
    if weights.shape != real.shape:
        raise ValueError(
            f"weights have shape {tuple(weights.shape)}, expected that of tokens, "
            f"{tuple(real.shape)}"
        )
    if weights.masked_select(~real).any():
        raise ValueError("weights give attention to padding; put 0 after each text's length")
    if not (weights >= 0).all() or not torch.allclose(
        weights.sum(-1), torch.ones_like(weights[:, 0]), atol=1e-4
    ):
        raise ValueError("weights of a text must be 0 or more and add up to 1")
