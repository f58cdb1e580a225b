"""The layout of github.com/state-spaces/s4: its settings and weights under our names."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from explainer.models.checkpoint import CheckpointError
from explainer.models.image import Preprocessing, bit_reversal

# Theirs, ours; {} stands for one word or number.
NAMES = (
    ("encoder.0.emb_layers.{}.weight", "embedding.tables.{}"),
    ("encoder.0.emb_projs.{}", "embedding.projections.{}"),
    ("encoder.0.{}", "encoder.{}"),
    ("model.layers.{}.norm.norm.{}", "backbone.blocks.{}.norm.{}"),
    ("model.layers.{}.layer.layer.kernel.{}", "backbone.blocks.{}.layer.kernel.{}"),
    ("model.layers.{}.layer.layer.D", "backbone.blocks.{}.layer.D"),
    ("model.layers.{}.layer.output_linear.0.{}", "backbone.blocks.{}.layer.output.{}"),
    ("model.layers.{}.layer.ff.0.0.{}", "backbone.blocks.{}.layer.inner.{}"),
    ("model.layers.{}.layer.ff.2.{}", "backbone.blocks.{}.layer.outer.{}"),
    ("model.norm.norm.{}", "backbone.norm.{}"),
    ("decoder.0.output_transform.{}", "decoder.{}"),
    ("loss.out_projs.0", "softmax.projection"),
    ("loss.out_layers_biases.{}", "softmax.biases.{}"),
    ("loss.{}", "softmax.{}"),
)
# Settings that change the function, and the only values that our layers have.
FIXED: dict[str, tuple[Any, ...]] = {
    "channels": (1, None),
    "gate": (None,),
    "bottleneck": (None,),
    "activation": ("gelu", None),
    "mult_act": (None,),
    "postact": (None,),
    "weight_norm": (False, None),
}
MODES = {"nplr": "low-rank", "dplr": "low-rank", "diag": "diagonal", "s4d": "diagonal"}
STARTS = {
    "low-rank": {"legs": "legs", "legt": "legt", "fourier": "fourier", "fout": "fourier"},
    "diagonal": {"diag-lin": "lin", "diag-inv": "inv", "diag-legs": "legs", "legs": "legs"},
}
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Layout(NamedTuple):
    """Our architecture as JSON, and whether C is still as it was drawn (for no length)."""

    architecture: dict[str, Any]
    fresh: bool


def read_layout(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> Layout:
    """Find our architecture for their settings and shapes. Raises CheckpointError."""
    model = _table(config, "model")
    layers = model.get("layer")
    layers = layers if isinstance(layers, list) else [layers]
    if not layers or not all(isinstance(each, dict) for each in layers):
        raise CheckpointError("the configuration's model.layer is no table, nor a list of them")
    kinds = [{"s4": "s4", "ffn": "ff", "ff": "ff"}.get(each.get("_name_")) for each in layers]
    pattern = "-".join(str(kind) for kind in kinds)
    if pattern not in ("s4", "s4-ff", "s4-s4-ff"):
        raise CheckpointError(f"the configuration's model.layer is {pattern}, which is not known")
    s4 = layers[0]
    for name, allowed in FIXED.items():
        if s4.get(name) not in allowed:
            raise CheckpointError(f"model.layer.{name} is {s4[name]!r}, expected {allowed[0]!r}")
    if model.get("residual", "R") != "R" or (model.get("pool") or {}).get("stride", 1) != 1:
        raise CheckpointError("model.residual is not R, or model.pool.stride is not 1")
    kernel = MODES.get(s4.get("mode", "nplr"))
    start = STARTS.get(str(kernel), {}).get(s4.get("init") or s4.get("measure") or "legs")
    if kernel is None or start is None:
        raise CheckpointError(f"model.layer.mode {s4.get('mode')!r} with this init is not known")
    length, fresh = _length(state, s4, kernel)
    A = _tensor(state, "model.layers.0.layer.layer.kernel.A_real", 2)
    width = model.get("d_model")
    architecture = {
        "width": width,
        "kernel": kernel,
        "init": start,
        "state": A.shape[1],
        "systems": A.shape[0],
        "hold": "bilinear" if kernel == "low-rank" else s4.get("disc", "zoh"),
        "dt": s4.get("dt_transform", "exp"),
        "dt_min": s4.get("dt_min", 1e-3),
        "dt_max": s4.get("dt_max", 1e-1),
        "length": length,
        "bidirectional": s4.get("bidirectional", False),
        "mix": {"glu": "glu", "id": "linear", None: "linear"}.get(s4.get("final_act", "glu")),
        "dropout": s4.get("dropout", model.get("dropout", 0.0)),
        "tied": s4.get("tie_dropout", model.get("tie_dropout", False)),
        "layers": model.get("n_layers"),
        "pattern": pattern,
        "expand": layers[-1].get("expand", 4) if pattern != "s4" else 4,
        "norm": model.get("norm"),
        "prenorm": model.get("prenorm"),
    }
    return Layout({**architecture, **_ends(state, config)}, fresh)


def translate(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return their weights under our names; an unknown one keeps its name.

    Raises CheckpointError where weights that should be copies of one another are not.
    """
    found = {}
    for name, tensor in state.items():
        original = _original(name)
        if original != name:
            if original not in state:
                raise CheckpointError(f"{name} is there, but {original} is missing")
            same = tensor.is_meta or torch.equal(tensor, state[original])
            if tensor.shape != state[original].shape or not same:
                raise CheckpointError(f"{name} is not equal to {original}, which it should repeat")
        elif not name.endswith(("l_kernel", "num_batches_tracked")):
            extra_axis = re.search(r"\.(D|kernel\.B)$", name) is not None and tensor.ndim > 1
            found[_renamed(name, 0)] = tensor[0] if extra_axis else tensor
    return found


