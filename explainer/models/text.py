"""A text classifier: a tokeniser, a network that reads tokens, and the names of its classes."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.models.tokenisers import Tokeniser, from_bytes

TOKENISER = "tokeniser.json"  # beside the weights


class TextClassifier(nn.Module):
    """Callers give texts; the network reads tokens (batch, length) with their lengths (batch,).

    Every text is closed by the tokeniser's `end`, so that an empty one is read, too; what stands
    after it, up to the longest text of a batch, is padding, which the network has to leave out.
    """

    def __init__(self, network: nn.Module, tokeniser: Tokeniser, labels: Sequence[str]) -> None:
        """Join the three; labels in the order of the network's outputs."""
        super().__init__()
        self.network = network
        self.tokeniser = tokeniser
        self.labels = tuple(labels)

    @classmethod
    def of(cls, network: nn.Module, card: dict[str, Any], tokeniser: bytes) -> Self:
        """Join a loaded network, what its card says, and its tokeniser's file.

        Raises TokeniserError where the file is damaged.
        """
        return cls(network, from_bytes(tokeniser), card["labels"])

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return tokens (batch, length) and lengths (batch,), int64 on the network's device."""
        return self.padded([torch.tensor(self.tokeniser.encode(text)) for text in texts])

    def padded(self, rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the same of texts that are tokens already, each (length,) without its end."""
        end = self.tokeniser.end
        device = next(self.network.parameters()).device
        lengths = torch.tensor([len(row) + 1 for row in rows])
        tokens = torch.full((len(rows), int(lengths.max())), end)
        for row, given in zip(tokens, rows, strict=True):
            row[: len(given)] = given
        return tokens.to(device), lengths.to(device)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Texts (batch) -> logits (batch, labels)."""
        logits: Tensor = self.network(*self.tokens(texts))
        return logits

    def log_probabilities(self, texts: Sequence[str]) -> Tensor:
        """Natural log-probabilities (batch, labels), in the order of the labels."""
        return torch.log_softmax(self(texts), -1)


def predict(model: TextClassifier, texts: Sequence[str], batch: int = 64) -> NDArray[np.float64]:
    """Log-probabilities (n, labels) of any number of texts, those of like length together."""
    found = np.zeros((len(texts), len(model.labels)))
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            part = model.log_probabilities([texts[row] for row in rows])
            found[rows] = part.double().cpu().numpy()
    return found
