"""Maximum likelihood for cumulative models without random effects, by damped Newton steps."""

import numpy as np

from analysis.estimate import NotEstimableError
from analysis.ordinal.design import Design
from analysis.ordinal.likelihood import Cells, Rows, cells
from analysis.ordinal.links import Floats, Link
from analysis.ordinal.separation import separating

_STEPS = 100
# A predictor that moves the latent scale by this much is checked for separation.
_SUSPICIOUS = 4.0


def maximise(design: Design, link: Link) -> tuple[Floats, float, Floats]:
    """Estimates (n_fixed,), log-likelihood, and minus the Hessian there.

    The log-likelihood is concave (Pratt 1981, JASA 76(373), 103-106), so there is one maximum.
    Raises NotEstimableError on perfect separation or when the steps do not settle.
    """
    rows = design.rows()
    x = start(design, link)
    here = _at(rows, link, x)
    if here is None:
        raise NotEstimableError("the log-likelihood does not exist at the starting values")
    for _ in range(_STEPS):
        slope, information = _derivatives(rows, here)
        scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
        values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
        if values[0] < 1e-9 * values[-1]:
            break
        along = vectors * scale[:, None]
        step = along @ ((along.T @ slope) / values)
        gain = float(slope @ step)
        if gain < 1e-14 * max(1.0, abs(here.log_p.sum())):
            _refuse_separation(design, rows, x)
            return x, float(here.log_p.sum()), information
        for halving in range(40):
            size = 0.5**halving
            there = _at(rows, link, x + size * step)
            if there is not None and there.log_p.sum() >= here.log_p.sum() - 1e-12 * abs(
                here.log_p.sum()
            ):
                break
        else:
            break
        x, here = x + size * step, there
    _refuse_separation(design, rows, np.full_like(x, np.inf))
    raise NotEstimableError(
        "the fit did not converge; there may be too few answers in some category"
    )


def start(design: Design, link: Link) -> Floats:
    """Thresholds from the observed proportions, effects at zero."""
    counts = np.bincount(design.codes, minlength=len(design.levels))
    below = np.cumsum(counts)[:-1] / counts.sum()
    x = np.zeros(len(design.fixed_names))
    x[: len(below)] = link.quantile(below)
    return x


def _at(rows: Rows, link: Link, x: Floats) -> Cells | None:
    return cells(link, *rows.cuts(x))


def _derivatives(rows: Rows, at: Cells) -> tuple[Floats, Floats]:
    slope = rows.upper.T @ at.a + rows.lower.T @ at.c
    cross = rows.upper.T @ (at.ac[:, None] * rows.lower)
    hessian = (
        rows.upper.T @ (at.aa[:, None] * rows.upper)
        + rows.lower.T @ (at.cc[:, None] * rows.lower)
        + cross
        + cross.T
    )
    return slope, -hessian


def _refuse_separation(design: Design, rows: Rows, x: Floats) -> None:
    effects = design.varying + design.location
    if not effects:
        return
    cuts = len(design.levels) - 1
    spans = [np.ptp(design.matrix[:, i]) for i in design.varying for _ in range(cuts)]
    spans += [np.ptp(design.matrix[:, i]) for i in design.location]
    moved = np.abs(x[cuts:]) * np.array(spans)
    if np.isfinite(x).all() and moved.max() < _SUSPICIOUS:
        return
    direction = separating(rows)
    if direction is None:
        return
    shares = np.abs(direction[cuts:]) * np.array(spans)
    names = [
        name for name, share in zip(design.fixed_names[cuts:], shares, strict=True) if share > 1e-6
    ]
    raise NotEstimableError(
        f"perfect separation: {', '.join(names) or 'a threshold'} predicts some answers without "
        "error, so its effect has no finite estimate"
    )
