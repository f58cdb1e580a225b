"""The checkpoints at hand: those of an installation and those that ship, found by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from explainer import describe
from explainer.artifact import ArtifactError
from explainer.data.fetch import DataError
from explainer.machine import DeviceError
from explainer.models import checkpoint
from explainer.models.checkpoint import CheckpointError
from explainer.models.config import ConfigError
from explainer.models.text import TOKENISER, TextClassifier
from explainer.models.tokenisers import TokeniserError, WordTokeniser, from_bytes
from explainer.train.commands import TRAINERS
from explainer.train.resume import TrainingError

EXPECTED = (ArtifactError, CheckpointError, DataError, DeviceError, TrainingError)
SHIPPED = Path(__file__).parent / "assets" / "checkpoints"
# What each trainer can judge, as describe.inputs says it, and the network where it takes but one.
DIGITS, PHOTOGRAPHS = "28 x 28 grey images in 10 classes", "32 x 32 colour images in 10 classes"
JUDGES = {
    "mnist": DIGITS,
    "cifar": PHOTOGRAPHS,
    "reviews": "texts in 2 classes",
    "wikitext": "texts",
    "prices": "series",
    "senn": DIGITS,
    "attention": "texts in 2 classes",
    "cnn": DIGITS,
}
ONLY = {"senn": "senn", "attention": "attention-classifier", "prices": "spacetime"}


@dataclass(frozen=True)
class Entry:
    """A checkpoint: its card, or what is wrong with it; where: instance, shipped, or hidden."""

    name: str
    where: str
    card: dict[str, Any] | None
    wrong: str = ""


@dataclass(frozen=True)
class Imported:
    """A checkpoint that was brought in; new: it was not there before."""

    folder: Path
    card: dict[str, Any]
    new: bool


def home(instance: Path) -> Path:
    """The folder of an installation's own checkpoints."""
    return instance / "checkpoints"


def every(instance: Path) -> Iterator[Entry]:
    """Read every checkpoint whole, the installation's first; a damaged one says what is wrong."""
    own = _folders(home(instance))
    for folder in own:
        yield _entry(folder, "instance")
    hidden = {folder.name for folder in own}
    for folder in _folders(SHIPPED):
        is_hidden = folder.name in hidden
        yield _entry(folder, "shipped, hidden by the instance's" if is_hidden else "shipped")


def find(name: str, instance: Path) -> Path:
    """Return where a checkpoint lies: in the installation, among the shipped ones, or at a path.

    Raises CheckpointError telling the names that there are.
    """
    is_name = name == Path(name).name and name != ".."
    roots = (home(instance), SHIPPED) if is_name else ()
    found = next((root / name for root in roots if (root / name).exists()), Path(name))
    if found.exists():
        return found
    names = sorted({folder.name for root in (home(instance), SHIPPED) for folder in _folders(root)})
    close = get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise CheckpointError(
        f"no checkpoint {name!r}; {hint}there is {', '.join(names)}; bring another in with: flask "
        "checkpoint import PATH --as NAME"
    )


def card(name: str, instance: Path) -> tuple[Path, dict[str, Any]]:
    """Return where a checkpoint lies, and its card, after reading it whole."""
    path = find(name, instance)
    return path, checkpoint.load(path)[1]


def bring_in(
    path: Path,
    name: str,
    instance: Path,
    *,
    config: Path | None = None,
    tokeniser: Path | None = None,
) -> Imported:
    """Keep what checkpoint.load reads as the installation's checkpoint `name`, whole or not at all.

    tokeniser: of a network that reads tokens: one of our files, or the vocabulary, a word a line in
    the order of their numbers. Raises CheckpointError, also where another checkpoint is there.
    """
    if (SHIPPED / name).exists():
        raise CheckpointError(f"{name} is a checkpoint that ships with Credence: give another name")
    if not path.exists():
        raise CheckpointError(f"{path}: no such file or folder; check the path")
    network, card = checkpoint.load(path, config)
    files = {each: checkpoint.companion(_folder(path), card, each) for each in card["files"]}
    preprocessing = card["preprocessing"]
    if tokeniser is not None:
        if TOKENISER in files:
            raise CheckpointError(f"{path}: has its own tokeniser; leave {tokeniser} out")
        files[TOKENISER] = _tokeniser(tokeniser, network)
        preprocessing = {"kind": "text", "tokeniser": TOKENISER}
    known = {each: card[each] for each in ("data", "metrics", "versions", "date")}
    origin = {"imported_from": path.name, "imported_sha256": card["weights_sha256"]}
    home(instance).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".import-", dir=home(instance)) as temporary:
        made = Path(temporary) / name
        checkpoint.save(
            made,
            network,
            preprocessing=preprocessing,
            labels=card["labels"],
            about={**known, "training": {**origin, **card["training"]}},
            files=files,
        )
        card = checkpoint.load(made)[1]
        return _placed(made, home(instance) / name, card)


