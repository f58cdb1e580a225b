"""Two language models on the same prompts, side by side."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from explainer.describe import Row
from explainer.inspect.comparison import Comparison, Side, compare, perplexity
from explainer.inspect.measured import Measured, change, mean, median
from explainer.inspect.report import WIDTH, Report, change_of
from explainer.inspect.sources import Source, prompts, source
from explainer.methods import MethodError
from explainer.subjects.prompt import PromptSubject

SHOWN = 3  # tokens that have a column each


def run(
    *,
    first: str,
    second: str,
    data: Path | None,
    prompts_shown: int,
    method: str,
    evaluations: int,
    seed: int,
    device: str,
) -> Report:
    """Explain what both write after each prompt. Raises MethodError for other than two models."""
    subjects = prompts(first, device), prompts(second, device)
    given = source(subjects[0], data)
    hard = [[perplexity(each, text) for text in given.contents] for each in subjects]
    worst = [int(np.argmax(each)) for each in hard]
    how: dict[str, Any] = {"evaluations": evaluations} if evaluations else {}
    found = [compare(*subjects, text, method, seed=seed, **how) for text in given.contents]
    whole = _whole(found, hard)
    report = Report(
        f"{first} and {second} by {method}, {given}, seed {seed}",
        {
            "checkpoints": [each.digest for each in subjects],
            "data": given.to_json(),
            "seed": seed,
            "summary": {
                name: [None if each is None else each.to_json() for each in row]
                for name, row in whole.items()
            },
            "worst": worst,
            "prompts": [each.to_json() for each in found],
        },
    )
    _tell(report, (first, second), whole, subjects, given)
    shown = {worst[0]: f"the worst perplexity under {first}"}
    shown |= {k: f"prompt {k + 1}" for k in range(min(prompts_shown, len(found))) if k != worst[0]}
    for k, said in shown.items():
        _side_by_side(report, (first, second), found[k], said)
    return report


def _whole(found: list[Comparison], hard: list[list[float]]) -> dict[str, list[Measured | None]]:
    """Each quantity of the first model, of the second, and the second less the first."""
    logs = np.log(hard)
    back = np.array([[_reach(side.words_back) for side in each.sides] for each in found])
    tokens = np.array([[_reach(side.tokens_back) for side in each.sides] for each in found])
    if not (np.isfinite(back).all() and len(found)):
        raise MethodError("a prompt has no value other than 0 for either model: give longer ones")
    equal = np.array([-(-len(each.words) // 2) for each in found], np.float64)
    alike = [each.agreement for each in found if each.agreement is not None]
    return {
        "log perplexity a token": _three(logs),
        "range in words": _three(back.T),
        "range in tokens": _three(tokens.T),
        "range of equal values": [median(equal, "prompts"), median(equal, "prompts"), None],
        "rank agreement on words": [mean(alike, "prompts") if alike else None, None, None],
    }


def _three(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[Measured | None]:
    a, b = values
    return [median(a, "prompts"), median(b, "prompts"), change(a, b, "prompts")]


def _reach(back: tuple[float | None, ...]) -> float:
    there = [each for each in back if each is not None]
    return float(np.median(there)) if there else np.nan


def _tell(
    report: Report,
    names: tuple[str, str],
    whole: dict[str, list[Measured | None]],
    subjects: tuple[PromptSubject, PromptSubject],
    given: Source,
) -> None:
    rows = []
    for name, (a, b, less) in whole.items():
        row = (name, str(a or "-"), "-" if b is None else str(b))
        rows.append((*row, *(change_of(less, less.p) if less else ("-", "-"))))
    report.table(
        f"Medians over {len(given)} prompts, and the mean of the paired differences (second less "
        "first), with 95 % bootstrap intervals over prompts; p by signed ranks. Range: how far "
        "back half of the absolute value lies, the median over the tokens written; that of equal "
        "values is what an explanation that says nothing would show.",
        [("", *names, "difference", "p"), *rows],
    )
    one, other = (each.tokeniser.to_bytes() for each in subjects)
    if one != other:
        report.note(
            "The models cut texts into different tokens, so that their perplexities a token, and "
            "ranges in tokens, are of different things; words are the same."
        )
    if len({each.writing for each in subjects}) == 1:
        report.note(
            "Each model explains what it wrote itself, so that the texts differ; the words of the "
            "prompt, which are explained, are the same."
        )


def _side_by_side(report: Report, names: tuple[str, str], found: Comparison, said: str) -> None:
    head = [
        f"{number} {column}"
        for number, side in enumerate(found.sides, 1)
        for column in ("all", *side.tokens[:SHOWN])
    ]
    rows: list[Row] = [("word", *head)]
    for k, word in enumerate(found.words):
        cells = (cell for side in found.sides for cell in _cells(side, k))
        rows.append((word.strip() or repr(word), *cells))
    wrote = [
        f"{number}: {name}, perplexity {side.perplexity:.4g}, range {side.reach or '-'} words, "
        f"wrote: {' '.join(side.tokens)}"
        for number, (name, side) in enumerate(zip(names, found.sides, strict=True), 1)
    ]
    report.note(f"{said}: {' '.join(found.prompt.split())}")
    report.lines([textwrap.fill(each, WIDTH, subsequent_indent="   ") for each in wrote])
    report.table(
        "The share of the absolute value over all tokens written, then the values for the first "
        f"{SHOWN} of them.",
        rows,
    )


def _cells(side: Side, word: int) -> Row:
    size = np.abs(side.values[:, :-1])
    total = size.sum()
    share = size[word].sum() / total if total else 0.0
    return (f"{share:.0%}", *(f"{each:+.2f}" for each in side.values[word, :SHOWN]))
