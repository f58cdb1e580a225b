"""What may be wrong with the order of a study's pages, and with what stands on each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from webapp.definition import (
    Block,
    Check,
    Consent,
    Debrief,
    Definition,
    Group,
    Instructions,
    Page,
    Questionnaire,
    pages,
)
from webapp.definition.flow import Trait
from webapp.problems import Path as KeyPath
from webapp.problems import Problem, Problems, known
from webapp.scales import Scale


def mistakes(study: Definition, scales: Mapping[str, Scale]) -> Problems:
    """Every mistake in the flow of a study; `scales` are those that it can name."""
    yield from _steps(study, scales)
    yield from _ends(study)
    yield from _repeated(study, scales)


def _steps(study: Definition, scales: Mapping[str, Scale]) -> Problems:
    for here, entry in _places(study):
        if isinstance(entry, Instructions | Questionnaire | Check) and entry.page is not None:
            yield from known((*here, "page"), entry.page, study.pages)
        if isinstance(entry, Questionnaire) and entry.scale is not None:
            yield from _scale(entry.scale, entry.fill, scales, here)
        if isinstance(entry, Questionnaire | Check | Block):
            for place, item in enumerate(entry.items):
                yield from known((*here, "items", place), item, study.items)
        if isinstance(entry, Block):
            yield from _block(study, entry, here)


def _places(study: Definition) -> list[tuple[KeyPath, Page]]:
    """Every entry that is no group, with its path in the file."""
    return [(("flow", *path), entry) for path, entry in pages(study.flow)]


def _groups(flow: Sequence[Page | Group], here: KeyPath) -> Iterator[tuple[KeyPath, Group]]:
    for index, entry in enumerate(flow):
        if isinstance(entry, Group):
            yield (*here, index), entry
            yield from _groups(entry.blocks, (*here, index, "blocks"))


def _block(study: Definition, block: Block, here: KeyPath) -> Problems:
    yield from known((*here, "stimuli"), block.stimuli, study.stimuli)
    if block.order.rule == "fixed" and block.order.max_run:
        message = "a fixed order is the same for everybody; leave max_run out or shuffle"
        yield Problem((*here, "order", "max_run"), message)
    for factor in block.order.max_run:
        names = [*study.factors, *get_args(Trait)]
        yield from known((*here, "order", "max_run", factor), factor, names)
        if factor in study.factors and study.factors[factor].vary != "within":
            message = "this factor never changes within a block, so its runs cannot be short"
            yield Problem((*here, "order", "max_run", factor), message)
    stimuli = study.stimuli.get(block.stimuli)
    if stimuli and block.per_participant > stimuli.select.total:
        message = f"{block.stimuli} selects fewer stimuli than this"
        yield Problem((*here, "per_participant"), message)
    if block.break_page is not None:
        yield from known((*here, "break_page"), block.break_page, study.pages)


def _scale(name: str, fill: dict[str, str], scales: Mapping[str, Scale], here: KeyPath) -> Problems:
    if name not in scales:
        yield from known((*here, "scale"), name, scales)
        return
    wanted = scales[name].placeholders
    for word in sorted(wanted - set(fill)):
        yield Problem((*here, "fill"), f"the items of {name} need a word for [{word}]")
    for word in sorted(set(fill) - wanted):
        yield Problem((*here, "fill", word), f"no item of {name} has [{word}]; remove it")


def _ends(study: Definition) -> Problems:
    places = _places(study)
    if [here for here, entry in places if isinstance(entry, Consent)] != [("flow", 0)]:
        yield Problem(("flow", 0), "the flow starts with its only consent step")
    last = ("flow", len(study.flow) - 1)
    if [here for here, entry in places if isinstance(entry, Debrief)] != [last]:
        yield Problem(last, "the flow ends with its only debrief step")
    for page in ("consent", "debrief"):
        if page not in study.pages:
            yield Problem(("pages",), f"there is no page called {page}; name its file here")


def _repeated(study: Definition, scales: Mapping[str, Scale]) -> Problems:
    """Answers are told apart by item, so one item stands in one place of the flow."""
    groups = list(_groups(study.flow, ("flow",)))
    names = [block.block for block in study.blocks] + [group.block for _, group in groups]
    used = [entry.scale for entry in study.questionnaires if entry.scale]
    for here, entry in (*_places(study), *groups):
        if isinstance(entry, Block | Group) and names.count(entry.block) > 1:
            yield Problem((*here, "block"), "two blocks have this name; rename one")
        if isinstance(entry, Questionnaire) and entry.scale and used.count(entry.scale) > 1:
            yield Problem((*here, "scale"), "this scale stands in the flow twice")
    asked = [
        item
        for entry in study.entries
        if isinstance(entry, Block | Check | Questionnaire)
        for item in entry.items
    ]
    there = [scales[name] for name in dict.fromkeys(used) if name in scales]
    asked += [item.id for scale in there for item in scale.items]
    scores = [score.id for scale in there for score in scale.scores]
    for here, entry in _places(study):
        if isinstance(entry, Questionnaire) and entry.scale and entry.scale in scales:
            scale = scales[entry.scale]
            for item in (each.id for each in scale.items if each.id not in study.items):
                if asked.count(item) > 1:
                    message = f"another scale has an item {item} too; rename one of the two"
                    yield Problem((*here, "scale"), message)
            for score in (each.id for each in scale.scores):
                if scores.count(score) > 1 or score in study.items:
                    message = f"its score {score} is called like another score or item; rename that"
                    yield Problem((*here, "scale"), message)
    for item in sorted(set(study.items)):
        if asked.count(item) > 1:
            message = "asked in two places of the flow; give each place an item of its own"
            yield Problem(("items", item), message)
