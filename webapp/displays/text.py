"""A text and which words counted in it, for a class or for each token that a model wrote."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Stimulus

LEVELS = 5
CHANNEL = "channel "


@dataclass(frozen=True)
class Piece:
    """A stretch of the text. level: from -5 (against) over 0 to 5 (for); share: of all that
    counted, in percent, None where the stretch is no player.
    """

    text: str
    level: int
    share: int | None


@dataclass(frozen=True)
class Reading:
    """The whole text as it counted for one output; name is None for the answer as a whole.

    joined: whether no space stands before a token that the model wrote.
    """

    name: str | None
    pieces: tuple[Piece, ...]
    joined: bool = False

    @property
    def token(self) -> str:
        """What the model wrote: the name without the place that it stands at."""
        return (self.name or "").partition(": ")[2]


@dataclass(frozen=True)
class Projection:
    """What a page may know of a text and its explanation.

    answer: None where it is hidden. written: whether it is text that the model wrote. readings: the
    answer as a whole first, then, where it is shown, each token of it. inside: whether readings are
    of channels inside the model instead.
    """

    text: str
    answer: str | None
    truth: str | None
    written: bool
    readings: tuple[Reading, ...]
    inside: bool = False


def project(
    stimulus: Stimulus, explanation: Explanation | None, *, answer: bool = True
) -> Projection:
    """Turn a stimulus and, where one is shown, its explanation into what a page may show."""
    readings = () if explanation is None else _readings(stimulus, explanation)
    inside = explanation is not None and is_inside(stimulus, explanation)
    return Projection(
        text=stimulus.text,
        answer=stimulus.predicted if answer else None,
        truth=stimulus.truth,
        written=stimulus.continuation is not None,
        # The readings after the first have the model's own words as their names.
        readings=readings if answer or inside else readings[:1],
        inside=inside,
    )


def is_inside(stimulus: Stimulus, explanation: Explanation) -> bool:
    """Whether an explanation tells of channels inside the model, not of what the model says."""
    return all(
        name.startswith(CHANNEL) and name not in stimulus.labels for name in explanation.outputs
    )


def _readings(stimulus: Stimulus, explanation: Explanation) -> tuple[Reading, ...]:
    values = explanation.values.astype(np.float64)
    if is_inside(stimulus, explanation):
        names = explanation.outputs
        return tuple(Reading(name, _column(stimulus, explanation, name)) for name in names)
    if stimulus.continuation is None:
        column = explanation.outputs.index(stimulus.predicted)
        return (Reading(None, _pieces(stimulus.text, explanation.players, values[:, column])),)
    tokens = [name for name in explanation.outputs if name != "sum"]
    if "sum" in explanation.outputs:
        whole = _column(stimulus, explanation, "sum")
    else:
        whole = _pieces(stimulus.text, explanation.players, values.sum(1))
    return (
        Reading(None, whole),
        *(
            Reading(name, _column(stimulus, explanation, name), _joined(stimulus, name))
            for name in tokens
        ),
    )


def _joined(stimulus: Stimulus, name: str) -> bool:
    """Outputs are named by the place of their token, from 1 on."""
    tokens = () if stimulus.continuation is None else stimulus.continuation.tokens
    place = int(name.partition(":")[0]) - 1
    return not tokens[place][:1].isspace()


def _column(stimulus: Stimulus, explanation: Explanation, output: str) -> tuple[Piece, ...]:
    column = explanation.outputs.index(output)
    values = explanation.values[:, column].astype(np.float64)
    return _pieces(stimulus.text, explanation.players, values)


def _pieces(
    text: str, players: tuple[tuple[int, ...], ...], values: NDArray[np.float64]
) -> tuple[Piece, ...]:
    """Cut the text at its players; what lies between them counted for nothing."""
    largest = float(np.abs(values).max(initial=0)) or 1.0
    total = float(np.abs(values).sum()) or 1.0
    found, at = [], 0
    for (start, end), value in sorted(zip(players, values.tolist(), strict=True)):
        if start > at:
            found.append(Piece(text[at:start], 0, None))
        level = round(LEVELS * value / largest)
        found.append(Piece(text[start:end], level, round(100 * value / total)))
        at = max(at, end)
    if at < len(text):
        found.append(Piece(text[at:], 0, None))
    return tuple(found)
