"""How a stimulus and its explanation are drawn: on the server, as HTML and SVG, without scripts.

What reaches the page is a projection made for it: no digest, no method, no truth, no value from
which a participant could tell a control from a real explanation.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import render_template
from markupsafe import Markup

from explainer.artifact import Explanation, Stimulus, Store
from webapp.definition import say
from webapp.displays import image, series, text

Projection = image.Projection | series.Projection | text.Projection


@dataclass(frozen=True)
class Shown:
    """The kind of a stimulus, its projection, and words by language that stand for a map."""

    kind: str
    projection: Projection
    words: dict[str, str] | None


@lru_cache(maxsize=4096)
def _shown(
    root: Path, stimulus: str, explanation: str | None, truth: bool, answer: bool = True
) -> Shown:
    store = Store(root)
    shown = store.read_stimulus(stimulus)
    if not truth:
        shown = _untold(shown)
    found = store.read_explanation(explanation) if explanation else None
    words = found.job.parameters.get("words") if found else None
    projection = project(shown, None if words else found, answer=answer)
    return Shown(shown.kind, projection, words)


def _untold(stimulus: Stimulus) -> Stimulus:
    """The stimulus without what is right, which would show even in the scale of a chart."""
    told = stimulus.forecast
    forecast = None if told is None else replace(told, actual=None)
    return replace(stimulus, truth=None, forecast=forecast)


def project(
    stimulus: Stimulus, explanation: Explanation | None, *, answer: bool = True
) -> Projection:
    """Turn a stimulus of any kind, and its explanation, into what a page may show.

    answer: whether what the model says is on the page, or nothing that tells of it.
    """
    if stimulus.kind == "image":
        return image.project(stimulus, explanation, answer=answer)
    if stimulus.kind == "series":
        return series.project(stimulus, explanation, answer=answer)
    return text.project(stimulus, explanation, answer=answer)


def shown(root: Path, stimulus: str, *, answer: bool) -> Projection:
    """What a page may know of a stimulus alone. Raises ArtifactError as render does."""
    return _shown(root, stimulus, None, False, answer).projection


def draw(
    root: Path,
    stimulus: str,
    explanation: str | None,
    *,
    part: str,
    tag: str,
    truth: bool = False,
    language: str = "en",
) -> Markup:
    """Draw one part of what participants see, for a page with many.

    part: "stimulus", with the answer and no explanation; "map", the explanation alone; "explained",
    the same with how to read it. tag: what ids on the page begin with. language: of words that
    stand for a map. Raises ArtifactError as render does.
    """
    found = _shown(root, stimulus, explanation, truth)
    if found.words is not None:
        words = say(found.words, language if language in found.words else "en")
        return Markup(render_template("displays/words.html", words=words))  # noqa: S704
    drawn = render_template(
        f"displays/{found.kind}.html", shown=found.projection, truth=truth, part=part, tag=tag
    )
    return Markup(drawn)  # noqa: S704  # our own template


def render(
    root: Path,
    stimulus: str,
    explanation: str | None,
    *,
    truth: bool,
    language: str,
    answer: bool = True,
    tag: str = "",
) -> tuple[Markup, str]:
    """Draw a stimulus with its explanation; return the HTML and its SHA-256.

    root: the artifact folder. Artifacts never change, so projections are kept. truth, answer:
    whether the right answer and the model's are shown too. language: of words that stand for a
    map. tag: what ids begin with, where a page has several. Raises ArtifactError where an artifact
    is missing or damaged.
    """
    found = _shown(root, stimulus, explanation, truth, answer)
    html = render_template(
        f"displays/{found.kind}.html", shown=found.projection, truth=truth, tag=tag
    )
    if found.words is not None:
        words = say(found.words, language if language in found.words else "en")
        html += render_template("displays/words.html", words=words)
    return Markup(html), sha256(html.encode()).hexdigest()  # noqa: S704  # our own template
