"""What may be wrong with a study's files, and whether they suit what is asked of them."""

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from webapp.checks_tasks import unsuited
from webapp.definition import Block, Definition, pages
from webapp.parts import File
from webapp.planned import ByNumber, Explained, kinds, unfit
from webapp.problems import Path as KeyPath
from webapp.problems import Problem, Problems

WEIGHTS, CARD = "weights.safetensors", "card.json"


def mistakes(study: Definition, folder: Path, instance: Path) -> Problems:
    """Every mistake in the files of a study whose study.yaml lies in `folder`."""
    yield from _files(study, folder, instance)
    yield from _suits(study, folder, instance)


def find(file: File, folder: Path, instance: Path) -> Path | None:
    """Where a file or checkpoint lies: beside the study, in instance/, or among the shipped."""
    shipped = Path(str(resources.files("explainer"))) / "assets"
    return next(
        (root / file.path for root in (folder, instance, shipped) if (root / file.path).exists()),
        None,
    )


def _files(study: Definition, folder: Path, instance: Path) -> Problems:
    places: list[tuple[KeyPath, File, str]] = [
        (("checkpoints", name), file, WEIGHTS) for name, file in study.checkpoints.items()
    ]
    for name, each in study.stimuli.items():
        places.append((("stimuli", name, "data"), each.data, ""))
        if each.background is not None:
            places.append((("stimuli", name, "background"), each.background, ""))
    for path, file, inside in places:
        found = find(file, folder, instance)
        if found is None:
            message = f"no {file.path} beside the study, in {instance}, or among the shipped ones"
            yield Problem((*path, "path"), message)
        elif inside and not (found / CARD).is_file():
            message = f"{found} is no checkpoint: a folder with {WEIGHTS} and {CARD}"
            yield Problem((*path, "path"), message)
        else:
            yield from _content(found / inside, file.sha256, path)


def _suits(study: Definition, folder: Path, instance: Path) -> Problems:
    """Whether stimuli and methods suit what each checkpoint does."""
    for name, stimuli in study.stimuli.items():
        if stimuli.checkpoint not in study.checkpoints:
            continue
        card = _card(study.checkpoints[stimuli.checkpoint], folder, instance)
        kind = None if card is None else _does(card)
        for path, block in pages(study.flow):
            if isinstance(block, Block) and block.stimuli == name and kind is not None:
                message = unsuited(block, kind)
                if message is not None:
                    yield Problem(("flow", *path, "trial"), message)
        if kind == "prompt" and not isinstance(stimuli.select, ByNumber):
            message = "nobody knows which continuation is right; select by count and seed"
            yield Problem(("stimuli", name, "select"), message)
        if kind not in ("prompt", None) and stimuli.generation is not None:
            message = f"this checkpoint goes on from no text, it reads a {kind}; remove it"
            yield Problem(("stimuli", name, "generation"), message)
        for explanation, plan in study.explanations.items():
            path = ("explanations", explanation)
            if kind is not None and kind not in kinds(plan):
                message = (
                    f"{plan.method} does not apply to {name}, of kind {kind}; it "
                    f"applies to: {', '.join(kinds(plan))} (flask methods lists all)"
                )
                yield Problem((*path, "method"), message)
            elif card is not None and isinstance(plan, Explained):
                for parameter, message in unfit(plan, card):
                    yield Problem((*path, "parameters", parameter), f"{name}: {message}")


def _card(checkpoint: File, folder: Path, instance: Path) -> dict[str, Any] | None:
    """A checkpoint's card; None where there is none that says what it reads."""
    found = find(checkpoint, folder, instance)
    try:
        card = json.loads((found / CARD).read_bytes()) if found else {}
        _does(card)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(card)


def _does(card: Mapping[str, Any]) -> str:
    """What kind of input a checkpoint explains."""
    kind = str(card["preprocessing"]["kind"])
    return "prompt" if kind == "text" and not card["labels"] else kind


def _content(file: Path, expected: str, path: KeyPath) -> Problems:
    try:
        digest = sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        yield Problem((*path, "path"), f"{file} cannot be read: {error.strerror}")
        return
    if digest != expected:
        message = f"{file} has the SHA-256 {digest}: another file, or a damaged one"
        yield Problem((*path, "sha256"), message)
