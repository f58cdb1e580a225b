"""Fit the model that was declared, or the largest smaller one that the answers carry.

Every model that could not be fitted is named with the reason, so that a report can say so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pandas as pd

from analysis.estimate import Estimate, NotEstimableError
from analysis.formulas import Declared, smaller
from analysis.ordinal import Fit, clmm, compare, contrasts, marginal_means
from analysis.ordinal.contrast import contrast_test
from analysis.ordinal.fit import fit_design
from analysis.ordinal.result import MIXED

MEANS = "marginal means: Searle, Speed & Milliken (1980), The American Statistician 34(4), 216-221"


class Fitted(Protocol):
    """What a fitted model can be asked, whatever its kind."""

    @property
    def label(self) -> str:
        """The model in one line."""
        ...

    @property
    def method(self) -> str:
        """Its name."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, or is doubtful."""
        ...

    @property
    def n_answers(self) -> int:
        """Answers in the model."""
        ...

    def difference(self, factor: str, levels: tuple[str, str]) -> Estimate:
        """The first level minus the second, on the model's own scale."""
        ...

    def points(self, factor: str, levels: tuple[str, str]) -> Estimate:
        """The same difference in the unit of the answers."""
        ...

    def omnibus(self, factor: str) -> Estimate:
        """Do the levels differ at all."""
        ...

    def means(self, factor: str) -> list[tuple[str, float, float, float]]:
        """Level, marginal mean in the unit of the answers, low, high."""
        ...

    def slope(self, name: str) -> Estimate:
        """The coefficient of a predictor that is a number, on the model's own scale."""
        ...

    def spread(self) -> list[tuple[str, str, float]]:
        """Grouping, effect and standard deviation of each random effect."""
        ...


@dataclass(frozen=True)
class Ordinal:
    """A cumulative link mixed model, or for yes and no a logistic one."""

    fit: Fit
    people: int

    @property
    def label(self) -> str:
        """The model in one line."""
        return self.fit.formula

    @property
    def method(self) -> str:
        """Its name."""
        if len(self.fit.design.levels) == 2:
            return self.fit.method.replace("cumulative link", "logistic")
        return self.fit.method

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, or is doubtful."""
        return self.fit.notes

    @property
    def n_answers(self) -> int:
        """Answers in the model."""
        return self.fit.n

    def difference(self, factor: str, levels: tuple[str, str]) -> Estimate:
        """Difference of marginal means in log odds: Wald's interval, likelihood-ratio test.

        The likelihood ratio keeps its level better than Wald's z where there are few people.
        """
        estimate = contrast_test(self.fit, factor, *levels)
        return replace(
            estimate,
            name="difference in log odds",
            test=f"{self.method}, likelihood-ratio test",
            n=self.people,
            source=f"{MIXED}; {estimate.source}; {MEANS}",
        )

    def points(self, factor: str, levels: tuple[str, str]) -> Estimate:
        """Difference of the mean answers that the model predicts, by the delta method; no test."""
        table = contrasts(self.fit, factor, "mean")
        label, sign = self._label(table, levels)
        row = table.loc[[label]].to_dict("records")[0]
        limits = sorted(sign * float(row[end]) for end in ("low", "high"))
        return Estimate(
            name="difference of predicted means",
            value=sign * float(row["estimate"]),
            low=limits[0],
            high=limits[1],
            confidence=self.fit.confidence,
            test=f"{self.method}, delta method",
            n=self.people,
            source=MEANS,
        )

    def _label(self, table: pd.DataFrame, levels: tuple[str, str]) -> tuple[str, float]:
        """The row of a table of contrasts, and the sign that turns it to the levels' order."""
        a, b = levels
        for label, sign in ((f"{a} - {b}", 1.0), (f"{b} - {a}", -1.0)):
            if label in table.index:
                return label, sign
        raise NotEstimableError(f"nobody answered in one of the conditions {a} and {b}")

    def omnibus(self, factor: str) -> Estimate:
        """Likelihood-ratio test of the model without the factor and what it interacts in."""
        design = self.fit.design
        gone = [term.name for term in design.terms if factor in term.factors]
        for name in gone:
            design = design.without(name)
        label = f"{self.label} without {', '.join(gone)}"
        fit = self.fit
        other = fit_design(design, fit.link, fit.quadrature, fit.confidence, label)
        return replace(compare(other, fit), test="likelihood-ratio test", n=self.people)

    def means(self, factor: str) -> list[tuple[str, float, float, float]]:
        """Predicted mean answer of the typical participant and stimulus in each level."""
        table = marginal_means(self.fit, factor, "mean")
        return [
            (str(row[factor]), float(row["estimate"]), float(row["low"]), float(row["high"]))
            for row in table.to_dict("records")
        ]

    def slope(self, name: str) -> Estimate:
        """A change in log odds for each unit of the predictor."""
        return replace(self.fit.estimate(name), n=self.people)

    def spread(self) -> list[tuple[str, str, float]]:
        """Standard deviations on the latent scale."""
        sd = self.fit.sd.reset_index().to_dict("records")
        return [(str(row["grouping"]), str(row["effect"]), float(row["sd"])) for row in sd]

    def proportional_odds(self, factor: str) -> Estimate:
        """Likelihood-ratio test of whether the factor's effect differs between thresholds.

        Source: Christensen (2019), R package ordinal, nominal_test.
        """
        fit, design = self.fit, self.fit.design
        own = {term.name for term in design.terms if term.factors == {factor}}
        if not own:
            raise NotEstimableError(f"{factor} has no effect of its own in the model")
        free = replace(design, nominal=design.nominal | own)
        label = f"{self.label}, {factor} free at each threshold"
        other = fit_design(free, fit.link, fit.quadrature, fit.confidence, label)
        return replace(compare(fit, other), test="likelihood-ratio test", n=self.people)


def fit_ordinal(frame: pd.DataFrame, model: Declared) -> Fitted:
    """Fit a cumulative link mixed model of `value`.

    Raises NotEstimableError, and ValueError where the model cannot be read.
    """
    if not model.random:
        raise NotEstimableError("it has no random effect of participants, who answered repeatedly")
    fit = clmm(frame, f"value ~ {model.predictors}", list(model.random))
    return Ordinal(fit, int(fit.design.data["participant"].nunique()))


def first_that_fits(
    frame: pd.DataFrame,
    models: Sequence[Declared],
    fit: Callable[[pd.DataFrame, Declared], Fitted],
) -> tuple[Fitted, tuple[str, ...]]:
    """The first model that can be fitted, and why those before it could not.

    Raises NotEstimableError with all the reasons where none can.
    """
    reasons: list[str] = []
    said: list[str] = []
    for model in models:
        if not model.holds("participant"):
            said.append("it does not tell participants apart")
            reasons.append(f"{model.label('value')}: {said[-1]}")
            continue
        try:
            return fit(frame, model), tuple(reasons)
        except ValueError as error:
            said.append(str(error))
            reasons.append(f"{model.label('value')}: {error}")
    raise NotEstimableError("; ".join(dict.fromkeys(said)))


def candidates(model: Declared, factor: str) -> list[Declared]:
    """The declared model and what to fall back on."""
    return [model, *smaller(model, factor)]
