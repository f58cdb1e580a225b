"""What every task answers: the pages of a trial, what each of them shows, and what it asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from webapp.items import Question
from webapp.parts import Part

Levels = Mapping[str, tuple[str, ...]]
NONE = "none"


@dataclass(frozen=True)
class Page:
    """One page of a trial.

    part: its name, which its step keeps. explained, answer, truth: whether the explanation, the
    model's answer and the right one are on it. asks: whether the block's own items are. repeats:
    what was asked before whose answer is said again. change_answered: whether the model's answer to
    a changed input is on it.
    """

    part: str
    explained: bool = False
    answer: bool = False
    truth: bool = False
    asks: bool = False
    repeats: str | None = None
    change_answered: bool = False


@dataclass(frozen=True)
class About:
    """What a model says of the stimuli of a set: one of its labels, or without any a number.

    kind: image, text or series.
    """

    kind: str
    labels: tuple[str, ...]


class BaseTask(Part):
    """What a participant does in a trial. What it asks has its name as its role in the export.

    varied: whether the factor `explanation` decides what is shown. judged: whether it asks for an
    answer as the model gives one, so that texts that a model goes on from have none. writing:
    whether only these suit it. own: whether a block needs no items beside what the task asks.
    tells_truth: whether what is right may be shown with the model's answer. outcomes: what its
    answers are, right or not, foreseen or not, as the analysis names it. layout: its template in
    templates/tasks/.
    """

    varied: ClassVar[bool] = True
    judged: ClassVar[bool] = False
    writing: ClassVar[bool] = False
    own: ClassVar[bool] = True
    tells_truth: ClassVar[bool] = False
    outcomes: ClassVar[tuple[str, ...]] = ()
    layout: ClassVar[str] = "trial"

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages of a trial, in order."""
        raise NotImplementedError

    @property
    def named(self) -> tuple[str, ...]:
        """The explanations that the task names itself."""
        return ()

    @property
    def beside(self) -> str | None:
        """The stimulus set with a changed input for each stimulus, where the task has one."""
        return None

    def page(self, part: str | None) -> Page:
        """The page of this name; the first one for a step of before pages had names."""
        return next((page for page in self.pages if page.part == part), self.pages[0])

    def levels(self, within: Levels) -> Levels:
        """What varies over a participant's trials: the factors that matter to this task."""
        if self.varied:
            return within
        return {name: levels for name, levels in within.items() if name != "explanation"}

    def shown(self, page: Page, condition: Mapping[str, str]) -> tuple[str, ...]:
        """The explanations on a page, by name: none, one, or two side by side."""
        level = condition.get("explanation", NONE)
        return (level,) if page.explained and level != NONE else ()

    def questions(self, page: Page, about: About) -> dict[str, Question]:
        """What the task itself asks on a page, before the block's own items."""
        return {}

    def line(self, name: str) -> Mapping[str, str] | None:
        """A line that leads a page of this name, or a part of one, by language."""
        return None

    def untranslated(self, languages: Sequence[str]) -> list[str]:
        """Which of a study's languages the task's own words lack."""
        return []


def named(block: str, questions: Mapping[str, Question]) -> dict[str, Question]:
    """What a block's task asks, under the names that answers are stored for: `BLOCK-NAME`."""
    return {f"{block}-{name}": item for name, item in questions.items()}
