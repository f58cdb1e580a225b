"""The sections of a report on what was answered; each is written from the results JSON."""

from collections.abc import Iterator
from typing import Any

from analysis.drawing import Drawing
from analysis.drawing.style import name_of
from analysis.markup import (
    Html,
    bullets,
    details,
    estimate_text,
    figure,
    html,
    interval,
    number,
    p_value,
    paragraph,
    section,
    table,
)
from analysis.sentences import omnibus, right_wrong

Json = dict[str, Any]
Drawings = dict[str, Drawing]


def ratings(found: Json, drawn: Drawings) -> Html:
    """Each rating per condition, and where the model was right and wrong."""
    parts = [part for rating in found["main"]["ratings"] for part in _rating(rating, drawn)]
    if not parts:
        parts = [paragraph("No item with numbers was asked on a trial.")]
    return section("ratings", "Ratings per condition", *parts)


def _rating(rating: Json, drawn: Drawings) -> Iterator[Html | None]:
    def named(kind: str) -> Drawing | None:
        return drawn.get(name_of(kind, rating["item"], rating["factor"]))

    yield Html(f"<h3>{html(rating['item'])} by {html(rating['factor'])}</h3>")
    scale = ", ".join(f"{point} = {text}" for point, text in rating["labels"].items() if text)
    if rating["kind"] == "yes_no":
        scale = "1 = yes, 0 = no, so a mean is the share of yes"
    yield paragraph(f"“{rating['text']}”" + (f" ({scale})" if scale else ""))
    conditions = rating["conditions"]
    yield figure(
        named("likert"),
        "Answers in each condition, per cent. Bars to the right are above the middle of the range.",
    )
    yield figure(
        named("raincloud"),
        "Each participant's mean in each condition (dots), their density (cloud), median and "
        "middle half (bar).",
    )
    caption = "Means over participants with 95 % intervals."
    if rating["vary"] == "within":
        caption += (
            " The same people met every condition, so overlap of these intervals does not judge a "
            "difference; the tests do."
        )
    yield figure(named("means"), caption)
    yield table(
        f"{rating['item']}: means over participants",
        ("Condition", "People", "Answers", "Missing", "Mean [95 % interval]", "SD"),
        [
            (
                c["level"],
                c["n_people"],
                c["n_answers"],
                c["n_missing"],
                f"{number(c['raw_mean'])} {interval(c['mean'])}",
                number(c["sd"]),
            )
            for c in conditions
        ],
    )
    if conditions[0]["counts"]:
        points = list(conditions[0]["counts"])
        yield details(
            "How often each answer was given",
            table(
                f"{rating['item']}: answers",
                ("Condition", *points),
                [(c["level"], *c["counts"].values()) for c in conditions],
            ),
        )
    yield paragraph(omnibus(rating["comparison"], rating["factor"], rating["vary"]))
    if any(c["wrong"]["n_people"] for c in conditions):
        yield figure(
            named("right-wrong"),
            "Means where the model was right and where it was wrong.",
        )
        yield table(
            f"{rating['item']}: model right and wrong",
            (
                "Condition",
                "Right",
                "Wrong",
                "Right − wrong, same people [95 % interval]",
                "p",
                "People",
            ),
            [
                (
                    c["level"],
                    number(c["right"]["mean"]),
                    number(c["wrong"]["mean"]),
                    estimate_text(c["right_minus_wrong"]),
                    p_value(c["right_minus_wrong"].get("p")),
                    c["right_minus_wrong"].get("n", "–"),
                )
                for c in conditions
            ],
        )
        yield bullets(right_wrong(c, rating["unit"]) for c in conditions)


def items(found: Json) -> Html | None:
    """Other questions, counted; free text as it was written."""
    rows = found["main"]["items"]
    if not rows:
        return None
    parts: list[Html] = []
    for row in rows:
        parts.append(Html(f"<h3>{html(row['item'])}</h3>"))
        missing = f", {row['n_missing']} missing" if row["n_missing"] else ""
        parts.append(paragraph(f"“{row['text']}” {row['n_answers']} answers{missing}."))
        if row.get("counts"):
            parts.append(
                table(
                    f"{row['item']}: answers",
                    ("Answer", "People"),
                    [(_label(row, value), n) for value, n in row["counts"].items()],
                )
            )
        if "mean" in row:
            parts.append(
                paragraph(
                    f"Mean {number(row['mean'])}, median {number(row['median'])}, from "
                    f"{number(row['smallest'])} to {number(row['largest'])}."
                )
            )
        if row.get("texts"):
            more = [f"… and {row['n_more']} more in the bundle"] if row["n_more"] else []
            parts.append(details("What people wrote", bullets(row["texts"] + more)))
    return section("items", "Other questions", *parts)


def _label(row: Json, value: str) -> str:
    label = row["labels"].get(value, "")
    if row["kind"] == "yes_no":
        label = {"0": "no", "1": "yes"}[value]
    return f"{value}: {label}" if label else value
