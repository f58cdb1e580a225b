"""An item that differs from page to page: it asks about the stimulus or explanation there."""

from typing import Any, Self

from explainer.artifact import Explanation, Stimulus
from webapp.items import Question


class Fitted(Question):
    """An item that is told what is on its page before it is shown or answered."""

    def on(self, stimulus: Stimulus, explanation: Explanation | None, drawing: Any) -> Self:
        """The same question on one page. drawing: the stimulus as webapp.displays projects it."""
        raise NotImplementedError
