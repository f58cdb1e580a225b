"""Where participants come from, and what they take back."""

from typing import Annotated

from pydantic import StringConstraints

from webapp.parts import Part


class Outcome(Part):
    """What a participant takes back to the recruitment platform at one kind of end."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w.-]+$")]


class Outcomes(Part):
    """The ends a participation can come to."""

    complete: Outcome | None = None
    declined: Outcome | None = None


class RecruitmentSite(Part):
    """Where participants come from: the URL parameter with their id, and codes to return."""

    id_parameter: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] | None
    ) = None
    outcomes: Outcomes = Outcomes()
