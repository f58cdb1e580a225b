"""Simple rules that could say when a channel fires: of tokens in texts, and of steps in series.

A rule is a feature of each token or step, computed without the model: whether something holds (1 or
0), or how much.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]

FREQUENT = 20  # tokens that have a rule of their own
AHEAD, DAYS = 5, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

PIECES: dict[str, Callable[[str], bool]] = {
    "capitalised": lambda piece: piece[:1].isupper(),
    "all capitals": lambda piece: len(piece) > 1 and piece.isupper(),
    "digit": lambda piece: any(c.isdigit() for c in piece),
    "punctuation": lambda piece: piece != "" and not any(c.isalnum() for c in piece),
    "end of sentence": lambda piece: piece[-1:] in (".", "!", "?"),
    "comma or colon": lambda piece: piece[-1:] in (",", ";", ":"),
    "opens a bracket": lambda piece: piece[:1] in ("(", "["),
    "vowel first": lambda piece: piece[:1].lower() in ("a", "e", "i", "o", "u"),
}


def token_rules(
    texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
) -> tuple[tuple[str, ...], Features, NDArray[np.int64]]:
    """Rules over the tokens of texts, whose characters are `spans`.

    Returns their names, the features (tokens of all texts, rules), and the text of each token.
    """
    pieces = [
        [text[start:end].strip() for start, end in each]
        for text, each in zip(texts, spans, strict=True)
    ]
    counted = Counter(piece for row in pieces for piece in row if piece)
    frequent = [piece for piece, n in counted.most_common(FREQUENT) if n > 1]
    columns: dict[str, list[float]] = {
        name: [float(holds(piece)) for row in pieces for piece in row]
        for name, holds in PIECES.items()
    }
    columns |= {
        f"is {piece!r}": [float(each == piece) for row in pieces for each in row]
        for piece in frequent
    }
    columns["after a space"] = _each(
        texts, spans, lambda text, start, end: text[start : start + 1].isspace() or start == 0
    )
    columns["after a capital"] = [
        float(k > 0 and row[k - 1][:1].isupper()) for row in pieces for k in range(len(row))
    ]
    columns["after the end of a sentence"] = [
        float(k > 0 and row[k - 1][-1:] in (".", "!", "?"))
        for row in pieces
        for k in range(len(row))
    ]
    columns["inside quotation marks"] = _each(
        texts, spans, lambda text, start, end: _quoted(text[:start])
    )
    columns["letters"] = [float(len(piece)) for row in pieces for piece in row]
    columns["position"] = [float(k) for row in pieces for k in range(len(row))]
    owner = np.repeat(np.arange(len(texts)), [len(row) for row in pieces])
    return tuple(columns), np.array(list(columns.values())).T, owner


def step_rules(
    windows: NDArray[np.float64], weekdays: NDArray[np.integer] | None = None
) -> tuple[tuple[str, ...], Features, NDArray[np.int64]]:
    """Rules over the steps of windows (n, lag), which is also what a forecaster may see at a step.

    All are in units of each window's mean absolute step, so that a window ten times as high reads
    the same. weekdays (n, lag): 0 for Monday, where the steps are days. Returns as token_rules.
    """
    n, lag = windows.shape
    step = np.diff(windows, axis=1, prepend=windows[:, :1])
    unit = np.abs(step).mean(1, keepdims=True).clip(1e-12)
    columns: dict[str, Features] = {"level less the window's mean": _less_mean(windows) / unit}
    for k in (1, AHEAD, 4 * AHEAD):
        before = np.concatenate([np.repeat(windows[:, :1], k, 1), windows[:, :-k]], 1)[:, :lag]
        name = "change since the step before" if k == 1 else f"change over {k} steps"
        columns[name] = (windows - before) / unit
        if k > 1:
            sums = np.cumsum(np.abs(step) / unit, 1)
            past = np.concatenate([np.zeros((n, k)), sums], 1)[:, :lag]
            columns[f"volatility over {k} steps"] = (sums - past) / k
    columns["size of the step"] = np.abs(step) / unit
    columns["position in the window"] = np.broadcast_to(np.arange(lag, dtype=float), (n, lag))
    if weekdays is not None:
        columns |= {name: (weekdays == day).astype(float) for day, name in enumerate(DAYS)}
    owner = np.repeat(np.arange(n), lag)
    return tuple(columns), np.stack([each.ravel() for each in columns.values()], 1), owner


def _less_mean(windows: NDArray[np.float64]) -> Features:
    centred: Features = windows - windows.mean(1, keepdims=True)
    return centred


def _quoted(before: str) -> bool:
    """Whether a quotation mark is open after some text."""
    if before.count("“") > before.count("”"):
        return True
    return before.count('"') % 2 == 1


def _each(
    texts: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    holds: Callable[[str, int, int], bool],
) -> list[float]:
    return [
        float(holds(text, start, end))
        for text, row in zip(texts, spans, strict=True)
        for start, end in row
    ]
