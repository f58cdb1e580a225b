"""Adjust p values for how many were looked at; each function keeps the order it was given."""

from collections.abc import Sequence

from analysis.estimate import NotEstimableError


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values. Source: Holm (1979), Scand. J. Statistics 6(2), 65-70."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(_ranked(p_values)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Every p value times their number. Source: Dunn (1961), JASA 56(293), 52-64."""
    return [min(1.0, p_values[i] * len(p_values)) for i in sorted(_ranked(p_values))]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values for the false discovery rate.

    Source: Benjamini & Hochberg (1995), J. Royal Statistical Society B 57(1), 289-300.
    """
    adjusted = [0.0] * len(p_values)
    smallest = 1.0
    for rank, index in reversed(list(enumerate(_ranked(p_values), start=1))):
        smallest = min(smallest, p_values[index] * len(p_values) / rank)
        adjusted[index] = smallest
    return adjusted


def _ranked(p_values: Sequence[float]) -> list[int]:
    """Indices from the smallest p value to the largest."""
    for p in p_values:
        if not 0 <= p <= 1:
            raise NotEstimableError(f"{p} is not a p value: it must lie between 0 and 1")
    return sorted(range(len(p_values)), key=p_values.__getitem__)
