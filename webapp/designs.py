"""A study version as the pure assignment sees it: cells, block designs, groups and forms."""

from collections.abc import Sequence
from math import prod

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import assignment
from webapp.assignment import BlockDesign, Condition, GroupDesign
from webapp.definition import Block, Definition, Group, Page
from webapp.models import Stimulus, StudyVersion, VersionStimulus

FIRST_PEOPLE = 20


def cells(definition: Definition) -> dict[str, Condition]:
    """Every combination of the levels that vary between participants, by name."""
    levels = _levels(definition, "between")
    return {assignment.name_of(cell): cell for cell in assignment.combinations(levels)}


def tree(definition: Definition) -> GroupDesign:
    """The flow as groups of numbers: places in `definition.entries`."""
    numbers = iter(range(len(definition.entries)))

    def group(name: str, rule: str, inside: Sequence[Page | Group]) -> GroupDesign:
        parts = tuple(
            group(each.block, each.order.rule, each.blocks)
            if isinstance(each, Group)
            else next(numbers)
            for each in inside
        )
        return GroupDesign(name, rule, parts)  # type: ignore[arg-type]

    return group("", "fixed", definition.flow)


def sizes(definition: Definition) -> list[int]:
    """The size of every Latin square, then the number of conditions that vary by block."""
    return [*assignment.squares(tree(definition)), len(_by_block(definition))]


def forms(definition: Definition) -> int:
    """How many forms there are: every row of every square with every turn of the blocks."""
    return prod(sizes(definition))


def order(definition: Definition, form: int, participant: int) -> list[int]:
    """The entries of the flow in one participant's order."""
    *before, _ = sizes(definition)
    return assignment.sequence(tree(definition), form % prod(before), definition.seed, participant)


def block_levels(definition: Definition, form: int) -> dict[str, Condition]:
    """The levels that each block has as a whole: they turn by one from block to block."""
    turn = assignment.digits(form, sizes(definition))[-1]
    conditions = _by_block(definition)
    return {
        block.block: {
            factor: level
            for factor, level in conditions[(place + turn) % len(conditions)].items()
            if block.trial.varied or factor != "explanation"
        }
        for place, block in enumerate(definition.blocks)
    }


def block_designs(
    session: Session, version: StudyVersion, definition: Definition
) -> list[BlockDesign]:
    """The design of every block, with what each stimulus is like."""
    rows = session.execute(
        select(VersionStimulus.stimulus_set, Stimulus)
        .join(Stimulus, Stimulus.digest == VersionStimulus.stimulus_digest)
        .where(VersionStimulus.version_id == version.id)
        .order_by(VersionStimulus.position)
    ).all()
    within = _levels(definition, "within")
    found = []
    for block in definition.blocks:
        traits = {
            stimulus.digest: _traits(stimulus, block)
            for name, stimulus in rows
            if name == block.stimuli
        }
        strata: dict[tuple[str, ...], list[str]] = {}
        for digest, has in traits.items():
            strata.setdefault(tuple(has[name] for name in block.strata), []).append(digest)
        found.append(
            BlockDesign(
                name=block.block,
                # The model right comes before the model wrong, whatever comes first in the set.
                strata=tuple(tuple(strata[key]) for key in sorted(strata, reverse=True)),
                per_participant=block.per_participant,
                levels=block.trial.levels(within),
                shuffled=block.order.rule == "shuffled",
                max_run=block.order.max_run,
                not_in=tuple(block.not_in),
                traits=traits,
            )
        )
    return found


def out_of_order(session: Session, version: StudyVersion, definition: Definition) -> list[str]:
    """The blocks in whose limits on runs no order was found for the first people, by name."""
    return [
        design.name
        for design in block_designs(session, version, definition)
        if any(
            assignment.too_long(
                assignment.draw(design, {}, (), definition.seed, person), design.max_run
            )
            for person in range(FIRST_PEOPLE)
        )
    ]


def _traits(stimulus: Stimulus, block: Block) -> dict[str, str]:
    probability = stimulus.probability
    return {
        "model_correct": "" if stimulus.model_correct is None else str(stimulus.model_correct),
        "predicted": stimulus.predicted,
        "truth": stimulus.truth or "",
        "difficulty": ""
        if probability is None
        else str(sum(probability >= band for band in block.difficulty_bands)),
    }


def _levels(definition: Definition, vary: str) -> dict[str, tuple[str, ...]]:
    factors = definition.factors.items()
    return {name: tuple(factor.levels) for name, factor in factors if factor.vary == vary}


def _by_block(definition: Definition) -> list[Condition]:
    return assignment.combinations(_levels(definition, "block"))
