"""Is attention an explanation? How far a prediction moves while attention does, and the reverse.

Sources: Jain & Wallace 2019, arXiv:1902.10186, sections 4.2.1 and 4.2.2; Wiegreffe & Pinter 2019,
arXiv:1908.04626. A classifier predicts a label, a language model the token after a text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from explainer.inspect.attended import Attentive, decomposed
from explainer.inspect.measured import Measured, mean, median
from explainer.methods import MethodError

EPSILON = 0.01  # Jain & Wallace's bound on the total variation of a prediction, of two classes
NEAR = 0.05  # nats of Jensen-Shannon divergence within which attention counts as much the same
STEPS, STARTS, RATE, PENALTY = 300, 4, 0.1, 20.0
BATCH = 64  # texts at once
TINY = 1e-30  # keeps the gradient of p log p at 0

Measure = Callable[[Tensor], Tensor]  # of weights (texts, n, L): (texts, n)


@dataclass(frozen=True)
class AttentionTests:
    """What became of n texts, by median over them; total variation is at most 1, JS at most ln 2.

    uniform, permuted: total variation of the prediction when attention becomes so (permuted: the
    median over permutations). adversarial: how far attention can go, in nats of Jensen-Shannon
    divergence, while the prediction stays within `epsilon` of total variation; reachable: the share
    of what is the most that attention can differ at all. reverse: how far the prediction can go
    while attention stays within `near` nats. flips: the share of texts of which it then says
    something else.
    texts: the same numbers for each text.
    """

    n: int
    epsilon: float
    near: float
    permutations: int
    uniform: Measured
    permuted: Measured
    adversarial: Measured
    reachable: Measured
    reverse: Measured
    flips: Measured
    texts: tuple[dict[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            name: each.to_json() if isinstance(each, Measured) else each
            for name, each in vars(self).items()
        }


def attention_tests(
    model: Attentive,
    texts: Sequence[str],
    *,
    permutations: int = 100,
    epsilon: float = EPSILON,
    near: float = NEAR,
    seed: int = 0,
) -> AttentionTests:
    """Move the attention to each text, and the predictions, as far as they go.

    Raises MethodError for a model without attention of its own, and where no text is given.
    """
    if not texts:
        raise MethodError("no texts to test attention on: give at least one")
    found: list[dict[str, float]] = []
    for start in range(0, len(texts), BATCH):
        parts = [decomposed(model, text) for text in texts[start : start + BATCH]]
        found += _tested(parts, permutations, epsilon, near, seed)

    def column(name: str) -> list[float]:
        return [each[name] for each in found]

    return AttentionTests(
        n=len(texts),
        epsilon=epsilon,
        near=near,
        permutations=permutations,
        uniform=median(column("uniform")),
        permuted=median(column("permuted")),
        adversarial=median(column("adversarial")),
        reachable=median(column("reachable")),
        reverse=median(column("reverse")),
        flips=mean(column("flips")),
        texts=tuple(found),
    )


def _tested(
    parts: Sequence[tuple[Tensor, Tensor]],
    permutations: int,
    epsilon: float,
    near: float,
    seed: int,
) -> list[dict[str, float]]:
    """The numbers of texts by the names that AttentionTests has, from what `decomposed` gives."""
    random = torch.Generator().manual_seed(seed)
    attention = pad_sequence([each for each, _ in parts], batch_first=True)  # (texts, L)
    logits = pad_sequence([each for _, each in parts], batch_first=True)  # (texts, L, labels)
    lengths = torch.tensor([len(each) for each, _ in parts])
    real = torch.arange(attention.shape[1]) < lengths.unsqueeze(1)
    prediction = torch.softmax((attention.unsqueeze(1) @ logits)[:, 0], -1)

    def predict(weights: Tensor) -> Tensor:
        """Weights (texts, n, L) -> probabilities (texts, n, labels)."""
        return torch.softmax(weights @ logits, -1)

    def moved(weights: Tensor) -> Tensor:
        return total_variation(predict(weights), prediction.unsqueeze(1))

    def different(weights: Tensor) -> Tensor:
        return jensen_shannon(weights, attention.unsqueeze(1))

    uniform = (real.double() / lengths.unsqueeze(1)).unsqueeze(1)
    keys = torch.rand(len(parts), permutations, attention.shape[1], generator=random)
    orders = keys.masked_fill(~real.unsqueeze(1), 2.0).argsort(-1)
    permuted = attention.unsqueeze(1).expand_as(orders).gather(-1, orders)
    noise = torch.randn(len(parts), STARTS, attention.shape[1], generator=random).double()
    noise[:, 0] = 0  # as it is, from which something within the limit is always at hand
    start = attention.unsqueeze(1).clamp_min(1e-12).log() + noise
    start = start.masked_fill(~real.unsqueeze(1), -torch.inf)
    far = furthest(start, different, moved, epsilon)
    reverse = furthest(start, moved, different, near)
    # The divergence is convex, so that its maximum is where all attention is on one token.
    corners = torch.eye(attention.shape[1], dtype=attention.dtype).expand(len(parts), -1, -1)
    most = different(corners).masked_fill(~real, 0).amax(-1)
    adversarial = different(far.unsqueeze(1))[:, 0]
    flips = predict(reverse.unsqueeze(1))[:, 0].argmax(-1) != prediction.argmax(-1)
    columns = {
        "tokens": lengths,
        "uniform": moved(uniform)[:, 0],
        "permuted": moved(permuted).median(-1).values,
        "adversarial": adversarial,
        "reachable": adversarial / most,
        "reverse": moved(reverse.unsqueeze(1))[:, 0],
        "flips": flips,
    }
    rows = zip(*(column.double().tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def furthest(start: Tensor, goal: Measure, bound: Measure, limit: float) -> Tensor:
    """Distributions (texts, L) with the largest `goal` found while `bound` is at most `limit`.

    start (texts, starts, L): logits, of which one for each text is within the limit. Gradient
    ascent by Adam on the goal less a penalty for what is over the limit; the best that was within
    it is kept.
    """
    parameters = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([parameters], RATE)
    best = torch.softmax(start, -1)
    best_score = torch.full(start.shape[:-1], -torch.inf, dtype=start.dtype)
    for _ in range(STEPS):
        weights = torch.softmax(parameters, -1)
        reached, over = goal(weights), bound(weights) - limit
        better = (over <= 0) & (reached > best_score)
        best = torch.where(better.unsqueeze(-1), weights.detach(), best)
        best_score = torch.where(better, reached.detach(), best_score)
        loss = (PENALTY * over.clamp_min(0) - reached).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return best[torch.arange(len(best)), best_score.argmax(-1)]


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """Half the absolute differences of distributions (..., n)."""
    return (p - q).abs().sum(-1) / 2


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence of distributions (..., n), in nats; differentiable at 0."""
    middle = (p + q) / 2
    return (_relative(p, middle) + _relative(q, middle)) / 2


def _relative(p: Tensor, q: Tensor) -> Tensor:
    return (p * ((p + TINY) / (q + TINY)).log()).sum(-1)
