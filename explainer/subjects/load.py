"""From a checkpoint's path to the subject that it makes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from explainer.encoding import canonical_json
from explainer.encoding import sha256 as digest_of
from explainer.machine import keep_float32, keep_memory, pick
from explainer.methods import MethodError
from explainer.methods.senn import PROTOTYPES
from explainer.models import checkpoint
from explainer.models.checkpoint import CARD, CheckpointError, companion
from explainer.models.config import ConfigError
from explainer.models.gpt2 import FolderTokeniser, Transformers
from explainer.models.image import ImageClassifier
from explainer.models.language import LanguageModel
from explainer.models.text import TOKENISER, TextClassifier
from explainer.models.tokenisers import TokeniserError, from_bytes
from explainer.subjects import Subject
from explainer.subjects.image import ImageSubject
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.series import SeriesSubject
from explainer.subjects.text import TextSubject

TRANSFORMERS = "config.json"  # what a folder of transformers has, and one of ours has not


def load(
    path: Path | str, sha256: str | None = None, device: str = "auto", background: Any = None
) -> Subject:
    """Read a checkpoint, and make the subject of it that its card names.

    path: what checkpoint.load takes, or a folder as transformers' save_pretrained writes it, whose
    digest is that of the list of its files' digests (see `folder_digest`). sha256: the digest asked
    for. device: auto, cpu or cuda. background: what `background` masks draw from: images uint8 (n,
    *shape), texts, or windows (n, lag). Raises CheckpointError naming the file, and DeviceError.
    """
    path = Path(path)
    place = pick(device)
    keep_memory()
    keep_float32()
    if (path / TRANSFORMERS).is_file() and not (path / CARD).exists():
        return _folder(path, sha256, place, background)
    network, card = checkpoint.load(path, sha256=sha256)
    try:
        return _maker(card)(path, network.to(place), card, background)
    except (ConfigError, TokeniserError, MethodError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _maker(card: dict[str, Any]) -> Callable[[Path, nn.Module, dict[str, Any], Any], Subject]:
    kind, labels = card["preprocessing"].get("kind"), card["labels"]
    if kind == "image":
        return _image
    if kind == "text":
        return _text if labels else _prompt
    if kind == "series":
        return _series
    raise ConfigError(
        f"its card says that it reads {kind!r} in {len(labels)} classes, of which nothing here can "
        "be explained; name one that reads images, texts or series"
    )


def _image(path: Path, network: nn.Module, card: dict[str, Any], background: Any) -> Subject:
    model = ImageClassifier.of(network, card).eval()
    return ImageSubject(model, card["weights_sha256"], background, _prototypes(path, card))


def _prototypes(path: Path, card: dict[str, Any]) -> NDArray[np.uint8] | None:
    if PROTOTYPES not in card["files"]:
        return None
    folder = path if path.is_dir() else path.parent
    data = companion(folder, card, PROTOTYPES)
    try:
        with np.load(io.BytesIO(data)) as file:
            found: NDArray[np.uint8] = file["images"]
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{PROTOTYPES} is no .npz with images ({error})") from error
    return found


def _text(path: Path, network: nn.Module, card: dict[str, Any], background: Any) -> Subject:
    model = TextClassifier.of(network, card, _tokeniser(path, card)).eval()
    return TextSubject(model, card["weights_sha256"], background)


def _prompt(path: Path, network: nn.Module, card: dict[str, Any], background: Any) -> Subject:
    if not isinstance(network, LanguageModel):
        raise ConfigError(f"{card['architecture']['name']} is no language model")
    tokeniser = from_bytes(_tokeniser(path, card))
    return PromptSubject(network, tokeniser, card["weights_sha256"], background)


def _folder(path: Path, sha256: str | None, place: str, background: Any) -> Subject:
    digest = folder_digest(path)
    checkpoint.expect_digest(path, digest, sha256)
    try:
        tokeniser = FolderTokeniser.from_folder(path)
    except TokeniserError as error:
        raise CheckpointError(f"{path}: {error}") from error
    model = Transformers.from_folder(path).to(place)
    return PromptSubject(model, tokeniser, digest, background)


def folder_digest(path: Path) -> str:
    """The SHA-256 of what defines a model of transformers: the digest of each file by its name."""
    names = [TRANSFORMERS, "tokenizer.json", *(each.name for each in path.glob("*.safetensors"))]
    found = {name: digest_of(checkpoint.read_file(path / name)) for name in names}
    return digest_of(canonical_json(found))


def _series(path: Path, network: nn.Module, card: dict[str, Any], background: Any) -> Subject:
    config: Any = network.config
    return SeriesSubject(network, config.lag, card["weights_sha256"], background)


def _tokeniser(path: Path, card: dict[str, Any]) -> bytes:
    folder = path if path.is_dir() else path.parent
    if TOKENISER not in card["files"]:
        raise TokeniserError(
            f"it has no {TOKENISER}, without which no text can be read; bring both in with: flask "
            f"checkpoint import {path.name} --tokeniser FILE --as NAME"
        )
    return companion(folder, card, TOKENISER)
