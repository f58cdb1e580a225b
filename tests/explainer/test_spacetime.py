"""SpaceTime against the original's numbers, and against its equations written out.

The original's weights are not ours to copy: tests with them run where ../shared is.
"""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import gelu

from explainer.data import forecasts, prices
from explainer.models import spacetime
from explainer.models.config import ConfigError
from explainer.models.spacetime import SpaceTime, SpaceTimeConfig
from explainer.models.spacetime_layout import FIXED, from_original
from explainer.models.spacetime_layout import ORIGINAL as NAMES

SHARED = Path(__file__).parents[3] / "shared"
ORIGINAL = SHARED / "golden" / "spacetime"
SP500 = SHARED / "data" / "sp500"
needs_original = pytest.mark.skipif(
    not (ORIGINAL.exists() and SP500.exists()),
    reason="the original's SpaceTime weights are in ../shared, which is not here",
)
SMALL = SpaceTimeConfig(
    lag=12,
    horizon=5,
    width=12,
    kernels=3,
    state=4,
    differences=2,
    averages=2,
    shortest=3,
    longest=7,
    dropout=0.0,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def small(seed: int = 0, **changes) -> SpaceTime:
    torch.manual_seed(seed)
    model = SpaceTime(SpaceTimeConfig(**{**SMALL.to_json(), **changes}))
    return model.double().eval().requires_grad_(False)


def original(name: str) -> SpaceTime:
    config = json.loads((ORIGINAL / "model_config.json").read_text())
    state = load_file(ORIGINAL / f"{name}_state_dict.safetensors")
    return from_original(state, config).requires_grad_(False)


def golden(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(ORIGINAL / f"{name}.npz"))


@needs_original
@pytest.mark.parametrize("name", ["bval", "btrn"])
def test_forecasts_agree_with_the_original(name):
    """REFERENCES: 2e-3 dollars in float32."""
    io = golden("synthetic_io")
    x = torch.from_numpy(io["x"])[:, :84]
    np.testing.assert_allclose(original(name)(x), io[f"pred_{name}"], atol=2e-3, rtol=0)


@needs_original
def test_forecasts_agree_in_float64():
    io = golden("synthetic_io")
    x = torch.from_numpy(io["x"])[:, :84].double()
    np.testing.assert_allclose(original("bval").double()(x), io["pred_fp64"], atol=1e-10, rtol=0)
    windows = golden("sp500_test_io")
    x = torch.from_numpy(windows["x"])[:, :84, None]
    np.testing.assert_allclose(original("bval")(x.float()), windows["pred"], atol=2e-3, rtol=0)


@needs_original
def test_activations_agree_with_the_original():
    io = golden("synthetic_io")
    model = original("bval").double()
    u = torch.from_numpy(io["u_centered"][:2, :, 0]).double()
    pre = u @ spacetime.toeplitz(model.residuals, 84)
    np.testing.assert_allclose(pre.permute(1, 2, 0), io["act_encoder_pre"], atol=1e-5, rtol=0)
    v = model.encode(u)
    np.testing.assert_allclose(v.permute(1, 2, 0), io["act_encoder_out"], atol=5e-4, rtol=0)
    y = torch.bmm(v, model.decoder.rollout(84, 20)).permute(1, 2, 0)
    np.testing.assert_allclose(y, io["act_decoder_ssm"], atol=2e-3, rtol=0)


@needs_original
def test_coalitions_of_segments_agree_with_the_original():
    """All 128 ways to set some of seven segments of 12 closes to one baseline."""
    exact = golden("exact7_shapley")
    there = (np.arange(128)[:, None] >> np.arange(7)) & 1
    mask = np.repeat(there, 12, 1).astype(bool)
    x = np.where(mask, exact["window"], exact["baseline"])
    found = original("bval").double()(torch.from_numpy(x).unsqueeze(-1)).squeeze(-1)
    np.testing.assert_allclose(found, exact["coalition_values"], atol=2e-3, rtol=0)


@needs_original
@pytest.mark.parametrize("name", ["bval", "btrn"])
def test_reproduces_the_originals_errors(name):
    """REFERENCES: MAE to 4 decimals; naive figures of rounded closes to 4.

    The original fetched closes with more decimals than Yahoo shows: its squares differ in the sixth
    digit.
    """
    closes = prices.load(SP500, until="2023-05-05")
    parts = forecasts.split(closes, 84, 20, "2020-12-31")
    assert parts.to_json() == {"train": 6254, "validation": 694, "test": 589}
    expected = json.loads((ORIGINAL / "sp500_metrics_raw.json").read_text())[name]
    forecast = forecasts.forecaster(original(name))
    for part, key in ((parts.test, "test"), (parts.validation, "val"), (parts.train, "train")):
        found = forecasts.evaluate(forecast, part)
        published = expected[key]
        assert part.future.size == published["total"]
        for ours, theirs in (("mae", "pooled_mae"), ("batch_mae", "informer_mae")):
            assert found["model"][ours] == pytest.approx(published[theirs], abs=5e-5)
        for ours, theirs in (("rmse", "pooled_rmse"), ("batch_rmse", "informer_rmse")):
            assert found["model"][ours] == pytest.approx(published[theirs], abs=1e-4)
        assert found["model"]["batch_mse"] == pytest.approx(published["informer_mse"], rel=1e-6)
        for error in ("mae", "rmse"):
            naive = published[f"naive_last_{error}"]
            assert found["last_value"][error] == pytest.approx(naive, abs=5e-5)


def matrix(model: spacetime.Companion) -> np.ndarray:
    """A, written out: the shift, and a / |a| in the last column."""
    a = model.a.numpy()
    n, N = a.shape
    A = np.zeros((n, N, N))
    A[:, 1:, :-1] += np.eye(N - 1)
    A[:, :, -1] += a / np.abs(a).sum(1, keepdims=True)
    return A


def by_hand(model: SpaceTime, window: np.ndarray) -> np.ndarray:
    """The forecast of one window, state by state."""
    config = model.config
    u = window - window.mean()
    channels = []
    for h in range(config.width):
        kernel = model.residuals[h].numpy()
        pre = np.array(
            [
                sum(kernel[j] * u[t - j] for j in range(min(t + 1, len(kernel))))
                for t in range(len(u))
            ]
        )
        shared = h // (config.width // config.kernels)
        A, b, c = (
            matrix(model.encoder)[shared],
            model.encoder.b[shared].numpy(),
            model.encoder.c[shared].numpy(),
        )
        x, y = np.zeros(config.state), []
        for t in range(len(u)):
            x = A @ x + b * pre[t]
            y.append(c @ x + model.skip[h].item() * pre[t])
        channels.append((pre, np.array(y)))
    pre, y = (np.stack(each) for each in zip(*channels, strict=True))
    mixed = model.mix.weight.numpy() @ gelu(torch.from_numpy(y)).numpy()
    v = mixed + model.mix.bias.numpy()[:, None] + y + pre
    outputs = np.zeros((config.width, config.horizon))
    for h in range(config.width):
        A, b, c, k = (
            matrix(model.decoder)[h],
            *(getattr(model.decoder, name)[h].numpy() for name in "bck"),
        )
        x = np.zeros(config.state)
        for t in range(len(u)):
            x = A @ x + b * v[h, t]
        loop = A + np.outer(b / np.abs(b).sum(), k / np.abs(k).sum())
        for i in range(config.horizon):
            outputs[h, i] = c @ x / np.abs(c).sum()
            x = loop @ x
    read = model.output.weight.numpy() @ gelu(torch.from_numpy(outputs)).numpy()
    return read[0] + model.output.bias.item() + window.mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_forecasts_are_the_equations_written_out(seed):
    model = small(seed)
    x = np.random.default_rng(seed).normal(100, 20, (3, 12))
    found = model(torch.from_numpy(x).unsqueeze(-1)).squeeze(-1)
    np.testing.assert_allclose(found, [by_hand(model, each) for each in x], atol=1e-10, rtol=0)


def test_preprocessing_is_differences_and_moving_average_residuals():
    model = small()
    u = np.random.default_rng(0).normal(size=12)
    pre = (torch.from_numpy(u)[None] @ spacetime.toeplitz(model.residuals, 12))[:, 0].numpy()
    for row in range(0, 12, 4):
        np.testing.assert_allclose(pre[row], u, atol=1e-12)
        np.testing.assert_allclose(pre[row + 1][1:], np.diff(u), atol=1e-12)
        for channel in (row + 2, row + 3):
            fits = [
                w
                for w in range(3, 7)
                if np.allclose(
                    pre[channel][w - 1 :],
                    u[w - 1 :] - np.convolve(u, np.ones(w) / w, "valid"),
                    atol=1e-6,
                )
            ]
            assert len(fits) == 1
    assert model.residuals.shape == (12, 7)


def test_powers_of_the_companion_matrix_stay_bounded():
    torch.manual_seed(0)
    system = spacetime.Companion(8, 6).double()
    with torch.no_grad():
        states = system.impulse(2000)
    assert states.abs().sum(-1).max() <= system.b.abs().sum(-1).max() * 6


@pytest.mark.parametrize(
    ("transform", "scale", "rises"),
    [("mean", 1.0, True), ("last", 1.0, True), ("scaled", 7.0, True), ("mean", 7.0, False)],
)
def test_a_forecast_moves_with_its_window(transform, scale, rises):
    model = small(transform=transform)
    x = torch.from_numpy(np.random.default_rng(0).normal(100, 5, (4, 12, 1)))
    moved = model(scale * x + 40)
    assert torch.allclose(moved, scale * model(x) + 40, atol=1e-8) == rises


@pytest.mark.parametrize("transform", ["mean", "last", "scaled"])
def test_a_window_that_does_not_move_has_a_forecast_and_gradients(transform):
    model = small(transform=transform).requires_grad_(True)
    found = model(torch.full((2, 12, 1), 50.0, dtype=torch.float64))
    assert found.shape == (2, 5, 1)
    found.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_dropout_is_only_for_training():
    model = small(dropout=0.5)
    x = torch.randn(2, 12, 1, dtype=torch.float64)
    assert torch.equal(model(x), model(x))
    model.train()
    assert not torch.equal(model(x), model(x))


def test_is_defined_by_its_configuration_and_its_state():
    model = small()
    with torch.device("meta"):
        other = SpaceTime(SpaceTimeConfig.from_json(model.config.to_json()))
    other.load_state_dict(model.state_dict(), assign=True)
    x = torch.randn(2, 12, 1, dtype=torch.float64)
    assert torch.equal(other.eval()(x), model(x))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kernels": 5}, "width 12 is no multiple of kernels 5"),
        ({"averages": 3}, "width 12 is no multiple of differences \\+ averages, 5"),
        ({"shortest": 7}, "shortest 7 is not below longest 7"),
        ({"differences": 8, "averages": 4}, "differences 8 is above longest 7"),
        ({"transform": "none"}, "transform is 'none'"),
    ],
)
def test_sizes_must_fit(changes, says):
    with pytest.raises(ConfigError, match=says):
        small(**changes)


