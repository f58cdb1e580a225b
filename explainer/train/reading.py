"""What models with attention say of texts, and how far two of them agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.models.attention import AttentionClassifier
from explainer.models.text import TextClassifier

BATCH = 64

Attention = list[Tensor]  # of each text (length,), its end included


@dataclass(frozen=True)
class Reading:
    """What a model says of n texts: probabilities (n, labels), and its attention to each."""

    probabilities: NDArray[np.float64]
    attention: Attention


def read(model: TextClassifier, texts: Sequence[str], imposed: Attention | None = None) -> Reading:
    """Read any number of texts under the model's own attention, or under what is imposed."""
    network = model.network
    if not isinstance(network, AttentionClassifier):
        raise TypeError(f"the network is a {type(network).__name__}, it has no attention")
    probabilities, attention = [], []
    with torch.no_grad():
        for start in range(0, len(texts), BATCH):
            rows = range(start, min(start + BATCH, len(texts)))
            tokens, lengths = model.tokens([texts[row] for row in rows])
            if imposed is None:
                logits, weights = network.attend(tokens, lengths)
            else:
                weights = together(imposed, rows, tokens)
                logits = network(tokens, lengths, weights)
            probabilities.append(torch.softmax(logits, -1).double().cpu().numpy())
            attention += [row[:n] for row, n in zip(weights.cpu(), lengths.tolist(), strict=True)]
    return Reading(np.concatenate(probabilities), attention)


def together(attention: Attention, rows: Sequence[int], tokens: Tensor) -> Tensor:
    """The attention to some texts as weights (batch, L) of their tokens (batch, L)."""
    weights = torch.zeros(tokens.shape)
    for place, row in zip(weights, rows, strict=True):
        place[: len(attention[row])] = attention[row]
    return weights.to(tokens.device)


def agreement(pairs: Sequence[tuple[Reading, Reading]]) -> dict[str, Any]:
    """How far pairs of models lie apart, over all pairs and texts; 0 is agreement.

    Attention by Jensen-Shannon divergence in nats (at most ln 2 = .693), predictions by total
    variation distance (at most 1). Source: Jain & Wallace 2019, arXiv:1902.10186, section 4.
    """
    attention = [
        jensen_shannon(p.double().numpy(), q.double().numpy())
        for a, b in pairs
        for p, q in zip(a.attention, b.attention, strict=True)
    ]
    predictions = [
        total_variation(p, q)
        for a, b in pairs
        for p, q in zip(a.probabilities, b.probabilities, strict=True)
    ]
    return {
        "attention_jensen_shannon_nats": _summary(attention),
        "prediction_total_variation": _summary(predictions),
    }


def jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence of two distributions (n,), in nats: from 0 to ln 2.

    Source: Lin 1991, IEEE Transactions on Information Theory 37(1), 145-151.
    """
    middle = (p + q) / 2
    return float(_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def total_variation(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Total variation distance of two distributions (n,): from 0 to 1."""
    return float(np.abs(p - q).sum()) / 2


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def _summary(values: Sequence[float]) -> dict[str, Any]:
    median, high = np.quantile(values, [0.5, 0.9])
    return {
        "value": round(float(np.mean(values)), 4),
        "median": round(float(median), 4),
        "quantile_90": round(float(high), 4),
        "n": len(values),
    }
