"""Compare the hypotheses and exclusion rules of a study with those that were preregistered."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.bundle import BundleError
from analysis.design import Design, Hypothesis, hypothesis_of
from analysis.rules import Exclusion, exclusion_of

_WORDS = {
    "outcome": "the outcome",
    "formula": "the model",
    "contrast": "the contrast",
    "confirmatory": "confirmatory",
}


@dataclass(frozen=True)
class Preregistration:
    """What was registered, and the SHA-256 of the file that says it."""

    sha256: str
    hypotheses: tuple[Hypothesis, ...]
    exclusions: tuple[Exclusion, ...]


def read(path: Path) -> Preregistration:
    """Read a file (YAML or JSON) with `hypotheses` and `exclusions`, as a study file has them.

    Raises BundleError saying what is wrong with it.
    """
    try:
        data = path.read_bytes()
        found = yaml.safe_load(data)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{path} is neither YAML nor JSON ({error})") from error
    if not isinstance(found, Mapping) or not isinstance(found.get("hypotheses"), list):
        raise BundleError(
            f"{path} holds no list `hypotheses`; write them as in a study file: id, outcome, "
            "formula, contrast, confirmatory"
        )
    try:
        hypotheses = tuple(map(hypothesis_of, found["hypotheses"]))
        exclusions = tuple(map(exclusion_of, found.get("exclusions") or []))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path} is not a valid preregistration ({error})") from error
    return Preregistration(hashlib.sha256(data).hexdigest(), hypotheses, exclusions)


def deviations(registered: Preregistration, design: Design) -> list[str]:
    """Every difference between what was registered and what the study says, in words."""
    return [
        *_hypotheses(
            {h.id: h for h in registered.hypotheses}, {h.id: h for h in design.hypotheses}
        ),
        *_exclusions(
            {r.id: r for r in registered.exclusions}, {r.id: r for r in design.exclusions}
        ),
    ]


def _hypotheses(before: Mapping[str, Hypothesis], after: Mapping[str, Hypothesis]) -> Iterator[str]:
    for name in sorted(before.keys() - after.keys()):
        yield f"{name} was preregistered and is not in the study."
    for name, hypothesis in after.items():
        if name not in before:
            kind = "confirmatory" if hypothesis.confirmatory else "exploratory"
            yield f"{name} is in the study as {kind} and was not preregistered."
            continue
        for field, words in _WORDS.items():
            one, other = (_said(getattr(h, field)) for h in (before[name], hypothesis))
            if one != other:
                yield f"{name}: {words} was preregistered as {one} and is {other} in the study."


def _exclusions(before: Mapping[str, Exclusion], after: Mapping[str, Exclusion]) -> Iterator[str]:
    for name in sorted(before.keys() - after.keys()):
        yield f"The exclusion rule {name} was preregistered and is not in the study."
    for name, rule in after.items():
        if name not in before:
            yield f"The exclusion rule {name} is in the study and was not preregistered."
        elif before[name] != rule:
            one, other = (
                ", ".join(f"{k}: {v}" for k, v in asdict(r).items() if k != "id")
                for r in (before[name], rule)
            )
            yield f"The exclusion rule {name} was preregistered as {one} and is {other}."


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return " minus ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else " ".join(str(value).split())
