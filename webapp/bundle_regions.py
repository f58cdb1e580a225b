"""The rows of the export bundle that hold what participants marked against explanations.

They come from the artifacts of the frozen version, and only of stimuli that a task `highlight` is
about; other studies have none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from explainer.artifact import ArtifactError, Explanation, Stimulus, Store, canonical_json
from webapp import trials
from webapp.definition import Block, Definition
from webapp.displays.text import is_inside
from webapp.models import StudyVersion, VersionExplanation, VersionStimulus
from webapp.planned import drawn
from webapp.studies import definition_of
from webapp.tasks.highlight import Highlight
from webapp.tasks.mask import Mask

Row = Sequence[Any]

LOST = "the artifact cannot be read"


def attributions(session: Session, version: StudyVersion, store: Store) -> Iterator[Row]:
    """Each player's value for the main output, of each explanation of a stimulus to be marked.

    An explanation of words, or of what is inside the model, has none. Where an artifact is lost
    one row says so: the answers can be exported all the same.
    """
    definition = definition_of(version)
    sets = {block.stimuli for block in _marked(definition)}
    pictures = [name for name, each in definition.explanations.items() if drawn(each)]
    stimuli = select(VersionStimulus.stimulus_digest).where(
        VersionStimulus.version_id == version.id, VersionStimulus.stimulus_set.in_(sets)
    )
    found = session.execute(
        select(VersionExplanation.stimulus_digest, VersionExplanation.explanation_digest)
        .where(
            VersionExplanation.version_id == version.id,
            VersionExplanation.name.in_(pictures),
            VersionExplanation.stimulus_digest.in_(stimuli),
        )
        .distinct()
        .order_by(VersionExplanation.explanation_digest)
    )
    for shown, digest in found:
        try:
            stimulus, explanation = store.read_stimulus(shown), store.read_explanation(digest)
        except ArtifactError:
            yield digest, None, None, None, None, LOST
            continue
        told = main_output(stimulus, explanation)
        if told is None:
            continue
        output, values = told
        pairs = zip(explanation.players, values.tolist(), strict=True)
        for index, (player, value) in enumerate(pairs):
            yield digest, output, index, _json(player), value, None


def units(session: Session, version: StudyVersion, store: Store) -> Iterator[Row]:
    """Each part that could be marked of each stimulus, in the notation of players."""
    definition = definition_of(version)
    for block in _marked(definition):
        about = trials.about(session, definition, block)
        (mask,) = (
            item
            for page in block.trial.pages
            for item in block.trial.questions(page, about).values()
            if isinstance(item, Mask)
        )
        digests = session.scalars(
            select(VersionStimulus.stimulus_digest)
            .where(
                VersionStimulus.version_id == version.id,
                VersionStimulus.stimulus_set == block.stimuli,
            )
            .order_by(VersionStimulus.position)
        )
        for digest in digests:
            try:
                stimulus = store.read_stimulus(digest)
            except ArtifactError:
                continue  # its explanations' rows say that it is lost
            for index, unit in enumerate(mask.on(stimulus, None, None).units):
                yield block.block, digest, index, _json(unit)


def main_output(
    stimulus: Stimulus, explanation: Explanation
) -> tuple[str, NDArray[np.float64]] | None:
    """What the model said as a whole, by name, and the players' values for it, (players,).

    The predicted label; the mean of a forecast; the sum over the tokens of a text. None where the
    explanation is not of parts of the input, or not of that output.
    """
    values = explanation.values.astype(np.float64)
    if not all(explanation.players) or is_inside(stimulus, explanation):
        return None
    if stimulus.labels:
        whole = stimulus.predicted
    else:
        whole = "sum" if stimulus.forecast is None else "mean"
    if whole in explanation.outputs:
        return whole, values[:, explanation.outputs.index(whole)]
    if stimulus.labels:
        return None
    # The tokens of a text add up; the steps of a forecast have their mean.
    pool = np.sum if stimulus.forecast is None else np.mean
    return whole, pool(values, axis=1)


TABLES = {"attributions": attributions, "units": units}


def _marked(definition: Definition) -> list[Block]:
    return [block for block in definition.blocks if isinstance(block.trial, Highlight)]


def _json(player: Sequence[int]) -> str:
    return canonical_json(list(player)).decode()
