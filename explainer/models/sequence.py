"""Sequence models made of S4 layers: here the classifier."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from explainer.models.s4 import DiagonalKernel, S4Layer


@dataclass(frozen=True)
class Sizes:
    """What defines a classifier's shape. state: modes a channel (half the state)."""

    inputs: int
    width: int
    layers: int
    state: int
    labels: int

    def to_json(self) -> dict[str, int]:
        """Return the sizes as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Stream:
    """Where a classifier stands in a sequence: each layer's state, and the sum it pools."""

    states: tuple[Tensor, ...]
    total: Tensor
    steps: int


class Block(nn.Module):
    """Norm, S4 layer, residual; (H, batch, L) -> (H, batch, L)."""

    def __init__(self, sizes: Sizes) -> None:
        """Build one block of `sizes`."""
        super().__init__()
        self.norm = ChannelNorm(sizes.width)
        self.layer = S4Layer(DiagonalKernel(sizes.width, sizes.state), sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to whole sequences."""
        y: Tensor = self.layer(self.norm(x))
        return x + y

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Apply to one step, x (H, batch)."""
        y, state = self.layer.step(self.norm(x), state)
        return x + y, state


class ChannelNorm(nn.BatchNorm1d):
    """Batch norm over (H, ...), channels first: the statistics are over everything else."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel."""
        return super().forward(x.reshape(1, x.shape[0], -1)).view(x.shape)


class SequenceClassifier(nn.Module):
    """Linear encoder, S4 blocks, norm, mean over time, linear decoder.

    x (batch, L, inputs) -> logits (batch, labels).
    """

    def __init__(self, sizes: Sizes) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.sizes = sizes
        self.encoder = nn.Linear(sizes.inputs, sizes.width)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.norm = ChannelNorm(sizes.width)
        self.decoder = nn.Linear(sizes.width, sizes.labels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of whole sequences."""
        batch, L, inputs = x.shape
        h = self._encode(x.permute(2, 0, 1).reshape(inputs, batch * L)).view(-1, batch, L)
        for block in self.blocks:
            h = block(h)
        logits: Tensor = self.decoder(self.norm(h).mean(-1).T)
        return logits

    def start(self, batch: int) -> Stream:
        """Return the stream before the first step."""
        states = tuple(block.layer.start(batch) for block in self._blocks())
        return Stream(states, self.encoder.weight.new_zeros(self.sizes.width, batch), 0)

    def step(self, x: Tensor, stream: Stream) -> tuple[Tensor, Stream]:
        """Take one step, x (batch, inputs); return the logits so far and the next stream."""
        h = self._encode(x.T)
        states = []
        for block, state in zip(self._blocks(), stream.states, strict=True):
            h, after = block.step(h, state)
            states.append(after)
        stream = Stream(tuple(states), stream.total + self.norm(h), stream.steps + 1)
        return self.decoder((stream.total / stream.steps).T), stream

    def _encode(self, x: Tensor) -> Tensor:
        return torch.addmm(self.encoder.bias.unsqueeze(1), self.encoder.weight, x)

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]
