"""Which changed input belongs to which stimulus: the one in the same row of its set's data."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Stimulus, VersionStimulus


def pairs(session: Session, version_id: int, stimuli: str, changed: str) -> dict[str, str]:
    """The digest of the changed input by that of the stimulus, as far as there is one.

    stimuli, changed: names of stimulus sets whose data have the same rows in the same order.
    """
    originals, others = (_rows(session, version_id, name) for name in (stimuli, changed))
    return {digest: others[row] for row, digest in originals.items() if row in others}


def unpaired(session: Session, version_id: int, stimuli: str, changed: str) -> int:
    """How many stimuli have no changed input."""
    found = pairs(session, version_id, stimuli, changed)
    return sum(digest not in found for digest in _rows(session, version_id, stimuli).values())


def _rows(session: Session, version_id: int, name: str) -> dict[int, str]:
    found = session.execute(
        select(Stimulus.source, Stimulus.digest)
        .join(VersionStimulus, VersionStimulus.stimulus_digest == Stimulus.digest)
        .where(VersionStimulus.version_id == version_id, VersionStimulus.stimulus_set == name)
        .order_by(VersionStimulus.position)
    )
    return {int(source["index"]): digest for source, digest in found}
