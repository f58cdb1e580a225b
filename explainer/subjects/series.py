"""Series that are forecast: players are segments of the past, or each step."""

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from explainer.artifact import Forecast, Stimulus
from explainer.data.forecasts import Forecaster, last_value
from explainer.encoding import round_off
from explainer.methods import MethodError
from explainer.methods.counting import SEGMENTS
from explainer.shapley.game import Inputs
from explainer.shapley.trees import line_tree
from explainer.subjects import Mask, Players, Subject

BATCH = 512  # coalitions read together
REPEATS = 16  # windows that a background mask draws
DIGITS = 6  # of a forecast that are kept: what float32 arithmetic is sure of


class Called(nn.Module):
    """A forecaster that is any function of windows (n, lag), as a network without gradients."""

    def __init__(self, function: Forecaster) -> None:
        """Take a function of float64 arrays (n, lag) -> (n, horizon)."""
        super().__init__()
        self.function = function
        # So that it has a device and a precision, as a network has.
        self.place = nn.Parameter(torch.zeros(0, dtype=torch.float64), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Windows (n, lag, 1) -> (n, horizon, 1). Raises MethodError where a gradient is wanted."""
        if x.requires_grad:
            raise MethodError("this forecaster is a function without gradients; mask it instead")
        found = self.function(x.squeeze(-1).double().cpu().numpy())
        return torch.from_numpy(np.asarray(found, np.float64)).to(x).unsqueeze(-1)


class SeriesScorer:
    """Forecasts (n, horizon) of windows (n, lag), in the data's units."""

    def __init__(self, network: nn.Module, batch: int = BATCH) -> None:
        """Take a network (n, lag, 1) -> (n, horizon, 1)."""
        self.network, self.batch = network, batch

    def __call__(self, inputs: Inputs) -> Tensor:
        """Forecast."""
        ahead: Tensor = self.network(inputs[0].unsqueeze(-1)).squeeze(-1)
        return ahead

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put rows together."""
        return (torch.cat([part[0] for part in parts]),)


class SeriesSubject(Subject):
    """A forecaster; its outputs are the steps of its horizon and their mean, in the data's units.

    background: windows (n, lag) that `background` masks draw from.
    """

    kind: ClassVar[str] = "series"
    artifact_kind: ClassVar[str] = "series"
    masks: ClassVar[tuple[str, ...]] = ("mean", "last", "background")
    groups: ClassVar[tuple[str, ...]] = ("segments", "each")

    def __init__(
        self,
        network: nn.Module,
        lag: int,
        digest: str,
        background: NDArray[np.float64] | None = None,
    ) -> None:
        """Join a network in eval mode, (n, lag, 1) -> (n, horizon, 1), and its digest."""
        self.network, self.lag, self.digest, self.background = network, lag, digest, background
        self.scorer = SeriesScorer(network)

    def stimulus(
        self,
        content: ArrayLike,
        truth: ArrayLike | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> Stimulus:
        """Forecast a window (lag,) or (lag, 1); truth: the steps that came, (horizon,)."""
        return self.stimuli([content], [truth], [source or {}])[0]

    def stimuli(
        self,
        contents: Sequence[ArrayLike],
        truths: Sequence[Any],
        sources: Sequence[Mapping[str, Any]],
    ) -> list[Stimulus]:
        """Forecast windows in batches. Raises MethodError for one that does not fit."""
        windows = [self._checked(content) for content in contents]
        ahead: list[NDArray[np.float64]] = []
        with torch.inference_mode():
            for start in range(0, len(windows), BATCH):
                part = np.stack(windows[start : start + BATCH])
                ahead += list(self.scorer((self._tensor(part),)).double().cpu().numpy())
        return [
            self._told(*each)
            for each in zip(windows, ahead, truths, map(dict, sources), strict=True)
        ]

    def outputs(self, stimulus: Stimulus) -> tuple[str, ...]:
        """Return "step 1" ... and "mean"."""
        return (*(f"step {k + 1}" for k in range(self._horizon(stimulus))), "mean")

    def explained(self, stimulus: Stimulus, which: str) -> list[int]:
        """Return the mean of the forecast, as predicted; or every step and the mean."""
        horizon = self._horizon(stimulus)
        return list(range(horizon + 1)) if which == "all" else [horizon]

    def players(self, stimulus: Stimulus, group: str = "default", size: int = 1) -> Players:
        """Group steps: into segments of `size`, the last perhaps shorter; or each.

        A size of 1 stands for a seventh of the window; a span is [start, end) steps.
        """
        if group not in ("default", *self.groups):
            raise MethodError(f"a series has no players {group!r}; there are segments, each")
        if group == "each":
            size = 1
        elif size == 1:
            size = -(-self.lag // SEGMENTS)
        starts = range(0, self.lag, size)
        spans = tuple((start, min(start + size, self.lag)) for start in starts)
        return Players(torch.arange(self.lag) // size, spans, line_tree(len(spans)))

    def mask(self, stimulus: Stimulus, mask: str | float = "default", seed: int = 0) -> Mask:
        """Prepare: the window's mean, its last value, or other windows at its level and scale."""
        window = self._window(stimulus)
        others, name = self._others(window, mask, seed)

        def fill(playing: Tensor) -> Inputs:
            return (torch.where(playing.unsqueeze(1), window, others).flatten(0, 1),)

        idle = (others == window).all(0).cpu()
        return Mask(f"forecast in the data's units; masked steps {name}", fill, len(others), idle)

    def read(self, stimulus: Stimulus) -> Any:
        """Put the mean behind the steps."""
        return _with_mean

    def embed(self, stimulus: Stimulus) -> Tensor:
        """Return the window, (elements, 1), in the data's units."""
        return self._window(stimulus).unsqueeze(-1)

    def embedded_baseline(self, stimulus: Stimulus, mask: str | float) -> Tensor:
        """Return a window that is everywhere its mean, or its last value."""
        if mask == "background":
            raise MethodError("a background of many windows is no one baseline; mask by mean, last")
        window = self._window(stimulus)
        return self._others(window, mask, 0)[0].expand(1, len(window))[0].unsqueeze(-1)

    def score_embedded(self, x: Tensor, stimulus: Stimulus) -> Tensor:
        """Forecast windows (n, elements, 1) -> (n, horizon + 1), the mean behind the steps."""
        ahead: Tensor = self.network(x)
        return _with_mean(ahead.squeeze(-1))

    def _others(self, window: Tensor, mask: str | float, seed: int) -> tuple[Tensor, str]:
        """What stands for masked steps, (repeats, lag) or (1, 1), and how to say it."""
        if mask in ("default", "mean"):
            return window.mean().view(1, 1), "set to the window's mean"
        if mask == "last":
            return window[-1].view(1, 1), "set to the window's last value"
        if mask != "background":
            raise MethodError(f"a series has no mask {mask!r}; there are {', '.join(self.masks)}")
        if self.background is None or not len(self.background):
            raise MethodError("no background windows are at hand: mask by mean or last")
        rows = np.random.default_rng([seed, 5]).permutation(len(self.background))[:REPEATS]
        others = self._tensor(np.stack([self._checked(self.background[row]) for row in rows]))
        # A rise of 1 % in 1993 is a few dollars, today many: the shape is taken, not the height.
        scale = _step(window) / _step(others)
        scale = torch.where(scale.isfinite(), scale, torch.ones_like(scale))
        moved = (others - others.mean(-1, keepdim=True)) * scale + window.mean()
        said = f"as in {len(rows)} other windows (seed {seed}), moved to its mean and steps, mean"
        return moved, said

    def _told(
        self,
        window: NDArray[np.float64],
        ahead: NDArray[np.float64],
        truth: ArrayLike | None,
        source: dict[str, Any],
    ) -> Stimulus:
        actual = None if truth is None else np.asarray(truth, np.float64).reshape(-1)
        if actual is not None and actual.shape != ahead.shape:
            raise MethodError(
                f"{len(actual)} steps are said to have come, but {len(ahead)} are forecast"
            )
        largest = float(np.abs(window).max()) or 1.0
        return Stimulus(
            kind="series",
            content=window.astype(np.float32)[:, None],
            truth=None,
            labels=(),
            log_probabilities=np.zeros(0, np.float32),
            checkpoint_digest=self.digest,
            source=source,
            forecast=Forecast(
                round_off(ahead, DIGITS - 1 - floor(log10(largest))),
                last_value(window[None], len(ahead))[0].astype(np.float32),
                None if actual is None else actual.astype(np.float32),
            ),
        )

    def _checked(self, content: ArrayLike) -> NDArray[np.float64]:
        """A window (lag,) as it is stored. Raises MethodError for one of another length, or NaN."""
        window = np.asarray(content, np.float32).astype(np.float64)
        if window.shape not in ((self.lag,), (self.lag, 1)) or not np.isfinite(window).all():
            raise MethodError(
                f"a window is {window.shape} numbers, expected {self.lag}, all of them finite"
            )
        return window.reshape(-1)

    def _window(self, stimulus: Stimulus) -> Tensor:
        return self._tensor(self._checked(stimulus.content))

    def _tensor(self, values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values).to(next(self.network.parameters()))

    def _horizon(self, stimulus: Stimulus) -> int:
        if stimulus.forecast is None:
            raise MethodError("this series has no forecast; make it with the subject's stimulus()")
        return len(stimulus.forecast.values)


def _with_mean(ahead: Tensor) -> Tensor:
    return torch.cat([ahead, ahead.mean(-1, keepdim=True)], -1)


def _step(windows: Tensor) -> Tensor:
    """Root mean square of the steps of windows (..., lag), (..., 1)."""
    return windows.diff(dim=-1).square().mean(-1, keepdim=True).sqrt()
