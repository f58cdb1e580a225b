"""How a stimulus and its explanation are drawn: on the server, as HTML and SVG, without scripts.

What reaches the page is a projection made for it: no digest, no method, no truth, no value from
which a participant could tell a control from a real explanation.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import render_template
from markupsafe import Markup

from explainer.artifact import Explanation, Stimulus, Store
from webapp.displays import image, series, text

Projection = image.Projection | series.Projection | text.Projection


@lru_cache(maxsize=4096)
def _projection(root: Path, stimulus: str, explanation: str | None) -> tuple[str, Projection]:
    store = Store(root)
    shown = store.read_stimulus(stimulus)
    return shown.kind, project(shown, store.read_explanation(explanation) if explanation else None)


def project(stimulus: Stimulus, explanation: Explanation | None) -> Projection:
    """Turn a stimulus of any kind, and its explanation, into what a page may show."""
    if stimulus.kind == "image":
        return image.project(stimulus, explanation)
    if stimulus.kind == "series":
        return series.project(stimulus, explanation)
    return text.project(stimulus, explanation)


def render(
    root: Path, stimulus: str, explanation: str | None, *, truth: bool
) -> tuple[Markup, str]:
    """Draw a stimulus with its explanation; return the HTML and its SHA-256.

    root: the artifact folder. Artifacts never change, so projections are kept. truth: whether the
    right answer is shown too. Raises ArtifactError where an artifact is missing or damaged.
    """
    kind, shown = _projection(root, stimulus, explanation)
    html = render_template(f"displays/{kind}.html", shown=shown, truth=truth)
    return Markup(html), sha256(html.encode()).hexdigest()  # noqa: S704  # our own template
