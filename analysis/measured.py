"""The sections of a report on scales, decisions and measures of explanations; from the JSON."""

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

Json = dict[str, Any]
Drawings = dict[str, Drawing]

_ROLES = {
    "initial": "the decision alone",
    "final": "the final decision",
    "simulated": "the prediction of the model's answer",
}
_MEANING = {
    "rair": "RAIR: of advice that would have helped, taken",
    "rsr": "RSR: of advice that would have harmed, resisted",
    "switch_fraction": "of advice that disagreed, taken",
    "over_reliance": "over-reliance: of wrong advice, followed",
    "under_reliance": "under-reliance: of right advice, not followed",
    "accuracy_alone": "right alone",
    "accuracy_with_advice": "right with advice",
    "accuracy_of_model": "right: the model",
    "over_alone": "accuracy gain over alone",
    "over_model": "accuracy gain over the model",
    "d_prime": "d′: telling right advice from wrong",
    "criterion": "criterion (below 0: ready to follow)",
}
_AGREEMENT = {
    "iou": "IoU with as many of the highest values: shared, of all in either",
    "auc": "AUC: how often a marked part has the higher value of two",
    "rank_correlation": "rank correlation of marks and values (Spearman)",
    "pointing": "pointing game: the highest value is marked",
}


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
            ("Score", "Range", "People", "Mean [95 % interval]", "SD"),
            [
                (
                    f"{row['name']}: {row['score']} ({row['how']} of {row['n_items']} items)",
                    f"{row['range'][0]:g} to {row['range'][1]:g}",
                    row["n_people"],
                    f"{number(row['raw_mean'])} {interval(row['mean'])}",
                    number(row["sd"]),
                )
                for row in rows
            ],
        ),
        table(
            "Reliability",
            ("Score", "Cronbach's alpha", "McDonald's omega total"),
            [
                (
                    f"{row['name']}: {row['score']}",
                    estimate_text(row["alpha"]),
                    estimate_text(row["omega"]),
                )
                for row in rows
            ],
        ),
        *(_items(row) for row in rows if row["item_statistics"]),
        bullets(f"{row['name']}: {row['source']}" for row in rows if row["source"]),
    )


def _items(row: Json) -> Html:
    return details(
        f"Items of {row['name']}: {row['score']}",
        table(
            f"{row['score']}: items, reversed ones turned round",
            ("Item", "Mean", "SD", "With the rest [95 % interval]", "Alpha without it"),
            [
                (
                    item["item"] + (" (reversed)" if item["item"] in row["reverse"] else ""),
                    number(item["mean"]),
                    number(item["sd"]),
                    f"{number(item['r_rest'])} {interval(item)}",
                    number(item["alpha_without"]),
                )
                for item in row["item_statistics"]
            ],
        ),
    )


def decisions(found: Json, drawn: Drawings) -> Html | None:
    """Reliance, calibration and simulation accuracy by condition."""
    rows = found["main"]["decisions"]
    if not rows:
        return None
    parts: list[Html | None] = []
    for factor in dict.fromkeys(row["factor"] for row in rows):
        parts.append(Html(f"<h3>By {html(factor)}</h3>"))
        parts += _by(factor, [row for row in rows if row["factor"] == factor], drawn)
    return section("decisions", "Decisions, reliance and calibration", *parts)


def _by(factor: str, rows: list[Json], drawn: Drawings) -> Iterator[Html | None]:
    levels = [row["level"] for row in rows]
    by_level = [{each["name"]: each for each in row["estimates"]} for row in rows]
    names = dict.fromkeys(name for each in by_level for name in each)
    yield table(
        f"What people did, by {factor}; [95 % interval] from drawing participants anew",
        ("Measure", *levels),
        [
            (
                _MEANING.get(name, name),
                *(
                    estimate_text(each[name]) if name in each else "no such trial"
                    for each in by_level
                ),
            )
            for name in names
        ],
    )
    roles = dict.fromkeys(each["role"] for row in rows for each in row["calibration"])
    for role in roles:
        yield figure(
            drawn.get(name_of("calibration", role, factor)),
            f"How sure people were of {_ROLES[role]}, against how often it was right; on the "
            "dotted line they are the same. Bars: Wilson's 95 % intervals.",
        )
        told = [
            (row["level"], each)
            for row in rows
            for each in row["calibration"]
            if each["role"] == role
        ]
        yield table(
            f"Calibration of {_ROLES[role]}",
            ("Condition", "Stated − right", "Brier score", "Calibration error", "Trials"),
            [
                (level, each["reason"], "–", "–", each["n_trials"])
                if "reason" in each
                else (
                    level,
                    *(estimate_text(each[name]) for name in ("overconfidence", "brier", "error")),
                    each["n_trials"],
                )
                for level, each in told
            ],
        )