def originals_layout(model: SpaceTime) -> tuple[dict[str, torch.Tensor], dict]:
    """A network of ours as the original would have written it."""
    config = model.config
    rows = config.width // (config.differences + config.averages)
    state = model.state_dict()
    kernels = state["residuals"].view(rows, -1, config.longest)
    theirs = {
        "encoder.blocks.0.pre.diff_kernel": kernels[:, : config.differences, : config.differences],
        "encoder.blocks.0.pre.ma_r_kernel": kernels[:, config.differences :],
    }
    found = {name: tensor.flatten(0, 1) for name, tensor in theirs.items()}
    found |= {old: state[new] for new, old in NAMES.items()}
    found["decoder.blocks.ssm.skip"] = torch.randn(config.width)
    settings: dict = {}
    values = {
        **FIXED,
        "lag": config.lag,
        "horizon": config.horizon,
        "encoder_config.blocks.0.input_dim": config.width,
        "encoder_config.blocks.0.ssm_config.kwargs.n_kernels": config.kernels,
        "encoder_config.blocks.0.ssm_config.kwargs.kernel_dim": config.state,
        "encoder_config.blocks.0.pre_config.kwargs.max_diff_order": config.differences,
        "encoder_config.blocks.0.pre_config.kwargs.n_kernels": config.differences + config.averages,
        "encoder_config.blocks.0.pre_config.kwargs.min_avg_window": config.shortest,
        "encoder_config.blocks.0.pre_config.kwargs.max_avg_window": config.longest,
        "encoder_config.blocks.0.mlp_config.kwargs.dropout": config.dropout,
    }
    for path, value in values.items():
        inner = settings
        *above, last = path.replace("blocks.0", "blocks").split(".")
        for key in above:
            inner = inner.setdefault(key, {})
        inner[last] = value
    for part in ("encoder_config", "decoder_config"):
        settings[part]["blocks"] = [settings[part]["blocks"]]
    return found, settings


