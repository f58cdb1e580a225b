"""The sections of a report that say what was found, each written from the results JSON."""

from collections.abc import Iterator
from typing import Any

from analysis import figures
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
from analysis.sentences import difference, omnibus, right_wrong, verdict

Json = dict[str, Any]


def ratings(found: Json) -> Html:
    """Each rating per condition, and where the model was right and wrong."""
    parts = [part for rating in found["main"]["ratings"] for part in _rating(rating)]
    if not parts:
        parts = [paragraph("No item with numbers was asked on a trial.")]
    return section("ratings", "Ratings per condition", *parts)


def _rating(rating: Json) -> Iterator[Html | None]:
    yield Html(f"<h3>{html(rating['item'])} by {html(rating['factor'])}</h3>")
    scale = ", ".join(f"{point} = {text}" for point, text in rating["labels"].items() if text)
    if rating["kind"] == "yes_no":
        scale = "1 = yes, 0 = no, so a mean is the share of yes"
    yield paragraph(f"“{rating['text']}”" + (f" ({scale})" if scale else ""))
    conditions = rating["conditions"]
    yield figure(
        figures.likert(rating),
        "Answers in each condition, per cent. Bars to the right are above the middle of the range.",
    )
    caption = "Means over participants with 95 % intervals."
    if rating["vary"] == "within":
        caption += (
            " The same people met every condition, so overlap of these intervals does not judge a "
            "difference; the tests do."
        )
    yield figure(figures.means(rating), caption)
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
            figures.right_wrong(rating),
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


def hypotheses(found: Json) -> Html:
    """Each hypothesis with its estimate, and what may be concluded."""
    rows = found["main"]["hypotheses"]
    if not rows:
        text = "No hypothesis was declared in advance, so every comparison above is exploratory."
        return section("hypotheses", "Hypotheses", paragraph(text))
    parts: list[Html | None] = [
        figure(
            figures.differences(rows),
            "Estimated differences with 95 % intervals; the dashed line is no difference.",
        )
    ]
    for row in rows:
        kind = "confirmatory" if row["confirmatory"] else "exploratory"
        parts.append(Html(f"<h3>{html(row['id'])} ({kind})</h3>"))
        if row["p"] is None:
            parts.append(paragraph("Not tested: " + "; ".join(row["not_estimable"]) + "."))
        elif row["contrast"]:
            parts += [paragraph(difference(row)), paragraph(verdict(row))]
        else:
            text = omnibus(row, row["factor"], row["vary"])
            parts += [paragraph(text), paragraph(verdict(row))]
        if row["formula"]:
            model = f"<p>Declared model: <code>{html(row['formula'])}</code>. "
            parts.append(Html(model + "What was done instead is under Methods.</p>"))
    return section("hypotheses", "Hypotheses", *parts)


def scales(found: Json) -> Html | None:
    """Scale scores with their reliability."""
    rows = found["main"]["scales"]
    if not rows:
        return None
    return section(
        "scales",
        "Scales",
        table(
            "Scores over participants",
            ("Score", "Range", "People", "Mean [95 % interval]", "SD", "Cronbach's alpha"),
            [
                (
                    f"{row['name']}: {row['score']} ({row['how']} of {row['n_items']} items)",
                    f"{row['range'][0]} to {row['range'][1]}",
                    row["n_people"],
                    f"{number(row['raw_mean'])} {interval(row['mean'])}",
                    number(row["sd"]),
                    estimate_text(row["alpha"]),
                )
                for row in rows
            ],
        ),
        bullets(f"{row['name']}: {row['source']}" for row in rows if row["source"]),
    )


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
    pairs = zip(_lines(found["main"]), _lines(found["with_excluded"]), strict=True)
    return section(
        "exclusions",
        "With and without the exclusions",
        bullets(said),
        table(
            "The same results without and with those who were too fast",
            ("Result", "Without them", "With them"),
            [(label, main, other) for (label, main), (_, other) in pairs],
        ),
    )


def _lines(analysis: Json) -> Iterator[tuple[str, str]]:
    yield "People", str(analysis["n"])
    for row in analysis["hypotheses"]:
        p = row["p_holm"] if row["p_holm"] is not None else row["p"]
        value = estimate_text(row["estimates"][0]) if row["estimates"] else "not computed"
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
