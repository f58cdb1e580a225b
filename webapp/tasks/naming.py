"""The items that naming asks: one of a model's own ideas, in words or by a word from a list.

With the name stands {"concept": which one it is for}: `idea 7` of a self-explaining network, or
`channel 12`. It is the one that counted most, or was most active, for the stimulus on the page.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from pydantic import Field

from explainer.artifact import Explanation, Stimulus
from webapp.items import Choice, FreeText
from webapp.items.answer import Answer
from webapp.items.question import Sent
from webapp.tasks.fitted import Fitted


class _Naming(Fitted):
    """texts: the question by what it is about, idea or channel, with {number} in it."""

    texts: Mapping[str, Mapping[str, str]] = Field(exclude=True)
    concept: str = Field(default="", exclude=True)

    def on(self, stimulus: Stimulus, explanation: Explanation | None, drawing: Any) -> Self:
        """The same question about the idea that counts most on the page."""
        if explanation is None:
            raise ValueError("there is no explanation to name an idea of")
        kind, number = strongest(explanation, stimulus)
        # Whatever else a researcher writes in braces stays as it is written.
        said = self.texts[kind].items()
        text = {each: words.replace("{number}", str(number)) for each, words in said}
        return self.model_copy(update={"concept": f"{kind} {number}", "text": text})

    def _answer(self, sent: Sent) -> Answer:
        return replace(super()._answer(sent), json={"concept": self.concept})


class InWords(_Naming, FreeText):
    """A name in the participant's own words."""


class FromList(_Naming, Choice):
    """A name from a list."""


def strongest(explanation: Explanation, stimulus: Stimulus) -> tuple[str, int]:
    """The kind and number of the idea that counted most, or of the most active channel.

    An idea is a player without a place, counted from 1; a channel is an output named so.
    """
    values = np.abs(explanation.values.astype(np.float64))
    if not any(explanation.players):
        return "idea", int(values[:, explanation.outputs.index(stimulus.predicted)].argmax()) + 1
    name = explanation.outputs[int(values.max(axis=0).argmax())]
    return "channel", int(name.removeprefix("channel "))
