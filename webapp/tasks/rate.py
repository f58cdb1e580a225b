"""rate: the model's answer, with or without an explanation, and the study's items about it."""

from typing import ClassVar, Literal

from webapp.tasks.base import BaseTask, Page


class Rate(BaseTask):
    """The stimulus, the model's answer and an explanation by condition, and the block's items."""

    task: Literal["rate"]
    own: ClassVar[bool] = False
    tells_truth: ClassVar[bool] = True

    @property
    def pages(self) -> tuple[Page, ...]:
        """One page."""
        return (Page("rate", explained=True, answer=True, asks=True),)
