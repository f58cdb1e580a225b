"""What may be wrong with what a block's task is told, and whether its stimuli suit it."""

from webapp.definition import Block, Definition, pages
from webapp.problems import Path as KeyPath
from webapp.problems import Problem, Problems, known
from webapp.tasks.compare import PAIR, Compare
from webapp.tasks.name import METHODS, NameTask
from webapp.tasks.words import Wording


def mistakes(study: Definition) -> Problems:
    """Every mistake in the tasks of a study."""
    for path, entry in pages(study.flow):
        if isinstance(entry, Block):
            yield from _task(study, entry, ("flow", *path))


def _task(study: Definition, block: Block, here: KeyPath) -> Problems:
    task, trial = block.trial, (*here, "trial")
    for name in task.named:
        yield from known(trial, name, study.explanations)
    if isinstance(task, NameTask) and task.explanation in study.explanations:
        method = study.explanations[task.explanation].method
        if method not in METHODS:
            message = f"{method} tells of no ideas to name; use {' or '.join(METHODS)}"
            yield Problem((*trial, "explanation"), message)
    if isinstance(task, Wording):
        for name in task.words:
            yield from known((*trial, "words", name), name, task.spoken)
    if isinstance(task, Compare) and PAIR in study.factors:
        message = f"compare says by {PAIR} which explanation is A; rename this factor"
        yield Problem(("factors", PAIR), message)
    lacking = task.untranslated(study.languages)
    if lacking:
        message = f"{task.task} has no words in {', '.join(lacking)}; write them in words"
        yield Problem((*trial, "words"), message)
    if not task.varied and "explanation" in block.order.max_run:
        message = f"the factor explanation changes nothing in {task.task}; remove it here"
        yield Problem((*here, "order", "max_run", "explanation"), message)
    taken = [name for name in study.items if name.startswith(f"{block.block}-")]
    if taken:
        message = f"{block.block}-... are the names of what its task asks; rename {taken[0]}"
        yield Problem(("items", taken[0]), message)
    if task.beside is not None:
        yield from _beside(study, block, task.beside, trial)


def _beside(study: Definition, block: Block, changed: str, trial: KeyPath) -> Problems:
    yield from known((*trial, "changed"), changed, study.stimuli)
    shown, other = study.stimuli.get(block.stimuli), study.stimuli.get(changed)
    if shown and other and shown.checkpoint != other.checkpoint:
        message = f"{changed} is of another checkpoint than {block.stimuli}; the model must be one"
        yield Problem((*trial, "changed"), message)


def unsuited(block: Block, does: str) -> str | None:
    """Why a block's stimuli do not suit its task; does: as checks_files says it."""
    task = block.trial
    if task.judged and does == "prompt":
        return f"{task.task} asks for a label or a number, and this model writes text instead"
    if task.writing and does != "prompt":
        return f"{task.task} shows text that a model wrote, and that of {block.stimuli} writes none"
    return None
