"""Read a model's formulas: a response, predictors in patsy's language, and lme4's random terms.

A formula may come from a preregistration in somebody else's bundle, so it is data, never a program:
only names, arithmetic and a few transformations are let through to patsy, which evaluates them.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import patsy

_CALLS = {"C", "I", "Q", "Sum", "Treatment", "center", "standardize"}
_PARTS = (
    ast.Expression,
    ast.Name,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.Call,
    ast.keyword,
    ast.Load,
    ast.operator,
    ast.unaryop,
)


@dataclass(frozen=True)
class RandomFormula:
    """One random term: predictors whose effects vary, and the grouping columns they vary over."""

    predictors: str
    grouping: str
    columns: tuple[str, ...]


def split(formula: str) -> tuple[str, str]:
    """The response's column and the predictors of "rating ~ condition + age".

    Raises ValueError when there is not exactly one response.
    """
    left, tilde, right = formula.partition("~")
    if not tilde or not left.strip() or not right.strip() or "~" in right:
        raise ValueError(f"expected a formula like 'rating ~ condition', got {formula!r}")
    if "|" in right:
        raise ValueError(
            f"{formula!r} has a random term inside; name it in random=[...], as in "
            'random=["1 | participant"]'
        )
    return left.strip(), right.strip()


def predictors(right: str) -> patsy.ModelDesc:
    """The terms of a right-hand side. Raises ValueError where it holds more than predictors."""
    try:
        description = patsy.ModelDesc.from_formula(right)
    except patsy.PatsyError as error:
        raise ValueError(f"cannot read the formula {right!r}: {error}") from error
    for term in description.rhs_termlist:
        for factor in term.factors:
            _check(factor.code)
    return description


def columns(terms: Iterable[patsy.Term]) -> list[str]:
    """The data's columns that the terms name, each once, in order."""
    found: dict[str, None] = {}
    for term in terms:
        for factor in term.factors:
            found.update(dict.fromkeys(names(factor.code)))
    return list(found)


def random_terms(texts: Sequence[str]) -> list[RandomFormula]:
    """Read random terms: "participant" or "1 + condition | participant". Raises ValueError."""
    if isinstance(texts, str):
        raise ValueError(f"random takes a list of terms; write random=[{texts!r}]")
    if not texts:
        raise ValueError("a mixed model needs at least one random term; else use clm")
    terms = [_random_term(text) for text in texts]
    if len(set(terms)) < len(terms):
        raise ValueError("a random term is given twice")
    return terms


def _random_term(text: str) -> RandomFormula:
    left, bar, right = text.strip().strip("()").partition("|")
    if right.startswith("|"):
        raise ValueError(
            f"{text!r}: write uncorrelated effects as two terms, as in "
            '["1 | participant", "0 + age | participant"]'
        )
    within, grouping = (left, right) if bar else ("1", left)
    columns = tuple(part.strip() for part in grouping.split(":"))
    if not within.strip() or not all(re.fullmatch(r"\w+", name) for name in columns):
        raise ValueError(f"expected a random term like '1 + condition | participant', got {text!r}")
    return RandomFormula(" ".join(within.split()), ":".join(columns), columns)


def _check(code: str) -> None:
    try:
        tree = ast.parse(code, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"cannot read {code!r} in the formula") from error
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in _CALLS
        )
        if called or not isinstance(node, _PARTS):
            raise ValueError(
                f"{code!r} is not allowed in a formula; it may hold columns, arithmetic and "
                f"{', '.join(sorted(_CALLS))}"
            )


def names(code: str) -> list[str]:
    """The data's columns that one factor of a formula names."""
    found = []
    for node in ast.walk(ast.parse(code, mode="eval")):
        if isinstance(node, ast.Name) and node.id not in _CALLS:
            found.append(node.id)
        quoted = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if quoted and node.func.id == "Q" and node.args:  # type: ignore[attr-defined]
            found.append(str(node.args[0].value))  # type: ignore[attr-defined]
    return found
