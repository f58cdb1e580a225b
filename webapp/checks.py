"""What a study definition may get wrong beyond its shape: names, flow, and files."""

import difflib
import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib import resources
from math import inf, prod
from pathlib import Path

from webapp import scales
from webapp.definition import (
    Answered,
    Block,
    Choice,
    Consent,
    Debrief,
    Definition,
    FreeText,
    Instructions,
    Likert,
    Number,
    Questionnaire,
    YesNo,
)
from webapp.parts import File
from webapp.planned import ByNumber, Control, kinds
from webapp.problems import Path as KeyPath
from webapp.problems import Problem

WEIGHTS, CARD = "weights.safetensors", "card.json"
Problems = Iterator[Problem]


def mistakes(study: Definition, folder: Path, instance: Path) -> Problems:
    """Every mistake in a definition whose study.yaml lies in `folder`."""
    yield from _explanations(study)
    yield from _factors(study)
    yield from _hypotheses(study)
    yield from _exclusions(study)
    yield from _steps(study)
    yield from _ends(study)
    yield from _repeated(study)
    yield from _files(study, folder, instance)
    yield from _suits(study, folder, instance)


def notes(study: Definition) -> Iterator[str]:
    """What is no mistake in a definition, but costs the study precision."""
    within = [len(f.levels) for f in study.factors.values() if f.vary == "within"]
    conditions = prod(within)
    for block in study.blocks:
        select = study.stimuli[block.stimuli].select
        if isinstance(select, ByNumber):
            continue
        sizes = [("right", select.right), ("wrong", select.wrong)]
        total = select.total
        uneven = [
            word
            for word, size in sizes
            if (share := block.per_participant * size / total) % conditions or share != int(share)
        ]
        if uneven:
            yield (
                f"{block.block}: a participant's {' and '.join(uneven)} decisions do not divide "
                f"evenly by {conditions} conditions, so conditions differ in how often the model "
                "is right for that person; over everybody they are balanced"
            )


def find(file: File, folder: Path, instance: Path) -> Path | None:
    """Where a file or checkpoint lies: beside the study, in instance/, or among the shipped."""
    shipped = Path(str(resources.files("explainer"))) / "assets"
    return next(
        (root / file.path for root in (folder, instance, shipped) if (root / file.path).exists()),
        None,
    )


def _explanations(study: Definition) -> Problems:
    inputs = [(each.checkpoint, each.data.sha256) for each in study.stimuli.values()]
    for name, stimuli in study.stimuli.items():
        if inputs.count((stimuli.checkpoint, stimuli.data.sha256)) > 1:
            message = "another stimulus set has this checkpoint and data; use one set for both"
            yield Problem(("stimuli", name), message)
        yield from _known(("stimuli", name, "checkpoint"), stimuli.checkpoint, study.checkpoints)
    for name, plan in study.explanations.items():
        if name == "none":
            yield Problem(("explanations", name), "the name none means no explanation; rename it")
        if isinstance(plan, Control):
            yield from _known(("explanations", name, "of"), plan.of, study.explanations)
            if isinstance(study.explanations.get(plan.of), Control):
                message = "a control is made of a real explanation, not of a control"
                yield Problem(("explanations", name, "of"), message)


def _factors(study: Definition) -> Problems:
    for name, factor in study.factors.items():
        if name != "explanation":
            message = "the factor that a study can vary is called explanation"
            yield Problem(("factors", name), message)
            continue
        for index, level in enumerate(factor.levels):
            path = ("factors", name, "levels", index)
            yield from _known(path, level, ["none", *study.explanations])


def _hypotheses(study: Definition) -> Problems:
    yield from _distinct("hypotheses", [each.id for each in study.hypotheses])
    outcomes = _outcomes(study)
    levels = [level for factor in study.factors.values() for level in factor.levels]
    for index, hypothesis in enumerate(study.hypotheses):
        yield from _known(("hypotheses", index, "outcome"), hypothesis.outcome, outcomes)
        for side, level in enumerate(hypothesis.contrast):
            yield from _known(("hypotheses", index, "contrast", side), level, levels)
        if hypothesis.contrast[0] == hypothesis.contrast[1]:
            message = "the two levels are the same; name two that differ"
            yield Problem(("hypotheses", index, "contrast"), message)


