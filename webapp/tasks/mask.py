"""The item that highlighting asks: which parts of an input are marked, stored as a mask.

A mask is {"kind": text, image or series; "units": how many there were; "marked": their indices;
"players": what each marked one is, as an explanation says it of its players}: a text's [start, end)
characters, an image's pixel indices, a series' [start, end) time steps.
"""

import re
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from explainer.artifact import Explanation, Stimulus
from webapp.items.answer import Answer
from webapp.items.question import Sent, Wrong
from webapp.tasks.fitted import Fitted

Players = tuple[tuple[int, ...], ...]


class Mask(Fitted):
    """Parts of the stimulus, of which the participant marks some.

    patches: how many a side of an image has. segments: how many a series has. units, drawing: the
    parts of one stimulus and how it is drawn, once that is known.
    """

    kind: Literal["mask"] = "mask"
    patches: int
    segments: int
    about: str = Field(default="", exclude=True)
    units: Players = Field(default=(), exclude=True)
    drawing: Any = Field(default=None, exclude=True)
    stored = "json"
    module: ClassVar[str | None] = "mask"

    def on(self, stimulus: Stimulus, explanation: Explanation | None, drawing: Any) -> Self:
        """The same question about one stimulus."""
        found = {"text": self._words, "image": self._grid, "series": self._spans}[stimulus.kind]
        units = found(stimulus)
        return self.model_copy(update={"about": stimulus.kind, "units": units, "drawing": drawing})

    def _words(self, stimulus: Stimulus) -> Players:
        return tuple(match.span() for match in re.finditer(r"\S+", stimulus.text))

    def _grid(self, stimulus: Stimulus) -> Players:
        height, width = stimulus.content.shape[:2]
        pixels = np.arange(height * width).reshape(height, width)
        rows, columns = (_cuts(length, self.patches) for length in (height, width))
        return tuple(
            tuple(pixels[top:bottom, left:right].ravel().tolist())
            for top, bottom in rows
            for left, right in columns
        )

    def _spans(self, stimulus: Stimulus) -> Players:
        return tuple(_cuts(len(stimulus.content), self.segments))

    def _given(self, sent: Sent) -> bool:
        return bool(sent.all())

    def _missing(self) -> Wrong:
        return Wrong("Mark one part or more.")

    def _answer(self, sent: Sent) -> Answer:
        known = {str(index): index for index in range(len(self.units))}
        if not set(sent.all()) <= set(known):
            raise self._missing()
        marked = sorted(known[value] for value in set(sent.all()))
        players = [list(self.units[index]) for index in marked]
        mask = {"kind": self.about, "units": len(self.units), "marked": marked, "players": players}
        return Answer(json=mask)


def _cuts(length: int, parts: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, min(parts, length) + 1).round().astype(int)
    return list(pairwise(edges.tolist()))
