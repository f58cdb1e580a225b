"""read: a text that a model wrote, as in the study of 2023, without an explanation."""

from typing import ClassVar, Literal

from webapp.tasks.base import BaseTask, Page


class Read(BaseTask):
    """The text that the model was given and how it went on; the block's items, if it has any."""

    task: Literal["read"]
    varied: ClassVar[bool] = False
    writing: ClassVar[bool] = True

    @property
    def pages(self) -> tuple[Page, ...]:
        """One page."""
        return (Page("read", answer=True, asks=True),)
