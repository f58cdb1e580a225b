"""Say the original study's figures, and beside each what is wrong with it and what is right."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from analysis.seed_data import ITEMS, YES_NO
from analysis.seed_support_text import supported

Json = dict[str, Any]


def describe(figures: Json) -> str:
    """The whole text of `python -m analysis reproduce`; figures come from `seed.reproduce`."""
    blocks = [
        _heading(figures),
        *_anova(figures),
        *_trust(figures),
        *_correlations(figures),
        *_ols(figures),
        *_manova(figures),
        *_removal(figures),
        *supported(figures),
    ]
    return "\n".join(blocks) + "\n"


def _heading(figures: Json) -> str:
    return (
        _title(figures["source"])
        + "\n"
        + _say(
            "Note",
            "each figure is computed again as the authors did it (a missing answer replaced by "
            "the mean); under it stands what is wrong with it, then what the same numbers support. "
            "Digits beyond the 14th are the machine's rounding.",
        )
    )


def _anova(figures: Json) -> Iterator[str]:
    instead = figures["instead"]
    yield _title("\nOne-way ANOVA, item 1 against item 2 of each section")
    for section, figure in figures["anova"].items():
        yield f"  {section}: F {figure['F']!r}, p {figure['p']!r}"
        first, second = f"{section} 1", f"{section} 2"
        if section == "Interpretability":
            yield _say(
                "Wrong",
                "the same people answered both items, so the two groups are not independent; "
                "and the items ask different things (easy to understand, and would explanations "
                "help), so equal means say nothing about interpretability.",
            )
            gap = instead["interpretability_1_minus_2"]
            yield _say(
                "Right",
                f"as a paired difference {gap['value']:.2f} points, 95 % interval {gap['low']:.2f} "
                f"to {gap['high']:.2f}: too few people to call the two equal.",
            )
            continue
        asked, rated = (first, second) if first in YES_NO else (second, first)
        yes = instead["yes"][asked]
        yield _say(
            "Wrong",
            f"{rated} is a rating from 1 to 5 and {asked} a yes or no coded 1 or 0, answered by "
            "the same people: F measures the difference in coding and nothing else.",
        )
        yield _say(
            "Right", f"{_yes(asked, yes)} {rated}: mean {instead['likert_mean'][rated]:.2f}."
        )


def _yes(item: str, yes: Json) -> str:
    low, high = yes["interval"]
    missing = yes["asked"] - yes["answered"]
    gap = ""
    if missing:
        most = yes["yes"] + missing
        gap = f" ({missing} unanswered: from {yes['yes']} to {most} of {yes['asked']} in truth)"
    return (
        f"{item} (yes is bad): {yes['yes']} of {yes['answered']} said yes, exact 95 % interval "
        f"{low:.0%} to {high:.0%}{gap}."
    )


def _trust(figures: Json) -> Iterator[str]:
    figure, mean = figures["trustworthiness"], figures["instead"]["trustworthiness"]
    low, middle, high = figure["quartiles"]
    yield _title("\nTrustworthiness, 1 to 5")
    yield (
        f"  n {figure['n']}, mean {figure['mean']:.6f}, sd {figure['sd']:.6f}, quartiles "
        f"{low:g} / {middle:g} / {high:g}"
    )
    yield _say(
        "Wrong",
        "the numbers are right, but nobody rated a model without explanations or with false ones, "
        "so they do not say that explanations made the model trusted.",
    )
    yield _say("Right", f"95 % interval of the mean {mean['low']:.2f} to {mean['high']:.2f}.")


def _correlations(figures: Json) -> Iterator[str]:
    yield _title("\nPearson correlation of each item with Trustworthiness")
    spearman = figures["instead"]["spearman"]
    people = figures["trustworthiness"]["n"]
    for item in ITEMS:
        figure, rank = figures["correlation"][item], spearman[item]
        yield f"  {item}: r {figure['r']:.4f}, p {figure['p']:.4f}"
        faults = [
            f"one of eight tests on {people} people, with nothing done about testing eight times"
        ]
        if item in YES_NO:
            faults.append("yes means bad here and was not reversed, so the sign is the other way")
        if rank["n"] < people:
            faults.append("a missing answer was filled in with the mean, which nobody can answer")
        yield _say("Wrong", "; ".join(faults) + ".")
        rho = -rank["rho"] if item in YES_NO else rank["rho"]
        turned = ", yes reversed" if item in YES_NO else ""
        yield _say(
            "Right",
            f"Spearman's rho {rho:.2f}{turned}, {rank['n']} people, p {rank['p']:.4f}, after Holm "
            f"{rank['p_holm']:.4f}.",
        )


def _ols(figures: Json) -> Iterator[str]:
    ols = figures["ols"]
    people = figures["trustworthiness"]["n"]
    yield _title("\nLeast squares, Trustworthiness on the eight items")
    rows = [
        (
            f"F {ols['F']!r}, p {ols['p']:.3f}",
            f"{people} people and {ols['df'][0] + 1} coefficients leave {ols['df'][1]} degrees of "
            "freedom, and one answer is made up; a test with so few finds nothing or noise.",
        ),
        (
            f"R2 {ols['r_squared']!r}, adjusted {ols['adj_r_squared']:.3f}",
            f"with nine coefficients for {people} people a high R2 comes by itself. Predicting "
            f"each person from the other {people - 1}, R2 is {ols['r_squared_left_out']:.2f} "
            "(below 0 is worse than guessing the mean).",
        ),
        (
            f"Durbin-Watson {ols['durbin_watson']:.3f}",
            "it looks for dependence in time; the people have no order.",
        ),
        (
            f"log-likelihood {ols['log_likelihood']:.4f}, AIC {ols['aic']:.2f}, "
            f"BIC {ols['bic']:.2f}",
            "they compare models of the same answers; no other model was fitted.",
        ),
        (
            f"omnibus {ols['omnibus']:.3f} ({ols['omnibus_p']:.3f}), Jarque-Bera "
            f"{ols['jarque_bera']:.3f} ({ols['jarque_bera_p']:.3f}), skew {ols['skew']:.3f}, "
            f"kurtosis {ols['kurtosis']:.3f}",
            f"these need far more than {people} people (the first at least 20) to see anything but "
            "the grossest departure; an outcome of a few whole numbers is not normal anyway.",
        ),
        (
            f"condition number {ols['condition_number']:.0f}",
            "the items rise and fall together and are not centred, so single coefficients mean "
            "little.",
        ),
    ]
    for figure, fault in rows:
        yield f"  {figure}"
        yield _say("Wrong", fault)
    for name, row in ols["coefficients"].items():
        yield (
            f"  {name}: {row['estimate']:.4f} (se {row['se']:.3f}), t {row['t']:.3f}, "
            f"p {row['p']:.3f}"
        )
    yield _say(
        "Wrong",
        "for all nine: ratings are treated as measurements on an even scale, yes (bad) was not "
        "reversed, and no standard error allows for the filled-in answer.",
    )
    yield _say("Right", f"none: {people} people cannot carry eight predictors.")


def _manova(figures: Json) -> Iterator[str]:
    manova = figures["manova"]
    high, low = manova["groups"]["at_or_above_median"], manova["groups"]["below_median"]
    yield _title(f"\nMANOVA, the items by trust at or above its median ({high} against {low})")
    yield from _four(manova)
    separating = manova["separating_items"]
    if separating:
        yield _say(
            "Wrong",
            f"the original's attempt failed and had to: {', '.join(separating)} has one value in "
            "each group, so within the groups it does not vary and the statistics are at their "
            "ends or without bound. No F and no p exist.",
        )
        yield f"  Without {', '.join(separating)}:"
        yield from _four(manova["without_separating_items"])
    yield _say(
        "Wrong",
        f"a split at the median throws away most of the answer; {low} people in one group; ratings "
        "and yes/no together are far from the normal distribution that this test assumes; one "
        "answer is made up. All four have one F when there are two groups.",
    )
    yield _say("Right", "the rank correlations above, one item at a time, with Holm's correction.")


def _four(figures: Json) -> Iterator[str]:
    for name in (
        "Wilks' lambda",
        "Pillai's trace",
        "Hotelling-Lawley trace",
        "Roy's greatest root",
    ):
        row = figures[name]
        if row["value"] is None:
            yield f"  {name}: without bound"
        elif "F" in row:
            yield (
                f"  {name}: {row['value']:.4f}, F({row['df'][0]:g}, {row['df'][1]:g}) "
                f"{row['F']:.4f}, p {row['p']:.4f}"
            )
        else:
            yield f"  {name}: {row['value']:g}"


def _removal(figures: Json) -> Iterator[str]:
    removal = figures["removal"]
    yield _title('\n"Remove and measure": share of next words right')
    for name, every in (("m1", 1), ("m2", 2), ("m3", 3)):
        yield f"  {name}: {removal[name]}"
        given = "every word" if every == 1 else f"every word at a place divisible by {every}"
        yield _say(
            "Wrong",
            f"no layer was removed: in the prefix the truth was fed in for {given}, which counts "
            "as right whatever the model says. It measures how much was given away.",
        )
        rest = removal["prefix_not_given"][name]
        inside = "no word that was not given" if rest is None else f"{rest:.3f} where not given"
        yield _say(
            "Right", f"in the prefix {inside}; after the prefix {removal['after_prefix'][name]:g}."
        )


def _title(text: str) -> str:
    return f"{text}\n{'-' * len(text.strip())}"


def _say(label: str, text: str) -> str:
    return fill(f"{label}: {text}", 96, initial_indent=" " * 6, subsequent_indent=" " * 6)
