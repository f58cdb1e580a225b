"""How well values foretell what masking does: infidelity and faithfulness correlation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.shapley.game import Ask, Game, Play

Float64 = NDArray[np.float64]
COALITIONS = 200


def losses(game: Game, seed: int, column: int = 0) -> Play[tuple[Tensor, Float64]]:
    """Hide random sets of players: the sets (COALITIONS, M) and what each loses (COALITIONS,).

    Each size of a set is as likely as any other.
    """
    hidden = _sets(game.players, seed)
    worth: Tensor = yield Ask(game, torch.cat([torch.ones(1, game.players) > 0, ~hidden]))
    return hidden, (worth[0, column] - worth[1:, column]).numpy()


def infidelity(values: Float64, hidden: Tensor, lost: Float64) -> float:
    """Mean squared difference between the sum of the hidden players' values and what is lost.

    values (M,) of one output. In the squared unit of the value function. Source: Yeh et al. 2019,
    arXiv:1901.09392, with the perturbation that hides a random set of players.
    """
    said = hidden.double().numpy() @ values
    return float(np.square(said - lost).mean())


def drops(game: Game, column: int = 0) -> Play[Float64]:
    """What the output loses without each single player (M,); idle ones lose nothing, unasked."""
    playing = (~game.idle).nonzero().squeeze(-1)
    coalitions = torch.ones(1 + len(playing), game.players, dtype=torch.bool)
    coalitions[torch.arange(1, 1 + len(playing)), playing] = False
    worth: Tensor = yield Ask(game, coalitions)
    found = np.zeros(game.players)
    found[playing.numpy()] = (worth[0, column] - worth[1:, column]).numpy()
    return found


def correlation(values: Float64, dropped: Float64) -> float | None:
    """Pearson correlation of values and drops (M,); None where either is constant.

    Source: Alvarez-Melis & Jaakkola 2018, arXiv:1806.07538, section 5.2 (faithfulness).
    """
    if np.ptp(values) == 0 or np.ptp(dropped) == 0:
        return None
    return float(np.corrcoef(values, dropped)[0, 1])


def _sets(players: int, seed: int) -> Tensor:
    """Random sets of players (COALITIONS, M), of 1 to M of them, the size drawn first."""
    random = np.random.default_rng([seed, 7])
    sizes = random.integers(1, players + 1, COALITIONS)
    ranks = random.random((COALITIONS, players)).argsort(1).argsort(1)
    return torch.from_numpy(ranks < sizes[:, None])
