"""SpaceTime: forecasts of a series by companion state space models, the last of them in a loop.

Source: Zhang et al. 2023, arXiv:2303.09489. H channels, N states a channel; sequences lie as
(H, batch, steps), channels first, as in explainer.models.s4.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from explainer.models.config import Config, ConfigError, choice, number, whole


@dataclass(frozen=True)
class SpaceTimeConfig(Config):
    """The sizes of a SpaceTime; the defaults are the original's.

    kernels: different systems in the encoder, each shared by width / kernels channels. differences,
    averages: how many of each stand in a row of the preprocessing, repeated to fill the width;
    average windows are drawn from `shortest` up to, not including, `longest` steps. transform: what
    is taken off a window first and given back to its forecast: its mean, or its last value; scaled:
    its last value, and the rest in units of the standard deviation of its steps.
    """

    lag: int = whole(4096, default=84)
    horizon: int = whole(1024, default=20)
    width: int = whole(1024, default=128)
    kernels: int = whole(1024, default=16)
    state: int = whole(1024, default=64)
    differences: int = whole(16, default=4)
    averages: int = whole(64, default=4)
    shortest: int = whole(4096, default=4)
    longest: int = whole(4096, 2, default=64)
    dropout: float = number(0, 0.9, default=0.2)
    transform: str = choice("mean", "last", "scaled", default="mean")

    def __post_init__(self) -> None:
        """Check each field, then that they fit one another. Raises ConfigError."""
        super().__post_init__()
        if self.width % self.kernels:
            raise ConfigError(f"width {self.width} is no multiple of kernels {self.kernels}")
        row = self.differences + self.averages
        if self.width % row:
            raise ConfigError(f"width {self.width} is no multiple of differences + averages, {row}")
        if self.shortest >= self.longest:
            raise ConfigError(f"shortest {self.shortest} is not below longest {self.longest}")
        if self.differences > self.longest:
            raise ConfigError(f"differences {self.differences} is above longest {self.longest}")


class Companion(nn.Module):
    """n systems x' = A x + b u, y = c x', where A shifts the N states down and feeds back the last.

    A has ones below its diagonal and a / |a| (sum of absolute values) added to its last column,
    which keeps its powers bounded. Source: arXiv:2303.09489, eq. 4 and appendix B.
    """

    slow: ClassVar[tuple[str, ...]] = ("a", "b", "c")

    def __init__(self, systems: int, state: int) -> None:
        """Draw all weights from a normal."""
        super().__init__()
        self.a = nn.Parameter(torch.randn(systems, state))
        self.b = nn.Parameter(torch.randn(systems, state))
        self.c = nn.Parameter(torch.randn(systems, state))

    def impulse(self, steps: int) -> Tensor:
        """Return the states after an impulse, A^j b for j < steps, (n, steps, N)."""
        a = unit(self.a)
        states: list[Tensor] = [self.b]
        for _ in range(steps - 1):
            x = states[-1]
            states.append(torch.addcmul(nn.functional.pad(x[:, :-1], (1, 0)), a, x[:, -1:]))
        return torch.stack(states, 1)

    def forward(self, steps: int) -> Tensor:
        """Return the kernel K (n, steps): the answer to a unit impulse."""
        return torch.einsum("nlk,nk->nl", self.impulse(steps), self.c)


class ClosedLoop(Companion):
    """Companion systems that, once their input ends, feed themselves u = k x.

    As the original does, b counts as it is where the input enters, and as b / |b| in the loop; c
    and k count as c / |c| and k / |k|. Source: arXiv:2303.09489, section 3.2 and eq. 10.
    """

    slow: ClassVar[tuple[str, ...]] = ("a", "b", "c", "k")

    def __init__(self, systems: int, state: int) -> None:
        """Draw all weights from a normal."""
        super().__init__(systems, state)
        self.k = nn.Parameter(torch.randn(systems, state))

    def rollout(self, lag: int, horizon: int) -> Tensor:
        """Return what takes `lag` inputs to the `horizon` outputs that follow, (n, lag, horizon).

        Output i is c (A + b k)^i x, x the state after the last input.
        """
        a, b, k, y = unit(self.a), unit(self.b), unit(self.k), unit(self.c)
        rows = []
        for _ in range(horizon):
            rows.append(y)
            # y (A + b k): A moves every entry up by one, and puts y a last.
            moved = torch.cat([y[:, 1:], (y * a).sum(-1, keepdim=True)], -1)
            y = moved + (y * b).sum(-1, keepdim=True) * k
        states = self.impulse(lag).flip(1)  # the last input has just entered
        return torch.bmm(states, torch.stack(rows, 2))


class SpaceTime(nn.Module):
    """Forecasts of windows (batch, lag, 1) -> (batch, horizon, 1), both in the data's units.

    Residual preprocessing, companion systems and a layer across channels encode the window; closed
    loops roll the encoding out; a layer across channels reads the forecast off it.
    """

    architecture: ClassVar[str] = "spacetime"
    config_type: ClassVar[type[Config]] = SpaceTimeConfig

    def __init__(self, config: SpaceTimeConfig) -> None:
        """Draw the weights, and the windows of the moving averages, which stay as they are."""
        super().__init__()
        self.config = config
        H = config.width
        self.register_buffer("residuals", residuals(config))
        self.residuals: Tensor
        self.encoder = Companion(config.kernels, config.state)
        self.skip = nn.Parameter(torch.randn(H))
        self.mix = nn.Linear(H, H)
        self.decoder = ClosedLoop(H, config.state)
        self.output = nn.Linear(H, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Forecast the values that follow each window."""
        x = x.squeeze(-1)
        level, scale = self.measure(x)
        v = self.encode((x - level) / scale)
        y = torch.bmm(v, self.decoder.rollout(self.config.lag, self.config.horizon))
        forecast: Tensor = self.output(self._active(y).permute(1, 2, 0))  # (batch, horizon, 1)
        return forecast * scale.unsqueeze(-1) + level.unsqueeze(-1)

    def encode(self, u: Tensor) -> Tensor:
        """Return the encoding (H, batch, lag) of windows (batch, lag) already transformed."""
        repeated = self.config.width // self.config.kernels
        lag = u.shape[-1]
        # One feature enters every channel: its differences and residuals.
        pre = torch.matmul(u, toeplitz(self.residuals, lag))
        K = self.encoder(lag).repeat_interleave(repeated, 0)
        y = torch.bmm(pre, toeplitz(K, lag)) + self.skip.view(-1, 1, 1) * pre
        mixed = torch.einsum("ij,jbl->ibl", self.mix.weight, self._active(y))
        return torch.add(mixed + self.mix.bias.view(-1, 1, 1), y + pre)

    def _active(self, y: Tensor) -> Tensor:
        return nn.functional.dropout(nn.functional.gelu(y), self.config.dropout, self.training)

    def measure(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the level and the scale (batch, 1) of windows (batch, lag)."""
        if self.config.transform == "mean":
            return x.mean(1, keepdim=True), torch.ones_like(x[:, :1])
        last = x[:, -1:]
        if self.config.transform == "last":
            return last, torch.ones_like(last)
        # A window that does not move has no scale: the floor keeps the division defined.
        spread = x.diff(dim=1).square().mean(1, keepdim=True).sqrt()
        return last, spread.clamp_min(1e-6)


def unit(v: Tensor) -> Tensor:
    """Divide by the sum of absolute values over the last axis."""
    return v / v.abs().sum(-1, keepdim=True)


def toeplitz(K: Tensor, length: int) -> Tensor:
    """Return T (H, length, length), T[h, j, i] = K[h, i - j]: u @ T is the causal convolution."""
    K = nn.functional.pad(K[:, :length], (0, max(0, length - K.shape[1])))
    return nn.functional.pad(K.flip(-1), (0, length - 1)).unfold(-1, length, 1).flip(-1)


def residuals(config: SpaceTimeConfig) -> Tensor:
    """Draw the preprocessing kernels (width, longest): rows of differences, then of averages.

    A difference of order i has the binomials of (1 - z)^i, from i = 0, the window as it is; the
    residual of a moving average over w steps is the step less its mean with the w - 1 before it.
    """
    rows = config.width // (config.differences + config.averages)
    taps = torch.arange(config.longest)
    binomials = [
        [(-1.0) ** j * math.comb(i, j) for j in range(config.differences)]
        for i in range(config.differences)
    ]
    differences = nn.functional.pad(
        torch.tensor(binomials), (0, config.longest - config.differences)
    ).expand(rows, -1, -1)
    windows = torch.randint(config.shortest, config.longest, (rows, config.averages, 1))
    averages = (taps == 0).float() - (taps < windows) / windows
    return torch.cat([differences, averages], 1).flatten(0, 1)
