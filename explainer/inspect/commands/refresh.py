"""How right a language model is when the truth is given at every k-th place."""

from collections import Counter
from pathlib import Path

from explainer.inspect.refresh import Refreshed, given_places, teacher_refresh
from explainer.inspect.report import Report, number
from explainer.inspect.sources import passages, prompts, source


def run(
    *,
    checkpoint: str,
    data: Path | None,
    length: int,
    prefix: int | None,
    every: list[int],
    device: str,
) -> Report:
    """Let a model write passages. Raises MethodError for texts that are too short."""
    found = prompts(checkpoint, device)
    given = source(found, data)
    rows = passages(found, given, length)
    results = teacher_refresh(found.model, rows, prefix=prefix, every=every)
    naive = [_commonest(rows, each.every, prefix) for each in results]
    report = Report(
        f"{checkpoint} with the truth at every k-th place, {len(rows)} passages of {length} tokens "
        f"from {given}",
        {
            "checkpoint": found.digest,
            "data": given.to_json(),
            "passages": len(rows),
            "length": length,
            "prefix": prefix,
            "every": [
                {**each.to_json(), "given": _given(each, length, prefix), "commonest": share}
                for each, share in zip(results, naive, strict=True)
            ],
        },
    )
    report.table(
        "The share of places that hold the true token, with 95 % bootstrap intervals over "
        "passages. `all` is what the original counted: places that were given are right whatever "
        "a model says, and `given` is the share that they alone make. Judge a model by `written`; "
        "the baseline there always says the token that is commonest at just those places.",
        [
            ("k", "all", "given", "written", "n", "baseline", "after the prefix", "n"),
            *(
                (
                    str(each.every),
                    str(each.naive),
                    number(_given(each, length, prefix)),
                    str(each.not_given or "-"),
                    str(each.not_given.n if each.not_given else "-"),
                    number(share),
                    str(each.after or "-"),
                    str(each.after.n if each.after else "-"),
                )
                for each, share in zip(results, naive, strict=True)
            ),
        ],
    )
    return report


def _given(each: Refreshed, length: int, prefix: int | None) -> float:
    places = length - 1 if prefix is None else prefix
    return round(float(given_places(length - 1, places, each.every).sum() / places), 4)


def _commonest(rows: list[list[int]], k: int, prefix: int | None) -> float | None:
    """The share of written places in the prefix that hold the token commonest there."""
    places = len(rows[0]) - 1
    inside = places if prefix is None else prefix
    given = given_places(places, inside, k)
    counts = Counter(row[place + 1] for row in rows for place in range(inside) if not given[place])
    return round(max(counts.values()) / counts.total(), 4) if counts else None
