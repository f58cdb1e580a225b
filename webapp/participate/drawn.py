"""What a page of a trial shows, drawn: its lead, what was said before, stimuli and explanations."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from flask import render_template
from flask_babel import gettext
from markupsafe import Markup

from explainer.artifact import Store
from webapp import displays
from webapp.definition import Block, say
from webapp.items import Question
from webapp.languages import local
from webapp.models import Response, Step
from webapp.tasks.fitted import Fitted


def about_stimulus(
    root: Path, items: Mapping[str, Question], block: Block, step: Step
) -> dict[str, Question]:
    """The same items; those that ask about what is on the page know it. root: the artifacts'."""
    found, store = dict(items), Store(root)
    for name, item in items.items():
        if isinstance(item, Fitted):
            digest, explanation = str(step.stimulus_digest), step.explanation_digest
            page = block.trial.page(step.part)
            found[name] = item.on(
                store.read_stimulus(digest),
                store.read_explanation(explanation) if explanation else None,
                displays.shown(root, digest, answer=page.answer),
            )
    return found


def draw(
    root: Path,
    block: Block,
    step: Step,
    before: Response | None,
    language: str,
    *,
    manner: displays.Manner,
) -> tuple[Markup, str]:
    """Draw what a step shows; return the HTML and the SHA-256 of the stimulus as it was drawn.

    before: an answer from an earlier page of the trial that this page repeats. manner: how the
    block draws its explanations.
    """
    page = block.trial.page(step.part)
    drawn = _stimuli(root, block, step, language, manner)
    html = render_template(
        f"tasks/{block.trial.layout}.html",
        lead=_line(block, page.part, language),
        said=_said(before),
        change=_line(block, "change", language),
        shown=displays.shown(root, str(step.stimulus_digest), answer=page.answer),
        **drawn,
    )
    digest = sha256("".join(drawn.values()).encode()).hexdigest()
    return Markup(html), digest  # noqa: S704  # our own template


def _stimuli(
    root: Path, block: Block, step: Step, language: str, manner: displays.Manner
) -> dict[str, Markup]:
    """What a layout shows, by its names for it: the stimulus, and what stands beside it."""
    page, first = block.trial.page(step.part), str(step.stimulus_digest)
    if step.second_explanation_digest is not None:
        sides = {"a": step.explanation_digest, "b": step.second_explanation_digest}
        return {"stimulus": displays.draw(root, first, None, part="stimulus", tag="")} | {
            side: displays.draw(
                root,
                first,
                digest,
                part="explained",
                tag=f"{side}-",
                language=language,
                manner=manner,
            )
            for side, digest in sides.items()
        }
    html, _ = displays.render(
        root,
        first,
        step.explanation_digest,
        truth=page.truth or block.show_truth,
        answer=page.answer,
        language=language,
        manner=manner,
    )
    if step.second_stimulus_digest is None:
        return {"stimulus": html}
    changed, _ = displays.render(
        root,
        step.second_stimulus_digest,
        None,
        truth=False,
        answer=page.change_answered,
        language=language,
        tag="changed-",
    )
    return {"stimulus": html, "changed": changed}


def _line(block: Block, name: str, language: str) -> str | None:
    line = block.trial.line(name)
    return None if line is None else say(dict(line), language)


def _said(before: Response | None) -> str | None:
    # An answer that was not given in time is nothing to say again.
    if before is None or before.missing_reason is not None:
        return None
    answer = before.text if before.number is None else local(f"{before.number:.12g}")
    return str(gettext("Your answer was: %(answer)s", answer=answer))
