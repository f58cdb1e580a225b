"""How a block draws its explanations: in whose words, and with what beside them."""

from pydantic import Field

from webapp.parts import Part, Text


class Legend(Part):
    """A study's own words for how to read a drawing, in place of Credence's.

    for, against: of what counted for the answer and against it; strength: of what is stronger.
    """

    for_: Text | None = Field(default=None, alias="for")
    against: Text | None = None
    strength: Text | None = None

    @property
    def texts(self) -> dict[str, Text]:
        """The texts that are given, by their keys in study.yaml."""
        found = {"for": self.for_, "against": self.against, "strength": self.strength}
        return {name: text for name, text in found.items() if text is not None}


class Display(Part):
    """What stands beside an explanation.

    curves: how fast the model's output falls as parts are removed, from what was measured.
    """

    legend: Legend = Legend()
    curves: bool = False
