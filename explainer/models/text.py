"""A text classifier: a tokeniser, a network that reads tokens, and the names of its classes."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.models.tokenisers import Tokeniser


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

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return tokens (batch, length) and lengths (batch,), int64 on the network's device."""
        end = self.tokeniser.end
        rows = [torch.tensor([*self.tokeniser.encode(text), end]) for text in texts]
        device = next(self.network.parameters()).device
        lengths = torch.tensor([len(row) for row in rows])
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=end)
        return padded.to(device), lengths.to(device)

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
