"""What stands on the page of a step, for the participant who is at it and for a replay of it."""

from collections.abc import Mapping
from typing import Any

from flask import current_app

from webapp import config, participation, recruitment, trials
from webapp.assignment import condition_of
from webapp.clock import clock_of
from webapp.db import db
from webapp.definition import Block, Check, Definition, Questionnaire, say
from webapp.displays import manner_of
from webapp.forms import StepForm
from webapp.items import Question
from webapp.items.order import shown_order
from webapp.languages import speak
from webapp.markdown import to_html
from webapp.models import Participant, Step
from webapp.participate.drawn import about_stimulus, draw
from webapp.scales import items_of
from webapp.studies import definition_of, page_text, scales_of


def items(participant: Participant, step: Step) -> Mapping[str, Question]:
    """The items of a step by name, in the order in which this participant is asked them."""
    definition = definition_of(participant.version)
    found: Mapping[str, Question] = {}
    match entry := definition.entries[step.flow] if step.flow is not None else None:
        case Block() if step.kind == "break":
            return {}
        case Check() as check:
            found = {name: definition.items[name] for name in check.items}
        case Block() as block:
            asked = trials.items_of(db.session, definition, block, step)
            found = about_stimulus(config.artifacts(current_app), asked, block, step)
        case Questionnaire() as questionnaire:
            found = items_of(questionnaire, scales_of(participant.version), definition.items)
    return shown_order(found, entry, definition.seed, participant.pseudonym, step.flow)


def contents(
    participant: Participant, step: Step, form: StepForm | None = None
) -> tuple[dict[str, Any], str | None]:
    """What the template of a step is given, and the SHA-256 of the stimulus as it is drawn.

    form: what was sent, or None for an empty page.
    """
    definition = definition_of(participant.version)
    language = str(participant.language)
    speak(language)
    entry = definition.entries[step.flow or 0]
    stimulus, rendered = None, None
    if isinstance(entry, Block) and step.kind == "trial":
        before = trials.repeated(db.session, entry, step)
        root, manner = config.artifacts(current_app), manner_of(definition, entry)
        stimulus, rendered = draw(root, entry, step, before, language, manner=manner)
    page, pages = participation.progress(participant, step)
    last = step.kind == "debrief"
    page_of = "break_page" if step.kind == "break" else "page"
    text = "debrief" if last else getattr(entry, page_of, None)
    return {
        "title": say(definition.title, language),
        "language": language,
        "kind": step.kind,
        "attempt": step.attempt,
        "notes": _notes(definition, step, language),
        "clock": clock_of(definition, step),
        "text": to_html(page_text(participant.version, text, language)) if text else None,
        "stimulus": stimulus,
        "form": form or StepForm(items(participant, step), language),
        "page": page,
        "pages": pages,
        "back": recruitment.way_back(db.session, participant, "complete") if last else None,
    }, rendered


def _notes(definition: Definition, step: Step, language: str) -> list[str]:
    """What the levels of a trial's condition say in words above it."""
    levels = condition_of(step.condition)
    shown = {name: factor.shows for name, factor in definition.factors.items()}
    return [
        say(shown[factor][level], language)
        for factor, level in levels.items()
        if level in shown.get(factor, {})
    ]
