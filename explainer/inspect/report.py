"""What a command found: tables for people, and the same numbers as JSON."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from explainer.describe import Row, table
from explainer.inspect.measured import Measured

SCHEMA = "credence/inspection/1"
WIDTH = 100


@dataclass
class Report:
    """A title, tables with captions and notes in their order, and the data for JSON."""

    title: str
    data: dict[str, Any]
    blocks: list[str] = field(default_factory=list)

    def table(self, caption: str, rows: Sequence[Row]) -> None:
        """Add a table, its first row the head."""
        self.note(caption)
        self.blocks.append(table(rows))

    def note(self, text: str) -> None:
        """Add a paragraph."""
        self.blocks.append("\n".join(textwrap.wrap(text, WIDTH, break_on_hyphens=False)))

    def lines(self, lines: Sequence[str]) -> None:
        """Add lines as they are."""
        self.blocks.append("\n".join(lines))

    def __str__(self) -> str:
        """All of it, for a terminal."""
        return "\n\n".join([self.title, *self.blocks])

    def to_json(self) -> dict[str, Any]:
        """Return the data, with what they are."""
        return {"schema": SCHEMA, "title": self.title, **self.data}


def number(value: float | None) -> str:
    """A number for a table."""
    return "-" if value is None else f"{value:.3g}"


def change_of(found: Measured, p: float | None) -> Row:
    """The value with its interval, and p."""
    return str(found), number(p)
