"""Results in words: what a test found, said so that nobody reads more into it than it carries."""

from math import exp
from typing import Any

from analysis.markup import estimate_text, interval, number, p_value, test_text

ALPHA = 0.05

Json = dict[str, Any]


def direction(row: Json) -> str:
    """Which of the two levels of a contrast had the higher outcome, and by how much."""
    a, b = row["contrast"]
    value, outcome = row["points"]["value"], row["outcome"]
    size = number(abs(value))
    if size == number(0):
        return f"{outcome} was as high with {a} as with {b}, to the digits shown"
    way = "higher" if value > 0 else "lower"
    return f"{outcome} was {size} {row['unit']} {way} with {a} than with {b}"


def apa(row: Json) -> str:
    """A planned contrast as a journal prints it: size, interval, test, number of people."""
    main, points = row["estimate"], row["points"]
    who = "the same people" if row["vary"] == "within" else "different people"
    text = f"{direction(row)}, 95 % CI {interval(points)} ({who}); "
    if row["scale"] == "log odds":
        ratio = {name: exp(min(main[name], 300.0)) for name in ("value", "low", "high")}
        text += (
            f"b = {number(main['value'])} in log odds, 95 % CI {interval(main)}, odds ratio "
            f"{number(ratio['value'])} {interval(ratio)}, "
        )
    text += test_text(main)
    if row["p_holm"] is not None:
        text += f", after Holm {p_value(row['p_holm'])}"
    answers = f" with {row['model']['n_answers']} answers" if row["model"] else ""
    return f"{text}; {main['n']} people{answers}."


def overall(row: Json) -> str:
    """The test of all levels of a factor at once."""
    main = row["estimate"]
    text = f"{row['outcome']} by {row['factor']}: {main['test']}, {test_text(main)}"
    if row["p_holm"] is not None:
        text += f", after Holm {p_value(row['p_holm'])}"
    return f"{text}; {main['n']} people."


def verdict(row: Json) -> str:
    """What may be concluded, and what may not."""
    p = row["p_holm"] if row["p_holm"] is not None else row["p"]
    points = row["points"]
    if p < ALPHA:
        text = "The answers speak for a difference."
        if not row["confirmatory"]:
            text = "The answers hint at a difference; this was not declared as confirmatory."
    else:
        text = (
            "The answers do not show a difference, which is not the same as showing there is none"
        )
        if points is not None and points["low"] is not None:
            reach = f"{number(points['low'])} to {number(points['high'])} {row['unit']}"
            text += f": differences from {reach} fit them"
        text += "."
    others = [e["test"] for e in row["sensitivity"] if e.get("p") is not None]
    against = [
        e["test"]
        for e in row["sensitivity"]
        if e.get("p") is not None and (e["p"] < ALPHA) != (row["p"] < ALPHA)
    ]
    if against:
        text += (
            f" {len(against)} of {len(others)} other methods disagree ({', '.join(against)}), so "
            "the answer depends on how ratings are counted."
        )
    return text


def model(row: Json) -> str:
    """Which model was fitted, and whether it is the one that was declared."""
    fitted = row["model"]
    if fitted is None:
        return f"Analysed by {row['estimate']['test']} of participants' means."
    text = f"Fitted: {fitted['method']}."
    if row["formula"] and not fitted["declared"]:
        text += " This is not the declared model, which could not be fitted."
    odds = fitted["proportional_odds"]
    if odds is not None and "reason" not in odds:
        holds = "speaks against it" if odds["p"] < ALPHA else "does not speak against it"
        text += (
            f" One effect for all thresholds of the rating is assumed; {odds['test']}, "
            f"{test_text(odds)}, {holds}."
        )
    elif odds is not None:
        text += (
            " Whether one effect holds for all thresholds of the rating could not be tested: "
            f"{odds['reason']}."
        )
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
