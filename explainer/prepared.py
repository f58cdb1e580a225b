"""A stimulus set with its checkpoint and data loaded and its stimuli chosen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from explainer.artifact import Stimulus, Store, canonical_json, sha256
from explainer.contents import background, contents
from explainer.data.contents import ContentsError
from explainer.methods.randomised import randomised
from explainer.plan import StimulusSet
from explainer.selection import Classes, SelectionError, draw, select
from explainer.subjects import Subject
from explainer.subjects.load import load
from explainer.subjects.prompt import PromptSubject

Change = Callable[[Subject, int], Subject]


class Prepared:
    """Stimuli are asked for by their row in the data.

    selected: the rows chosen, in order. classes (rows,): what the model says of each, as a number;
    where it goes on from texts, all are alike, and it is asked about a row only when needed.
    background: the digest of what masks draw from.
    """

    def __init__(self, stimuli: StimulusSet, store: Store, device: str) -> None:
        """Load, check, ask the model, select.

        Raises CheckpointError, ContentsError, SelectionError.
        """
        self.name, self.store, self.where = stimuli.name, store, stimuli.data.path
        given = stimuli.background
        self.background = given and given.sha256
        self.subject: Subject = load(
            stimuli.checkpoint.path,
            stimuli.checkpoint.sha256,
            device,
            given and background(given.path, given.sha256),
        )
        if isinstance(self.subject, PromptSubject):
            wanted_length, seed = stimuli.generation.tokens, stimuli.generation.seed
            self.subject.writing = replace(self.subject.writing, length=wanted_length, seed=seed)
        self.data = contents(self.subject, stimuli.data.path, stimuli.data.sha256)
        self._stimuli: dict[int, Stimulus] = {}
        self._digests: dict[int, str] = {}
        self._changed: tuple[Change, int, Subject] | None = None
        wanted = stimuli.select
        if self.subject.kind == "prompt":
            self.classes: Classes = np.zeros(len(self.data), dtype=np.int64)
        else:
            self._ask(list(range(len(self.data))))
            self.classes = np.array([said(each) for each in self._stimuli.values()])
        if wanted.count:
            self.selected = draw(len(self.data), wanted.count, wanted.seed)
            return
        correct = [self.stimulus(row).model_correct for row in range(len(self.data))]
        if None in correct:
            raise SelectionError(
                f"{self.where}: nobody knows what is right for row {correct.index(None)}: select "
                "by count and seed instead of right and wrong"
            )
        right = np.array(correct, dtype=bool)
        self.selected = select(right, self.classes, wanted.right, wanted.wrong, wanted.seed)

    def stimulus(self, row: int) -> Stimulus:
        """The stimulus of a row."""
        if row not in self._stimuli:
            self._ask([row])
        return self._stimuli[row]

    def digest(self, row: int) -> str:
        """The digest of a row's stimulus."""
        if row not in self._digests:
            self._digests[row] = sha256(canonical_json(self.stimulus(row).to_json()))
        return self._digests[row]

    def randomised(self, seed: int) -> Subject:
        """The subject with weights drawn anew."""
        return self.changed(randomised, seed)

    def changed(self, change: Change, seed: int) -> Subject:
        """What a change by a seed makes of the subject; the last one made is kept."""
        if self._changed is None or self._changed[:2] != (change, seed):
            self._changed = change, seed, change(self.subject, seed)
        return self._changed[2]

    def _ask(self, rows: list[int]) -> None:
        found = self.subject.stimuli(*self.data.take(rows))
        for row, stimulus in zip(rows, found, strict=True):
            if not all(np.isfinite(each).all() for each in answers(stimulus)):
                raise ContentsError(
                    f"{self.where}: the model's output for row {row} is NaN or infinite: train "
                    "another checkpoint, or leave the row out"
                )
            self._stimuli[row] = stimulus


def said(stimulus: Stimulus) -> int:
    """What the model says, as a number: the label's, or 1 for a rising and 0 for another series."""
    if stimulus.forecast is not None:
        return int(stimulus.forecast.values[-1] > stimulus.forecast.naive[-1])
    return int(stimulus.log_probabilities.argmax()) if stimulus.labels else 0


def answers(stimulus: Stimulus) -> list[Any]:
    """Every array that the model gave."""
    found: list[Any] = [stimulus.log_probabilities]
    if stimulus.forecast is not None:
        found.append(stimulus.forecast.values)
    if stimulus.continuation is not None:
        found += [stimulus.continuation.log_probabilities, stimulus.continuation.entropies]
    return found