def evaluate(
    path: Path, *, data: Path | None = None, device: str = "auto", on: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Judge a checkpoint again; return its card, as it is, and the metrics found now.

    on: the trainer whose data it is judged on; by default the one that made it. Raises
    CheckpointError where there is none, or where it judges other networks.
    """
    network, card = checkpoint.load(path)
    trainer = on or str(card["training"].get("trainer"))
    if trainer not in TRAINERS:
        asked = f"there is no {on}" if on else f"{path}: its card names no trainer"
        raise CheckpointError(f"{asked}; judge it on one of {', '.join(TRAINERS)} with --on")
    judge = import_module(f"explainer.train.{trainer}").evaluate
    reads, architecture = describe.inputs(card), card["architecture"]["name"]
    if reads != JUDGES[trainer] or architecture != ONLY.get(trainer, architecture):
        raise CheckpointError(
            f"{path}: {architecture} that reads {reads} cannot be judged on {trainer}, which takes "
            f"{ONLY.get(trainer, 'any network')} that reads {JUDGES[trainer]}"
        )
    try:
        if "tokeniser" in card["preprocessing"] and card["labels"]:
            model: nn.Module = TextClassifier.of(
                network, card, checkpoint.companion(_folder(path), card, TOKENISER)
            )
        else:
            model = network
        seeded = {**card, "training": {"seed": 0, **card["training"]}}
        return card, judge(model.eval(), seeded, data, device)
    except KeyError as error:
        raise CheckpointError(
            f"{path}: its card has no {error}; only what flask train {trainer} made can be judged "
            f"on {trainer}"
        ) from error
    except (ConfigError, TokeniserError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _folders(root: Path) -> list[Path]:
    """The checkpoints' folders in a folder, by name; what is being written is hidden."""
    found = root.iterdir() if root.is_dir() else ()
    return sorted(each for each in found if each.is_dir() and not each.name.startswith("."))


def _entry(folder: Path, where: str) -> Entry:
    try:
        return Entry(folder.name, where, checkpoint.load(folder)[1])
    except CheckpointError as error:
        return Entry(folder.name, where, None, str(error))


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _tokeniser(path: Path, network: nn.Module) -> bytes:
    """Read a tokeniser, or a vocabulary, that gives as many tokens as a network reads."""
    config: Any = network.config
    embeds = getattr(config, "encoder", None) == "embedding"
    wanted = getattr(config, "vocabulary", config.inputs if embeds else None)
    if wanted is None:
        raise CheckpointError(f"{path}: this network reads no tokens; leave the tokeniser out")
    data = checkpoint.read_file(path)
    try:
        if data.startswith(b"{"):
            found = from_bytes(data)
        else:
            found = WordTokeniser.from_vocabulary(data.decode().splitlines())
    except (TokeniserError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path}: {error}; give a tokeniser.json of ours, or a word a line, <eos> first"
        ) from error
    if found.size != wanted:
        raise CheckpointError(f"{path}: has {found.size} tokens, but the network reads {wanted}")
    return found.to_bytes()


def _placed(made: Path, target: Path, card: dict[str, Any]) -> Imported:
    """Give a finished folder its name. Raises CheckpointError where another checkpoint has it."""
    try:
        made.rename(target)
    except OSError:
        if not target.exists():
            raise
        try:
            return Imported(
                target, checkpoint.load(target, sha256=card["weights_sha256"])[1], False
            )
        except CheckpointError as error:
            raise CheckpointError(
                f"{target} is there and is another checkpoint, or damaged: give another name, or "
                f"remove it first: rm -r {target}"
            ) from error
    return Imported(target, card, True)
