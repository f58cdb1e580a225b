"""From a checkpoint's path to the subject that it makes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from explainer.machine import keep_memory, pick
from explainer.methods import MethodError
from explainer.models import checkpoint
from explainer.models.checkpoint import CheckpointError, companion
from explainer.models.config import ConfigError
from explainer.models.image import ImageClassifier
from explainer.models.text import TOKENISER, TextClassifier
from explainer.models.tokenisers import TokeniserError
from explainer.subjects import Subject
from explainer.subjects.image import ImageSubject
from explainer.subjects.series import SeriesSubject
from explainer.subjects.text import TextSubject


def load(
    path: Path | str, sha256: str | None = None, device: str = "auto", background: Any = None
) -> Subject:
    """Read a checkpoint, and make the subject of it that its card names.

    path: what checkpoint.load takes. sha256: the digest asked for. device: auto, cpu or cuda.
    background: what `background` masks draw from: images uint8 (n, *shape), texts, or windows (n,
    lag). Raises CheckpointError naming the file, and DeviceError.
    """
    path = Path(path)
    place = pick(device)
    keep_memory()
    network, card = checkpoint.load(path, sha256=sha256)
    try:
        return _maker(card)(path, network.to(place), card, background)
    except (ConfigError, TokeniserError, MethodError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _maker(card: dict[str, Any]) -> Callable[[Path, nn.Module, dict[str, Any], Any], Subject]:
    kind, labels = card["preprocessing"].get("kind"), card["labels"]
    if kind == "image":
        return _image
    if kind == "text" and labels:
        return _text
    if kind == "series":
        return _series
    raise ConfigError(
        f"its card says that it reads {kind!r} in {len(labels)} classes, of which nothing here can "
        "be explained; name one that reads images, texts or series"
    )


def _image(path: Path, network: nn.Module, card: dict[str, Any], background: Any) -> Subject:
    model = ImageClassifier.of(network, card).eval()
    return ImageSubject(model, card["weights_sha256"], background)


def _text(path: Path, network: nn.Module, card: dict[str, Any], background: Any) -> Subject:
    model = TextClassifier.of(network, card, _tokeniser(path, card)).eval()
    return TextSubject(model, card["weights_sha256"], background)


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
