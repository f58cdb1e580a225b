"""What a step of a trial shows and asks: its task's page, and items that know the stimulus set."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.definition import Block, Definition
from webapp.items import Question
from webapp.models import Checkpoint, Response, Step, StudyVersion
from webapp.studies import definition_of
from webapp.tasks.base import About, named


def about(session: Session, definition: Definition, block: Block) -> About:
    """What the model says of the stimuli of a block."""
    digest = definition.checkpoints[definition.stimuli[block.stimuli].checkpoint].sha256
    card = session.get_one(Checkpoint, digest).card
    return About(str(card["preprocessing"]["kind"]), tuple(card["labels"]))


def asked_by_tasks(session: Session, version: StudyVersion) -> dict[str, Question]:
    """Every item that the tasks of a version ask by themselves, by name."""
    definition = definition_of(version)
    return {
        name: item
        for block in definition.blocks
        for page in block.trial.pages
        for name, item in named(
            block.block, block.trial.questions(page, about(session, definition, block))
        ).items()
    }


def items_of(
    session: Session, definition: Definition, block: Block, step: Step
) -> dict[str, Question]:
    """The items of one page of a trial: the task's own, then the block's."""
    page = block.trial.page(step.part)
    questions = named(block.block, block.trial.questions(page, about(session, definition, block)))
    return questions | {name: definition.items[name] for name in block.items if page.asks}


def repeated(session: Session, block: Block, step: Step) -> Response | None:
    """The answer from an earlier page of the trial that this page says again, if there is one."""
    name = block.trial.page(step.part).repeats
    if name is None:
        return None
    return session.scalar(
        select(Response)
        .join(Step, Step.id == Response.step_id)
        .where(
            Step.participant_id == step.participant_id,
            Step.stimulus_digest == step.stimulus_digest,
            Step.position < step.position,
            Response.item_id == f"{block.block}-{name}",
        )
        .order_by(Step.position.desc(), Step.attempt.desc())
        .limit(1)
    )