def _outcomes(study: Definition) -> list[str]:
    """What conditions can be compared on: numbers asked on trials, and, where people of different
    conditions are compared, the scores of scales.
    """
    trials = [name for block in study.blocks for name in block.items if name in study.items]
    numbers = [name for name in trials if isinstance(study.items[name], Likert | YesNo | Number)]
    if any(factor.vary == "within" for factor in study.factors.values()):
        return numbers
    used = [entry.scale for entry in study.questionnaires if entry.scale in scales.registered()]
    return numbers + [score.id for name in used if name for score in scales.load(name).scores]


def _exclusions(study: Definition) -> Problems:
    yield from _distinct("exclusions", [rule.id for rule in study.exclusions])
    for index, rule in enumerate(study.exclusions):
        if isinstance(rule, Answered):
            yield from _known(("exclusions", index, "item"), rule.item, study.items)
            item = study.items.get(rule.item)
            if isinstance(item, FreeText):
                message = "a free text cannot decide an exclusion"
                yield Problem(("exclusions", index, "item"), message)
            elif isinstance(item, Choice):
                values = [choice.value for choice in item.choices]
                yield from _known(("exclusions", index, "equals"), str(rule.equals), values)
            elif item is not None:
                yield from _number(item, rule.equals, ("exclusions", index, "equals"))


def _number(item: Likert | YesNo | Number, value: int | str, path: KeyPath) -> Problems:
    if isinstance(item, YesNo):
        low, high, expected = 0.0, 1.0, "1 for yes or 0 for no"
    else:
        low = -inf if item.min is None else item.min
        high = inf if item.max is None else item.max
        expected = f"a whole number from {low:g} to {high:g}"
    if isinstance(value, str) or not low <= value <= high:
        yield Problem(path, f"nobody can answer this item with {value!r}; expected {expected}")


def _distinct(section: str, ids: list[str]) -> Problems:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield Problem((section, index, "id"), f"{name} stands here twice; rename one")


def _steps(study: Definition) -> Problems:
    for index, entry in enumerate(study.flow):
        here: KeyPath = ("flow", index)
        if isinstance(entry, Instructions | Questionnaire) and entry.page is not None:
            yield from _known((*here, "page"), entry.page, study.pages)
        if isinstance(entry, Questionnaire) and entry.scale is not None:
            yield from _scale(entry.scale, entry.fill, here)
        if isinstance(entry, Questionnaire | Block):
            for place, item in enumerate(entry.items):
                yield from _known((*here, "items", place), item, study.items)
        if isinstance(entry, Block):
            yield from _block(study, entry, here)


def _block(study: Definition, block: Block, here: KeyPath) -> Problems:
    yield from _known((*here, "stimuli"), block.stimuli, study.stimuli)
    if block.order.rule == "fixed" and block.order.max_run:
        message = "a fixed order is the same for everybody; leave max_run out or shuffle"
        yield Problem((*here, "order", "max_run"), message)
    for factor in block.order.max_run:
        yield from _known((*here, "order", "max_run", factor), factor, study.factors)
        if factor in study.factors and study.factors[factor].vary == "between":
            message = "this factor never changes for a participant, so its runs cannot be short"
            yield Problem((*here, "order", "max_run", factor), message)
    stimuli = study.stimuli.get(block.stimuli)
    if stimuli and block.per_participant > stimuli.select.total:
        message = f"{block.stimuli} selects fewer stimuli than this"
        yield Problem((*here, "per_participant"), message)


def _scale(name: str, fill: dict[str, str], here: KeyPath) -> Problems:
    if name not in scales.registered():
        yield from _known((*here, "scale"), name, scales.registered())
        return
    wanted = scales.load(name).placeholders
    for word in sorted(wanted - set(fill)):
        yield Problem((*here, "fill"), f"the items of {name} need a word for [{word}]")
    for word in sorted(set(fill) - wanted):
        yield Problem((*here, "fill", word), f"no item of {name} has [{word}]; remove it")


def _ends(study: Definition) -> Problems:
    consents = [index for index, entry in enumerate(study.flow) if isinstance(entry, Consent)]
    if consents != [0]:
        yield Problem(("flow", 0), "the flow starts with its only consent step")
    debriefs = [index for index, entry in enumerate(study.flow) if isinstance(entry, Debrief)]
    if debriefs != [len(study.flow) - 1]:
        yield Problem(("flow", len(study.flow) - 1), "the flow ends with its only debrief step")
    for page in ("consent", "debrief"):
        if page not in study.pages:
            yield Problem(("pages",), f"there is no page called {page}; name its file here")


