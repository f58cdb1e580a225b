"""From a data frame and formulas to a design: validated once, and saying what was left out."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import patsy
from scipy import linalg

from analysis.estimate import NotEstimableError
from analysis.ordinal import formula
from analysis.ordinal.design import Design, Term
from analysis.ordinal.links import Floats
from analysis.ordinal.structure import Ints, RandomTerm

# More categories than this is a measurement, not a rating.
_MOST_LEVELS = 50


def build(
    data: pd.DataFrame, text: str, random: Sequence[str] | None = None, nominal: str | None = None
) -> Design:
    """Read the formulas, check the columns they name, and code them.

    Rows with a missing value are left out and counted in the notes. Raises ValueError on a formula
    or column that cannot be read, NotEstimableError where the data cannot carry the model.
    """
    response, right = formula.split(text)
    both = right if nominal is None else f"{right} + {nominal.strip().lstrip('~')}"
    fixed = formula.predictors(both)
    if not any(term == patsy.INTERCEPT for term in fixed.rhs_termlist):
        raise ValueError("an ordinal model has thresholds for an intercept; leave out '0 +'")
    varying = formula.predictors(nominal.strip().lstrip("~")) if nominal is not None else None
    grouped = formula.random_terms(random) if random is not None else []
    within = [formula.predictors(term.predictors) for term in grouped]
    used = [response, *formula.columns(fixed.rhs_termlist)]
    for term, description in zip(grouped, within, strict=True):
        used += [*formula.columns(description.rhs_termlist), *term.columns]
    frame, notes = complete_frame(data, list(dict.fromkeys(used)))
    levels, scores, codes, gap = _response(frame[response])
    matrix = matrix_of(fixed, frame)
    info = matrix.design_info
    terms = tuple(
        Term(
            term.name(),
            tuple(range(part.start - 1, part.stop - 1)),
            frozenset(factor.name() for factor in term.factors),
        )
        for term, part in info.term_slices.items()
        if term.factors
    )
    values = np.asarray(matrix)[:, 1:]
    check_rank(values, info.column_names[1:])
    return Design(
        response=response,
        levels=levels,
        scores=scores,
        codes=codes,
        matrix=values,
        names=tuple(info.column_names[1:]),
        terms=terms,
        nominal=frozenset(term.name() for term in varying.rhs_termlist if term.factors)
        if varying is not None
        else frozenset(),
        random=tuple(
            random_term(term, description, frame)
            for term, description in zip(grouped, within, strict=True)
        ),
        data=frame,
        info=info,
        notes=(*notes, *gap),
    )


def complete_frame(data: pd.DataFrame, used: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """The columns and complete rows in use, and notes on what was left out."""
    missing = [name for name in used if name not in data]
    if missing:
        raise ValueError(
            f"no column {', '.join(missing)}; there are {', '.join(map(str, data.columns))}"
        )
    frame = data[used]
    if not len(frame):
        raise NotEstimableError("there are no rows")
    notes = []
    incomplete = frame.isna().any(axis=1)
    if incomplete.any():
        holes = ", ".join(f"{name} {int(k)}" for name, k in frame.isna().sum().items() if k)
        notes.append(
            f"{int(incomplete.sum())} of {len(frame)} rows left out for a missing value ({holes})"
        )
        frame = frame[~incomplete]
        if not len(frame):
            raise NotEstimableError("every row has a missing value")
    frame = frame.reset_index(drop=True).infer_objects()
    # patsy knows numpy's types only; nothing is missing any more.
    frame = frame.astype(
        {name: bool for name in frame if isinstance(frame[name].dtype, pd.BooleanDtype)}
    )
    for name in used:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            empty = column.cat.categories.difference(column.unique().tolist(), sort=False)
            if len(empty):
                notes.append(f"{name}: nobody has {', '.join(map(str, empty))}; left out")
                frame = frame.assign(**{name: column.cat.remove_unused_categories()})
        elif pd.api.types.is_numeric_dtype(column):
            if not np.isfinite(column.to_numpy(dtype=float)).all():
                raise NotEstimableError(f"{name} has an infinite value")
        elif column.dtype == object and len({type(value) for value in column}) > 1:
            raise NotEstimableError(f"{name} mixes kinds of values, such as text and numbers")
    return frame, notes


def _response(column: pd.Series) -> tuple[tuple[str, ...], Floats, Ints, list[str]]:
    """Category names, their numbers, codes (n,), and a note on numbers nobody used."""
    ordered = isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered
    if not ordered and not pd.api.types.is_numeric_dtype(column):
        raise ValueError(
            f"{column.name} has no order; give numbers, or an ordered pandas Categorical"
        )
    codes: Ints
    if ordered:
        values, codes = list(column.cat.categories), np.asarray(column.cat.codes, dtype=np.intp)
    else:
        unique, inverse = np.unique(column.to_numpy(), return_inverse=True)
        values, codes = unique.tolist(), np.asarray(inverse, dtype=np.intp)
    if len(values) < 2:
        raise NotEstimableError(f"all {len(codes)} answers are {values[0]}; nothing varies")
    if len(values) > _MOST_LEVELS:
        raise NotEstimableError(
            f"{column.name} has {len(values)} different values; a cumulative model is for ratings "
            f"of at most {_MOST_LEVELS}"
        )
    names = tuple(str(int(v)) if isinstance(v, bool) else _plain(v) for v in values)
    numeric = all(isinstance(v, int | float) for v in values)
    scores: Floats = np.array(values if numeric else range(1, len(values) + 1), dtype=float)
    notes = []
    if numeric and np.all(scores == np.round(scores)) and np.any(np.diff(scores) > 1):
        every = range(int(scores[0]), int(scores[-1]) + 1)
        skipped = ", ".join(str(v) for v in every if v not in scores)
        notes.append(f"{column.name}: nobody answered {skipped}; its neighbours share a threshold")
    return names, scores, codes, notes


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def matrix_of(description: patsy.ModelDesc, frame: pd.DataFrame) -> patsy.DesignMatrix:
    try:
        # An empty environment: a formula sees the frame's columns and patsy's own functions.
        return patsy.dmatrix(
            description, frame, eval_env=patsy.EvalEnvironment([]), NA_action="raise"
        )
    except patsy.PatsyError as error:
        raise ValueError(f"cannot read the formula: {error.message}") from error


def check_rank(matrix: Floats, names: Iterable[str]) -> None:
    """Refuse columns that are constant or that the columns before them determine."""
    full = np.column_stack([np.ones(len(matrix)), matrix])
    norms = np.linalg.norm(full, axis=0)
    full = full / np.where(norms > 0, norms, 1.0)
    rank = int(np.linalg.matrix_rank(full, tol=1e-9 * len(full) ** 0.5))
    if rank == full.shape[1]:
        return
    # Unpivoted: the first column that adds nothing to those before it is the one to name.
    triangle = np.abs(np.diag(linalg.qr(full, mode="r")[0]))
    name = ["the intercept", *names][int(np.argmin(triangle > 1e-9))]
    raise NotEstimableError(
        f"{name} is constant or determined by the other predictors in these {len(matrix)} rows, so "
        "its effect cannot be told from theirs; leave it out"
    )


def random_term(
    term: formula.RandomFormula, description: patsy.ModelDesc, frame: pd.DataFrame
) -> RandomTerm:
    """Code one random term, refusing one that these data cannot carry."""
    keys = frame[term.columns[0]].astype(str)
    for column in term.columns[1:]:
        keys = keys + ":" + frame[column].astype(str)
    labels, level = np.unique(keys.to_numpy(dtype=object), return_inverse=True)
    matrix = matrix_of(description, frame)
    z = np.broadcast_to(np.asarray(matrix), (len(frame), matrix.shape[1]))
    names = tuple(matrix.design_info.column_names)
    if not names:
        raise ValueError(f"the random term over {term.grouping} has no effects")
    if len(labels) < 2:
        raise NotEstimableError(
            f"there is one {term.grouping}, so differences between them cannot be estimated"
        )
    if len(labels) * len(names) >= len(frame):
        raise NotEstimableError(
            f"{len(labels)} levels of {term.grouping} with {len(names)} effects each are as many "
            f"as the {len(frame)} answers; leave out this term or a part of it"
        )
    _check_within(term, names, z, level, len(labels))
    return RandomTerm(term.grouping, names, np.ascontiguousarray(z, float), level, tuple(labels))


def _check_within(
    term: formula.RandomFormula, names: tuple[str, ...], z: Floats, level: Ints, levels: int
) -> None:
    """Refuse a slope of something that never varies within a level, beside an intercept."""
    if "Intercept" not in names:
        return
    for name, column in zip(names, z.T, strict=True):
        if name == "Intercept":
            continue
        low, high = np.full(levels, np.inf), np.full(levels, -np.inf)
        np.minimum.at(low, level, column)
        np.maximum.at(high, level, column)
        if np.array_equal(low, high):
            raise NotEstimableError(
                f"{name} is the same throughout every {term.grouping}, so it cannot have a slope "
                "there; use '1 | " + term.grouping + "'"
            )
