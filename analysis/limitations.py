"""What the numbers themselves suggest a reader should doubt."""

from collections.abc import Iterator
from typing import Any

FEW = 20
MANY_MISSING = 0.05
CEILING = 0.4
UNRELIABLE = 0.7
MANY_EXCLUDED = 0.2

Json = dict[str, Any]


def limitations(found: Json) -> list[str]:
    """Plain sentences, most serious first; found: what `results` put together."""
    return [
        *_people(found),
        *_design(found),
        *_hypotheses(found),
        *_answers(found["main"]),
        *_scales(found["main"]),
        *_stimuli(found["main"]),
    ]


def _people(found: Json) -> Iterator[str]:
    n, complete = found["participants"]["analysed"], found["participants"]["complete"]
    if n == 0:
        yield "Nobody could be analysed, so there is nothing to conclude."
    elif n == 1:
        yield "One person was analysed: there are no intervals and no tests."
    elif n < FEW:
        yield (
            f"Only {n} people were analysed: intervals are wide, and a difference that was not "
            "found may well be there."
        )
    if complete and (complete - n) / complete > MANY_EXCLUDED:
        yield (
            f"{complete - n} of {complete} who finished were excluded by the declared rules; "
            "compare the results with and without them."
        )


def _design(found: Json) -> Iterator[str]:
    if found["study"]["inferred"]:
        yield (
            "The design was inferred from a table of answers: the range of a rating is the one "
            "that was used, no item counts as reversed, everyone in the table counts as having "
            "finished, and nothing vouches that the table is complete."
        )
    factors = found["study"]["factors"]
    if not any(len(factor["levels"]) > 1 for factor in factors):
        yield (
            "There was one condition only, so the ratings cannot be compared with what people say "
            "without explanations or with false ones."
        )
    shown = found["shown"]
    if not shown["n_wrong"]:
        yield "No decision shown was known to be wrong, so trust cannot be held against accuracy."
    elif 0 < shown["n_stimuli"] < 10:
        yield f"Only {shown['n_stimuli']} stimuli were shown; each weighs heavily."
    ratings = found["main"]["ratings"]
    empty = [c["level"] for r in ratings[:1] for c in r["conditions"] if not c["n_answers"]]
    if empty and found["participants"]["analysed"]:
        yield f"Nobody answered in the condition {', '.join(empty)}."


def _hypotheses(found: Json) -> Iterator[str]:
    main, other = found["main"]["hypotheses"], found["with_excluded"]["hypotheses"]
    if not main:
        yield "No hypothesis was declared in advance: every test here is exploratory."
    for row, with_excluded in zip(main, other, strict=True):
        if row["p"] is None:
            reasons = "; ".join(row["not_estimable"]) or "the test could not be computed"
            yield f"{row['id']} could not be tested: {reasons}."
        elif with_excluded["p"] is not None and (row["p"] < 0.05) != (with_excluded["p"] < 0.05):
            yield f"The answer to {row['id']} depends on the exclusions."
        if row["p"] is not None and row["reasons"]:
            fitted = row["model"]["label"] if row["model"] else "a test of participants' means"
            yield (
                f"The model that {row['id']} declares could not be fitted; the answer is from "
                f"{fitted}."
            )
        if row["model"] and row["contrast"] and _without_slopes(row):
            yield (
                f"The model of {row['id']} lets people differ in level but not in the effect: its "
                "test finds too much if they do."
            )
        if row["model"] and any("singular fit" in note for note in row["model"]["notes"]):
            yield (
                f"The model of {row['id']} is at the edge of what the answers carry: a spread "
                "between people or stimuli is estimated as zero, or two effects as the same."
            )
        odds = row["model"] and row["model"]["proportional_odds"]
        if odds and odds.get("p") is not None and odds["p"] < 0.05:
            yield (
                f"The effect in {row['id']} differs between the points of the rating, so one "
                "number does not tell all of it; look at the distributions."
            )
        if row["n_incomplete"]:
            yield (
                f"{row['n_incomplete']} people lack an answer in one of the conditions of "
                f"{row['id']} and could not be used for it."
            )


def _without_slopes(row: Json) -> bool:
    """Whether the factor varies within participants but has no effect that differs by person."""
    slopes = [s for s in row["model"]["spread"] if s["grouping"] == "participant"]
    return row["vary"] == "within" and len(slopes) < 2


def _stimuli(main: Json) -> Iterator[str]:
    models = [row["model"] for row in main["hypotheses"] if row["model"]]
    stimuli = ["stimulus" in [s["grouping"] for s in model["spread"]] for model in models]
    if models and all(stimuli):
        yield (
            "Tests of participants' means take ratings as points on an even scale and the stimuli "
            "as fixed; where they and the mixed model differ, the model is to be believed."
        )
    else:
        yield (
            "The stimuli count as fixed: the conclusions are about these stimuli, and another set "
            "could give other ones."
        )


def _answers(main: Json) -> Iterator[str]:
    seen = set()
    for rating in main["ratings"]:
        conditions = rating["conditions"]
        given = sum(c["n_answers"] for c in conditions)
        missing = sum(c["n_missing"] for c in conditions)
        if rating["item"] in seen or not given + missing:
            continue
        seen.add(rating["item"])
        if missing / (given + missing) > MANY_MISSING:
            yield (
                f"{missing} of {given + missing} answers to {rating['item']} are missing; they "
                "are left out, which is fair only if they are missing by chance."
            )
        if rating["kind"] != "likert" or not given:
            continue
        low, high = (str(end) for end in rating["ends"])
        for end, name in ((low, "lowest"), (high, "highest")):
            share = sum(c["counts"][end] for c in conditions) / given
            if share >= CEILING:
                yield (
                    f"{share:.0%} of the answers to {rating['item']} are at the {name} point of "
                    "its range: differences between conditions may be hidden there."
                )


def _scales(main: Json) -> Iterator[str]:
    for row in main["scales"]:
        alpha = row["alpha"]
        if "reason" in alpha:
            yield f"The reliability of {row['name']} is unknown: {alpha['reason']}."
        elif alpha["value"] < UNRELIABLE:
            yield (
                f"{row['name']} was unreliable here (alpha {alpha['value']:.2f}): its score mixes "
                "different things or much noise."
            )
        if row["n_not_scored"]:
            yield (
                f"{row['n_not_scored']} people answered fewer than {row['min_answered']} items of "
                f"{row['name']} and have no score."
            )