def _repeated(study: Definition) -> Problems:
    """Answers are told apart by item, so one item stands in one place of the flow."""
    names = [block.block for block in study.blocks]
    used = [entry.scale for entry in study.questionnaires if entry.scale]
    for index, entry in enumerate(study.flow):
        if isinstance(entry, Block) and names.count(entry.block) > 1:
            yield Problem(("flow", index, "block"), "two blocks have this name; rename one")
        if isinstance(entry, Questionnaire) and entry.scale and used.count(entry.scale) > 1:
            yield Problem(("flow", index, "scale"), "this scale stands in the flow twice")
    asked = [
        item
        for entry in study.flow
        if isinstance(entry, Block | Questionnaire)
        for item in entry.items
    ]
    for scale in set(used) & set(scales.registered()):
        asked += [item.id for item in scales.load(scale).items]
    for item in sorted(set(study.items)):
        if asked.count(item) > 1:
            message = "asked in two places of the flow; give each place an item of its own"
            yield Problem(("items", item), message)


def _files(study: Definition, folder: Path, instance: Path) -> Problems:
    places: list[tuple[KeyPath, File, str]] = [
        (("checkpoints", name), file, WEIGHTS) for name, file in study.checkpoints.items()
    ]
    for name, each in study.stimuli.items():
        places.append((("stimuli", name, "data"), each.data, ""))
        if each.background is not None:
            places.append((("stimuli", name, "background"), each.background, ""))
    for path, file, inside in places:
        found = find(file, folder, instance)
        if found is None:
            message = f"no {file.path} beside the study, in {instance}, or among the shipped ones"
            yield Problem((*path, "path"), message)
        elif inside and not (found / CARD).is_file():
            message = f"{found} is no checkpoint: a folder with {WEIGHTS} and {CARD}"
            yield Problem((*path, "path"), message)
        else:
            yield from _content(found / inside, file.sha256, path)


def _suits(study: Definition, folder: Path, instance: Path) -> Problems:
    """Whether stimuli and methods suit what each checkpoint does."""
    does = {
        name: _does(study.checkpoints[each.checkpoint], folder, instance)
        for name, each in study.stimuli.items()
        if each.checkpoint in study.checkpoints
    }
    for name, kind in does.items():
        stimuli = study.stimuli[name]
        if kind == "prompt" and not isinstance(stimuli.select, ByNumber):
            message = "nobody knows which continuation is right; select by count and seed"
            yield Problem(("stimuli", name, "select"), message)
        if kind not in ("prompt", None) and stimuli.generation is not None:
            message = f"this checkpoint goes on from no text, it reads a {kind}; remove it"
            yield Problem(("stimuli", name, "generation"), message)
    for name, plan in study.explanations.items():
        for stimuli_name, kind in does.items():
            if kind is not None and kind not in kinds(plan):
                message = (
                    f"{plan.method} does not apply to {stimuli_name}, of kind {kind}; it "
                    f"applies to: {', '.join(kinds(plan))} (flask methods lists all)"
                )
                yield Problem(("explanations", name, "method"), message)


def _does(checkpoint: File, folder: Path, instance: Path) -> str | None:
    """What kind of input a checkpoint explains; None where its card does not say."""
    found = find(checkpoint, folder, instance)
    try:
        card = json.loads((found / CARD).read_bytes()) if found else {}
        kind, labels = card["preprocessing"]["kind"], card["labels"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return "prompt" if kind == "text" and not labels else str(kind)


def _content(file: Path, expected: str, path: KeyPath) -> Problems:
    try:
        digest = sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        yield Problem((*path, "path"), f"{file} cannot be read: {error.strerror}")
        return
    if digest != expected:
        message = f"{file} has the SHA-256 {digest}: another file, or a damaged one"
        yield Problem((*path, "sha256"), message)


def _known(path: KeyPath, name: str, names: Iterable[str]) -> Problems:
    names = list(names)
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        expected = ", ".join(names) if names else "nothing is defined there yet"
        yield Problem(path, f"unknown name {name!r}, expected one of: {expected}{hint}")
