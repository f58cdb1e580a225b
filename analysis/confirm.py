"""The section of a report that answers the hypotheses, from the results JSON."""

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
    number,
    p_value,
    paragraph,
    section,
    table,
    test_text,
)
from analysis.sentences import apa, model, overall, verdict

Json = dict[str, Any]
Drawings = dict[str, Drawing]


def hypotheses(found: Json, drawn: Drawings) -> Html:
    """Each hypothesis: what was found, by which model, and by other methods."""
    rows = found["main"]["hypotheses"]
    if not rows:
        text = "No hypothesis was declared in advance, so every comparison above is exploratory."
        return section("hypotheses", "Hypotheses", paragraph(text))
    parts: list[Html | None] = [
        figure(
            drawn.get("forest"),
            "Estimated differences with 95 % intervals; the dashed line is no difference. Circles "
            "are confirmatory hypotheses, diamonds exploratory ones.",
        )
    ]
    others = {row["id"]: row for row in found["with_excluded"]["hypotheses"]}
    for row in rows:
        parts += _one(row, others[row["id"]], drawn)
    return section("hypotheses", "Hypotheses", *parts, *_deviations(found))


def _one(row: Json, other: Json, drawn: Drawings) -> Iterator[Html | None]:
    kind = "confirmatory" if row["confirmatory"] else "exploratory"
    yield Html(f"<h3>{html(row['id'])} ({kind})</h3>")
    if row["formula"]:
        yield Html(f"<p>Declared model: <code>{html(row['formula'])}</code>.</p>")
    if row["p"] is None:
        yield paragraph("Not tested: " + "; ".join(row["not_estimable"]) + ".")
        if row["reasons"]:
            yield details("Models that could not be fitted", bullets(row["reasons"]))
        return
    yield paragraph(apa(row) if row["contrast"] else overall(row))
    yield paragraph(verdict(row))
    yield paragraph(model(row))
    if row["model"]:
        yield Html(f"<p>Model: <code>{html(row['model']['label'])}</code></p>")
    if row["reasons"]:
        yield details("Models that could not be fitted", bullets(row["reasons"]))
    if row["model"] and row["model"]["notes"]:
        yield bullets(row["model"]["notes"])
    yield figure(
        drawn.get(name_of("marginal-means", row["id"])),
        "Means that the model predicts for the typical participant, with 95 % intervals; grey ones "
        "are not part of the contrast.",
    )
    yield _sensitivity(row, other)
    if row["model"]:
        yield details(
            "How much people and stimuli differ",
            table(
                f"{row['id']}: standard deviations of the random effects ({row['scale']})",
                ("Over", "Effect", "SD"),
                [(s["grouping"], s["effect"], number(s["sd"])) for s in row["model"]["spread"]],
            ),
        )


def _sensitivity(row: Json, other: Json) -> Html:
    lines: list[tuple[object, ...]] = [_line("as answered above", row)]
    if other["p"] is not None and other != row:
        lines.append(_line("the same with those who were excluded", other))
    for each in row["sensitivity"]:
        if "reason" in each:
            lines.append((each["test"], each["reason"], "–", "–"))
        else:
            said = f"{each['name']}: {estimate_text(each)}"
            test = "–" if each["p"] is None else test_text(each)
            lines.append((each["test"], said, test, each["n"]))
    return table(
        f"{row['id']}: the same question by other methods",
        ("Method", "Estimate [95 % interval]", "Test", "People"),
        lines,
    )


def _line(name: str, row: Json) -> tuple[object, ...]:
    main = row["estimate"]
    text = f"{main['name']}: {estimate_text(main)}"
    if row["points"] and row["scale"] == "log odds":
        text += f"; in the answers' own unit {estimate_text(row['points'])}"
    return (f"{main['test']} ({name})", text, test_text(main), main["n"])


def _deviations(found: Json) -> Iterator[Html | None]:
    registered = found["preregistration"]
    if registered is None:
        return
    yield Html("<h3>Against the preregistration</h3>")
    if not registered["deviations"]:
        yield paragraph(
            "The hypotheses and exclusion rules of the study are those of the preregistration "
            f"given (SHA-256 {registered['sha256']})."
        )
        return
    yield paragraph(
        f"The study differs from the preregistration given (SHA-256 {registered['sha256']}):"
    )
    yield bullets(registered["deviations"])


def p_shown(row: Json) -> str:
    """The p value that decides."""
    return p_value(row["p_holm"] if row["p_holm"] is not None else row["p"])
