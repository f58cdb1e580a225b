"""Games: players, and what a model makes of inputs in which only some of them play.

A method asks for coalitions and waits: it is a generator that yields an Ask and is sent the worth
of each coalition. Whoever drives it decides what is computed together, so methods at work on many
stimuli share the model's batches.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.methods import MethodError

Inputs = tuple[Tensor, ...]
Found = TypeVar("Found")


class NotFiniteError(MethodError):
    """A model's output in a game is NaN or infinite."""

    def __init__(self, game: "Game") -> None:
        """Say which game's."""
        super().__init__("the model's output is NaN or infinite")
        self.game = game


class Scorer(Protocol):
    """A model that reads inputs. Games with equal scorers share their batches.

    batch: rows it reads at once, halved where memory runs out.
    """

    batch: int

    def __call__(self, inputs: Inputs) -> Tensor:
        """Inputs of n rows -> (n, K) scores on the same device, without gradients."""

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put the rows of several inputs under one another."""


class Game:
    """M players, and the worth of coalitions of them, on a device.

    inputs: bool coalitions (n, M) -> what the scorer reads, n * repeats rows, the repeats of a
    coalition next to one another; its worth is their mean. read: scores (rows, K) -> (rows,
    outputs). idle (M,): players that change no input, which are worth nothing. tree: the players'
    hierarchy as a scipy linkage matrix (M - 1, 4). evaluations: rows the scorer has read for it.
    """

    def __init__(
        self,
        players: int,
        inputs: Callable[[Tensor], Inputs],
        scorer: Scorer,
        read: Callable[[Tensor], Tensor] = lambda scores: scores,
        *,
        repeats: int = 1,
        idle: Tensor | None = None,
        tree: NDArray[np.float64] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Join masks, model and outputs."""
        self.players, self.inputs, self.scorer, self.read = players, inputs, scorer, read
        self.repeats, self.tree, self.device = repeats, tree, torch.device(device)
        self.idle = torch.zeros(players, dtype=torch.bool) if idle is None else idle.cpu()
        self.evaluations = 0

    def __call__(self, coalitions: Tensor) -> Tensor:
        """Bool (n, M) -> float64 (n, outputs) on the CPU."""
        return drive(_asking(self, coalitions))


@dataclass(frozen=True)
class Ask:
    """Wants the worth of coalitions, bool (n, M); the answer is float64 (n, outputs) on the CPU."""

    game: Game
    coalitions: Tensor


Play = Generator[Ask, Tensor, Found]


def drive(play: Play[Found]) -> Found:
    """Answer a method's asks until it is done. Raises MethodError where a worth is not finite."""
    return next(drive_all([play]))


def drive_all(plays: Iterable[Play[Found]], at_once: int = 8) -> Iterator[Found]:
    """Answer several methods' asks together, `at_once` at a time; yield results in their order.

    plays are made as they are needed, so memory does not grow with their number. A worth that is
    not finite is thrown into the play that asked for it, as NotFiniteError.
    """
    waiting = iter(plays)
    active: dict[int, tuple[Play[Found], Ask]] = {}
    done: dict[int, Found] = {}
    started = given = 0
    more = True
    while more or active or done:
        while more and len(active) < at_once:
            play = next(waiting, None)
            more = play is not None
            if play is not None:
                _advance(started, play, None, active, done)
                started += 1
        while given in done:
            yield done.pop(given)
            given += 1
        if active:
            try:
                answers = worth([ask for _, ask in active.values()])
            except NotFiniteError as error:
                next(play for play, ask in active.values() if ask.game is error.game).throw(error)
                raise
            for (number, (play, _)), answer in zip(list(active.items()), answers, strict=True):
                _advance(number, play, answer, active, done)


def worth(asks: Sequence[Ask]) -> list[Tensor]:
    """The worth of each ask's coalitions, asks of one scorer in common batches."""
    found: list[Tensor | None] = [None] * len(asks)
    for scorer in dict.fromkeys(ask.game.scorer for ask in asks):
        mine = [k for k, ask in enumerate(asks) if ask.game.scorer == scorer]
        for k, answer in zip(mine, _score([asks[k] for k in mine], scorer), strict=True):
            found[k] = answer
    return [answer for answer in found if answer is not None]


def _score(asks: Sequence[Ask], scorer: Scorer) -> list[Tensor]:
    """Fill batches with the coalitions of all asks, in turn."""
    parts: list[list[Tensor]] = [[] for _ in asks]
    repeats = max(ask.game.repeats for ask in asks)
    ends = np.cumsum([len(ask.coalitions) for ask in asks])
    start = 0
    while start < ends[-1]:
        stop = min(start + max(1, scorer.batch // repeats), int(ends[-1]))
        pieces = []
        for k, (ask, end) in enumerate(zip(asks, ends.tolist(), strict=True)):
            first = end - len(ask.coalitions)
            if first < stop and start < end:
                pieces.append((k, ask.coalitions[max(start - first, 0) : stop - first]))
        try:
            scores = _read(scorer, [(asks[k].game, piece) for k, piece in pieces])
        except torch.cuda.OutOfMemoryError:
            if scorer.batch == 1:
                raise
            torch.cuda.empty_cache()
            scorer.batch //= 2
            continue
        for (k, _), each in zip(pieces, scores, strict=True):
            parts[k].append(each)
        start = stop
    return [torch.cat(each) if each else torch.zeros(0, 0) for each in parts]


def _read(scorer: Scorer, pieces: Sequence[tuple[Game, Tensor]]) -> list[Tensor]:
    with torch.inference_mode():
        inputs = [game.inputs(coalitions.to(game.device)) for game, coalitions in pieces]
        rows = [len(coalitions) * game.repeats for game, coalitions in pieces]
        scores = scorer(scorer.join(inputs) if len(inputs) > 1 else inputs[0])
        found = []
        for (game, coalitions), part in zip(pieces, torch.split(scores, rows), strict=True):
            read = game.read(part).double().cpu()
            if not read.isfinite().all():
                raise NotFiniteError(game)
            game.evaluations += len(part)
            found.append(read.view(len(coalitions), game.repeats, -1).mean(1))
    return found


def _advance(
    number: int,
    play: Play[Found],
    answer: Tensor | None,
    active: dict[int, tuple[Play[Found], Ask]],
    done: dict[int, Found],
) -> None:
    try:
        ask = next(play) if answer is None else play.send(answer)
    except StopIteration as stop:
        active.pop(number, None)
        done[number] = stop.value
    else:
        active[number] = play, ask


def _asking(game: Game, coalitions: Tensor) -> Play[Tensor]:
    return (yield Ask(game, coalitions))


class Plain:
    """A scorer of one tensor; the rows of several inputs are simply put together."""

    def __init__(self, function: Callable[[Tensor], Tensor], batch: int = 256) -> None:
        """Take a function (n, ...) -> (n, K)."""
        self.function, self.batch = function, batch

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score."""
        return self.function(inputs[0])

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put rows together."""
        return (torch.cat([part[0] for part in parts]),)


def table(values: Tensor, tree: NDArray[np.float64] | None = None) -> Game:
    """A game by the worth of all 2^M coalitions (2^M, outputs); bit k of a row is player k."""
    players = len(values).bit_length() - 1
    bits = 1 << torch.arange(players)
    scorer = Plain(lambda coalitions: values[(coalitions * bits).sum(-1)])
    return Game(players, lambda coalitions: (coalitions,), scorer, tree=tree)
