"""Results in words: what a test found, said so that nobody reads more into it than it carries."""

from typing import Any

from analysis.markup import estimate_text, interval, number, p_value, test_text

ALPHA = 0.05

Json = dict[str, Any]


def named(estimates: list[Json], name: str) -> Json | None:
    """The estimate of that name, if it could be computed."""
    return next((estimate for estimate in estimates if estimate["name"] == name), None)


def direction(row: Json) -> str:
    """Which of the two levels of a contrast had the higher outcome, and by how much."""
    a, b = row["contrast"]
    value, outcome = row["estimates"][0]["value"], row["outcome"]
    size = number(abs(value))
    if size == number(0):
        return f"{outcome} was as high with {a} as with {b}, to the digits shown"
    way = "higher" if value > 0 else "lower"
    return f"{outcome} was {size} {row['unit']} {way} with {a} than with {b}"


def difference(row: Json) -> str:
    """A planned contrast: its size, interval, test, effect size and the rank test beside it."""
    main, *others = row["estimates"]
    who = "the same people" if row["vary"] == "within" else "different people"
    text = (
        f"{direction(row)} ({who}; difference {estimate_text(main)}, 95 % interval), "
        f"{test_text(main)}"
    )
    if row["p_holm"] is not None:
        text += f", after Holm {p_value(row['p_holm'])}"
    text += f", n = {main['n']}."
    for other in others:
        if other["low"] is not None:
            text += f" Effect size {other['name']} {estimate_text(other)}."
        else:
            text += f" As a check, {other['test']}: {test_text(other)}."
    return text


def verdict(row: Json) -> str:
    """What may be concluded, and what may not."""
    p = row["p_holm"] if row["p_holm"] is not None else row["p"]
    main = row["estimates"][0]
    if p < ALPHA:
        text = "The answers speak for a difference."
        if not row["confirmatory"]:
            text = "The answers hint at a difference; this was not declared as confirmatory."
    else:
        text = (
            "The answers do not show a difference, which is not the same as showing there is none"
        )
        if main["low"] is not None:
            reach = f"{number(main['low'])} to {number(main['high'])} {row['unit']}"
            text += f": differences from {reach} fit them"
        text += "."
    ranks = [e["p"] for e in row["estimates"][1:] if e["p"] is not None]
    if ranks and (row["p"] < ALPHA) != (ranks[0] < ALPHA):
        text += " The rank test disagrees, so the answer depends on how ratings are counted."
    return text


def omnibus(comparison: Json, factor: str, vary: str) -> str:
    """The test of all conditions at once."""
    parts = []
    for estimate in comparison["estimates"]:
        notes = f" ({', '.join(estimate['notes'])})" if estimate["notes"] else ""
        parts.append(
            f"{estimate['test']}: {test_text(estimate)}, {estimate['name']} "
            f"{number(estimate['value'])} {interval(estimate)}".rstrip()
            + f", n = {estimate['n']}{notes}"
        )
    met = "the same people met every condition" if vary == "within" else "different people"
    text = f"Conditions of {factor} ({met}): " + "; ".join(parts) + "." if parts else ""
    if comparison["not_estimable"]:
        text += " Not computed: " + "; ".join(comparison["not_estimable"]) + "."
    if comparison["n_incomplete"]:
        text += f" {comparison['n_incomplete']} people lack an answer in a condition."
    return text.strip()


def right_wrong(condition: Json, unit: str) -> str:
    """Whether answers were higher on right decisions in one condition."""
    estimate = condition["right_minus_wrong"]
    if "reason" in estimate:
        return f"{condition['level']}: not computed, {estimate['reason']}."
    if estimate["low"] > 0:
        found = "higher where the model was right"
    elif estimate["high"] < 0:
        found = "higher where the model was wrong"
    else:
        found = "no clear difference between right and wrong decisions"
    size = f"{estimate_text(estimate)} {unit}"
    return f"{condition['level']}: {found}, {size}, {test_text(estimate)}."