def test_reads_the_originals_layout():
    model = small()
    state, settings = originals_layout(model)
    x = torch.randn(3, 12, 1, dtype=torch.float64)
    read = from_original(state, settings)
    assert read.config == model.config
    torch.testing.assert_close(read.double()(x), model(x), atol=1e-4, rtol=0)  # through float32


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("decoder.blocks.ssm.k", None, "decoder.blocks.ssm.k is missing"),
        (
            "output.layers.2.bias",
            torch.zeros(2),
            r"output.layers.2.bias has shape \(2,\), expected \(1,\)",
        ),
        ("extra", torch.zeros(1), "extra is no tensor of SpaceTime"),
        ("encoder.blocks.0.ssm.a", torch.full((3, 4), torch.nan), "ssm.a holds NaN or infinity"),
    ],
)
def test_names_the_first_wrong_tensor(name, change, says):
    state, settings = originals_layout(small())
    if change is None:
        del state[name]
    else:
        state[name] = change
    with pytest.raises(ValueError, match=says):
        from_original(state, settings)


def test_names_the_first_wrong_setting():
    state, settings = originals_layout(small())
    wrong = copy.deepcopy(settings)
    wrong["decoder_config"]["blocks"][0]["ssm_config"]["method"] = "shift"
    with pytest.raises(ValueError, match=r"ssm_config.method is 'shift'; only 'closed_loop_comp"):
        from_original(state, wrong)
    for path in ("lag", "encoder_config"):
        wrong = copy.deepcopy(settings)
        del wrong[path]
        with pytest.raises(ValueError, match=f"{path}.* is missing"):
            from_original(state, wrong)
    wrong = copy.deepcopy(settings)
    wrong["encoder_config"]["blocks"][0]["pre_config"]["kwargs"]["n_kernels"] = "8"
    with pytest.raises(ValueError, match="max_diff_order and n_kernels are no whole numbers"):
        from_original(state, wrong)
    wrong = copy.deepcopy(settings)
    wrong["lag"] = "84"
    with pytest.raises(ValueError, match="lag is '84'"):
        from_original(state, wrong)
