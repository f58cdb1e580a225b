"""One simulated person: how careful, how fast, how generous, and when they leave."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.simulate.chance import chance
from webapp.simulate.model import CORRECT, Model

SLOWER, FASTER = 3.0, 0.1
SPEED_SD = 0.3  # of the logarithm of a person's own pace


@dataclass(frozen=True)
class Person:
    """Somebody drawn from the model.

    number: which of the study's robots, from 0. kind: careful, slow, straight or hasty. intercept:
    in logits. line: where on every scale somebody of the kind straight answers, 0 to 1. leaves:
    up to which share of the pages they stay, 0 to 1; None for those who stay. pace: times the
    median time on a page.
    """

    number: int
    model: Model
    kind: str
    intercept: float
    line: float
    leaves: float | None
    pace: float

    @property
    def attentive(self) -> bool:
        """Whether they read what they are asked."""
        return self.kind in ("careful", "slow")

    def latent(self, condition: Mapping[str, str], stimulus: str | None) -> float:
        """How good what is shown seems to this person, in logits, before the logistic error."""
        total = self.intercept + self.model.effect(condition)
        for factor, level in condition.items():
            if factor != CORRECT:
                slope = chance(self.model.seed, "slope", self.number, factor, level)
                total += self.model.slope_sd * float(slope.standard_normal())
        return total if stimulus is None else total + self.model.stimulus(stimulus)

    def milliseconds(self, *page: object) -> int:
        """How long they say that they spent on a page."""
        draw = chance(self.model.seed, "time", self.number, *page)
        factor = float(draw.lognormal(0, self.model.spread))
        return round(1000 * self.model.seconds * self.pace * factor)


def person(model: Model, number: int) -> Person:
    """The robot of this number: the same for the same model, however many there are."""
    draw = chance(model.seed, "person", number)
    which, leaves, when, line = (float(each) for each in draw.random(4))
    shares = {"straight": model.straight, "hasty": model.hasty, "slow": model.slow}
    kind = "careful"
    for name, share in shares.items():
        if which < share:
            kind = name
            break
        which -= share
    pace = {"slow": SLOWER, "hasty": FASTER}.get(kind, 1.0)
    return Person(
        number,
        model,
        kind,
        model.participant_sd * float(draw.standard_normal()),
        line,
        when if leaves < model.dropout else None,
        pace * float(draw.lognormal(0, SPEED_SD)),
    )
