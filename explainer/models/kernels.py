"""Linear state space models as kernels: diagonal (S4D), and diagonal plus low rank (S4).

Symbols follow the papers: H channels, N modes a channel (half the state: of each conjugate pair
the one that turns clockwise), L steps, dt the step size. `rate` 2 reads a sequence that was sampled
half as often. A recurrence is held with a state x (H, batch, N), complex; in chunks, as 2N reals.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from explainer.models import hippo
from explainer.models.config import Config, ConfigError, choice, number, whole

DIAGONAL_STARTS = ("lin", "inv", "legs")


@dataclass(frozen=True, kw_only=True)
class KernelConfig(Config):
    """What defines the linear systems of a layer.

    state: modes N a channel. systems: how many pairs of A and B the channels share in turn. length:
    the number of steps that a low-rank kernel's C is stated for (see LowRankKernel); the diagonal
    kernel does not need it.
    """

    width: int = whole(16384)
    kernel: str = choice("diagonal", "low-rank", default="diagonal")
    init: str = choice("lin", "inv", "legs", "legt", "fourier", default="lin")
    state: int = whole(1024, default=32)
    systems: int = whole(16384, default=1)
    hold: str = choice("zoh", "bilinear", default="zoh")
    dt: str = choice("softplus", "exp", default="softplus")
    dt_min: float = number(1e-8, 1e3, default=1e-3)
    dt_max: float = number(1e-8, 1e3, default=1e-1)
    length: int = whole(2**20, default=1024)

    def __post_init__(self) -> None:
        """Check each field, and what they need of one another."""
        super().__post_init__()
        if self.width % self.systems:
            raise ConfigError(
                f"systems is {self.systems}, which does not divide width {self.width}"
            )
        if self.dt_max < self.dt_min:
            raise ConfigError(f"dt_max is {self.dt_max}, less than dt_min {self.dt_min}")
        starts = DIAGONAL_STARTS if self.kernel == "diagonal" else hippo.MEASURES
        if self.init not in starts:
            raise ConfigError(
                f"init is {self.init!r}, but a {self.kernel} kernel starts as one of "
                f"{', '.join(starts)}"
            )
        if self.kernel == "low-rank" and self.hold != "bilinear":
            raise ConfigError(f"hold is {self.hold!r}, but a low-rank kernel is held by bilinear")


class Recurrence(ABC):
    """A discretised system: x[k] = A x[k-1] + B u[k], y[k] = 2 Re(C x[k])."""

    B: Tensor
    C: Tensor  # (directions, H, N)

    @abstractmethod
    def turn(self, x: Tensor) -> Tensor:
        """A x, x (H, batch, N)."""

    @abstractmethod
    def carry(self, x: Tensor, steps: int) -> Tensor:
        """The state after `steps` steps without input."""

    def step(self, u: Tensor, x: Tensor, direction: int = 0) -> tuple[Tensor, Tensor]:
        """Take u (H, batch); return y (H, batch) and the next state."""
        x = self.turn(x) + self.B.unsqueeze(1) * u.unsqueeze(-1)
        return 2 * torch.einsum("hn,hbn->hb", self.C[direction], x).real, x


class Chunks(NamedTuple):
    """What applies a recurrence to c steps at once; a complex number is two reals in a row.

    within (H, c, c): inputs to outputs of the same chunk. enter (H, c, 2N): inputs to the state at
    the chunk's end. carry: the state across a chunk, (H, 1, N) complex where modes stay apart, else
    (H, 2N, 2N). leave (H, 2N, c): the state before a chunk to its outputs.
    """

    within: Tensor
    enter: Tensor
    carry: Tensor
    leave: Tensor


class Kernel(nn.Module, ABC):
    """H linear systems; C has one row a direction: the first forward in time, a second backward."""

    slow: ClassVar[tuple[str, ...]] = ("inv_dt", "A_real", "A_imag", "B")

    def __init__(self, config: KernelConfig, directions: int, A: Tensor, B: Tensor) -> None:
        """Draw step sizes log-uniformly and C from a normal; A, B (N,) start the systems."""
        super().__init__()
        self.config = config
        H, N, T = config.width, config.state, config.systems
        low, high = math.log(config.dt_min), math.log(config.dt_max)
        log_dt = torch.empty(H, 1).uniform_(low, high)
        softplus = config.dt == "softplus"
        self.inv_dt = nn.Parameter(torch.log(torch.expm1(log_dt.exp())) if softplus else log_dt)
        self.A_real = nn.Parameter(torch.log(-A.real).expand(T, N).clone())
        # 1e-4 keeps A away from where its gradient vanishes.
        self.A_imag = nn.Parameter((-A.imag).clamp(min=1e-4).expand(T, N).clone())
        self.B = nn.Parameter(torch.view_as_real(B.expand(T, N).clone()))
        self.C = nn.Parameter(torch.view_as_real(torch.randn(directions, H, N, dtype=torch.cfloat)))

    @abstractmethod
    def forward(self, length: int, rate: float = 1.0) -> Tensor:
        """Return the convolution kernels K (directions, H, length): answers to a unit impulse."""

    @abstractmethod
    def recurrence(self, rate: float = 1.0) -> Recurrence:
        """Return the discretised systems."""

    @abstractmethod
    def chunks(self, length: int, direction: int = 0) -> Chunks:
        """Return the recurrence over chunks of `length` steps, at rate 1."""

    def _dt(self, rate: float) -> Tensor:
        """Step sizes (H, 1)."""
        exp = self.config.dt == "exp"
        return rate * (self.inv_dt.exp() if exp else nn.functional.softplus(self.inv_dt))

    def _state_matrix(self) -> Tensor:
        """A (H, N), complex."""
        return self._spread(torch.complex(-self.A_real.exp(), -self.A_imag))

    def _spread(self, x: Tensor) -> Tensor:
        """Deal systems (..., T, N) out to channels (..., H, N)."""
        copies = self.config.width // self.config.systems
        return x if copies == 1 else x.repeat(*[1] * (x.ndim - 2), copies, 1)


class DiagonalRecurrence(Recurrence):
    """Every mode by itself: A (H, N)."""

    def __init__(self, A: Tensor, B: Tensor, C: Tensor) -> None:
        """Take A and B (H, N) and C (directions, H, N)."""
        self.A, self.B, self.C = A, B, C

    def turn(self, x: Tensor) -> Tensor:
        """A x."""
        return self.A.unsqueeze(1) * x

    def carry(self, x: Tensor, steps: int) -> Tensor:
        """A^steps x."""
        return (self.A**steps).unsqueeze(1) * x


class DiagonalKernel(Kernel):
    """S4D. Source: Gu et al. 2022, arXiv:2206.11893, eq. 4-7 and 9."""

    def __init__(self, config: KernelConfig, directions: int = 1) -> None:
        """Start with S4D-Lin, -Inv or -LegS, and B = 1 (for LegS that of HiPPO, clipped to 2)."""
        A = torch.tensor(hippo.diagonal(config.init, config.state), dtype=torch.cfloat)
        B = torch.ones(config.state, dtype=torch.cfloat)
        if config.init == "legs":
            B = clipped(hippo.split("legs", 2 * config.state).B)
        super().__init__(config, directions, A, B)

    def forward(self, length: int, rate: float = 1.0) -> Tensor:
        """Return K (directions, H, length), of any length."""
        log_A, found = self._discrete(rate)
        CB = found.C * found.B
        return 2 * torch.einsum("dhn,hnl->dhl", CB, _powers(log_A, 0, length)).real

    def recurrence(self, rate: float = 1.0) -> DiagonalRecurrence:
        """Return the discretised systems."""
        return self._discrete(rate)[1]

    def chunks(self, length: int, direction: int = 0) -> Chunks:
        """Return the recurrence over chunks of `length` steps."""
        log_A, found = self._discrete(1.0)
        C = found.C[direction]
        K = 2 * torch.einsum("hn,hnl->hl", C * found.B, _powers(log_A, 0, length)).real
        enter = torch.view_as_real(found.B.unsqueeze(-1) * _powers(log_A, 0, length).flip(-1))
        leave = torch.view_as_real(
            (2 * C.unsqueeze(-1) * _powers(log_A, 1, length)).conj_physical()
        )
        return Chunks(  # enter and leave were (H, N, c, 2)
            toeplitz(K),
            enter.permute(0, 2, 1, 3).flatten(2),
            (log_A * length).exp().unsqueeze(1),
            leave.transpose(2, 3).flatten(1, 2),
        )

    def _discrete(self, rate: float) -> tuple[Tensor, DiagonalRecurrence]:
        """Return log A (H, N) of the discretised A, and the discretised system."""
        A, B = self._state_matrix(), self._spread(torch.view_as_complex(self.B))
        dt = self._dt(rate)
        dtA = dt * A
        C = torch.view_as_complex(self.C)
        if self.config.hold == "zoh":
            dA = dtA.exp()
            return dtA, DiagonalRecurrence(dA, B * (dA - 1) / A, C)
        dA = (1 + dtA / 2) / (1 - dtA / 2)
        return dA.log(), DiagonalRecurrence(dA, dt * B / (1 - dtA / 2), C)


def make(config: KernelConfig, directions: int = 1) -> Kernel:
    """Return a new kernel."""
    from explainer.models.low_rank import LowRankKernel

    kind = DiagonalKernel if config.kernel == "diagonal" else LowRankKernel
    return kind(config, directions)


def as_complex(x: Tensor) -> Tensor:
    """2N reals in a row as N complex numbers, (..., 2N) -> (..., N); there are none in bfloat16."""
    x = x.float() if x.dtype == torch.bfloat16 else x
    return torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))


def as_reals(x: Tensor) -> Tensor:
    """N complex numbers as 2N reals in a row, (..., N) -> (..., 2N)."""
    return torch.view_as_real(x.resolve_conj()).flatten(-2)


def toeplitz(K: Tensor) -> Tensor:
    """K (H, c) -> (H, c, c): [j, i] = K[i - j], from inputs in rows to outputs in columns."""
    c = K.shape[-1]
    return nn.functional.pad(K.flip(-1), (0, c - 1)).unfold(-1, c, 1).flip(-1)


def _powers(log_A: Tensor, first: int, count: int) -> Tensor:
    """exp(k log_A) for k = first ... first + count - 1, shape (H, N, count)."""
    k = torch.arange(first, first + count, dtype=log_A.real.dtype, device=log_A.device)
    return torch.exp(log_A.unsqueeze(-1) * k)


def clipped(B: hippo.Complex) -> Tensor:
    """B with real and imaginary parts held to +-2, as the original starts it."""
    held = np.clip(B.real, -2, 2) + 1j * np.clip(B.imag, -2, 2)
    return torch.tensor(held, dtype=torch.cfloat)
