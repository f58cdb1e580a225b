"""S4 layers: a kernel makes the linear system, a layer applies it.

Sequences lie as (H, batch, L), channels first, so that a convolution is one batched matrix product
over channels and mixing channels is one matrix product, without a copy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from explainer.models import kernels, ways
from explainer.models.config import choice, flag, number
from explainer.models.kernels import Chunks, KernelConfig, Recurrence, as_complex, as_reals

# 784 = 14 x 56. Measured on 2 cores at H 48, N 16, forward and backward: chunks of 28, 56 and 112
# steps took .93, .48 and .55 ms a sample, the FFT 2.0 and a whole Toeplitz matrix 10.4.
CHUNK = 56

Kept = TypeVar("Kept")


@dataclass(frozen=True, kw_only=True)
class LayerConfig(KernelConfig):
    """What defines a layer. dropout: share of activations; tied: the same ones at every step."""

    bidirectional: bool = flag(default=False)
    mix: str = choice("glu", "linear", default="glu")
    dropout: float = number(0, 0.95, default=0.0)
    tied: bool = flag(default=True)


def convolve(u: Tensor, K: Tensor) -> Tensor:
    """Causal convolution of u (H, batch, L) with K (H, L) by FFT."""
    return convolve_spectrum(u, torch.fft.rfft(K, n=2 * u.shape[-1]))


def convolve_spectrum(u: Tensor, spectrum: Tensor) -> Tensor:
    """The same with the transform (H, L + 1) of K padded to 2 L."""
    L = u.shape[-1]
    product = torch.fft.rfft(u.to(spectrum.real.dtype), n=2 * L) * spectrum.unsqueeze(1)
    y: Tensor = torch.fft.irfft(product, n=2 * L)[..., :L]
    return y


def scan(u: Tensor, chunks: Chunks, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The same convolution, u (H, batch, L) -> (H, batch, L), chunk by chunk from a state x.

    x (H, batch, N) complex; None is zero. Returns the states (H, batch, chunks + 1, N) before each
    chunk and after the last one, which counts as whole, too.
    """
    H, batch, L = u.shape
    c = chunks.within.shape[1]
    n = -(-L // c)
    v = nn.functional.pad(u, (0, n * c - L)).reshape(H, batch * n, c)
    # What each chunk alone adds to the state, (H, batch, n, 2N), then the states.
    added = torch.bmm(v, chunks.enter).view(H, batch, n, -1)
    first = torch.zeros_like(added[:, :, 0]) if x is None else as_reals(x)
    states = _carry(added, chunks.carry, first)
    before = states[:, :, :-1].reshape(H, batch * n, -1)
    y = torch.baddbmm(torch.bmm(v, chunks.within), before, chunks.leave)
    return y.view(H, batch, n * c)[..., :L], states


def scan_one(u: Tensor, chunks: Chunks, x: Tensor) -> tuple[Tensor, Tensor]:
    """The same for one whole chunk, u (H, batch, c), from a state to the one after it."""
    before = as_reals(x)
    y = _plus(torch.bmm(u, chunks.within), before, chunks.leave)
    added = torch.bmm(u, chunks.enter)
    if chunks.carry.is_complex():
        return y, torch.addcmul(as_complex(added), chunks.carry, x)
    return y, as_complex(_plus(added, before, chunks.carry))


def _plus(y: Tensor, x: Tensor, w: Tensor) -> Tensor:
    """Add x w to y, in its place but where autocast has made it bfloat16."""
    return y.baddbmm_(x, w) if y.dtype == x.dtype else torch.baddbmm(y, x, w)


def _carry(added: Tensor, carry: Tensor, first: Tensor) -> Tensor:
    """The states (H, batch, n + 1, 2N) around each chunk, from what each adds, (..., n, 2N)."""
    if carry.is_complex():
        parts = as_complex(added)
        states = [as_complex(first)]
        for k in range(added.shape[2]):
            states.append(torch.addcmul(parts[:, :, k], carry, states[-1]))
        return as_reals(torch.stack(states, 2))
    states = [first]
    for k in range(added.shape[2]):
        states.append(torch.baddbmm(added[:, :, k], states[-1], carry))
    return torch.stack(states, 2)


class S4Layer(nn.Module):
    """A state space model a channel, a skip, GELU, then a mix of the channels, gated or not.

    u (H, batch, L) -> (H, batch, L). Source: Gu et al. 2022, arXiv:2111.00396, section 3.4.
    """

    def __init__(self, config: LayerConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        H = config.width
        self.config = config
        self.kernel = kernels.make(config, 2 if config.bidirectional else 1)
        self.D = nn.Parameter(torch.randn(H))
        self.output = nn.Linear(H, 2 * H if config.mix == "glu" else H)
        self._kept: dict[object, tuple[object, Any]] = {}

    def forward(self, u: Tensor, rate: float = 1.0) -> Tensor:
        """Apply the layer to whole sequences, the way that is fastest once nobody trains."""
        way = self._way(u, rate)
        if way == "fft":
            return self._mix(self._by_fft(u, rate))
        if way == "whole":
            return self._mix(torch.bmm(u, self._whole(u.shape[-1])))
        y = scan(u, self._keep("chunks", lambda: self._chunks(0)))[0]
        if self.config.bidirectional:
            back = scan(u.flip(-1), self._keep("back", lambda: self._chunks(1)))[0]
            y = y + _after(back.flip(-1))
        return self._mix(y)

    def start(self, batch: int) -> Tensor:
        """Return the state (H, batch, N) before the first step.

        Raises ValueError for a bidirectional layer, which has none.
        """
        if self.config.bidirectional:
            raise ValueError(
                "a bidirectional model reads the whole sequence before its first output: give it "
                "the whole, or train one that reads forward"
            )
        C = torch.view_as_complex(self.kernel.C)
        return C.new_zeros(C.shape[1], batch, C.shape[2])

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the layer to the next steps, u (H, batch, L); return output and the next state."""
        if u.shape[-1] == 1:
            y, state = self.step(u[..., 0], state)
            return y.unsqueeze(-1), state
        chunks = self._keep("chunks", lambda: self._chunks(0))
        if u.shape[-1] == CHUNK:
            y, state = scan_one(u, chunks, state)
            return self._mix(y), state
        y, states = scan(u, chunks, state)
        rest = u.shape[-1] % CHUNK
        if rest == 0:
            return self._mix(y), as_complex(states[:, :, -1])
        added = torch.bmm(u[..., -rest:], chunks.enter[:, CHUNK - rest :])
        before = as_complex(states[:, :, -2])
        return self._mix(y), self._recurrence().carry(before, rest) + as_complex(added)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the layer to one step, u (H, batch); return the output and the next state."""
        y, state = self._recurrence().step(u, state)
        return self._mix(y + self.D.unsqueeze(1) * u), state

    def _recurrence(self) -> Recurrence:
        return self._keep("recurrence", self.kernel.recurrence)

    def _way(self, u: Tensor, rate: float) -> ways.Way:
        """A diagonal kernel's chunks are cheap to make; a low-rank one's only worth keeping."""
        if rate != 1.0:
            return "fft"
        if not self._frozen():
            return "chunks" if self.config.kernel == "diagonal" else "fft"
        H, batch, L = u.shape
        return ways.fastest(u.device.type, batch, L, H, CHUNK)

    def _chunks(self, direction: int) -> Chunks:
        """The kernel's chunks with the skip on the diagonal: D u then costs nothing."""
        chunks = self.kernel.chunks(CHUNK, direction)
        if direction:
            return chunks
        skip = torch.diag_embed(self.D.unsqueeze(1).expand(-1, CHUNK))
        return chunks._replace(within=chunks.within + skip)

    def _whole(self, length: int) -> Tensor:
        """The matrix (H, length, length) of both directions and the skip."""
        side = ways.side(length, CHUNK)
        return self._keep(("whole", side), lambda: self._matrix(side))[:, :length, :length]

    def _matrix(self, side: int) -> Tensor:
        skip = torch.diag_embed(self.D.unsqueeze(1).expand(-1, side))
        found = self.kernel.chunks(side, 0).within + skip
        if self.config.bidirectional:
            back = self.kernel.chunks(side, 1).within.mT
            found = found + nn.functional.pad(back[:, :-1], (0, 0, 1, 0))
        return found

    def _by_fft(self, u: Tensor, rate: float) -> Tensor:
        """Convolve with the kernels' transforms, which are kept too."""
        L = u.shape[-1]
        forth, *back = self._keep(
            ("spectra", L, rate), lambda: torch.fft.rfft(self.kernel(L, rate), n=2 * L)
        )
        y = convolve_spectrum(u, forth) + self.D[:, None, None] * u
        if back:
            y = y + _after(convolve_spectrum(u.flip(-1), back[0]).flip(-1))
        return y

    def _mix(self, y: Tensor) -> Tensor:
        H = y.shape[0]
        active = drop(nn.functional.gelu(y), self.config, self.training).reshape(H, -1)
        z = torch.addmm(self.output.bias.unsqueeze(1), self.output.weight, active)
        if self.config.mix == "glu":
            z = nn.functional.glu(z, 0)
        return z.view(y.shape)

    def _frozen(self) -> bool:
        """Nobody trains, and nobody wants the gradient of a weight."""
        wanted = torch.is_grad_enabled() and any(w.requires_grad for w in self._system())
        return not self.training and not wanted

    def _system(self) -> list[Tensor]:
        return [*self.kernel.parameters(), self.D]

    def _keep(self, name: object, compute: Callable[[], Kept]) -> Kept:
        """Compute from the weights, or return what they gave before if nobody trains."""
        # Complex numbers know no bfloat16, and a kernel is small: only its use is mixed. What is
        # kept serves every precision.
        with torch.autocast(self.D.device.type, enabled=False):
            if not self._frozen():
                return compute()
            # An optimiser, load_state_dict and .to() each change one of these.
            now = [(w._version, w.data_ptr(), w.dtype, w.device) for w in self._system()]
            if name not in self._kept or self._kept[name][0] != now:
                with torch.inference_mode(False), torch.no_grad():
                    self._kept[name] = (now, compute())
            kept: Kept = self._kept[name][1]
            return kept


def drop(x: Tensor, config: LayerConfig, training: bool) -> Tensor:
    """Dropout of x (H, batch, ...), tied over steps or not."""
    if not training or config.dropout == 0:
        return x
    if not config.tied:
        return nn.functional.dropout(x, config.dropout)
    ones = torch.ones(x.shape[:2] + (1,) * (x.ndim - 2), dtype=x.dtype, device=x.device)
    return x * nn.functional.dropout(ones, config.dropout)


def _after(y: Tensor) -> Tensor:
    """Move y a step earlier: the backward system reads what comes after a step, not the step."""
    return nn.functional.pad(y[..., 1:], (0, 1))
