"""The original study's "remove and measure", under its right name: how much of a text is given.

It removed no layer. While a passage was read, the truth was fed in at every k-th place, and there
it counted as right whatever the model said: k = 1, 2, 3 are its m1, m2 and m3. Here the places that
were given stand apart. Source: Su, Li & Wu 2023; see python -m analysis reproduce.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explainer.inspect.measured import Measured, ratio
from explainer.methods import MethodError
from explainer.models.language import LanguageModel

EVERY = (1, 2, 3)


@dataclass(frozen=True)
class Refreshed:
    """The share of places in a prefix that hold the true token, when every k-th is given.

    naive: over all places, as the original counted. not_given: over those that the model wrote,
    None where it wrote none. after: over places after the prefix, where nothing is given.
    """

    every: int
    naive: Measured
    not_given: Measured | None
    after: Measured | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "every": self.every,
            **{
                name: None if each is None else each.to_json()
                for name, each in (
                    ("naive", self.naive),
                    ("not_given", self.not_given),
                    ("after", self.after),
                )
            },
        }


def teacher_refresh(
    model: LanguageModel,
    passages: Sequence[Sequence[int]],
    *,
    prefix: int | None = None,
    every: Sequence[int] = EVERY,
) -> tuple[Refreshed, ...]:
    """Let a model write passages, the truth given at every k-th of the first `prefix` places.

    passages: tokens, all of one length, each after one token that starts it. Elsewhere stands the
    most probable token, and the model goes on from it. prefix: all places by default. Raises
    MethodError for passages that differ in length or are too short.
    """
    lengths = {len(each) for each in passages}
    if len(lengths) != 1 or min(lengths) < 2:
        raise MethodError(
            "passages need one length, two tokens or more: cut them, or leave some out"
        )
    places = lengths.pop() - 1
    prefix = places if prefix is None else prefix
    if not 1 <= prefix <= places:
        raise MethodError(f"prefix is {prefix}, expected 1 to {places} places")
    truth = np.array([list(each) for each in passages])
    found = []
    for k in every:
        given = given_places(places, prefix, k)
        right = _written(model, truth, given) == truth[:, 1:]
        inside = np.arange(places) < prefix
        found.append(
            Refreshed(
                k,
                _share(right[:, inside]),
                _share(right[:, inside & ~given]) if (inside & ~given).any() else None,
                _share(right[:, ~inside]) if prefix < places else None,
            )
        )
    return tuple(found)


def given_places(places: int, prefix: int, k: int) -> NDArray[np.bool_]:
    """Which of `places` hold the truth: every k-th of the first `prefix`."""
    found: NDArray[np.bool_] = (np.arange(places) % k == 0) & (np.arange(places) < prefix)
    return found


def _written(
    model: LanguageModel, truth: NDArray[np.int64], given: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """What stands at each place (n, places) of passages (n, places + 1), their first token kept."""
    device = next(model.parameters()).device
    standing = torch.from_numpy(truth[:, 0]).to(device)
    state, columns = model.start(len(truth)), []
    with torch.no_grad():
        for place, is_given in enumerate(given):
            found, state = model.step(standing, state)
            true = torch.from_numpy(truth[:, place + 1]).to(device)
            standing = true if is_given else found.argmax(-1)
            columns.append(standing.cpu().numpy())
    return np.stack(columns, 1)


def _share(right: NDArray[np.bool_]) -> Measured:
    """The share of places (n, places) that are right, resampling passages."""
    return ratio(
        right.sum(1).astype(np.float64), np.full(len(right), float(right.shape[1])), "passages"
    )
