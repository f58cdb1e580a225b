"""Checkpoints: a folder with `weights.safetensors` and its card, `card.json`.

The metadata of weights.safetensors holds, as JSON, everything that defines the function besides the
weights: architecture, preprocessing, labels, and the SHA-256 of files that belong to it (a
tokeniser). So the SHA-256 of that one file, which is the checkpoint's digest, covers the whole
function. The card (`credence/checkpoint/1`) repeats it for people and adds data, training, metrics
and versions. Numbers are computed in float32 whatever the file stores.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn

from explainer.artifact import sha256 as digest_of
from explainer.artifact import write_atomically
from explainer.models import registry
from explainer.models.config import ConfigError

SCHEMA = "credence/checkpoint/1"
WEIGHTS, CARD = "weights.safetensors", "card.json"
LARGEST_FILE = 4 * 2**30
DEFINITION = ("architecture", "preprocessing", "labels", "files")
CARD_FIELDS = {
    "name": str,
    "architecture": dict,
    "preprocessing": dict,
    "labels": list,
    "files": dict,
    "parameters": int,
    "weights_sha256": str,
    "data": dict,
    "training": dict,
    "metrics": dict,
    "versions": dict,
    "date": str,
}


class CheckpointError(Exception):
    """A checkpoint is missing, damaged, or not what its card or a study says."""


def save(
    folder: Path,
    network: nn.Module,
    *,
    preprocessing: dict[str, Any],
    labels: Sequence[str],
    about: dict[str, Any],
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Write weights, card and what belongs to them; return the digest.

    preprocessing: how an input becomes what the network reads; its `kind` says of what. labels: in
    the order of the network's outputs, none where there are no classes. about: data, training,
    metrics, versions, date. files: name -> content.
    """
    files = files or {}
    what = {
        "architecture": registry.definition(network),
        "preprocessing": preprocessing,
        "labels": list(labels),
        "files": {name: digest_of(content) for name, content in files.items()},
    }
    state = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    data = tensor_bytes(state, {"credence": json.dumps(what)})
    card = {
        "schema": SCHEMA,
        "name": folder.name,
        **what,
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "weights_sha256": digest_of(data),
        **about,
    }
    for name, content in files.items():
        write_atomically(folder / name, content)
    write_atomically(folder / WEIGHTS, data)
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / CARD, (text + "\n").encode())
    return digest_of(data)


def load(
    path: Path | str, config: Any = None, *, sha256: str | None = None
) -> tuple[nn.Module, dict[str, Any]]:
    """Read, check and build a network, in evaluation mode, weights frozen; return it and its card.

    path: one of our folders, or what the original code wrote (see explainer.models.foreign): a
    Lightning `.ckpt`, or a state_dict (`.pt`, `.pth`, `.safetensors`) with its configuration
    `config` (a dict, a file, or by default config.json beside it). sha256: the digest asked for.
    Raises CheckpointError naming the file, the first thing wrong in it, and what to do.
    """
    path = Path(path)
    if path.is_file() and path.name != WEIGHTS:
        from explainer.models import foreign

        network, card = foreign.load(path, config)
    elif config is not None:
        raise CheckpointError(f"{path}: has its own configuration; leave config out")
    else:
        network, card = _load(path.parent if path.is_file() else path)
    expect_digest(path, card["weights_sha256"], sha256)
    return network.eval().requires_grad_(False), card


def expect_digest(path: Path, digest: str, wanted: str | None) -> None:
    """Raise CheckpointError where another digest is wanted."""
    if wanted is not None and digest != wanted:
        raise CheckpointError(
            f"{path}: SHA-256 is {digest}, but {wanted} is asked for; name the right checkpoint, "
            "or put this digest in its place if this one is meant"
        )


def companion(folder: Path, card: dict[str, Any], name: str) -> bytes:
    """Return a file that belongs to a checkpoint. Raises CheckpointError if it is another."""
    path = folder / name
    if name not in card["files"]:
        raise CheckpointError(f"{folder / CARD}: names no {name}; copy the checkpoint again")
    data = read_file(path)
    if digest_of(data) != card["files"][name]:
        raise CheckpointError(
            f"{path}: SHA-256 is {digest_of(data)}, but the checkpoint's is {card['files'][name]}; "
            "copy the checkpoint again"
        )
    return data


