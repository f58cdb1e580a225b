"""What every part of a study file is made of."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=16)
]
Words = Annotated[str, StringConstraints(min_length=1, max_length=5000, strip_whitespace=True)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Text = Annotated[dict[Language, Words], Field(min_length=1)]


def say(text: Mapping[str, str], language: str) -> str:
    """Return the text in a language, or in the first one it is written in."""
    return text.get(language) or next(iter(text.values()))


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or "\\" in path or "\x00" in path:
        raise ValueError("write a path relative to the study, with / and without ..")
    return path


RelativePath = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_stays_inside)
]


class Part(BaseModel):
    """A piece of a study file: unknown keys are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Part):
    """A file or checkpoint, found beside the study, in instance/, or among the shipped ones."""

    path: RelativePath
    sha256: Digest
