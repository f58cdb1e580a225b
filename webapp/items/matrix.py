"""Several Likert questions with the same points, one row each."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webapp.items.answer import Answer
from webapp.items.points import Likert, Point, expect_points
from webapp.items.question import Question, Sent, Wrong
from webapp.parts import Name, Part, Text


class Row(Part):
    """One row; its answer is stored for the item NAME.ID."""

    id: Name
    text: Text


class Matrix(Question):
    """Rows that are each answered by one of the points from min to max."""

    kind: Literal["matrix"]
    rows: Annotated[list[Row], Field(min_length=1, max_length=40)]
    min: Point
    max: Point
    labels: dict[int, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rows_are_items(self) -> Self:
        if len({row.id for row in self.rows}) < len(self.rows):
            raise ValueError("two rows have the same id; rename one")
        expect_points(self.min, self.max, self.labels)
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """The ids of the rows."""
        return tuple(row.id for row in self.rows)

    def split(self, name: str) -> Mapping[str, Question]:
        """One Likert item for each row."""
        return {
            f"{name}.{row.id}": Likert(
                kind="likert",
                text=row.text,
                role=self.role,
                required=self.required,
                may_refuse=self.may_refuse,
                min=self.min,
                max=self.max,
                labels=self.labels,
            )
            for row in self.rows
        }

    def read(self, sent: Sent) -> dict[str, Answer]:
        """The answer to each row. Raises Wrong with the rows that have none."""
        answers, wrong = {}, []
        rows = self.split("")
        for row in self.parts:
            try:
                answers[row] = rows[f".{row}"].read(sent.of(row))[""]
            except Wrong:
                wrong.append(row)
        if wrong:
            raise Wrong("Choose one of the points in every row.", parts=wrong)
        return answers
