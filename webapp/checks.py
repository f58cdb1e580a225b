"""What a study definition may get wrong beyond its shape: names, flow, and files."""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

from webapp import checks_design, checks_display, checks_files, checks_flow, checks_tasks
from webapp.checks_values import possible
from webapp.definition import (
    Answered,
    Definition,
    FailedChecks,
    StraightLining,
)
from webapp.items import (
    Choice,
    Confidence,
    Likert,
    Number,
    SemanticDifferential,
    Slider,
    YesNo,
)
from webapp.planned import ByNumber, Control, languages
from webapp.problems import Problem, Problems, known
from webapp.scales import Scale
from webapp.tasks.base import About, named

Numeric = Likert | SemanticDifferential | Slider | YesNo | Number | Confidence


def mistakes(
    study: Definition, folder: Path, instance: Path, scales: Mapping[str, Scale]
) -> Problems:
    """Every mistake in a definition whose study.yaml lies in `folder`."""
    yield from _explanations(study)
    yield from _factors(study)
    yield from _hypotheses(study, scales)
    yield from _exclusions(study)
    yield from checks_flow.mistakes(study, scales)
    yield from checks_design.mistakes(study, scales)
    yield from checks_tasks.mistakes(study)
    yield from checks_display.mistakes(study)
    yield from checks_files.mistakes(study, folder, instance)


def notes(study: Definition) -> Iterator[str]:
    """What is no mistake in a definition, but costs the study precision."""
    within = {n: tuple(f.levels) for n, f in study.factors.items() if f.vary == "within"}
    for block in study.blocks:
        conditions = prod(map(len, block.trial.levels(within).values()))
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


def _explanations(study: Definition) -> Problems:
    inputs = [(each.checkpoint, each.data.sha256) for each in study.stimuli.values()]
    for name, stimuli in study.stimuli.items():
        if inputs.count((stimuli.checkpoint, stimuli.data.sha256)) > 1:
            message = "another stimulus set has this checkpoint and data; use one set for both"
            yield Problem(("stimuli", name), message)
        yield from known(("stimuli", name, "checkpoint"), stimuli.checkpoint, study.checkpoints)
    for name, plan in study.explanations.items():
        if name == "none":
            yield Problem(("explanations", name), "the name none means no explanation; rename it")
        if isinstance(plan, Control):
            yield from known(("explanations", name, "of"), plan.of, study.explanations)
            if isinstance(study.explanations.get(plan.of), Control):
                message = "a control is made of a real explanation, not of a control"
                yield Problem(("explanations", name, "of"), message)
        there = languages(plan)
        lacking = [] if there is None else [each for each in study.languages if each not in there]
        if lacking:
            message = f"participants read it in {', '.join(lacking)} too; write it in each language"
            yield Problem(("explanations", name, "words"), message)


def _factors(study: Definition) -> Problems:
    for name, factor in study.factors.items():
        for level in factor.shows:
            yield from known(("factors", name, "shows", level), level, factor.levels)
        if name != "explanation":
            continue
        for index, level in enumerate(factor.levels):
            path = ("factors", name, "levels", index)
            yield from known(path, level, ["none", *study.explanations])


def _hypotheses(study: Definition, scales: Mapping[str, Scale]) -> Problems:
    yield from _distinct("hypotheses", [each.id for each in study.hypotheses])
    outcomes = _outcomes(study, scales)
    levels = [level for factor in study.factors.values() for level in factor.levels]
    for index, hypothesis in enumerate(study.hypotheses):
        yield from known(("hypotheses", index, "outcome"), hypothesis.outcome, outcomes)
        for side, level in enumerate(hypothesis.contrast):
            yield from known(("hypotheses", index, "contrast", side), level, levels)
        if hypothesis.contrast[0] == hypothesis.contrast[1]:
            message = "the two levels are the same; name two that differ"
            yield Problem(("hypotheses", index, "contrast"), message)


def _outcomes(study: Definition, scales: Mapping[str, Scale]) -> list[str]:
    """What conditions can be compared on: numbers asked on trials, what tasks are about, and, where
    people of different conditions are compared, the scores of scales.
    """
    trials = [name for block in study.blocks for name in block.items if name in study.items]
    numbers = [name for name in trials if isinstance(study.items[name], Numeric)]
    for block in study.blocks:
        numbers += [name for name in block.trial.outcomes if name not in numbers]
        # With one label or another a decision is a choice, so that what is left is how sure.
        asked = [block.trial.questions(page, About("", ("",))) for page in block.trial.pages]
        for questions in asked:
            found = named(block.block, questions)
            numbers += [name for name, item in found.items() if isinstance(item, Numeric)]
    if any(factor.vary != "between" for factor in study.factors.values()):
        return numbers
    used = [entry.scale for entry in study.questionnaires if entry.scale]
    return numbers + [score.id for name in used if name in scales for score in scales[name].scores]


def _exclusions(study: Definition) -> Problems:
    yield from _distinct("exclusions", [rule.id for rule in study.exclusions])
    for index, rule in enumerate(study.exclusions):
        if isinstance(rule, Answered):
            yield from known(("exclusions", index, "item"), rule.item, study.items)
            item = study.items.get(rule.item)
            if isinstance(item, Choice | Numeric):
                path = ("exclusions", index, "equals")
                yield from possible(rule.item, item, rule.equals, path)
            elif item is not None:
                kind = "free text" if item.kind == "text" else item.kind
                message = f"a {kind} cannot decide an exclusion"
                yield Problem(("exclusions", index, "item"), message)
        elif isinstance(rule, StraightLining):
            used = [entry.scale for entry in study.questionnaires if entry.scale]
            yield from known(("exclusions", index, "straight_lining"), rule.straight_lining, used)
        elif isinstance(rule, FailedChecks) and not study.checks:
            message = "the study has no check that could be failed; add a step: check"
            yield Problem(("exclusions", index, "failed_checks_above"), message)


def _distinct(section: str, ids: list[str]) -> Problems:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield Problem((section, index, "id"), f"{name} stands here twice; rename one")
