"""S4 in full: diagonal plus low rank, its kernel by the Woodbury identity at the roots of unity.

Source: Gu et al. 2022, arXiv:2111.00396, theorems 2 and 3, appendix C.
"""

import torch
from torch import Tensor, nn

from explainer.models import hippo
from explainer.models.kernels import (
    Chunks,
    Kernel,
    KernelConfig,
    Recurrence,
    as_complex,
    as_reals,
    clipped,
    toeplitz,
)


class LowRankRecurrence(Recurrence):
    """A = Lambda - P P* held by the bilinear rule, applied in O(N) a step by the Woodbury identity.

    x' = (1 - dt/2 A)^-1 (1 + dt/2 A) x + (1 - dt/2 A)^-1 dt B u.
    """

    def __init__(self, half: Tensor, P: Tensor, B: Tensor, C: Tensor) -> None:
        """half: dt/2 Lambda (H, N); P (rank, H, N) times sqrt(dt/2); B times dt; C (d, H, N)."""
        self.half, self.P = half, P
        self.D = 1 / (1 - half)
        DP = self.D * P
        inner = torch.eye(len(P), dtype=half.real.dtype, device=half.device)
        inner = inner + 2 * torch.einsum("rhn,shn->hrs", P.conj(), DP).real
        self.DP = torch.einsum("rhn,hrs->shn", DP, torch.linalg.inv(inner).to(DP.dtype))
        self.B = self._solve(B.unsqueeze(1)).squeeze(1)
        self.C = C

    def turn(self, x: Tensor) -> Tensor:
        """A x."""
        return self._solve(x + self.half.unsqueeze(1) * x - self._project(x, self.P))

    def carry(self, x: Tensor, steps: int) -> Tensor:
        """A^steps x."""
        for _ in range(steps):
            x = self.turn(x)
        return x

    def dense(self) -> Tensor:
        """A as (H, 2N, 2N) reals that a row of 2N reals is multiplied by from the left."""
        N = self.half.shape[-1]
        unit = torch.eye(2 * N, dtype=self.half.real.dtype, device=self.half.device)
        x = as_complex(unit).expand(len(self.half), -1, -1)
        return as_reals(self.turn(x))

    def _solve(self, y: Tensor) -> Tensor:
        """(1 - dt/2 A)^-1 y."""
        Dy = self.D.unsqueeze(1) * y
        return Dy - self._project(Dy, self.DP)

    def _project(self, x: Tensor, onto: Tensor) -> Tensor:
        """`onto` P* x; both halves of the state count, so P* x is real."""
        inner = 2 * torch.einsum("rhn,hbn->rhb", self.P.conj(), x).real
        return torch.einsum("rhn,rhb->hbn", onto, inner.to(onto.dtype))


