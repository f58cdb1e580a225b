"""How participants are placed: in which cell, until which quota, and until when a place is kept."""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from webapp.definition.conditions import When
from webapp.parts import Name, Part


class Covariate(Part):
    """An answer that cells are kept alike in; `bands` cut numbers where the next band begins."""

    item: Name
    bands: list[FiniteFloat] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.bands != sorted(set(self.bands)):
            raise ValueError("write bands in ascending order, each once")
        return self


class Assign(Part):
    """How cells are filled: the least filled first, or by minimisation on covariates."""

    rule: Literal["least_count", "minimisation"] = "least_count"
    covariates: list[Covariate] = Field(default_factory=list)

    @model_validator(mode="after")
    def _needs(self) -> Self:
        if (self.rule == "minimisation") != bool(self.covariates):
            raise ValueError("minimisation, and only that, takes covariates")
        return self


class Quota(Part):
    """How many may take part at most: of a cell, of those who answer something, or of all."""

    most: Annotated[int, Field(ge=0)]
    cell: dict[Name, Name] | None = None
    when: When | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.cell is not None and self.when is not None:
            raise ValueError("give cell or when, not both")
        return self
