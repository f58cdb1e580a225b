"""The original's checkpoints: read whole, without running them, or refused by name."""

import json
import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from explainer.models import foreign, pickles
from explainer.models.checkpoint import CheckpointError, load
from explainer.models.image import ImageClassifier, bit_reversal
from explainer.models.pickles import PickleError
from tests.explainer.conftest import GOLDEN

CONFIG = GOLDEN / "s4_config.json"


@pytest.fixture
def state():
    return load_file(GOLDEN / "s4_state_dict.safetensors")


@pytest.fixture
def folder(tmp_path):
    """Where a state_dict is written beside its configuration."""
    shutil.copy(CONFIG, tmp_path / "config.json")
    return tmp_path


@pytest.mark.parametrize("name", ["s4_lightning.ckpt", "s4_lightning_omegaconf.ckpt"])
def test_lightning_files_hold_their_configuration(golden, name):
    """The second is refused by torch.load(weights_only=True); omegaconf is not installed."""
    network, card = load(GOLDEN / name)
    io = golden("s4_io.npz")
    x = torch.from_numpy(io["x"])
    np.testing.assert_allclose(network(x), io["logits"], atol=2e-5, rtol=0)
    assert not network.training
    assert card["architecture"]["kernel"] == "low-rank"
    assert card["preprocessing"]["pixel_order"] == list(bit_reversal(784))
    images = np.zeros((2, 784), np.float32)
    images[:, list(bit_reversal(784))] = x[:2, :, 0].clamp(0, 1)
    found = ImageClassifier.of(network, card)(images.reshape(2, 28, 28))
    torch.testing.assert_close(found, network(x[:2].clamp(0, 1)))


@pytest.mark.parametrize("ending", ["pt", "pth", "safetensors"])
@pytest.mark.parametrize("given", ["beside", "path", "dict"])
def test_state_dicts_with_their_configuration(state, golden, tmp_path, ending, given):
    path = tmp_path / f"model.{ending}"
    if ending == "safetensors":
        shutil.copy(GOLDEN / "s4_state_dict.safetensors", path)
    else:
        torch.save(state, path)
    config = {"path": CONFIG, "dict": json.loads(CONFIG.read_text())["config"]}.get(given)
    if given == "beside":
        shutil.copy(CONFIG, tmp_path / "config.json")
    network, _ = load(path, config)
    io = golden("s4_io.npz")
    np.testing.assert_allclose(network(torch.from_numpy(io["x"])), io["logits"], atol=2e-5, rtol=0)


def test_a_language_model_whose_weights_are_there_twice(golden):
    io = golden("s4_lm_io.npz")
    network, card = load(GOLDEN / "s4_lm_state_dict.pt", GOLDEN / "s4_lm_config.json")
    found = network.log_probabilities(torch.from_numpy(io["tokens"]))[:, ::9]
    np.testing.assert_allclose(found, io["logprob_full"], atol=3e-4, rtol=0)
    assert card["architecture"]["cutoffs"] == [100, 300, 600]
    assert card["preprocessing"] == {"kind": "text"}


def test_a_fresh_checkpoint_gives_the_same_function(state, folder):
    """Before its first forward the original holds plain C and l_kernel 0."""
    fresh = load_file(GOLDEN / "s4_fresh_overrides.safetensors")
    assert not torch.allclose(
        fresh["model.layers.0.layer.layer.kernel.C"], state["model.layers.0.layer.layer.kernel.C"]
    )
    torch.save(state, folder / "used.pt")
    torch.save({**state, **fresh}, folder / "fresh.pt")
    x = torch.randn(2, 784, 1)
    used, _ = load(folder / "used.pt")
    found, _ = load(folder / "fresh.pt")
    torch.testing.assert_close(found(x), used(x), atol=2e-5, rtol=0)


def test_the_public_243_million_parameters_by_name():
    layout = json.loads((GOLDEN / "s4_wt103_shapes.json").read_text())
    state = {
        name: torch.tensor(8192)
        if name.endswith("l_kernel")
        else torch.empty(each["shape"], device="meta")
        for name, each in layout["state_dict"].items()
    }
    assert len(state) == layout["n_keys"] == 512
    network = foreign.state_space(state, layout["config"])
    assert sum(weight.numel() for weight in network.parameters()) == 243_375_994
    assert network.config.length == 8192
    assert all(weight.is_meta for weight in network.parameters())
    for change in ("encoder.0.emb_layers.3.weight", "loss.out_projs.0"):
        with pytest.raises(CheckpointError, match=change):
            foreign.state_space(
                {name: value for name, value in state.items() if name != change}, layout["config"]
            )


