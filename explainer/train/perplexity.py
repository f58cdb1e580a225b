"""How well a text is predicted: perplexity and bits per byte, of a network and of naive models."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.models.language import LanguageModel
from explainer.train.corpus import Encoded, Ids

RESAMPLES = 2_000
BATCH = 16
IGNORED = -1

Nats = NDArray[np.float64]


def network_nats(model: LanguageModel, passages: Sequence[Encoded], window: int) -> Nats:
    """Negative log-probability of each whole passage (n,), read in windows that know no other.

    The first token of a window is predicted from one token, so that every model, whatever its
    memory, is judged with the same context.
    """
    device = next(model.parameters()).device
    rows, owner = _windows(passages, window)
    found = np.zeros(len(passages))
    with torch.no_grad():
        for chunk, of in zip(torch.split(rows, BATCH), torch.split(owner, BATCH), strict=True):
            tokens, targets = chunk[:, :-1].clamp(min=0), chunk[:, 1:]
            losses = model.losses(tokens.to(device), targets.clamp(min=0).to(device)).cpu()
            nats = losses.double().masked_fill(targets == IGNORED, 0.0).sum(-1)
            np.add.at(found, of.numpy(), nats.numpy())
    return found


def _windows(passages: Sequence[Encoded], window: int) -> tuple[Tensor, Tensor]:
    """All windows (n, window + 1), the last of a passage filled up with -1, and whose they are."""
    rows, owner = [], []
    for k, each in enumerate(passages):
        for first in range(0, len(each.ids) - 1, window):
            row = torch.full((window + 1,), IGNORED)
            part = torch.from_numpy(each.ids[first : first + window + 1])
            row[: len(part)] = part
            rows.append(row)
            owner.append(k)
    return torch.stack(rows), torch.tensor(owner)


class Counts:
    """Unigram probabilities with one added to each count, and bigrams interpolated with them.

    The weight of the bigram is the one of 19 that predicts the validation passages best.
    Source: Jelinek & Mercer 1980, Pattern Recognition in Practice, 381-397.
    """

    def __init__(self, train: Sequence[Encoded], validation: Sequence[Encoded], size: int) -> None:
        """Count tokens and pairs; size: of the vocabulary."""
        self.size = size
        after = np.concatenate([each.ids[1:] for each in train])
        before = np.concatenate([each.ids[:-1] for each in train])
        counted = np.bincount(after, minlength=size) + 1
        self.single = counted / counted.sum()
        self.pairs, self.times = np.unique(before * size + after, return_counts=True)
        self.before = np.bincount(before, minlength=size)
        weights = np.arange(0.05, 1.0, 0.05)
        self.weight = float(min(weights, key=lambda w: sum(self.bigram_nats(validation, w))))

    def unigram_nats(self, passages: Sequence[Encoded]) -> Nats:
        """Negative log-probability of each passage (n,) from how often its tokens are."""
        return np.array([-np.log(self.single[each.ids[1:]]).sum() for each in passages])

    def bigram_nats(self, passages: Sequence[Encoded], weight: float | None = None) -> Nats:
        """Negative log-probability of each passage (n,) from each token's predecessor."""
        weight = self.weight if weight is None else weight
        return np.array([-np.log(self._bigram(each.ids, weight)).sum() for each in passages])

    def _bigram(self, ids: Ids, weight: float) -> Nats:
        wanted = ids[:-1] * self.size + ids[1:]
        place = np.searchsorted(self.pairs, wanted).clip(max=len(self.pairs) - 1)
        times = np.where(self.pairs[place] == wanted, self.times[place], 0)
        before = self.before[ids[:-1]]
        weights = np.where(before > 0, weight, 0.0)  # what was never followed tells nothing
        found: Nats = weights * times / np.maximum(before, 1) + (1 - weights) * self.single[ids[1:]]
        return found


def perplexity(nats: Nats, passages: Sequence[Encoded]) -> float:
    """Perplexity a token over whole passages."""
    return math.exp(nats.sum() / sum(len(each.ids) - 1 for each in passages))


def measures(nats: Nats, passages: Sequence[Encoded]) -> dict[str, Any]:
    """Perplexity a token and bits a byte over whole passages, with 95 % bootstrap intervals.

    Passages are resampled within their corpus; an end token counts as a token, not as a byte.
    """
    tokens = np.array([len(each.ids) - 1 for each in passages])
    size = np.array([each.bytes for each in passages])
    drawn = _resamples([each.corpus for each in passages])
    sums = nats[drawn].sum(-1)
    perplexities = np.exp(sums / tokens[drawn].sum(-1))
    bits = sums / size[drawn].sum(-1) / math.log(2)
    return {
        "perplexity_per_token": {
            "value": round(perplexity(nats, passages), 3),
            "n": int(tokens.sum()),
            "passages": len(passages),
            "interval_95_bootstrap": _interval(perplexities, 3),
        },
        "bits_per_byte": {
            "value": round(float(nats.sum() / size.sum() / math.log(2)), 4),
            "n": int(size.sum()),
            "passages": len(passages),
            "interval_95_bootstrap": _interval(bits, 4),
        },
    }


def by_corpus(nats: Nats, passages: Sequence[Encoded]) -> dict[str, Any]:
    """Measures over all passages, and over those of each corpus alone."""
    found = {"all": measures(nats, passages)}
    for corpus in dict.fromkeys(each.corpus for each in passages):
        rows = [k for k, each in enumerate(passages) if each.corpus == corpus]
        found[corpus] = measures(nats[rows], [passages[k] for k in rows])
    return found


def _resamples(corpora: list[str]) -> NDArray[np.integer]:
    """Rows drawn with replacement (resamples, n), as many of each corpus as there are."""
    random = np.random.default_rng(0)
    named = np.array(corpora)
    groups: Iterable[Any] = (np.flatnonzero(named == name) for name in dict.fromkeys(corpora))
    return np.concatenate([random.choice(rows, (RESAMPLES, len(rows))) for rows in groups], 1)


def _interval(values: Nats, digits: int) -> list[float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return [round(float(low), digits), round(float(high), digits)]
