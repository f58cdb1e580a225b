"""How a stimulus and its explanation are drawn: on the server, as HTML and SVG, without scripts.

What reaches the page is a projection made for it: no digest, no method, no truth, no value from
which a participant could tell a control from a real explanation.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import render_template
from markupsafe import Markup

from explainer.artifact import Store
from webapp.displays import image


@lru_cache(maxsize=4096)
def _projection(root: Path, stimulus: str, explanation: str | None) -> image.Projection:
    store = Store(root)
    shown = store.read_stimulus(stimulus)
    return image.project(shown, store.read_explanation(explanation) if explanation else None)


def render(
    root: Path, stimulus: str, explanation: str | None, *, truth: bool
) -> tuple[Markup, str]:
    """Draw a stimulus with its explanation; return the HTML and its SHA-256.

    root: the artifact folder. Artifacts never change, so projections are kept. truth: whether the
    right answer is shown too. Raises ArtifactError where an artifact is missing or damaged.
    """
    shown = _projection(root, stimulus, explanation)
    html = render_template("displays/image.html", shown=shown, truth=truth)
    return Markup(html), sha256(html.encode()).hexdigest()  # noqa: S704  # our own template