KEY = "model.layers.1.layer.layer.kernel.C"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop(KEY), f"{KEY} is missing"),
        (lambda s: s.update({KEY: s[KEY][..., :1]}), rf"{KEY} has shape .*, expected"),
        (lambda s: s.update({KEY: s[KEY] * torch.nan}), f"{KEY} holds NaN or infinity"),
        (lambda s: s.update({KEY: s[KEY].long()}), f"{KEY} is torch.int64"),
        (lambda s: s.update({"model.more": s[KEY]}), "model.more is no weight"),
        (lambda s: s.update({KEY: "text"}), f"{KEY} is no tensor"),
        (lambda s: s.pop("encoder.0.weight"), "encoder.0.weight is missing"),
        (lambda s: s.update({"loss_val.x": s[KEY]}), "loss_val.x is there, but loss.x is missing"),
        (
            lambda s: s.update({"loss.x": s[KEY], "loss_val.x": s[KEY] + 1}),
            "loss_val.x is not equal to loss.x",
        ),
        (
            lambda s: s.update({"model.layers.1.layer.layer.kernel.l_kernel": torch.tensor(99)}),
            "the layers' l_kernel differ: ",
        ),
        (
            lambda s: s.update({"model.layers.1.layer.layer.kernel.l_kernel": torch.ones(2)}),
            r"model\.layers\.1\.layer\.layer\.kernel\.l_kernel is no whole number",
        ),
    ],
)
def test_mismatching_weights_are_named_as_in_the_file(state, folder, change, message):
    change(state)
    torch.save(state, folder / "model.pt")
    with pytest.raises(CheckpointError, match=rf"model\.pt: {message}"):
        load(folder / "model.pt")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("model",), None, "has no table model"),
        (("model", "layer"), "s4", "model.layer is no table"),
        (("model", "layer", "_name_"), "mha", "model.layer is None"),
        (("model", "layer", "activation"), "relu", "model.layer.activation is 'relu'"),
        (("model", "layer", "channels"), 2, "model.layer.channels is 2"),
        (("model", "layer", "mode"), "slow", "model.layer.mode 'slow'"),
        (("model", "d_model"), 64, "encoder.0.weight has shape|encoder.0.bias has shape"),
        (("model", "d_model"), 10**9, "architecture.width is 1000000000, expected"),
        (("model", "n_layers"), 2, r"model\.layers\.2\..* is no weight"),
        (("model", "n_layers"), "three", "architecture.layers is 'three'"),
        (("model", "residual"), "D", "model.residual is not R"),
        (("decoder", "mode"), "ragged", "architecture.pool is None"),
    ],
)
def test_mismatching_configurations(state, tmp_path, path, value, message):
    torch.save(state, tmp_path / "model.pt")
    config = json.loads(CONFIG.read_text())["config"]
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(CheckpointError, match=rf"model\.pt: .*({message})"):
        load(tmp_path / "model.pt", config)


def test_without_a_configuration(state, tmp_path):
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"no configuration inside, and no config\.json"):
        load(tmp_path / "model.pt")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"its configuration .*config\.json is not JSON"):
        load(tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"its configuration .*nowhere\.json: No such file"):
        load(tmp_path / "model.pt", tmp_path / "nowhere.json")


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.7, 0.999])
def test_cut_off_files(tmp_path, share):
    for name in ("s4_lightning.ckpt", "s4_lm_state_dict.pt", "s4_state_dict.safetensors"):
        data = (GOLDEN / name).read_bytes()
        (tmp_path / name).write_bytes(data[: int(share * len(data))])
        with pytest.raises(CheckpointError, match=rf"{name}: (no|not a) whole"):
            load(tmp_path / name, CONFIG)


@pytest.mark.parametrize("ending", ["ckpt", "pt", "safetensors"])
def test_files_of_another_kind(tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    for data in (b"\xff\xd8\xff\xe0 a picture", b"{}", os.urandom(1000)):
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match=rf"model\.{ending}: (no|not a) whole"):
            load(path, CONFIG)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hello")
    with pytest.raises(CheckpointError, match=r"data\.pkl|not a whole"):
        load(path, CONFIG)


class Hostile:
    """Runs a command where its pickle is trusted."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def write(path, program, **parts):
    """A file of torch.save's form with a program of ours."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", program)
        for name, data in parts.items():
            archive.writestr(f"model/data/{name}", data)


