"""What may be wrong with how a block draws its explanations."""

from webapp.definition import Block, Definition, pages
from webapp.displays.manner import shown_in
from webapp.planned import Control, drawn
from webapp.problems import Problem, Problems


def mistakes(study: Definition) -> Problems:
    """Every mistake in a block's display."""
    for path, entry in pages(study.flow):
        if not isinstance(entry, Block):
            continue
        here = ("flow", *path, "display")
        for key, text in entry.display.legend.texts.items():
            lacking = [each for each in study.languages if each not in text]
            if lacking:
                message = f"participants read it in {', '.join(lacking)} too; write it in each"
                yield Problem((*here, "legend", key), message)
        if entry.display.curves:
            yield from _curves(study, entry, (*here, "curves"))


def _curves(study: Definition, block: Block, path: tuple[str | int, ...]) -> Problems:
    names = shown_in(study, block)
    if not names:
        yield Problem(path, "no explanation is shown in this block, so none has a curve")
    for name in names:
        plan = study.explanations.get(name)
        if isinstance(plan, Control) and drawn(plan):
            message = f"a curve would tell that {name} is a control; leave curves out"
            yield Problem(path, message)
