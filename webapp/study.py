"""A study folder: study.yaml and its pages, read, checked, and ready to be loaded."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from explainer.artifact import canonical_json
from webapp.checks import mistakes
from webapp.definition import Definition
from webapp.problems import FileError, Problem
from webapp.problems import Path as KeyPath
from webapp.scales import Scale, shipped
from webapp.yamlfile import parse, read_text


@dataclass(frozen=True)
class StudyFile:
    """Everything that a researcher wrote: the definition, every page's text, the scales used."""

    folder: Path
    text: str
    definition: Definition
    pages: dict[str, str | dict[str, str]]
    scales: dict[str, Scale]

    @property
    def digest(self) -> str:
        """SHA-256 over study.yaml, pages and scales: what decides whether a study changed."""
        return sha256(canonical_json(self.source())).hexdigest()

    def source(self) -> dict[str, object]:
        """The texts as they are frozen into a study version."""
        return {
            "study_yaml": self.text,
            "pages": self.pages,
            "scales": {
                name: scale.model_dump(by_alias=True, exclude_none=True)
                for name, scale in self.scales.items()
            },
        }


def read(path: Path, instance: Path) -> StudyFile:
    """Read and check a study: `path` is study.yaml or its folder.

    Raises FileError with every mistake found: its file, line, path and what was expected.
    """
    file = path / "study.yaml" if path.is_dir() else path
    text = read_text(file)
    data, lines = parse(text, str(file))
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        problems = [_problem(details, data) for details in error.errors(include_url=False)]
        raise FileError(str(file), problems, lines) from error
    scales = {**shipped(), **_own_scales(file.parent / "scales")}
    problems = list(mistakes(definition, file.parent, instance, scales))
    pages: dict[str, str | dict[str, str]] = {}
    for name, files in definition.pages.items():
        if isinstance(files, str):
            pages[name] = _page(file.parent, files, ("pages", name), problems)
            continue
        lacking = [each for each in definition.languages if each not in files]
        if lacking:
            message = f"participants read it in {', '.join(lacking)} too; name a file for each"
            problems.append(Problem(("pages", name), message))
        pages[name] = {
            language: _page(file.parent, relative, ("pages", name, language), problems)
            for language, relative in files.items()
        }
    if problems:
        raise FileError(str(file), problems, lines)
    used = {entry.scale for entry in definition.questionnaires if entry.scale}
    return StudyFile(
        file.parent.resolve(), text, definition, pages, {name: scales[name] for name in used}
    )


def _page(folder: Path, relative: str, place: KeyPath, problems: list[Problem]) -> str:
    """The text of one page; what is wrong with its file is added to the problems."""
    try:
        text = read_text(folder / relative)
    except FileError as error:
        problems.append(Problem(place, f"{relative}: {error.problems[0].message}"))
        return ""
    if not text.strip():
        problems.append(Problem(place, f"{relative} is empty; write its text"))
    return text


def _own_scales(folder: Path) -> dict[str, Scale]:
    """The scales that lie beside a study. Raises FileError with every mistake in the first bad."""
    found = {}
    for file in sorted(folder.glob("*.yaml")):
        data, lines = parse(read_text(file), str(file))
        try:
            scale = Scale.model_validate(data)
        except ValidationError as error:
            problems = [_problem(details, data) for details in error.errors(include_url=False)]
            raise FileError(str(file), problems, lines) from error
        if scale.id in shipped():
            message = "a scale with this id ships with Credence; give this one another"
            raise FileError(str(file), [Problem(("id",), message)], lines)
        if scale.id != file.stem:
            message = f"the file of this scale is called {scale.id}.yaml; rename one of the two"
            raise FileError(str(file), [Problem(("id",), message)], lines)
        found[scale.id] = scale
    return found


def _problem(details: ErrorDetails, data: object) -> Problem:
    """Say a pydantic error in the words of the file; tags of unions are not part of a path."""
    path: list[str | int] = []
    here: object = data
    tag_is_next = True
    for part in details["loc"]:
        # pydantic names the kind of a block or a text item before their own keys block and text.
        is_tag = (
            tag_is_next
            and isinstance(here, dict)
            and part
            in (
                here.get("kind"),
                here.get("type"),
                *(("block", "group") if path[:1] == ["flow"] else ()),
            )
        )
        if is_tag:
            tag_is_next = False
            continue
        inside = (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        )
        if inside:
            here, tag_is_next = here[part], True  # type: ignore[index]
            path.append(part)
        elif part == details["loc"][-1] and details["type"] == "missing":
            path.append(part)
    kind, message = details["type"], details["msg"]
    context = details.get("ctx", {})
    if kind == "missing":
        message = "missing; this key is required"
    elif kind == "extra_forbidden":
        message = "unknown key; remove it or correct its name"
    elif kind == "value_error":
        message = str(context["error"])
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        key = "block or step" if path[:1] == ["flow"] and _is_entry(path) else None
        key = key or str(context.get("discriminator", "kind")).strip("'")
        given = context.get("tag")
        expected = context.get("expected_tags") or "a key that says its kind"
        message = f"expected one of {expected}"
        message += f", got {_short(given)}" if given not in (None, "None") else f" by the key {key}"
    elif details["loc"] and details["loc"][-1] == "sha256":
        message = "expected 64 lower-case hex digits; print them with: sha256sum FILE"
    else:
        message = f"{message[0].lower()}{message[1:]}, got {_short(details['input'])}"
    return Problem(tuple(path), message)


def _is_entry(path: list[str | int]) -> bool:
    """Whether a path in the flow is that of a page, block or group, not of what is in it."""
    return isinstance(path[-1], int) and (len(path) == 2 or path[-2] == "blocks")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
