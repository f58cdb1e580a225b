"""The sections of a report on who took part, what was shown and how; from the results JSON."""

from collections.abc import Iterator
from typing import Any

from analysis.drawing import Drawing
from analysis.markup import (
    Html,
    bullets,
    details,
    figure,
    html,
    number,
    paragraph,
    section,
    table,
)
from analysis.sentences import direction, verdict

Json = dict[str, Any]


def warning(found: Json) -> Html | str:
    """What stands under the title where simulated participants are counted as people."""
    people = found["participants"]
    if not people["simulated_count"] or not people["simulated"]:
        return ""
    return paragraph(
        f"{people['simulated']} simulated participants are counted as people in this report. Their "
        "answers follow a stated model and their times are what their browser said: nothing here "
        "is a finding about people."
    )


def summary(found: Json) -> Html:
    """What a reader should take away, in plain words."""
    people, main = found["participants"], found["main"]
    lines = [
        f"{people['analysed']} people were analysed, of {people['enrolled']} who took part and "
        f"{people['asked']} who answered the consent page."
    ]
    for row in main["hypotheses"]:
        if row["p"] is None:
            lines.append(f"{row['id']} could not be tested.")
        elif row["contrast"]:
            a, b = row["contrast"]
            points = row["points"]
            lines.append(
                f"{row['id']}: {direction(row)} "
                f"(95 % interval of {a} minus {b}: {number(points['low'])} to "
                f"{number(points['high'])}). {verdict(row)}"
            )
        else:
            lines.append(f"{row['id']}, {row['factor']}: {verdict(row)}")
    for rating in main["ratings"]:
        if rating["role"] == "rating":
            told = [c for c in rating["conditions"] if "value" in c["right_minus_wrong"]]
            more = [c["level"] for c in told if c["right_minus_wrong"]["low"] > 0]
            if told:
                lines.append(
                    f"In {len(more)} of {len(told)} conditions of {rating['factor']} right "
                    f"decisions clearly got a higher {rating['item']} than wrong ones"
                    + (f": {', '.join(more)}." if more else ".")
                )
    doubts = len(found["limitations"])
    lines.append(f"Read this with the {doubts} limitation{'s' * (doubts > 1)} below.")
    return section("summary", "Summary", bullets(lines))


def participants(found: Json, drawn: dict[str, Drawing]) -> Html:
    """Who was asked, who finished, who was left out and why."""
    people = found["participants"]
    rows: list[tuple[str, object]] = [("Answered the consent page", people["asked"])]
    rows += [("− declined", people["declined"]), ("Took part", people["enrolled"])]
    rows += [
        (f"− {_OUTCOMES.get(name, name)}", count)
        for name, count in people["outcomes"].items()
        if name not in ("declined", "complete")
    ]
    rows.append(("Finished", people["complete"]))
    rows += [(f"− excluded: {rule['text']}", rule["excluded"]) for rule in found["rules"]]
    rows.append(("Analysed", people["analysed"]))
    left_out = [(row["participant_id"], row["reason"], row["detail"]) for row in people["left_out"]]
    spent = [
        f"Median time: {number(people['median_minutes'], 1)} minutes for the whole, "
        f"{number(people['median_trial_seconds'], 1)} seconds on a trial."
    ]
    return section(
        "participants",
        "Participants",
        figure(drawn.get("participant-flow"), "From the first page to the analysis (CONSORT)."),
        table("From the first page to the analysis", ("Step", "People"), rows),
        paragraph(
            "Only people who finished are analysed. "
            + (
                f"{people['simulated']} of those in the table are simulated."
                if people["simulated_count"]
                else f"Simulated participants ({people['simulated']} here) are counted nowhere in "
                "the table and left out."
            )
        ),
        bullets(spent) if people["median_minutes"] is not None else None,
        details(
            f"Who was left out, and why ({len(left_out)})",
            table("Left out", ("Participant", "Reason", "Detail"), left_out),
        )
        if left_out
        else None,
    )


def shown(found: Json) -> Html:
    """Stimuli and explanations: what was on the screen, and how faithful it was."""
    what = found["shown"]
    rows = [
        (
            row["name"],
            row["method"] or "–",
            f"{row['n_shown']} of {row['n']}",
            number(row["median_evaluations"], 0),
            f"{row['largest_gap']:.2g} (of {row['n_gaps']})" if row["n_gaps"] else "none defined",
        )
        for row in what["explanations"]
    ]
    digests = [
        (name, Html(f"<code>{html(digest)}</code>"))
        for row in what["explanations"]
        for name, digest in ((row["name"], d) for d in row["digests"])
    ]
    digests += [("checkpoint", Html(f"<code>{html(d)}</code>")) for d in what["checkpoints"]]
    return section(
        "shown",
        "What was shown",
        paragraph(
            f"{what['n_stimuli']} stimuli; the model was right on {what['n_right']} and wrong on "
            f"{what['n_wrong']}"
            + (
                ". Where wrong decisions were chosen on purpose, this is not the model's accuracy."
                if what["n_wrong"]
                else "."
            )
        ),
        table(
            "Explanations",
            ("Name", "Method", "Shown", "Evaluations (median)", "Largest completeness gap"),
            rows,
        )
        if rows
        else paragraph("No explanation was shown."),
        paragraph(
            "The completeness gap is how far an explanation's values are from adding up to the "
            "output they explain. Near zero is what the method promises; it does not show that the "
            "explanation is right."
        )
        if rows
        else None,
        details("Digests of everything shown", table("Digests", ("What", "SHA-256"), digests))
        if digests
        else None,
    )


def limitations(found: Json) -> Html:
    """What to doubt."""
    return section("limitations", "Limitations", bullets(found["limitations"]))


def methods(found: Json) -> Html:
    """How everything was computed, by which versions, from which bundle."""
    study, digests = found["study"], found["digests"]
    rows: list[tuple[str, object]] = [
        ("Study version", Html(f"<code>{html(study['version'])}</code>")),
        ("Bundle (checksums.txt)", Html(f"<code>{html(digests['bundle'])}</code>")),
    ]
    rows += list(found["versions"].items())
    sources = dict.fromkeys(_sources(found["main"]))
    return section(
        "methods",
        "Methods and versions",
        *(paragraph(text) for text in found["methods"]),
        details("Sources of the methods used", bullets(sources)) if sources else None,
        table("Versions and digests", ("What", "Value"), rows),
    )


def _sources(analysis: Any) -> Iterator[str]:
    if isinstance(analysis, dict):
        if "test" in analysis and "source" in analysis:
            yield analysis["source"]
        for value in analysis.values():
            yield from _sources(value)
    elif isinstance(analysis, list):
        for value in analysis:
            yield from _sources(value)


_OUTCOMES = {"active": "not finished", "withdrawn": "withdrew"}
