"""The model that simulated answers follow, stated in full before anything is sent.

A rating on K points, of participant p about stimulus s under a condition, is 1 + the number of
thresholds below

    intercept[p] + intercept[s] + sum over factors of (effect[level] + slope[p, level]) + e

with e standard logistic, which is the cumulative logit model (McCullagh 1980, Journal of the Royal
Statistical Society B 42(2), 109-142) with random intercepts and slopes. The K - 1 thresholds are
evenly spaced from -WIDTH to WIDTH; the one of a question with two answers is 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from webapp.simulate.chance import chance

WIDTH = 2.0
EXCLUDED = 0.05  # share of answers by which the study leaves somebody out
ATTENTION = 0.9  # share of a check's questions that somebody who reads them answers right
CORRECT = "model_correct"


class EffectError(Exception):
    """An effect that the study cannot have; the message says which it can."""


@dataclass(frozen=True)
class Model:
    """What answers depend on, in logits, and how decisions and people vary.

    effects: (factor, level) -> effect. accuracy: share of decisions that are right; follow: share
    of final decisions that are the model's whatever the first one was. seconds: median time on a
    page of somebody careful, lognormal with the sd `spread` of its logarithm. dropout, slow,
    straight, hasty: shares of people who leave, take long, always give the same point, or do not
    read.
    """

    seed: int = 1
    effects: Mapping[tuple[str, str], float] = field(default_factory=dict)
    participant_sd: float = 1.0
    stimulus_sd: float = 0.5
    slope_sd: float = 0.3
    accuracy: float = 0.75
    follow: float = 0.5
    seconds: float = 6.0
    spread: float = 0.5
    dropout: float = 0.1
    slow: float = 0.1
    straight: float = 0.05
    hasty: float = 0.05

    def stimulus(self, digest: str) -> float:
        """The intercept of a stimulus, the same for everybody."""
        return self.stimulus_sd * float(chance(self.seed, "stimulus", digest).standard_normal())

    def effect(self, condition: Mapping[str, str]) -> float:
        """The sum of the effects of a condition's levels."""
        return sum(self.effects.get(pair, 0.0) for pair in condition.items())


def thresholds(points: int) -> list[float]:
    """The points - 1 thresholds between ordered answers, evenly spaced."""
    return [0.0] if points == 2 else [float(x) for x in np.linspace(-WIDTH, WIDTH, points - 1)]


def rate(latent: float, points: int, draw: np.random.Generator) -> int:
    """Which of the ordered answers somebody gives, from 0."""
    felt = latent + float(draw.logistic())
    return sum(felt > threshold for threshold in thresholds(points))


def parse_effects(
    given: Sequence[str], factors: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], float]:
    """Effects written FACTOR=LEVEL:LOGITS. Raises EffectError where the study has no such level."""
    known = {**factors, CORRECT: ("true", "false")}
    effects: dict[tuple[str, str], float] = {}
    for text in given:
        factor, _, rest = text.partition("=")
        level, _, size = rest.rpartition(":")
        if factor not in known:
            raise EffectError(f"{text}: there is no factor {factor!r}; {_list(known)}")
        if level not in known[factor]:
            raise EffectError(f"{text}: {factor} has no level {level!r}; {_list(known[factor])}")
        if (factor, level) in effects:
            raise EffectError(f"{text}: {factor}={level} has an effect already; give it once")
        try:
            effects[factor, level] = float(size)
        except ValueError:
            effects[factor, level] = np.nan
        if not np.isfinite(effects[factor, level]):
            raise EffectError(
                f"{text}: {size!r} is no number; write, such as, {factor}={level}:0.8"
            )
    return effects


def _list(names: Sequence[str] | Mapping[str, object]) -> str:
    return f"there is: {', '.join(names)}"


def describe(model: Model, slug: str, participants: int) -> str:
    """The model in words, for a reader who decides whether to believe what comes of it."""
    effects = "".join(
        f"\n  {factor}={level}: {effect:+g} logits"
        for (factor, level), effect in model.effects.items()
    )
    shares = (model.dropout, model.slow, model.straight, model.hasty)
    dropout, slow, straight, hasty = (f"{share:.0%}" for share in shares)
    return f"""{slug}: {participants} simulated participants, seed {model.seed}
Ratings: cumulative logit with even thresholds from {-WIDTH:g} to {WIDTH:g} (one of two answers: 0).
Effects on the latent rating:{effects or " none"}
Standard deviations, in logits: participants {model.participant_sd:g}, stimuli \
{model.stimulus_sd:g}, each participant's deviation at a level {model.slope_sd:g}.
Decisions: {model.accuracy:.0%} right; of final ones {model.follow:.0%} take the model's answer. \
Checks: {ATTENTION:.0%} of the questions right, of those who read them. Answers that the study \
excludes: {EXCLUDED:.0%}, whoever gives them.
People: {dropout} leave at a random page, {slow} are slow (x3), {straight} always give the same \
point, {hasty} do not read (x0.1) and answer anything.
Times: lognormal, median {model.seconds:g} s on a page, sd of the logarithm {model.spread:g}; sent \
as the browser's events. The server's own times stay real: milliseconds on a page."""