class LowRankKernel(Kernel):
    """S4. C holds C (1 - A^length): the sum over `length` steps has no remainder then.

    Kernels up to `length` steps come from that form; longer ones, other rates and the recurrence
    undo it, so that all agree at every length.
    """

    slow = (*Kernel.slow, "P")

    def __init__(self, config: KernelConfig, directions: int = 1) -> None:
        """Start with a HiPPO measure; B clipped to 2."""
        split = hippo.split(config.init, 2 * config.state)
        A = torch.tensor(split.A_normal, dtype=torch.cfloat)
        A = torch.complex(A.real.clamp(max=-1e-4), A.imag)
        super().__init__(config, directions, A, clipped(split.B))
        P = torch.tensor(split.P, dtype=torch.cfloat).unsqueeze(1)
        self.P = nn.Parameter(torch.view_as_real(P.expand(-1, config.systems, -1).clone()))
        self.state_length()

    def state_length(self) -> None:
        """Turn a plain C, as it is drawn, into the form for `length`."""
        with torch.no_grad():
            C = torch.view_as_complex(self.C)
            self.C.copy_(torch.view_as_real(self._times(C, 1.0, self.config.length)))

    def forward(self, length: int, rate: float = 1.0) -> Tensor:
        """Return K (directions, H, length), of any length."""
        L = self.config.length
        C = torch.view_as_complex(self.C)
        if rate != 1.0 or length > L:
            # As plain C, then in the form for the length that is wanted.
            plain = self._over(C, L)
            L = max(length, round(L / rate))
            C = self._times(plain, rate, L)
        return self._impulse(C, rate, L)[..., :length]

    def recurrence(self, rate: float = 1.0) -> LowRankRecurrence:
        """Return the discretised systems."""
        return self._system(rate, self._over(torch.view_as_complex(self.C), self.config.length))

    def chunks(self, length: int, direction: int = 0) -> Chunks:
        """Return the recurrence over chunks of `length` steps."""
        found = self.recurrence()
        A = found.dense()  # rows: x' = x A
        b = as_reals(found.B).unsqueeze(1)
        c = 2 * _row(found.C[direction]).unsqueeze(2)
        enter, leave = [b], [A @ c]
        for _ in range(length - 1):
            enter.append(enter[-1] @ A)
            leave.append(A @ leave[-1])
        K = (torch.cat(enter, 1) @ c).squeeze(-1)
        carry = torch.linalg.matrix_power(A, length)
        return Chunks(toeplitz(K), torch.cat(enter[::-1], 1), carry, torch.cat(leave, 2))

    def _system(self, rate: float, C: Tensor) -> LowRankRecurrence:
        dt = self._dt(rate)
        P = self._spread(torch.view_as_complex(self.P)) * (dt / 2).sqrt()
        B = self._spread(torch.view_as_complex(self.B)) * dt
        return LowRankRecurrence(dt / 2 * self._state_matrix(), P, B, C)

    def _times(self, C: Tensor, rate: float, L: int) -> Tensor:
        """C (1 - A^L)."""
        rest = self._rest(rate, L)
        c = _row(C).to(rest.dtype).unsqueeze(-2)
        return _unrow((c @ rest).squeeze(-2), C)

    def _over(self, C: Tensor, L: int) -> Tensor:
        """C (1 - A^L)^-1."""
        rest = self._rest(1.0, L)
        c = _row(C).to(rest.dtype)
        return _unrow(torch.linalg.solve(rest.mT, c.unsqueeze(-1)).squeeze(-1), C)

    def _rest(self, rate: float, L: int) -> Tensor:
        """1 - A^L (H, 2N, 2N) in float64, for a row C."""
        A = self._system(rate, torch.view_as_complex(self.C)).dense().double().mT
        power: Tensor = torch.linalg.matrix_power(A, L)
        return torch.eye(A.shape[-1], dtype=A.dtype, device=A.device) - power

    def _impulse(self, C: Tensor, rate: float, L: int) -> Tensor:
        """The kernel K (directions, H, L) for C in the form for L.

        With w a root of unity, a = 1 - w, s = (1 + w) / 2: each sum over modes and their conjugates
        is of (2 a Re v - 2 s Re(v conj lambda)) / ((a - s lambda)(a - s conj lambda)), lambda = dt
        Lambda. With w = exp(-2 i angle) its denominator is, but for a phase, the real and imaginary
        numbers below.
        """
        dt = self._dt(rate)
        lam = dt * self._state_matrix()  # (H, N)
        B = (self._spread(torch.view_as_complex(self.B)) * dt).unsqueeze(0)
        P = self._spread(torch.view_as_complex(self.P))
        root = dt.sqrt()
        left = torch.cat([B, P * root])  # (1 + rank, H, N)
        right = torch.cat([C, P.conj() * root])  # (directions + rank, H, N)
        v = left.unsqueeze(1) * right  # (1 + rank, directions + rank, H, N)
        weights = torch.stack([2 * v.real, 2 * (v * lam.conj()).real]).flatten(0, 2)
        angle = torch.arange(L // 2 + 1, dtype=dt.dtype, device=dt.device) * (torch.pi / L)
        sin, cos = angle.sin(), angle.cos()
        real = (lam.real**2 + lam.imag**2).unsqueeze(-1) * cos**2 - 4 * sin**2  # (H, N, F)
        imaginary = -4 * lam.real.unsqueeze(-1) * (sin * cos)
        size = real**2 + imaginary**2
        weights = weights.transpose(0, 1)  # (H, ..., N)
        sums = torch.complex(weights @ (real / size), -(weights @ (imaginary / size)))
        shape = (dt.shape[0], 2, len(left), len(right), -1)
        a, s = sums.view(shape).unbind(1)
        g = 2j * sin * a - cos * s  # (H, 1 + rank, directions + rank, F)
        d = len(C)
        plain, out = g[:, 0, :d], g[:, 1:, :d]
        back, loop = g[:, :1, d:], g[:, 1:, d:]
        eye = torch.eye(len(P), dtype=loop.dtype, device=loop.device)
        loop = eye + (loop * cos).permute(0, 3, 2, 1)  # (H, F, rank, rank): P* ... P
        solved = torch.linalg.solve(loop, (back * cos).permute(0, 3, 2, 1))  # (H, F, rank, 1)
        through = torch.einsum("hrdf,hfro->hdf", out, solved)
        spectrum = torch.polar(torch.ones_like(angle), angle) * (plain - through)
        K: Tensor = torch.fft.irfft(spectrum, n=L)
        return K.transpose(0, 1)


def _row(C: Tensor) -> Tensor:
    """C (..., N) as the row of 2N reals that a state of 2N reals is multiplied by, but for a 2."""
    return as_reals(C.conj())


def _unrow(c: Tensor, like: Tensor) -> Tensor:
    """The inverse of _row, in the precision of `like`."""
    return as_complex(c.to(like.real.dtype)).conj().resolve_conj()
