"""Writing down the steps of one participant, in order, each with what it will show."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import assignment
from webapp.assignment import Condition, Trial
from webapp.definition import Block
from webapp.models import Participant, Step, VersionExplanation, now
from webapp.pairs import pairs


class StepWriter:
    """Appends steps after those that a participant has."""

    def __init__(self, session: Session, participant: Participant) -> None:
        """Begin where the participant's last step stands."""
        self._session, self._participant = session, participant
        last = session.scalar(
            select(func.max(Step.position)).where(Step.participant_id == participant.id)
        )
        self._next = 0 if last is None else last + 1

    @cached_property
    def _explanations(self) -> dict[tuple[str, str], str]:
        """The explanation of each name and stimulus."""
        found = self._session.scalars(
            select(VersionExplanation).where(
                VersionExplanation.version_id == self._participant.version_id
            )
        )
        return {(each.name, each.stimulus_digest): each.explanation_digest for each in found}

    def _changes(self, block: Block) -> dict[str, str]:
        """The changed input of each stimulus of a block, where its task shows one."""
        if block.trial.beside is None:
            return {}
        version_id = self._participant.version_id
        return pairs(self._session, version_id, block.stimuli, block.trial.beside)

    def add(self, kind: str, flow: int | None, *, done: bool = False, **more: Any) -> None:
        """Write one step; `done` for one that is over by now."""
        moment = now() if done else None
        self._session.add(
            Step(
                participant_id=self._participant.id,
                position=self._next,
                kind=kind,
                flow=flow,
                shown_at=moment,
                submitted_at=moment,
                **{"condition": "", **more},
            )
        )
        self._next += 1

    def add_block(
        self, flow: int, block: Block, common: Condition, trials: Sequence[Trial]
    ) -> None:
        """Write every page of every trial, with a break where one is due.

        common: the levels that all of the participant's trials in the block have.
        """
        every = block.break_every or len(trials)
        changes = self._changes(block)
        for number, trial in enumerate(trials):
            if number and number % every == 0:
                self.add("break", flow, block=block.block)
            condition = {**common, **trial.condition}
            for page in block.trial.pages:
                shown = block.trial.shown(page, condition)
                digests = [self._explanations[name, trial.stimulus] for name in shown]
                first, second = (*digests, None, None)[:2]
                self.add(
                    "trial",
                    flow,
                    block=block.block,
                    part=page.part,
                    condition=assignment.name_of(condition),
                    stimulus_digest=trial.stimulus,
                    second_stimulus_digest=changes.get(trial.stimulus),
                    explanation_digest=first,
                    second_explanation_digest=second,
                )
