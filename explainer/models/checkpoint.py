"""Checkpoints: a folder with `weights.safetensors` and its card, `card.json`.

The metadata of weights.safetensors holds, as JSON, everything that defines the function besides the
weights: architecture, preprocessing, labels. So the SHA-256 of that one file, which is the
checkpoint's digest, covers the whole function. The card (`credence/checkpoint/1`) repeats it for
people and adds data, training, metrics and versions. Numbers are computed in float32 whatever the
file stores.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as tensor_bytes

from explainer.artifact import sha256 as digest_of
from explainer.artifact import write_atomically
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.sequence import SequenceClassifier, Sizes

SCHEMA = "credence/checkpoint/1"
ARCHITECTURE = "s4d-classifier"
LARGEST_FILE = 4 * 2**30
LARGEST_SIZE = {"inputs": 4096, "width": 16384, "layers": 256, "state": 4096, "labels": 65536}
LARGEST_SIDE = 4096
CARD_FIELDS = {
    "name": str,
    "architecture": dict,
    "preprocessing": dict,
    "labels": list,
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


class Checkpoint(NamedTuple):
    """A model in evaluation mode with frozen weights, its card, and its digest."""

    model: ImageClassifier
    card: dict[str, Any]
    digest: str


def save(folder: Path, model: ImageClassifier, about: dict[str, Any]) -> str:
    """Write weights and card; return the digest. about: data, training, metrics, versions, date."""
    definition = _definition(model)
    state = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in model.network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    data = tensor_bytes(state, {"credence": json.dumps(definition)})
    card = {
        "schema": SCHEMA,
        "name": folder.name,
        **definition,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "weights_sha256": digest_of(data),
        **about,
    }
    write_atomically(folder / "weights.safetensors", data)
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / "card.json", (text + "\n").encode())
    return digest_of(data)


def load(folder: Path, sha256: str | None = None) -> Checkpoint:
    """Read, check and build a checkpoint; `sha256` is the digest that a study asks for.

    Raises CheckpointError naming the file, the first thing wrong in it, and what to do.
    """
    card = _read_card(folder / "card.json")
    path = folder / "weights.safetensors"
    data = _read(path)
    digest = digest_of(data)
    if digest != card["weights_sha256"]:
        raise CheckpointError(
            f"{path}: SHA-256 is {digest}, but its card says {card['weights_sha256']}; the file is "
            "damaged or belongs to another card: copy both again, or train again"
        )
    if sha256 is not None and digest != sha256:
        raise CheckpointError(
            f"{path}: SHA-256 is {digest}, but {sha256} is asked for; name the right checkpoint, "
            "or put this digest in its place if this one is meant"
        )
    try:
        definition = _metadata(data)
        for key, value in definition.items():
            if card[key] != value:
                raise CheckpointError(f"{key} differs from the one in card.json")
        model = _build(definition)
        _fill(model, data)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}; copy the checkpoint again, or train it") from error
    model.eval().requires_grad_(False)
    return Checkpoint(model, card, digest)


def _definition(model: ImageClassifier) -> dict[str, Any]:
    return {
        "architecture": {"name": ARCHITECTURE, **model.network.sizes.to_json()},
        "preprocessing": model.preprocessing.to_json(),
        "labels": list(model.labels),
    }


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CheckpointError(f"{path}: larger than {LARGEST_FILE} bytes; no checkpoint is")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: no such file; a checkpoint is a folder with weights.safetensors and "
            "card.json: check the path, or train one with flask train"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error


def _read_card(path: Path) -> dict[str, Any]:
    data = _read(path)
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
        definition = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["credence"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError("its header has no credence metadata, or is cut off") from error
    if not isinstance(definition, dict) or set(definition) != {
        "architecture",
        "preprocessing",
        "labels",
    }:
        raise CheckpointError("its metadata is not architecture, preprocessing, labels")
    return definition


def _build(definition: dict[str, Any]) -> ImageClassifier:
    """Build the model without weights, on the meta device, after checking every number."""
    architecture = definition["architecture"]
    if not isinstance(architecture, dict) or architecture.get("name") != ARCHITECTURE:
        raise CheckpointError(f"architecture.name is not {ARCHITECTURE}")
    if set(architecture) != {"name", *LARGEST_SIZE}:
        raise CheckpointError(f"architecture is not name, {', '.join(LARGEST_SIZE)}")
    sizes = {
        name: _integer(architecture[name], f"architecture.{name}", largest)
        for name, largest in LARGEST_SIZE.items()
    }
    labels = definition["labels"]
    if (
        not isinstance(labels, list)
        or not all(isinstance(label, str) for label in labels)
        or len(set(labels)) != len(labels)
        or len(labels) != sizes["labels"]
    ):
        raise CheckpointError(f"labels are not {sizes['labels']} different strings")
    preprocessing = _preprocessing(definition["preprocessing"])
    with torch.device("meta"):
        network = SequenceClassifier(Sizes(**sizes))
    return ImageClassifier(network, preprocessing, tuple(labels))


def _preprocessing(data: Any) -> Preprocessing:
    names = {"height", "width", "mean", "std", "pixel_order"}
    if not isinstance(data, dict) or set(data) != names:
        raise CheckpointError(f"preprocessing is not {', '.join(sorted(names))}")
    height = _integer(data["height"], "preprocessing.height", LARGEST_SIDE)
    width = _integer(data["width"], "preprocessing.width", LARGEST_SIDE)
    for name in ("mean", "std"):
        value = data[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise CheckpointError(f"preprocessing.{name} is not a number in [0, 1]")
    if data["std"] == 0:
        raise CheckpointError("preprocessing.std is 0")
    order = data["pixel_order"]
    if order == "row-major":
        return Preprocessing(height, width, data["mean"], data["std"])
    if (
        not isinstance(order, list)
        or not all(type(k) is int for k in order)
        or sorted(order) != list(range(height * width))
    ):
        raise CheckpointError(
            'preprocessing.pixel_order is neither "row-major" nor a permutation of all pixels'
        )
    return Preprocessing(height, width, data["mean"], data["std"], tuple(order))


def _integer(value: Any, name: str, largest: int) -> int:
    if type(value) is not int or not 1 <= value <= largest:
        raise CheckpointError(f"{name} is not a whole number from 1 to {largest}")
    return value


def _fill(model: ImageClassifier, data: bytes) -> None:
    """Put the tensors in place, as float32."""
    try:
        tensors = parse_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"not a whole safetensors file ({error})") from error
    wanted = model.network.state_dict()
    for name, like in wanted.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.zeros((), dtype=torch.long)
            continue
        if name not in tensors:
            raise CheckpointError(f"{name} is missing")
        tensor = tensors[name]
        if tensor.shape != like.shape:
            raise CheckpointError(
                f"{name} has shape {tuple(tensor.shape)}, expected {tuple(like.shape)}"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(f"{name} is {tensor.dtype}, expected floating point")
        tensors[name] = tensor.float()
        if not math.isfinite(tensors[name].sum()):
            raise CheckpointError(f"{name} holds NaN or infinity")
    extra = sorted(set(tensors) - set(wanted))
    if extra:
        raise CheckpointError(f"{extra[0]} is no weight of this architecture")
    model.network.load_state_dict(tensors, assign=True)