def theirs(ours: str) -> str:
    """Return their name of one of our weights."""
    return _renamed(ours, 1)


def pipeline(config: Mapping[str, Any], labels: int) -> dict[str, Any]:
    """Return data, labels and preprocessing, as their pipelines have them."""
    data = config.get("dataset")
    data = data if isinstance(data, dict) else {}
    name = data.get("_name_")
    if name == "mnist":
        order = bit_reversal(784) if data.get("permute") else None
        found = Preprocessing(28, 28, (0.0,), (1.0,), order)
    elif name == "cifar" and not data.get("grayscale"):
        mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
        found = Preprocessing(32, 32, mean, std)
    else:
        kind = "text" if name in ("wt103", "wikitext") else "sequence"
        names = [str(k) for k in range(labels)]
        return {"data": name, "labels": names, "preprocessing": {"kind": kind}}
    names = list(CIFAR) if name == "cifar" else [str(k) for k in range(10)]
    return {"data": name, "labels": names, "preprocessing": found.to_json()}


def _length(state: Mapping[str, Tensor], s4: Mapping[str, Any], kernel: str) -> tuple[int, bool]:
    """The length that C is stated for, and whether it is not yet stated for any."""
    buffers = {name: each for name, each in state.items() if name.endswith("l_kernel")}
    for name, each in buffers.items():
        if each.numel() != 1 or each.is_floating_point():
            raise CheckpointError(f"{name} is no whole number")
    found = {int(each) for each in buffers.values()}
    l_max = s4.get("l_max") or 1
    if kernel == "diagonal":
        return l_max, False
    if len(found) > 1:
        raise CheckpointError(f"the layers' l_kernel differ: {sorted(found)}")
    length = found.pop() if found else 0
    return (length, False) if length else (l_max, True)


def _ends(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Any]:
    """What stands before and after the blocks."""
    if any(name.startswith("encoder.0.emb_layers") for name in state):
        task = _table(config, "task")
        cutoffs = task.get("cutoffs", [])
        if not isinstance(cutoffs, list):
            raise CheckpointError("the configuration's task.cutoffs is no list")
        tables = [f"encoder.0.emb_layers.{k}.weight" for k in range(len(cutoffs) + 1)]
        return {
            "name": "s4-lm",
            "vocabulary": sum(_tensor(state, name, 2).shape[0] for name in tables),
            "cutoffs": cutoffs,
            "divisor": task.get("div_val", 1),
            "embedding_dropout": task.get("dropemb", 0.0),
        }
    weight = _tensor(state, "encoder.0.weight", 2)
    embedding = config.get("encoder") == "embedding"
    decoder = config.get("decoder")
    mode = decoder.get("mode", "last") if isinstance(decoder, dict) else "last"
    return {
        "name": "s4-classifier",
        "encoder": "embedding" if embedding else "linear",
        "inputs": weight.shape[0] if embedding else weight.shape[1],
        "labels": _tensor(state, "decoder.0.output_transform.weight", 2).shape[0],
        "pool": {"pool": "mean", "last": "last"}.get(mode),
    }


def _table(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    if not isinstance(found, dict):
        raise CheckpointError(f"the configuration has no table {name}")
    return found


def _tensor(state: Mapping[str, Tensor], name: str, axes: int) -> Tensor:
    if name not in state:
        raise CheckpointError(f"{name} is missing")
    if state[name].ndim != axes:
        raise CheckpointError(f"{name} has {state[name].ndim} axes, expected {axes}")
    return state[name]


def _original(name: str) -> str:
    """The name of the weight that this one repeats, or its own."""
    name = re.sub(r"^loss_val\.", "loss.", name)
    return re.sub(r"^loss\.shared_out_projs\.", "encoder.0.emb_projs.", name)


def _renamed(name: str, direction: int) -> str:
    """From theirs to ours (0) or back (1); an unknown name stays."""
    for pair in NAMES:
        pattern = re.escape(pair[direction]).replace(r"\{\}", r"([^.]+)")
        match = re.fullmatch(pattern, name)
        if match:
            return pair[1 - direction].format(*match.groups())
    return name
