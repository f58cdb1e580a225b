"""What is explained: a checkpoint joined with what turns content into its input.

Methods know subjects only, never which network is behind one. The content of a stimulus has
elements: pixels, tokens, days. Players are groups of them, and a mask says what stands where an
element does not play.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import MethodError
from explainer.shapley.game import Game, Inputs, Scorer
from explainer.shapley.trees import Linkage


@dataclass(frozen=True)
class Players:
    """Who plays: groups of a stimulus's elements.

    member (elements,): which player each element belongs to, 0 ... M - 1. spans: what each player
    is in an artifact (pixel indices; [start, end) of characters or steps). tree: their hierarchy
    as a scipy linkage matrix (M - 1, 4), neighbours joined.
    """

    member: Tensor
    spans: tuple[tuple[int, ...], ...]
    tree: Linkage

    def __len__(self) -> int:
        """How many there are."""
        return len(self.spans)


@dataclass(frozen=True)
class Mask:
    """What one stimulus becomes where elements do not play.

    name: the value function's name, for example "log-probability; masked pixels set to 0". fill:
    bool (n, elements), true where an element plays -> inputs of n * repeats rows. idle (elements,):
    true where a masked element equals an unmasked one.
    """

    name: str
    fill: Any  # Callable[[Tensor], Inputs]
    repeats: int
    idle: Tensor


class Subject(ABC):
    """A checkpoint ready to be explained.

    kind: image (classified), text (classified), prompt (gone on from), or series (forecast).
    artifact_kind: the kind of its stimuli: image, text or series. digest: the checkpoint's.
    masks, groups: names that `mask` and `players` take, the default first; an image's mask may also
    be a number.
    """

    kind: ClassVar[str]
    artifact_kind: ClassVar[str]
    masks: ClassVar[tuple[str, ...]]
    groups: ClassVar[tuple[str, ...]]
    network: nn.Module
    digest: str
    scorer: Scorer

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @abstractmethod
    def stimulus(
        self, content: Any, truth: Any = None, source: Mapping[str, Any] | None = None
    ) -> Stimulus:
        """Ask the model about content, and make a stimulus of it and what the model said."""

    def stimuli(
        self,
        contents: Sequence[Any],
        truths: Sequence[str | None],
        sources: Sequence[Mapping[str, Any]],
    ) -> list[Stimulus]:
        """Make many stimuli; a subject whose model reads many at once does so."""
        given = zip(contents, truths, sources, strict=True)
        return [self.stimulus(content, truth, source) for content, truth, source in given]

    @abstractmethod
    def outputs(self, stimulus: Stimulus) -> tuple[str, ...]:
        """Return the names of all outputs that can be explained.

        Labels; the tokens of a continuation and their sum; or steps of the horizon and their mean.
        """

    @abstractmethod
    def explained(self, stimulus: Stimulus, which: str) -> list[int]:
        """Return the outputs that "predicted" (what the participant is told), or "all", means."""

    @abstractmethod
    def players(self, stimulus: Stimulus, group: str = "default", size: int = 1) -> Players:
        """Group the elements; size: elements a player (a patch's side), where a group has one.

        Raises MethodError where they cannot be grouped so.
        """

    @abstractmethod
    def mask(self, stimulus: Stimulus, mask: str | float = "default", seed: int = 0) -> Mask:
        """Prepare a mask. Raises MethodError for one that this subject does not have."""

    @abstractmethod
    def embed(self, stimulus: Stimulus) -> Tensor:
        """Return the content as the network's differentiable input, (elements, D)."""

    @abstractmethod
    def embedded_baseline(self, stimulus: Stimulus, mask: str | float) -> Tensor:
        """Return the same with every element masked by one value, (elements, D).

        Raises MethodError for a mask that is no one value.
        """

    @abstractmethod
    def score_embedded(self, x: Tensor, stimulus: Stimulus) -> Tensor:
        """Score embedded inputs (n, elements, D) -> (n, outputs), differentiable, all outputs.

        They are in the unit of the value function: log-probabilities, or the data's units.
        """

    def read(self, stimulus: Stimulus) -> Any:
        """Return what makes all outputs (rows, outputs) out of the scorer's (rows, K)."""
        return lambda scores: scores

    def game(
        self,
        stimulus: Stimulus,
        outputs: Sequence[int],
        players: Players,
        mask: Mask,
    ) -> Game:
        """The game of a stimulus: what each coalition of players is worth to some outputs."""
        member = players.member.to(self.device)
        read, columns = self.read(stimulus), list(outputs)
        idle = torch.ones(len(players), dtype=torch.bool)
        idle[players.member[~mask.idle.cpu()].cpu()] = False

        def inputs(coalitions: Tensor) -> Inputs:
            filled: Inputs = mask.fill(coalitions[:, member])
            return filled

        return Game(
            len(players),
            inputs,
            self.scorer,
            lambda scores: read(scores)[:, columns],
            repeats=mask.repeats,
            idle=idle,
            tree=players.tree,
            device=self.device,
        )

    def refuse(self, what: str) -> MethodError:
        """Say that this subject has no such thing."""
        return MethodError(f"{what} does not apply to a {self.kind}")
