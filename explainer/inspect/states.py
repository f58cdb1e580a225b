"""Which hidden channels fire when: channels ranked by how well one simple rule predicts them.

Each channel's rule is chosen and fitted on one half of the texts or series, and judged on the other
half, so that the best of many rules is not called good by luck.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from explainer.inspect.measured import Measured, of_sums
from explainer.methods import MethodError

Activations = NDArray[np.float64]
Rules = tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.int64]]
SPANS, FIRING = 5, 0.5  # how many to show; a span goes on while a channel has so much of its peak


@dataclass(frozen=True)
class Span:
    """Tokens or steps [start, end) of one input, in which a channel is far from its mean."""

    input: int
    start: int
    end: int
    peak: int
    activation: float


@dataclass(frozen=True)
class Channel:
    """A channel, the rule that says best when it fires, and how well, on tokens not fitted on.

    r2: the share of the channel's variance that the rule explains, with an interval over texts or
    series; below 0 where the fitted line is worse than no line. auc: where the rule holds or
    not, the probability that the channel is on the rule's side for one token more than for another;
    None for a rule of how much. slope: activation for one unit of the rule.
    """

    channel: int
    rule: str
    r2: Measured
    auc: float | None
    slope: float
    strongest: tuple[Span, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "r2": self.r2.to_json()}


def rank_channels(activations: Activations, rules: Rules, seed: int = 0) -> tuple[Channel, ...]:
    """Rank channels (tokens, channels) by R2 of their best rule, the best first.

    rules: what explainer.inspect.rules gives for the same tokens. Raises MethodError for fewer than
    two texts or series, of which one half could not be judged on the other.
    """
    names, features, owner = rules
    inputs = np.unique(owner)
    if len(inputs) < 2:
        raise MethodError("channels are judged on other texts than their rule: give two or more")
    drawn = np.random.default_rng([seed, 5]).permutation(inputs)
    fitted = np.isin(owner, drawn[: len(drawn) // 2])
    slope, middle = _fit(features[fitted], activations[fitted])
    fit_r2 = _r2(features[fitted], activations[fitted], slope, middle)
    best = fit_r2.argmax(0)  # (channels,)
    held_x, held_y = features[~fitted], activations[~fitted]
    found = []
    for channel, rule in enumerate(best.tolist()):
        x, y = held_x[:, rule], held_y[:, channel]
        line = slope[rule, channel], middle[rule, channel]
        found.append(
            Channel(
                channel,
                names[rule],
                _explained(x, y, line, owner[~fitted]),
                _auc(x, y * np.sign(line[0])),
                float(f"{line[0]:.4g}"),
                strongest(activations[:, channel], owner),
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.r2.value, each.channel)))


def by_chance(activations: Activations, rules: Rules, seed: int = 0) -> tuple[Channel, ...]:
    """Rank channels by rules dealt to tokens at random: what the best of them comes to by luck."""
    names, features, owner = rules
    dealt = np.random.default_rng([seed, 6]).permutation(len(features))
    return rank_channels(activations, (names, features[dealt], owner), seed)


def strongest(activation: Activations, owner: NDArray[np.int64]) -> tuple[Span, ...]:
    """The spans in which a channel (tokens,) is furthest from its mean, each of another input."""
    away = np.abs(activation - activation.mean())
    found: list[Span] = []
    for place in np.argsort(-away, kind="stable").tolist():
        if owner[place] in {span.input for span in found}:
            continue
        mine = np.flatnonzero(owner == owner[place])
        start = end = place
        enough = FIRING * away[place]
        side = np.sign(activation - activation.mean())
        while start > mine[0] and away[start - 1] >= enough and side[start - 1] == side[place]:
            start -= 1
        while end < mine[-1] and away[end + 1] >= enough and side[end + 1] == side[place]:
            end += 1
        first = int(mine[0])
        found.append(
            Span(
                int(owner[place]),
                start - first,
                end + 1 - first,
                place - first,
                float(f"{activation[place]:.4g}"),
            )
        )
        if len(found) == SPANS:
            break
    return tuple(found)


def shown(span: Span, text: str, spans: Sequence[tuple[int, int]], around: int = 30) -> str:
    """A span of a text for reading, the tokens that fire between brackets."""
    start, end = spans[span.start][0], spans[span.end - 1][1]
    before, after = text[max(0, start - around) : start], text[end : end + around]
    return f"{before}[{text[start:end]}]{after}".replace("\n", " ")


def _fit(x: Activations, y: Activations) -> tuple[Activations, Activations]:
    """Least squares of each y on each x alone: slopes, and intercepts, (rules, channels)."""
    centred = x - x.mean(0)
    spread = np.square(centred).sum(0)[:, None]
    slope = np.divide(
        centred.T @ (y - y.mean(0)),
        spread,
        out=np.zeros((x.shape[1], y.shape[1])),
        where=spread > 0,
    )
    return slope, y.mean(0) - x.mean(0)[:, None] * slope


def _explained(
    x: Activations, y: Activations, line: tuple[float, float], owner: NDArray[np.int64]
) -> Measured:
    """R2 of a line for y (tokens,) on x (tokens,), over the texts that own the tokens."""
    wrong = np.square(y - line[1] - line[0] * x)
    centred = y - y.mean()
    texts = np.unique(owner, return_inverse=True)[1]
    parts = (wrong, centred, np.square(centred), np.ones_like(y))
    sums = np.stack([np.bincount(texts, each) for each in parts]).astype(np.float64)
    how = f"R2 on texts not fitted on, bootstrap over {sums.shape[1]} of them"
    return of_sums(sums, _r2_of_sums, how, len(y))


def _r2_of_sums(sums: Activations) -> Activations:
    wrong, total, squares, n = sums
    spread = squares - np.square(total) / n
    found: Activations = 1 - np.divide(wrong, spread, out=np.ones_like(wrong), where=spread > 0)
    return found


def _r2(x: Activations, y: Activations, slope: Activations, middle: Activations) -> Activations:
    """The share of y's variance explained by each line alone, (rules, channels); 0 for none."""
    mean_x, mean_y = x.mean(0)[:, None], y.mean(0)
    var_x, var_y = x.var(0)[:, None], y.var(0)
    both = x.T @ y / len(x) - mean_x * mean_y
    off = mean_y - middle - slope * mean_x
    wrong = var_y - 2 * slope * both + np.square(slope) * var_x + np.square(off)
    found: Activations = 1 - np.divide(wrong, var_y, out=np.ones_like(wrong), where=var_y > 0)
    return found


def _auc(x: Activations, y: Activations) -> float | None:
    """The area under the curve of y (tokens,) for x (tokens,) of 0 and 1; None for other x."""
    holds = x == 1
    if not (holds | (x == 0)).all() or holds.all() or not holds.any():
        return None
    n, m = int(holds.sum()), int((~holds).sum())
    above = rankdata(y)[holds].sum() - n * (n + 1) / 2
    return round(float(above / (n * m)), 4)