def regions(found: Json) -> Html | None:
    """What people marked against the values of each explanation."""
    rows = found["main"]["regions"]
    if not rows:
        return None
    told = [row for row in rows if "reason" not in row]
    return section(
        "regions",
        "What people marked",
        paragraph(
            "How the parts that people marked agree with the values that an explanation gives the "
            "same parts; chance is what marking as many parts at random gives. Agreement says that "
            "people and explanation look alike, not that either is right about the model."
        ),
        *(
            table(
                f"Marks and {row['explanation']}; [95 % interval] from drawing participants anew",
                ("Measure", "Agreement", "Chance", "Above chance", "People"),
                [
                    (
                        _AGREEMENT[each["name"]],
                        estimate_text(each["estimate"]),
                        number(each["chance"]),
                        estimate_text(each["above_chance"]),
                        each["estimate"]["n"],
                    )
                    for each in row["measures"]
                ],
            )
            for row in told
        ),
        *(details(f"Stimuli: marks and {row['explanation']}", _marked(row)) for row in told),
        bullets(
            f"{row['explanation']}: {row['n_trials']} trials; {row['n_left_out']} left out, which "
            "have no such values, or whose marks or values tell no part from the others."
            if "explanation" in row
            else f"Not computed: {row['reason']}."
            for row in rows
        ),
    )


def _marked(row: Json) -> Html:
    return table(
        "Means over the trials of each stimulus; everyone's marks together, ranked like the values",
        ("Stimulus", "Trials", "IoU", "Chance", "AUC", "Pointing", "Together"),
        [
            (
                Html(f"<code>{html(each['stimulus_id'][:12])}</code>"),
                each["n"],
                *(number(each[name]) for name in ("iou", "iou_chance", "auc", "pointing")),
                number(each["crowd"]),
            )
            for each in row["stimuli"]
        ],
    )


def quality(found: Json, drawn: Drawings) -> Html | None:
    """Whether measures of the explanations predict the answers."""
    rows = found["quality"]
    if not rows:
        return None
    parts: list[Html | None] = [
        paragraph(
            "Each line asks whether explanations that measure higher got higher answers: the slope "
            "of a mixed model for one standard deviation of the measure, conditions held apart. "
            "Exploratory; p values are adjusted together (Benjamini and Hochberg)."
        ),
        table(
            "Measures of explanations against answers",
            ("Outcome and measure", "Slope [95 % interval]", "p", "p adjusted", "Explanations"),
            [
                (
                    f"{row['text']}: {row['measure']}"
                    + (f" ({row['better']} is better)" if row["better"] else ""),
                    f"not computed: {row['reason']}"
                    if "reason" in row
                    else f"{estimate_text(row['estimate'])} {row['scale']}",
                    p_value(row["p"]),
                    p_value(row["p_fdr"]),
                    row["n_explanations"],
                )
                for row in rows
            ],
        ),
    ]
    for row in rows:
        rho = f"; rank correlation {number(row['rho']['value'])}" if "rho" in row else ""
        caption = f"Mean {row['outcome']} of each explanation against its {row['measure']}{rho}."
        name = name_of("measure", row["outcome"], row["measure"])
        parts.append(figure(drawn.get(name), caption))
    return section("quality", "Explanations and people", *parts)


def correlations(found: Json, drawn: Drawings) -> Html | None:
    """How participants' own numbers go together."""
    picture = figure(
        drawn.get("correlations"),
        "Rank correlations over participants between their mean ratings and scale scores; "
        "exploratory.",
    )
    return section("correlations", "What goes together", picture) if picture else None
