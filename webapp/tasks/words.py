"""What tasks ask in their own words, in the languages of the interface; a study can say it anew."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from webapp.parts import Name, Text
from webapp.tasks.base import BaseTask

Texts = Mapping[str, str]


class Wording(BaseTask):
    """A task with words of its own; `words` replaces some of them, in every language of a study.

    spoken: what Credence says, by what it is for; a page is led by the words of its name.
    """

    spoken: ClassVar[Mapping[str, Texts]] = {}
    words: dict[Name, Text] = Field(default_factory=dict)

    def say(self, name: str) -> dict[str, str]:
        """The words for something, by language."""
        return dict(self.words.get(name, self.spoken[name]))

    def line(self, name: str) -> Texts | None:
        """The line of this name, where there is one."""
        return self.say(name) if name in self.spoken else None

    def unknown(self) -> list[str]:
        """Words that the task never says."""
        return [name for name in self.words if name not in self.spoken]

    def untranslated(self, languages: Sequence[str]) -> list[str]:
        """Which languages are lacking."""
        texts = [self.say(name) for name in self.spoken]
        return [each for each in languages if any(each not in text for text in texts)]
