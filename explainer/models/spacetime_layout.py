"""The layout of github.com/HazyResearch/spacetime: its settings and weights under our names."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explainer.models.spacetime import SpaceTime, SpaceTimeConfig

BLOCK, DECODER = "encoder.blocks.0.", "decoder.blocks.ssm."
# Our names of the original's tensors, but for the preprocessing, which it keeps in two parts.
ORIGINAL = {
    **{f"encoder.{name}": f"{BLOCK}ssm.{name}" for name in "abc"},
    "skip": f"{BLOCK}ssm.skip",
    "mix.weight": f"{BLOCK}mlp.layers.2.weight",
    "mix.bias": f"{BLOCK}mlp.layers.2.bias",
    **{f"decoder.{name}": f"{DECODER}{name}" for name in "abck"},
    "output.weight": "output.layers.2.weight",
    "output.bias": "output.layers.2.bias",
}
# What the original's configuration must say for its network to be this one.
ENCODER = "encoder_config.blocks.0"
FIXED: dict[str, Any] = {
    "data_transform": "mean",
    "embedding_config.method": "repeat",
    "embedding_config.kwargs.input_dim": 1,
    f"{ENCODER}.pre_config.method": "residual",
    f"{ENCODER}.pre_config.kwargs.skip_connection": False,
    f"{ENCODER}.ssm_config.method": "companion",
    f"{ENCODER}.ssm_config.kwargs.norm_order": 1,
    f"{ENCODER}.ssm_config.kwargs.skip_connection": True,
    f"{ENCODER}.mlp_config.method": "mlp",
    f"{ENCODER}.mlp_config.kwargs.activation": "gelu",
    f"{ENCODER}.mlp_config.kwargs.skip_connection": True,
    f"{ENCODER}.skip_connection": True,
    f"{ENCODER}.skip_preprocess": False,
    "decoder_config.blocks.0.pre_config.method": "identity",
    "decoder_config.blocks.0.ssm_config.method": "closed_loop_companion",
    "decoder_config.blocks.0.ssm_config.kwargs.norm_order": 1,
    "decoder_config.blocks.0.ssm_config.kwargs.skip_connection": False,
    "decoder_config.blocks.0.mlp_config.method": "identity",
    "output_config.method": "mlp",
    "output_config.kwargs.activation": "gelu",
    "output_config.kwargs.output_dim": 1,
}


def from_original(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> SpaceTime:
    """Return the network of an original checkpoint: its state dict and its model_config.json.

    Raises ValueError naming the first setting that this network does not have, or the first tensor
    that is missing, has another shape, or is unknown.
    """
    for path, wanted in FIXED.items():
        found = _setting(config, path)
        if found != wanted:
            raise ValueError(f"{path} is {found!r}; only {wanted!r} can be read")
    pre, ssm = f"{ENCODER}.pre_config.kwargs", f"{ENCODER}.ssm_config.kwargs"
    differences = _setting(config, f"{pre}.max_diff_order")
    row = _setting(config, f"{pre}.n_kernels")
    if type(differences) is not int or type(row) is not int:
        raise ValueError(f"{pre}.max_diff_order and n_kernels are no whole numbers")
    ours = SpaceTimeConfig(
        lag=_setting(config, "lag"),
        horizon=_setting(config, "horizon"),
        width=_setting(config, f"{ENCODER}.input_dim"),
        kernels=_setting(config, f"{ssm}.n_kernels"),
        state=_setting(config, f"{ssm}.kernel_dim"),
        differences=differences,
        averages=row - differences,
        shortest=_setting(config, f"{pre}.min_avg_window"),
        longest=_setting(config, f"{pre}.max_avg_window"),
        dropout=_setting(config, f"{ENCODER}.mlp_config.kwargs.dropout"),
    )
    model = SpaceTime(ours)
    model.load_state_dict(_renamed(state, model))
    return model.eval()


def _renamed(state: Mapping[str, Tensor], model: SpaceTime) -> dict[str, Tensor]:
    """The original's tensors under the names of `model`. Raises ValueError."""
    config = model.config
    rows = config.width // (config.differences + config.averages)
    averaged = f"{BLOCK}pre.ma_r_kernel"
    shapes = {
        f"{BLOCK}pre.diff_kernel": (rows * config.differences, config.differences),
        averaged: (rows * config.averages, config.longest),
        f"{DECODER}skip": (config.width,),  # the original holds it and does not use it
        **{theirs: tuple(model.state_dict()[name].shape) for name, theirs in ORIGINAL.items()},
    }
    for name, shape in shapes.items():
        if name not in state:
            raise ValueError(f"{name} is missing")
        if tuple(state[name].shape) != shape:
            raise ValueError(f"{name} has shape {tuple(state[name].shape)}, expected {shape}")
        if not state[name].is_floating_point() or not state[name].isfinite().all():
            raise ValueError(f"{name} holds NaN or infinity, or is {state[name].dtype}")
    for name in state:
        if name not in shapes:
            raise ValueError(f"{name} is no tensor of SpaceTime")
    differences = nn.functional.pad(
        state[f"{BLOCK}pre.diff_kernel"], (0, config.longest - config.differences)
    )
    parts = [each.reshape(rows, -1, config.longest) for each in (differences, state[averaged])]
    renamed = {name: state[theirs] for name, theirs in ORIGINAL.items()}
    return {**renamed, "residuals": torch.cat(parts, 1).flatten(0, 1)}


def _setting(config: Mapping[str, Any], path: str) -> Any:
    """The value at a path of keys and positions. Raises ValueError naming the path."""
    found: Any = config
    for key in path.split("."):
        try:
            found = found[int(key) if key.isdigit() else key]
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"{path} is missing") from error
    return found
