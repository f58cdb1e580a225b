"""A linear mixed model as a report asks it (analysis/models.py): for sliders and scale scores."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.estimate import Estimate, NotEstimableError
from analysis.formulas import Declared
from analysis.linear import LinearFit, contrasts, lmm, marginal_means, omnibus
from analysis.linear.fit import LAIRD, SATTERTHWAITE
from analysis.models import Fitted


@dataclass(frozen=True)
class Linear:
    """A linear mixed model of answers that are numbers."""

    fit: LinearFit
    people: int

    @property
    def label(self) -> str:
        """The model in one line."""
        return self.fit.formula

    @property
    def method(self) -> str:
        """Its name, with how degrees of freedom are got."""
        return "linear mixed model, REML, Satterthwaite's degrees of freedom"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, or is doubtful."""
        return self.fit.notes

    @property
    def n_answers(self) -> int:
        """Answers in the model."""
        return self.fit.n

    def difference(self, factor: str, levels: tuple[str, str]) -> Estimate:
        """Difference of marginal means, in the unit of the answers."""
        a, b = levels
        table = contrasts(self.fit, factor)
        turned = f"{a} - {b}" not in table.index
        label = f"{b} - {a}" if turned else f"{a} - {b}"
        if label not in table.index:
            raise NotEstimableError(f"nobody answered in one of the conditions {a} and {b}")
        row, sign = table.loc[[label]].to_dict("records")[0], -1.0 if turned else 1.0
        return self._estimate("difference of marginal means", row, sign)

    def slope(self, name: str) -> Estimate:
        """A change in the unit of the answers for each unit of the predictor."""
        row = self.fit.coefficients.loc[[name]].to_dict("records")[0]
        return self._estimate(name, row, 1.0)

    def _estimate(self, name: str, row: dict[Hashable, Any], sign: float) -> Estimate:
        limits = sorted(sign * float(row[end]) for end in ("low", "high"))
        return Estimate(
            name=name,
            value=sign * float(row["estimate"]),
            low=limits[0],
            high=limits[1],
            confidence=self.fit.confidence,
            test="linear mixed model, Satterthwaite's t test",
            statistic=sign * float(row["t"]),
            df=(float(row["df"]),),
            p=float(row["p"]),
            n=self.people,
            source=f"{LAIRD}; {SATTERTHWAITE}",
            notes=self.notes,
        )

    def points(self, factor: str, levels: tuple[str, str]) -> Estimate:
        """The same: the model's own scale is that of the answers."""
        return self.difference(factor, levels)

    def omnibus(self, factor: str) -> Estimate:
        """Satterthwaite's F test of the factor."""
        return replace(omnibus(self.fit, factor), n=self.people)

    def means(self, factor: str) -> list[tuple[str, float, float, float]]:
        """Marginal mean of each level with its interval."""
        table = marginal_means(self.fit, factor)
        return [
            (str(row[factor]), float(row["estimate"]), float(row["low"]), float(row["high"]))
            for row in table.to_dict("records")
        ]

    def spread(self) -> list[tuple[str, str, float]]:
        """Standard deviations in the unit of the answers, the residual's last."""
        sd = self.fit.sd.reset_index().to_dict("records")
        found = [(str(row["grouping"]), str(row["effect"]), float(row["sd"])) for row in sd]
        return [*found, ("residual", "", self.fit.sigma)]


def fit_linear(frame: pd.DataFrame, model: Declared) -> Fitted:
    """Fit a linear mixed model of `value`.

    Raises NotEstimableError, and ValueError where the model cannot be read.
    """
    fit = lmm(frame, f"value ~ {model.predictors}", list(model.random))
    return Linear(fit, int(fit.data["participant"].nunique()))
