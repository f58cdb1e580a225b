"""What a participant takes back to where they were recruited."""

from sqlalchemy.orm import Session

from webapp.definition.recruitment import WayBack
from webapp.models import Participant, Recruitment
from webapp.studies import definition_of


def way_back(session: Session, participant: Participant, outcome: str) -> WayBack | None:
    """The code and link of an outcome, with the participant's own id in it where it takes one."""
    known = session.get(Recruitment, participant.id)
    site = definition_of(participant.version).recruitment
    return site.way_back(outcome, known.external_id if known else None)
