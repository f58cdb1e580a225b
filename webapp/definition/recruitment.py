"""Where participants come from, and what they take back at each kind of end."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, StringConstraints, model_validator

from webapp.parts import Part

PLACE = "{id}"  # where a redirect takes the participant's id


@dataclass(frozen=True)
class Platform:
    """How a platform names a participant in the link to a study, and where one takes a code.

    always: whether every link from it carries the id, so that one without is no link from it.
    preview: a parameter and its value in links that somebody opens before taking the job.
    """

    name: str
    id_parameter: str
    always: bool
    redirect: str | None = None
    preview: tuple[str, str] | None = None


PLATFORMS = {
    "prolific": Platform(
        "Prolific",
        "PROLIFIC_PID",
        always=True,
        redirect="https://app.prolific.com/submissions/complete?cc={code}",
    ),
    # Links in a Survey Link job carry no id; in others a preview has this for an assignment.
    "mturk": Platform(
        "Mechanical Turk",
        "workerId",
        always=False,
        preview=("assignmentId", "ASSIGNMENT_ID_NOT_AVAILABLE"),
    ),
    # The study's address at SONA ends in ?id=%SURVEY_CODE%; where to go back is each school's own.
    "sona": Platform("SONA", "id", always=True),
}


def _address(text: str) -> str:
    rest = text.replace(PLACE, "")
    if "{" in rest or "}" in rest:
        raise ValueError(f"the only placeholder is {PLACE}")
    return text


class Outcome(Part):
    """What a participant takes back at one kind of end: a code, a redirect (with {id}), or both."""

    code: (
        Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w.-]+$")] | None
    ) = None
    redirect: (
        Annotated[
            str,
            StringConstraints(max_length=1000, pattern=r"^https://[A-Za-z0-9.-]+(:\d+)?(/\S*)?$"),
            AfterValidator(_address),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.code is None and self.redirect is None:
            raise ValueError("give a code, a redirect or both")
        return self


class Outcomes(Part):
    """The ends that a participation can come to."""

    complete: Outcome | None = None
    screened_out: Outcome | None = None
    quota_full: Outcome | None = None
    declined: Outcome | None = None
    timed_out: Outcome | None = None
    withdrawn: Outcome | None = None


@dataclass(frozen=True)
class WayBack:
    """What the last page offers: a code to write down, a link to follow, and where it leads."""

    code: str | None
    url: str | None
    site: str | None


class RecruitmentSite(Part):
    """Where participants come from: a known platform, or the URL parameter with their id."""

    platform: Literal["prolific", "mturk", "sona"] | None = None
    id_parameter: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] | None
    ) = None
    outcomes: Outcomes = Outcomes()

    @model_validator(mode="after")
    def _ids_for_redirects(self) -> Self:
        for name, outcome in self.outcomes:
            if self.parameter is None and outcome is not None and PLACE in (outcome.redirect or ""):
                raise ValueError(
                    f"outcomes.{name}.redirect needs the participant's id: "
                    "give id_parameter or platform too"
                )
        return self

    @property
    def _known(self) -> Platform | None:
        return PLATFORMS[self.platform] if self.platform else None

    @property
    def parameter(self) -> str | None:
        """The URL parameter with the participant's id, if there is one."""
        return self.id_parameter or (self._known.id_parameter if self._known else None)

    @property
    def id_required(self) -> bool:
        """Whether a link without an id cannot come from where participants come from."""
        return self._known is not None and self._known.always

    @property
    def preview(self) -> tuple[str, str] | None:
        """A parameter and its value by which a link is only a look at the study, if any."""
        return self._known.preview if self._known else None

    def way_back(self, outcome: str, external_id: str | None) -> WayBack | None:
        """What a participant with this id takes back from an end; None where nothing is said."""
        found: Outcome | None = getattr(self.outcomes, outcome)
        if found is None:
            return None
        url = found.redirect
        if url is None and found.code and self._known and self._known.redirect:
            url = self._known.redirect.replace("{code}", quote(found.code, safe=""))
        if url is not None and PLACE in url:
            url = url.replace(PLACE, quote(external_id, safe="")) if external_id else None
        return WayBack(found.code, url, self._known.name if self._known else None)