def test_a_hostile_pickle_runs_nothing(tmp_path, folder):
    ran = tmp_path / "ran"
    torch.save({"state_dict": {}, "hyper_parameters": Hostile(ran)}, tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match=r"model\.ckpt"):
        load(tmp_path / "model.ckpt")
    for name in ("os", "posix", "builtins", "torch.serialization"):
        write(tmp_path / "model.pt", f"c{name}\nsystem\n(S'touch {ran}'\ntR.".encode())
        with pytest.raises(CheckpointError, match=r"model\.pt"):
            load(tmp_path / "model.pt")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"cbuiltins\neval\n(S'1+1'\ntR.", None),
        (pickle.dumps([1, 2])[:-1], "cannot be read|no whole file"),
        (b"\x80\x02" + b"(" * 1000 + b".", "cannot be read"),
        (b"]" + b"0" * 10, "cannot be read"),
        (b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00aX\x03\x00\x00"
         b"\x00cpuJ\xff\xff\xff\x7ftQ.", "storage a holds 4 bytes, not 2147483647 x 4"),
    ],
)  # fmt: skip
def test_hostile_programs(tmp_path, program, message):
    path = tmp_path / "model.pt"
    write(path, program, a=b"\0\0\0\0")
    with path.open("rb") as file:
        if message is None:
            assert isinstance(pickles.read(file), pickles.Record)
        else:
            with pytest.raises(PickleError, match=message):
                pickles.read(file)


def test_a_tensor_larger_than_its_storage(tmp_path):
    torch.save({"x": torch.zeros(1).expand(10**12)}, tmp_path / "model.pt")
    with (
        (tmp_path / "model.pt").open("rb") as file,
        pytest.raises(PickleError, match="larger than its storage"),
    ):
        pickles.read(file)


def test_compressed_parts_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", b"N." + b" " * 10**6)
    with (
        (tmp_path / "model.pt").open("rb") as file,
        pytest.raises(PickleError, match="compressed parts"),
    ):
        pickles.read(file)


def test_tensors_of_every_kind_come_back(tmp_path):
    kinds = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool)
    saved = {str(kind): torch.arange(12).to(kind).reshape(3, 4) for kind in kinds}
    saved["view"] = saved["torch.float32"].T[1:, ::2]
    saved["empty"] = torch.zeros(0, 3)
    saved["parameter"] = torch.nn.Parameter(torch.ones(2))
    torch.save(saved, tmp_path / "model.pt")
    with (tmp_path / "model.pt").open("rb") as file:
        found = pickles.read(file)
    assert found.keys() == saved.keys()
    for name, tensor in saved.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == tensor.dtype


def test_spacetime_as_it_was_saved(tmp_path):
    """Random weights in the original's layout; its trained ones are in test_spacetime.py."""
    shapes = {
        "encoder.blocks.0.pre.diff_kernel": (64, 4),
        "encoder.blocks.0.pre.ma_r_kernel": (64, 64),
        "encoder.blocks.0.mlp.layers.2.weight": (128, 128),
        "encoder.blocks.0.mlp.layers.2.bias": (128,),
        "encoder.blocks.0.ssm.skip": (128,),
        "decoder.blocks.ssm.skip": (128,),
        "output.layers.2.weight": (1, 128),
        "output.layers.2.bias": (1,),
        **{f"encoder.blocks.0.ssm.{name}": (16, 64) for name in "abc"},
        **{f"decoder.blocks.ssm.{name}": (128, 64) for name in "abck"},
    }
    torch.manual_seed(0)
    state = {name: torch.randn(shape) * 0.1 for name, shape in shapes.items()}
    shutil.copy(GOLDEN / "spacetime_config.json", tmp_path / "model_config.json")
    torch.save({"state_dict": state, "epoch": 3, "val_metric": np.float64(1)}, tmp_path / "b.pth")
    network, card = load(tmp_path / "b.pth")
    window = torch.randn(2, 84, 1) + 100
    assert network(window).shape == (2, 20, 1)
    torch.testing.assert_close(network(window + 7), network(window) + 7, atol=1e-4, rtol=0)
    assert card["architecture"]["name"] == "spacetime"
    assert card["preprocessing"] == {"kind": "series"}
    key = "decoder.blocks.ssm.k"
    for change, message in (
        ({key: state[key][:1]}, f"{key} has shape"),
        ({key: state[key] * torch.nan}, f"{key} holds NaN"),
        ({"more": state[key]}, "more is no tensor of SpaceTime"),
    ):
        torch.save({**state, **change}, tmp_path / "b.pth")
        with pytest.raises(CheckpointError, match=rf"b\.pth: {message}"):
            load(tmp_path / "b.pth")
