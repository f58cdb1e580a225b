"""How a stimulus and its explanation are drawn: on the server, as HTML and SVG, without scripts.

What reaches the page is a projection made for it: no digest, no method, no truth, no value from
which a participant could tell a control from a real explanation.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import render_template, request, url_for
from markupsafe import Markup

from explainer.artifact import Explanation, Stimulus, Store
from webapp.definition import say
from webapp.displays import adding, curves, found, image, pictures, series, text
from webapp.displays.kept import Kept
from webapp.displays.manner import Manner, manner_of

__all__ = ["Manner", "Projection", "draw", "manner_of", "project", "render", "shown"]

Projection = image.Projection | series.Projection | text.Projection
PLAIN = Manner()
_html = Kept(50_000_000)


@dataclass(frozen=True)
class Shown:
    """The kind of a stimulus, its projection, and words by language that stand for a map.

    total, tested, fidelity: what stands beside a map.
    """

    kind: str
    projection: Projection
    words: dict[str, str] | None = None
    total: adding.Total | None = None
    tested: curves.Curves | None = None
    fidelity: float | None = None

    def html(self, **more: Any) -> str:
        """Draw it."""
        drawn = render_template(
            f"displays/{self.kind}.html",
            shown=self.projection,
            total=self.total,
            tested=self.tested,
            fidelity=self.fidelity,
            source=pictures.source(lambda digest: url_for("pictures.show", digest=digest)),
            **more,
        )
        # A template's macros leave blank lines before it; the hash begins where the drawing does.
        return drawn.strip()


@lru_cache(maxsize=4096)
def _shown(
    root: Path,
    stimulus: str,
    explanation: str | None,
    *,
    truth: bool,
    answer: bool,
    sums: bool = False,
    tests: bool = False,
    alone: bool = False,
) -> Shown:
    """alone: whether the page has to do without files beside it."""
    drawn = _drawn(
        Store(root), stimulus, explanation, truth=truth, answer=answer, sums=sums, tests=tests
    )
    if alone or not isinstance(drawn.projection, image.Projection):
        return drawn
    return replace(drawn, projection=pictures.outside(root, drawn.projection))


def _drawn(
    store: Store,
    stimulus: str,
    explanation: str | None,
    *,
    truth: bool,
    answer: bool,
    sums: bool,
    tests: bool,
) -> Shown:
    told = store.read_stimulus(stimulus)
    if not truth:
        told = _untold(told)
    if explanation is None:
        return Shown(told.kind, project(told, None, answer=answer))
    explained = store.read_explanation(explanation)
    words = explained.job.parameters.get("words")
    if words:
        return Shown(told.kind, project(told, None, answer=answer), words)
    details = found.details(store, explanation, explained)
    # How sure the model is, and how its output falls, would tell of an answer that is hidden.
    return Shown(
        told.kind,
        project(told, explained, answer=answer, prototypes=found.prototypes(details)),
        total=adding.total(told, explained) if sums and answer else None,
        tested=curves.curves(store.read_measures(explanation)) if tests and answer else None,
        fidelity=found.fidelity(details),
    )


def _untold(stimulus: Stimulus) -> Stimulus:
    """The stimulus without what is right, which would show even in the scale of a chart."""
    told = stimulus.forecast
    forecast = None if told is None else replace(told, actual=None)
    return replace(stimulus, truth=None, forecast=forecast)


def project(
    stimulus: Stimulus,
    explanation: Explanation | None,
    *,
    answer: bool = True,
    prototypes: Any = None,
) -> Projection:
    """Turn a stimulus of any kind, and its explanation, into what a page may show.

    answer: whether what the model says is on the page, or nothing that tells of it. prototypes: of
    a model's own ideas, as found.prototypes has them.
    """
    if stimulus.kind == "image":
        return image.project(stimulus, explanation, answer=answer, prototypes=prototypes)
    if stimulus.kind == "series":
        return series.project(stimulus, explanation, answer=answer)
    return text.project(stimulus, explanation, answer=answer)


def shown(root: Path, stimulus: str, *, answer: bool) -> Projection:
    """What a page may know of a stimulus alone. Raises ArtifactError as render does."""
    return _shown(root, stimulus, None, truth=False, answer=answer, alone=True).projection


def draw(
    root: Path,
    stimulus: str,
    explanation: str | None,
    *,
    part: str,
    tag: str,
    truth: bool = False,
    language: str = "en",
    manner: Manner = PLAIN,
    alone: bool = False,
) -> Markup:
    """Draw one part of what participants see, for a page with many.

    part: "stimulus", with the answer and no explanation; "map", the explanation alone; "explained",
    the same with how to read it. tag: what ids on the page begin with. language: of words that
    stand for a map and of a study's own. manner: how its block draws. alone: whether the page
    has to do without files beside it. Raises ArtifactError as render does.
    """
    drawn = _shown(
        root,
        stimulus,
        explanation,
        truth=truth,
        answer=True,
        sums=manner.sums,
        tests=manner.curves,
        alone=alone,
    )
    if drawn.words is not None:
        return Markup(_instead(drawn.words, language))  # noqa: S704  # our own template
    html = drawn.html(truth=truth, part=part, tag=tag, words=manner.words(language))
    return Markup(html)  # noqa: S704  # our own template


def render(
    root: Path,
    stimulus: str,
    explanation: str | None,
    *,
    truth: bool,
    language: str,
    answer: bool = True,
    tag: str = "",
    manner: Manner = PLAIN,
) -> tuple[Markup, str]:
    """Draw a stimulus with its explanation; return the HTML and its SHA-256.

    root: the artifact folder. Artifacts never change, so drawings are kept. truth, answer:
    whether the right answer and the model's are shown too. language: of words that stand for a
    map and of a study's own. tag: what ids begin with, where a page has several. manner: how its
    block draws. Raises ArtifactError where an artifact is missing or damaged.
    """
    drawn = _shown(
        root,
        stimulus,
        explanation,
        truth=truth,
        answer=answer,
        sums=manner.sums,
        tests=manner.curves,
    )
    words = manner.words(language)

    def html() -> str:
        map_ = drawn.html(truth=truth, tag=tag, words=words)
        return map_ if drawn.words is None else map_ + _instead(drawn.words, language)

    told = (truth, answer, manner.sums, manner.curves, tag, language, tuple(sorted(words.items())))
    text = _html.get((request.script_root, root, stimulus, explanation, *told), html)
    return Markup(text), sha256(text.encode()).hexdigest()  # noqa: S704  # our own template


def _instead(words: dict[str, str], language: str) -> str:
    """Words that stand for a map."""
    said = say(words, language if language in words else "en")
    return render_template("displays/words.html", words=said)
