"""The arrays that a model is fitted on: which answers, and which columns belong to which term."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import patsy

from analysis.ordinal import formula
from analysis.ordinal.likelihood import Rows
from analysis.ordinal.links import Floats
from analysis.ordinal.structure import Ints, RandomTerm


@dataclass(frozen=True)
class Term:
    """One term of the formula: its name, the design's columns it owns, the factors in it."""

    name: str
    columns: tuple[int, ...]
    factors: frozenset[str]


@dataclass(frozen=True)
class Design:
    """Answers as category codes, and the columns of every term, treatment-coded, no intercept.

    codes: (n,), 0 for the lowest category. matrix: (n, columns). nominal: names of the terms whose
    effect differs from threshold to threshold. data: the rows and columns in use.
    """

    response: str
    levels: tuple[str, ...]
    scores: Floats
    codes: Ints
    matrix: Floats
    names: tuple[str, ...]
    terms: tuple[Term, ...]
    nominal: frozenset[str]
    random: tuple[RandomTerm, ...]
    data: pd.DataFrame
    info: patsy.DesignInfo
    notes: tuple[str, ...]

    @property
    def location(self) -> list[int]:
        """Columns with one effect for all thresholds."""
        return [i for term in self.terms if term.name not in self.nominal for i in term.columns]

    @property
    def varying(self) -> list[int]:
        """Columns with an effect for each threshold."""
        return [i for term in self.terms if term.name in self.nominal for i in term.columns]

    @property
    def thresholds(self) -> tuple[str, ...]:
        """Names of the cut points, as in "1|2"."""
        return tuple(f"{a}|{b}" for a, b in zip(self.levels, self.levels[1:], strict=False))

    @property
    def fixed_names(self) -> tuple[str, ...]:
        """Names of all fixed parameters, in order: cut points, their effects, common effects."""
        nominal = [f"{cut}.{self.names[i]}" for i in self.varying for cut in self.thresholds]
        return (*self.thresholds, *nominal, *(self.names[i] for i in self.location))

    def cut_rows(self, matrix: Floats, threshold: int) -> Floats:
        """Coefficients (n, n_fixed) of one cut point minus the predictor, for rows of a matrix."""
        cuts = len(self.levels) - 1
        blocks = []
        for column in [None, *self.varying]:
            block = np.zeros((len(matrix), cuts))
            block[:, threshold] = 1.0 if column is None else matrix[:, column]
            blocks.append(block)
        return np.concatenate([*blocks, -matrix[:, self.location]], axis=1)

    def rows(self) -> Rows:
        """The two cut points around each answer as linear functions of the fixed parameters."""
        cuts = len(self.levels) - 1
        upper = np.zeros((len(self.codes), len(self.fixed_names)))
        lower = np.zeros_like(upper)
        for threshold in range(cuts):
            below, above = self.codes == threshold, self.codes == threshold + 1
            upper[below] = self.cut_rows(self.matrix[below], threshold)
            lower[above] = self.cut_rows(self.matrix[above], threshold)
        return Rows(upper, lower, self.codes == cuts, self.codes == 0)

    def without(self, name: str) -> "Design":
        """The same design less one term."""
        return replace(self, terms=tuple(term for term in self.terms if term.name != name))

    def matrix_of(self, data: pd.DataFrame) -> Floats:
        """The columns of new data. Raises ValueError on a missing column or an unknown level."""
        missing = [name for name in formula.columns(self.info.terms) if name not in data]
        if missing:
            raise ValueError(f"the new data have no column {', '.join(missing)}")
        action = patsy.NAAction(on_NA="raise")
        try:
            matrix = patsy.build_design_matrices([self.info], data, NA_action=action)[0]
        except patsy.PatsyError as error:
            raise ValueError(f"the new data do not fit the model: {error.message}") from error
        # A model without predictors gives one row whatever the data hold.
        result: Floats = np.broadcast_to(np.asarray(matrix), (len(data), matrix.shape[1]))
        return result[:, 1:]
