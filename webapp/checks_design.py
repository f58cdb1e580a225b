"""What may be wrong with a design: factors, conditions, checks, quotas, how cells are filled."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from webapp.checks_values import comparable, possible, written
from webapp.definition import (
    Block,
    Check,
    Definition,
    Group,
    Instructions,
    Page,
    Questionnaire,
    When,
    pages,
)
from webapp.items import FreeText, Matrix
from webapp.problems import Path as KeyPath
from webapp.problems import Problem, Problems, known
from webapp.scales import Scale

# Every entry that is no group, with its path in the file.
Places = Sequence[tuple[KeyPath, Page]]


def mistakes(study: Definition, scales: Mapping[str, Scale]) -> Problems:
    """Every mistake in the design of a study; `scales` are those that it can name."""
    places = [(("flow", *path), entry) for path, entry in pages(study.flow)]
    asked = {item: here for here, entry in places for item in _items(entry, scales)}
    yield from _factors(study)
    yield from _not_in(study, places)
    for here, entry in _with_groups(study.flow, ("flow",)):
        when = getattr(entry, "when", None)
        if when is not None:
            yield from _when(study, when, (*here, "when"), entry)
            yield from _before(study, when, here, asked)
        if isinstance(entry, Check):
            yield from _check(study, entry, here)
            yield from _again(entry, here, places)
    yield from _quotas(study, asked)
    yield from _covariates(study, places)


def _items(entry: Page, scales: Mapping[str, Scale]) -> list[str]:
    """What a page asks, but for trials, which ask the same again and again."""
    if isinstance(entry, Questionnaire) and entry.scale is not None:
        return [item.id for item in scales[entry.scale].items] if entry.scale in scales else []
    return list(entry.items) if isinstance(entry, Questionnaire | Check) else []


def _with_groups(
    flow: Sequence[Page | Group], here: KeyPath
) -> Iterator[tuple[KeyPath, Page | Group]]:
    for index, entry in enumerate(flow):
        yield (*here, index), entry
        if isinstance(entry, Group):
            yield from _with_groups(entry.blocks, (*here, index, "blocks"))


def _factors(study: Definition) -> Problems:
    used = {
        part.factor
        for _, entry in _with_groups(study.flow, ("flow",))
        if (when := getattr(entry, "when", None)) is not None
        for part in when.parts()
    }
    for name, factor in study.factors.items():
        if name != "explanation" and not factor.shows and name not in used:
            message = "nothing depends on this factor; give it shows, or name it in a when"
            yield Problem(("factors", name), message)
        if factor.vary == "block" and len(study.blocks) < 2:
            message = "a factor that varies by block needs two blocks or more"
            yield Problem(("factors", name, "vary"), message)


def _not_in(study: Definition, places: Places) -> Problems:
    before: dict[str, Block] = {}
    for here, entry in places:
        if not isinstance(entry, Block):
            continue
        total = entry.per_participant
        for index, name in enumerate(entry.not_in):
            path = (*here, "not_in", index)
            if name not in before:
                message = f"{name!r} is no block that stands before this one in the file"
                yield Problem(path, message)
            elif before[name].stimuli != entry.stimuli:
                message = f"{name} has other stimuli, so none of them can come again; remove it"
                yield Problem(path, message)
            else:
                total += before[name].per_participant
        stimuli = study.stimuli.get(entry.stimuli)
        if stimuli and entry.not_in and total > stimuli.select.total:
            message = f"with the blocks of not_in it takes {total} stimuli, more than are selected"
            yield Problem((*here, "per_participant"), message)
        before[entry.block] = entry


def _when(study: Definition, when: When, path: KeyPath, entry: Page | Group) -> Problems:
    for part in when.parts():
        if part.item is not None:
            if part.item in study.items:
                yield from comparable(part.item, study.items[part.item], part, path)
            continue
        factor = study.factors.get(str(part.factor))
        if factor is None:
            yield from known(path, str(part.factor), study.factors)
            continue
        if factor.vary == "within":
            yield Problem(
                path, f"{part.factor} changes from trial to trial; a page cannot wait for it"
            )
        if factor.vary == "block" and not isinstance(entry, Block):
            yield Problem(path, f"{part.factor} is known only within a block; put it on the block")
        if part.above is not None or part.below is not None:
            yield Problem(path, f"{part.factor} has levels, not numbers; compare by equals or in")
        values = [each for each in (part.equals, part.not_equals) if each is not None]
        for value in [*values, *(part.in_ or [])]:
            level = value if isinstance(value, str) else written(value)
            yield from known(path, level, factor.levels)


def _before(study: Definition, when: When, here: KeyPath, asked: Mapping[str, KeyPath]) -> Problems:
    """Whether every item is surely asked before the entry that depends on it."""
    for part in when.parts():
        if part.item is None:
            continue
        there = asked.get(part.item)
        path = (*here, "when")
        if there is None:
            message = f"{part.item} is asked on no page outside of trials"
            yield Problem(path, message)
        elif there >= here or _order_open(study, there, here):
            message = f"{part.item} is not surely asked before; ask it on an earlier page"
            yield Problem(path, message)


def _order_open(study: Definition, one: KeyPath, other: KeyPath) -> bool:
    """Whether two entries stand in one group that puts them in one order or another."""
    for here, entry in _with_groups(study.flow, ("flow",)):
        inside = (*here, "blocks")
        both = one[: len(inside)] == other[: len(inside)] == inside
        if both and isinstance(entry, Group) and entry.order.rule != "fixed":
            apart = one[len(inside)] != other[len(inside)]
            if apart:
                return True
    return False


def _check(study: Definition, check: Check, here: KeyPath) -> Problems:
    for item, right in check.correct.items():
        asked = study.items.get(item)
        if asked is not None and (asked.stored == "json" or len(asked.split(item)) > 1):
            message = "a check takes items with one answer, such as a choice; ask this elsewhere"
            yield Problem((*here, "correct", item), message)
        elif asked is not None:
            for value in right if isinstance(right, list) else [right]:
                yield from possible(item, asked, value, (*here, "correct", item))


def _again(check: Check, here: KeyPath, places: Places) -> Problems:
    if check.again is None:
        return
    before = [
        entry.page for there, entry in places if isinstance(entry, Instructions) and there < here
    ]
    yield from known((*here, "again"), check.again, before)


def _quotas(study: Definition, asked: Mapping[str, KeyPath]) -> Problems:
    between = {name: each for name, each in study.factors.items() if each.vary == "between"}
    for index, quota in enumerate(study.quotas):
        path: KeyPath = ("quotas", index)
        for factor, level in (quota.cell or {}).items():
            yield from known((*path, "cell", factor), factor, between)
            if factor in between:
                yield from known((*path, "cell", factor), level, between[factor].levels)
        for part in quota.when.parts() if quota.when else ():
            if part.item is None:
                message = "a quota of a level is a quota of a cell; write cell: {factor: level}"
                yield Problem((*path, "when"), message)
            else:
                yield from known((*path, "when"), part.item, asked)
                if part.item in study.items:
                    yield from comparable(part.item, study.items[part.item], part, (*path, "when"))


def _covariates(study: Definition, places: Places) -> Problems:
    if not study.assign.covariates:
        return
    cells = prod(len(each.levels) for each in study.factors.values() if each.vary == "between")
    if cells < 2:
        message = "minimisation fills cells, and no factor varies between participants"
        yield Problem(("assign", "rule"), message)
    for index, covariate in enumerate(study.assign.covariates):
        path: KeyPath = ("assign", "covariates", index, "item")
        where = [
            place
            for place, (_, entry) in enumerate(places)
            if isinstance(entry, Questionnaire | Check) and covariate.item in entry.items
        ]
        if not where:
            yield from known(path, covariate.item, study.items)
            yield Problem(path, "ask it in a questionnaire before the first block")
        elif any(len(here) > 2 or isinstance(e, Block) for here, e in places[: where[0] + 1]):
            message = "somebody is placed once this is answered, so it comes before every block"
            yield Problem(path, message)
        item = study.items.get(covariate.item)
        if isinstance(item, Matrix):
            message = "it has an answer for each row; ask the row as an item of its own"
            yield Problem(path, message)
        elif item is not None and (item.stored == "json" or isinstance(item, FreeText)):
            message = "its answers are no levels to keep cells alike in; use a choice or a number"
            yield Problem(path, message)
        if covariate.bands and item is not None and item.stored != "number":
            yield Problem(path, "bands cut numbers, and this is not answered with a number")
