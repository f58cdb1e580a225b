"""Structured state space layers: a kernel makes the linear system, a layer applies it.

Symbols follow the papers: H channels, N modes a channel (half the state: conjugate pairs), L steps,
dt the step size. Sequences lie as (H, batch, L), channels first, so that a convolution is one
batched matrix product over channels and mixing channels is one matrix product, without a copy.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

# 784 = 14 x 56. Measured on 2 cores at H 48, N 16, forward and backward: chunks of 28, 56 and 112
# steps took .93, .48 and .55 ms a sample, the FFT 2.0 and a whole Toeplitz matrix 10.4.
CHUNK = 56

Kept = TypeVar("Kept")


class Recurrence(NamedTuple):
    """x[k] = A x[k-1] + B u[k], y[k] = 2 Re(C x[k]), each (H, N) complex."""

    A: Tensor
    B: Tensor
    C: Tensor


class Chunks(NamedTuple):
    """What applies a recurrence to c steps at once; a complex number is two reals in a row.

    within (H, c, c): inputs to outputs of the same chunk. enter (H, c, 2N): inputs to the state at
    the chunk's end. carry (H, 1, N) complex: the state across a chunk. leave (H, 2N, c): the state
    before a chunk to its outputs.
    """

    within: Tensor
    enter: Tensor
    carry: Tensor
    leave: Tensor


class DiagonalKernel(nn.Module):
    """H diagonal state space models with N modes each, initialised as S4D-Lin, held by zero order.

    A and B are shared by all channels. Source: Gu et al. 2022, arXiv:2206.11893, eq. 4-7 and 9.
    """

    def __init__(
        self, channels: int, modes: int, dt_min: float = 1e-3, dt_max: float = 1e-1
    ) -> None:
        """Draw step sizes log-uniformly between `dt_min` and `dt_max`, and C from a normal."""
        super().__init__()
        log_dt = torch.empty(channels, 1).uniform_(math.log(dt_min), math.log(dt_max))
        self.inv_dt = nn.Parameter(torch.log(torch.expm1(log_dt.exp())))  # softplus undoes it
        self.A_real = nn.Parameter(torch.full((1, modes), math.log(0.5)))
        # The first frequency is 0; 1e-4 keeps A away from where its gradient vanishes.
        self.A_imag = nn.Parameter((math.pi * torch.arange(modes)).clamp(min=1e-4).unsqueeze(0))
        self.B = nn.Parameter(torch.view_as_real(torch.ones(1, modes, dtype=torch.cfloat)))
        self.C = nn.Parameter(torch.view_as_real(torch.randn(channels, modes, dtype=torch.cfloat)))

    def _continuous(self) -> tuple[Tensor, Tensor]:
        """Return A (1, N) and dt A (H, N), complex."""
        A = torch.complex(-self.A_real.exp(), -self.A_imag)
        return A, nn.functional.softplus(self.inv_dt) * A

    def recurrence(self) -> Recurrence:
        """Return the discretised system."""
        A, dtA = self._continuous()
        dA = dtA.exp()
        dB = torch.view_as_complex(self.B) * (dA - 1) / A
        return Recurrence(dA, dB, torch.view_as_complex(self.C))

    def forward(self, length: int) -> Tensor:
        """Return the convolution kernel K (H, length): the answer to a unit impulse."""
        dtA = self._continuous()[1]
        _, dB, dC = self.recurrence()
        return 2 * torch.einsum("hn,hnl->hl", dC * dB, _powers(dtA, 0, length)).real

    def chunks(self, length: int) -> Chunks:
        """Return the recurrence over chunks of `length` steps."""
        dtA = self._continuous()[1]
        _, dB, dC = self.recurrence()
        padded = nn.functional.pad(self(length).flip(-1), (0, length - 1))
        within = padded.unfold(-1, length, 1).flip(-1)  # [j, i] = K[i - j]
        enter = torch.view_as_real(dB.unsqueeze(-1) * _powers(dtA, 0, length).flip(-1))
        leave = torch.view_as_real((2 * dC.unsqueeze(-1) * _powers(dtA, 1, length)).conj_physical())
        return Chunks(  # enter and leave were (H, N, c, 2)
            within,
            enter.permute(0, 2, 1, 3).flatten(2),
            (dtA * length).exp().unsqueeze(1),
            leave.transpose(2, 3).flatten(1, 2),
        )


def _powers(dtA: Tensor, first: int, count: int) -> Tensor:
    """exp(k dtA) for k = first ... first + count - 1, shape (H, N, count)."""
    k = torch.arange(first, first + count, dtype=dtA.real.dtype, device=dtA.device)
    return torch.exp(dtA.unsqueeze(-1) * k)


def convolve(u: Tensor, K: Tensor) -> Tensor:
    """Causal convolution of u (H, batch, L) with K (H, L) by FFT."""
    L = u.shape[-1]
    product = torch.fft.rfft(u, n=2 * L) * torch.fft.rfft(K, n=2 * L).unsqueeze(1)
    y: Tensor = torch.fft.irfft(product, n=2 * L)[..., :L]
    return y


def scan(u: Tensor, chunks: Chunks) -> Tensor:
    """The same convolution, u (H, batch, L) -> (H, batch, L), chunk by chunk from a zero state."""
    H, batch, L = u.shape
    c = chunks.within.shape[1]
    n = -(-L // c)
    v = nn.functional.pad(u, (0, n * c - L)).reshape(H, batch * n, c)
    # What each chunk alone adds to the state, then the state before each chunk: (H, batch, n, N).
    added = torch.view_as_complex(torch.bmm(v, chunks.enter).view(H, batch, n, -1, 2))
    states = [torch.zeros_like(added[:, :, 0])]
    for k in range(n - 1):
        states.append(torch.addcmul(added[:, :, k], chunks.carry, states[-1]))
    before = torch.view_as_real(torch.stack(states, 2)).view(H, batch * n, -1)
    y = torch.baddbmm(torch.bmm(v, chunks.within), before, chunks.leave)
    return y.view(H, batch, n * c)[..., :L]


class S4Layer(nn.Module):
    """A state space model a channel, a skip, GELU, then a gated mix of the channels.

    u (H, batch, L) -> (H, batch, L). Source: Gu et al. 2022, arXiv:2111.00396, section 3.4.
    """

    def __init__(self, kernel: DiagonalKernel, channels: int) -> None:
        """Take a kernel made for as many channels."""
        super().__init__()
        self.kernel = kernel
        self.D = nn.Parameter(torch.randn(channels))
        self.output = nn.Linear(channels, 2 * channels)
        self._kept: dict[str, tuple[object, Any]] = {}

    def forward(self, u: Tensor) -> Tensor:
        """Apply the layer to whole sequences."""
        return self._mix(scan(u, self._keep("chunks", self._chunks)))

    def start(self, batch: int) -> Tensor:
        """Return the state (H, batch, N) before the first step."""
        C = torch.view_as_complex(self.kernel.C)
        return C.new_zeros(C.shape[0], batch, C.shape[1])

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the layer to one step, u (H, batch); return the output and the next state."""
        A, B, C = self._keep("recurrence", self.kernel.recurrence)
        state = A.unsqueeze(1) * state + B.unsqueeze(1) * u.unsqueeze(-1)
        y = 2 * torch.einsum("hn,hbn->hb", C, state).real
        return self._mix(y + self.D.unsqueeze(1) * u), state

    def _chunks(self) -> Chunks:
        """The kernel's chunks with the skip on the diagonal: D u then costs nothing."""
        chunks = self.kernel.chunks(CHUNK)
        skip = torch.diag_embed(self.D.unsqueeze(1).expand(-1, CHUNK))
        return chunks._replace(within=chunks.within + skip)

    def _mix(self, y: Tensor) -> Tensor:
        H = y.shape[0]
        active = nn.functional.gelu(y).reshape(H, -1)
        z = torch.addmm(self.output.bias.unsqueeze(1), self.output.weight, active)
        return nn.functional.glu(z, 0).view(y.shape)

    def _keep(self, name: str, compute: Callable[[], Kept]) -> Kept:
        """Compute from the weights, or return what they gave before if nobody trains."""
        weights = [*self.kernel.parameters(), self.D]
        if self.training or (torch.is_grad_enabled() and any(w.requires_grad for w in weights)):
            return compute()
        # An optimiser, load_state_dict and .to() each change one of these.
        now = [(w._version, w.data_ptr(), w.dtype, w.device) for w in weights]
        if name not in self._kept or self._kept[name][0] != now:
            with torch.inference_mode(False), torch.no_grad():
                self._kept[name] = (now, compute())
        kept: Kept = self._kept[name][1]
        return kept
