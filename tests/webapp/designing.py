"""Studies with a design to test: several blocks, checks, conditions, quotas, covariates."""

from typing import Any

from lab import Laboratory, definition
from sqlalchemy import select, update

from webapp.keys import token_hash
from webapp.models import Participant, Step

HOUR = 3_600_000
MINUTE = 60_000


def block(name: str, item: str, count: int, **more: Any) -> dict[str, Any]:
    """A block of ratings."""
    rated = {"block": name, "trial": {"task": "rate"}, "stimuli": "digits"}
    return {**rated, "per_participant": count, "items": [item], **more}


def two_blocks(rule: str = "fixed", **more: Any) -> dict[str, Any]:
    """Consent, then blocks one and two of three trials each in a group, then debrief."""
    study = definition()
    blocks = [block("one", "trust", 3), block("two", "used", 3, **more)]
    study["flow"] = [
        {"step": "consent"},
        {"block": "both", "order": {"rule": rule}, "blocks": blocks},
        {"step": "debrief"},
    ]
    return study


def checked(**more: Any) -> dict[str, Any]:
    """The small study with a check after its instructions: `used` is to be answered `never`."""
    study = definition()
    study["recruitment"]["outcomes"]["screened_out"] = {"code": "CODE-OUT"}
    check = {"step": "check", "items": ["used"], "correct": {"used": "never"}, **more}
    study["flow"][4]["items"] = ["years", "comment"]
    study["flow"].insert(2, check)
    return study


def asked_first(**more: Any) -> dict[str, Any]:
    """Between participants, with `used` and `years` asked right after consent."""
    study = definition()
    study["factors"]["explanation"] = {"levels": ["none", "shap"], "vary": "between"}
    study["recruitment"]["outcomes"]["quota_full"] = {"code": "CODE-FULL"}
    trials = {**study["flow"][2], "order": {"rule": "shuffled"}}
    asked = {"step": "questionnaire", "items": ["used", "years"]}
    study["flow"] = [study["flow"][0], asked, study["flow"][1], trials, study["flow"][5]]
    return study | more


def person(lab: Laboratory, token: str) -> Participant:
    """The participant with this token, with the steps."""
    (found,) = [each for each in lab.participants() if each.token_hash == token_hash(token)]
    return found


def trials(participant: Participant, name: str | None = None) -> list[Step]:
    """The trials of a participant, or of one block of theirs."""
    steps = [step for step in participant.steps if step.kind == "trial"]
    return [step for step in steps if name in (None, step.block)]


def ago(lab: Laboratory, token: str, ms: int) -> None:
    """Let everything that a participant did have happened so much earlier."""
    with lab.session() as session:
        who = session.scalars(
            select(Participant.id).where(Participant.token_hash == token_hash(token))
        ).one()
        session.execute(
            update(Step)
            .where(Step.participant_id == who)
            .values(shown_at=Step.shown_at - ms, submitted_at=Step.submitted_at - ms)
        )
        session.commit()
