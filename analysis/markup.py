"""Small pieces of HTML and the way numbers are written in it. Everything given is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from analysis.drawing.style import Drawing

Json = dict[str, Any]


class Html(str):
    """Text that is HTML already."""


def html(value: object) -> str:
    """Escape unless it is HTML already."""
    return value if isinstance(value, Html) else escape(str(value))


def paragraph(text: object) -> Html:
    """One paragraph."""
    return Html(f"<p>{html(text)}</p>")


def bullets(lines: Iterable[object]) -> Html:
    """A list."""
    return Html("<ul>" + "".join(f"<li>{html(line)}</li>" for line in lines) + "</ul>")


def join(*parts: object) -> Html:
    """Parts one after the other; None is left out."""
    return Html("\n".join(html(part) for part in parts if part is not None))


def section(name: str, title: str, *parts: object) -> Html:
    """A section with its heading."""
    heading = f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>'
    return Html(f"{heading}\n{join(*parts)}\n</section>")


def figure(drawn: Drawing | None, caption: str) -> Html | None:
    """A drawing with its caption."""
    if drawn is None:
        return None
    return Html(f"<figure>{drawn.svg}<figcaption>{escape(caption)}</figcaption></figure>")


def details(summary: str, *parts: object) -> Html:
    """Something long, folded away; printed open."""
    return Html(f"<details><summary>{escape(summary)}</summary>{join(*parts)}</details>")


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table whose first column names the row; it scrolls by itself on a narrow screen."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{html(first)}</th>'
        + "".join(f"<td>{html(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return Html(
        f'<div class="table" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def number(value: float | None, digits: int = 2) -> str:
    """A number with a real minus, or a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    # A rounded -0.00 would look like a finding.
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def p_value(p: float | None) -> str:
    """As in APA style: p < .001, p = .034."""
    if p is None:
        return "–"
    return "p\u00a0<\u00a0.001" if p < 0.001 else f"p\u00a0=\u00a0{p:.3f}".replace("0.", ".", 1)


def interval(estimate: Json) -> str:
    """[low, high], or nothing where the method gives none."""
    if estimate.get("low") is None:
        return ""
    return f"[{number(estimate['low'])},\u00a0{number(estimate['high'])}]"


def estimate_text(estimate: Json) -> str:
    """A value with its interval, or why there is none."""
    if "reason" in estimate:
        return f"not computed: {estimate['reason']}"
    return f"{number(estimate['value'])} {interval(estimate)}".strip()


def test_text(estimate: Json) -> str:
    """The statistic, its degrees of freedom and p: t(23) = 2.26, p = .034."""
    letter = _LETTERS.get(estimate["test"].rpartition(", ")[2]) or _LETTERS.get(estimate["test"])
    if letter is None or estimate["statistic"] is None:
        return p_value(estimate["p"])
    df = ",\u00a0".join(f"{value:.2f}".removesuffix(".00") for value in estimate["df"])
    shown = f"{letter}({df})" if df else letter
    return f"{shown}\u00a0=\u00a0{number(estimate['statistic'])}, {p_value(estimate['p'])}"


_LETTERS = {
    "paired t test": "t",
    "Welch's t test": "t",
    "Wilcoxon signed-rank test": "W",
    "Mann-Whitney test": "U",
    "repeated-measures ANOVA, Greenhouse-Geisser": "F",
    "Welch's ANOVA": "F",
    "Friedman test": "χ²",
    "Kruskal-Wallis test": "H",
    "likelihood-ratio test": "χ²",
    "Wald z": "z",
    "Satterthwaite's t test": "t",
    "Satterthwaite's F test": "F",
}