def _load(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    card = _read_card(folder / CARD)
    path = folder / WEIGHTS
    data = read_file(path)
    digest = digest_of(data)
    if digest != card["weights_sha256"]:
        raise CheckpointError(
            f"{path}: SHA-256 is {digest}, but its card says {card['weights_sha256']}; the file is "
            "damaged or belongs to another card: copy both again, or train again"
        )
    try:
        what = _metadata(data)
        for key, value in what.items():
            if card[key] != value:
                raise CheckpointError(f"{key} differs from the one in {CARD}")
        network = build(what["architecture"])
        fill(network, tensors(data))
        _expect_labels(network, what["labels"])
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}; copy the checkpoint again, or train it") from error
    for name in what["files"]:
        companion(folder, card, name)
    return network, card


def read_file(path: Path) -> bytes:
    """Return a file's content. Raises CheckpointError."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CheckpointError(f"{path}: larger than {LARGEST_FILE} bytes; no checkpoint is")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: no such file; a checkpoint is a folder with {WEIGHTS} and {CARD}: check the "
            "path, or train one with flask train"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error


def tensors(data: bytes) -> dict[str, Tensor]:
    """Parse a safetensors file. Raises CheckpointError."""
    try:
        parsed: dict[str, Tensor] = parse_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"not a whole safetensors file ({error})") from error
    return parsed


def build(architecture: Any) -> nn.Module:
    """Build a network without weights, on the meta device, after checking every number."""
    given = dict(architecture) if isinstance(architecture, dict) else {}
    name = given.pop("name", None)
    if not isinstance(name, str) or name not in registry.ARCHITECTURES:
        raise CheckpointError(f"architecture.name is none of {', '.join(registry.ARCHITECTURES)}")
    kind = registry.network_type(name)
    try:
        with torch.device("meta"):
            network: nn.Module = kind(kind.config_type.from_json(given))
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"architecture.{error}") from error
    return network


def fill(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Put tensors in place, as float32. Raises CheckpointError naming the first bad key."""
    wanted = network.state_dict()
    placed = {}
    for name, like in wanted.items():
        if name.endswith("num_batches_tracked"):
            placed[name] = torch.zeros((), dtype=torch.long)
            continue
        if name not in state:
            raise CheckpointError(f"{name} is missing")
        tensor = state[name]
        if tensor.shape != like.shape:
            raise CheckpointError(
                f"{name} has shape {tuple(tensor.shape)}, expected {tuple(like.shape)}"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(f"{name} is {tensor.dtype}, expected floating point")
        placed[name] = tensor.float()
        if not tensor.is_meta and not placed[name].isfinite().all():
            raise CheckpointError(f"{name} holds NaN or infinity")
    extra = sorted(set(state) - set(wanted))
    if extra:
        raise CheckpointError(f"{extra[0]} is no weight of this architecture")
    network.load_state_dict(placed, assign=True)


def _read_card(path: Path) -> dict[str, Any]:
    data = read_file(path)
    try:
        card = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not JSON ({error}); copy the checkpoint again") from error
    if not isinstance(card, dict) or card.get("schema") != SCHEMA:
        raise CheckpointError(f"{path}: schema is not {SCHEMA}; copy the checkpoint again")
    for key, kind in CARD_FIELDS.items():
        if not isinstance(card.get(key), kind):
            raise CheckpointError(
                f"{path}: {key} is missing or is not {kind.__name__}; copy the checkpoint again"
            )
    return card


def _metadata(data: bytes) -> dict[str, Any]:
    """Read the definition in the header of a safetensors file."""
    try:
        size = int.from_bytes(data[:8], "little")
        what = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["credence"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError("its header has no credence metadata, or is cut off") from error
    if not isinstance(what, dict) or set(what) != set(DEFINITION):
        raise CheckpointError(f"its metadata is not {', '.join(DEFINITION)}")
    if not isinstance(what["files"], dict) or any(Path(n).name != n for n in what["files"]):
        raise CheckpointError("files is not a table of file names")
    return what


def _expect_labels(network: nn.Module, labels: Any) -> None:
    """As many different strings as the network has classes."""
    classes = getattr(network.config, "labels", 0)
    if (
        not isinstance(labels, list)
        or not all(isinstance(label, str) for label in labels)
        or len(set(labels)) != len(labels)
        or len(labels) != classes
    ):
        raise CheckpointError(f"labels are not {classes} different strings")
