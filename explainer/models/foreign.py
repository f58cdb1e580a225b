"""Checkpoints that the original code wrote, under its names, as our networks.

Read are state-spaces (a classifier, or the WikiText-103 language model) and SpaceTime: a Lightning
`.ckpt` with its configuration inside, or a state_dict in `.pt`, `.pth` or `.safetensors` with a
configuration: a dict, a file, or config.json or model_config.json beside it.
"""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from explainer.artifact import sha256
from explainer.models import checkpoint, pickles, registry, statespaces
from explainer.models.checkpoint import CheckpointError
from explainer.models.low_rank import LowRankKernel
from explainer.models.pickles import PickleError
from explainer.models.spacetime_layout import from_original

CONFIGURATIONS = ("config.json", "model_config.json")
WRAPPERS = ("state_dict", "model_state_dict")


def load(path: Path, config: Any = None) -> tuple[nn.Module, dict[str, Any]]:
    """Return a network and a card made of what the file tells. Raises CheckpointError."""
    data = checkpoint.read_file(path)
    try:
        state, inside = _open(path, data)
        settings = inside if config is None and inside else _configuration(path, config)
        if any(name.startswith("decoder.blocks.") for name in state):
            network: nn.Module = from_original(state, settings)
            what: dict[str, Any] = {"data": None, "labels": [], "preprocessing": {"kind": "series"}}
        else:
            network = state_space(state, settings)
            what = statespaces.pipeline(settings, getattr(network.config, "labels", 0))
    except (CheckpointError, PickleError, ValueError) as error:
        raise CheckpointError(
            f"{path}: {error}; give the file as training wrote it, with the configuration that it "
            "was trained with"
        ) from error
    return network, {
        "schema": checkpoint.SCHEMA,
        "name": path.stem,
        "architecture": registry.definition(network),
        "preprocessing": what["preprocessing"],
        "labels": what["labels"],
        "files": {},
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "weights_sha256": sha256(data),
        "data": {"name": what["data"]} if what["data"] else {},
        "training": {"imported_from": path.name, "imported_sha256": sha256(data)},
        "metrics": {},
        "versions": {},
        "date": "",
    }


def state_space(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> nn.Module:
    """Return the network of a state-spaces state_dict. Raises CheckpointError naming their key."""
    layout = statespaces.read_layout(state, config)
    network = checkpoint.build(layout.architecture)
    try:
        checkpoint.fill(network, statespaces.translate(state))
    except CheckpointError as error:
        ours, rest = str(error).split(" ", 1)
        raise CheckpointError(f"{statespaces.theirs(ours)} {rest}") from error
    if layout.fresh:
        for module in network.modules():
            if isinstance(module, LowRankKernel):
                module.state_length()
    return network


def _open(path: Path, data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors, and the configuration that is inside, if any."""
    if path.suffix == ".safetensors":
        return checkpoint.tensors(data), {}
    found = pickles.read(BytesIO(data))
    inside = pickles.plain(found.get("hyper_parameters")) if isinstance(found, dict) else None
    for name in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict) or not found:
        raise CheckpointError("holds no state_dict")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{name} is no tensor, so this is no state_dict")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError(f"{name} holds NaN or infinity")
    return dict(found), inside if isinstance(inside, dict) else {}


def _configuration(path: Path, config: Any) -> dict[str, Any]:
    """Return the configuration given, or the file beside the weights."""
    if config is None:
        beside = [path.with_name(name) for name in CONFIGURATIONS]
        config = next((each for each in beside if each.exists()), None)
    if config is None:
        names = " or ".join(CONFIGURATIONS)
        raise CheckpointError(f"no configuration inside, and no {names} beside")
    if isinstance(config, str | Path):
        try:
            config = json.loads(Path(config).read_bytes())
        except OSError as error:
            raise CheckpointError(f"its configuration {config}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"its configuration {config} is not JSON ({error})") from error
    if not isinstance(config, Mapping):
        raise CheckpointError("its configuration is no table")
    return dict(config["config"] if isinstance(config.get("config"), Mapping) else config)
