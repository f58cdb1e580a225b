"""The section of a report that shows every result with and without the exclusions."""

from collections.abc import Iterator
from typing import Any

from analysis.markup import (
    Html,
    bullets,
    estimate_text,
    interval,
    number,
    p_value,
    paragraph,
    section,
    table,
)

Json = dict[str, Any]


def exclusions(found: Json) -> Html:
    """Every result with and without the declared exclusions."""
    if not found["rules"]:
        text = "The study declared no exclusion rule."
        return section("exclusions", "With and without the exclusions", paragraph(text))
    said = [f"{rule['id']}: {rule['text']}; {rule['excluded']} excluded" for rule in found["rules"]]
    if any(not rule["undone"] for rule in found["rules"]):
        said.append(
            "Whom a rule excludes by an answer is left out of every result: the answer may be that "
            "theirs are not to be used."
        )
    if not sum(rule["excluded"] for rule in found["rules"] if rule["undone"]):
        said.append("So each result is the same with and without the other exclusions.")
        return section("exclusions", "With and without the exclusions", bullets(said))
    one, other = (dict(_lines(found[name])) for name in ("main", "with_excluded"))
    return section(
        "exclusions",
        "With and without the exclusions",
        bullets(said),
        table(
            "The same results without and with those whom these rules exclude",
            ("Result", "Without them", "With them"),
            [(name, one.get(name, "–"), other.get(name, "–")) for name in one | other],
        ),
    )


def _lines(analysis: Json) -> Iterator[tuple[str, str]]:
    yield "People", str(analysis["n"])
    for row in analysis["hypotheses"]:
        p = row["p_holm"] if row["p_holm"] is not None else row["p"]
        shown = row["points"] or row["estimate"]
        value = estimate_text(shown) if shown else "not computed"
        yield f"{row['id']}", f"{value}, {p_value(p)}"
    for rating in analysis["ratings"]:
        name = f"{rating['item']} by {rating['factor']}"
        for condition in rating["conditions"]:
            mean = f"{number(condition['raw_mean'])} {interval(condition['mean'])}"
            yield f"{name}, {condition['level']}: mean", mean
        compared = rating["comparison"]
        first = compared["estimates"][0] if compared["estimates"] else None
        yield f"{name}: test", f"{first['test']}, {p_value(first['p'])}" if first else "–"
        for condition in rating["conditions"]:
            gap = condition["right_minus_wrong"]
            text = "–" if "reason" in gap else estimate_text(gap)
            yield f"{name}, {condition['level']}: right − wrong", text
    for row in analysis["scales"]:
        mean = f"{number(row['raw_mean'])} {interval(row['mean'])}"
        yield f"{row['name']}, {row['score']}: mean", mean
        alpha = "–" if "reason" in row["alpha"] else estimate_text(row["alpha"])
        yield f"{row['name']}, {row['score']}: alpha", alpha
    for row in analysis["decisions"]:
        for each in row["estimates"]:
            yield f"{row['factor']} {row['level']}: {each['name']}", estimate_text(each)
