"""Networks made of S4 layers: the backbone that all share, and the classifier."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from explainer.models import ways
from explainer.models.config import choice, flag, whole
from explainer.models.s4 import CHUNK, LayerConfig, S4Layer, drop

# Sequences from which reading in spans is faster. Measured on 2 cores at 784 steps, widths 48 and
# 128: read whole, 8 sequences take .5 to 1.0 times as long, 32 take 1.0 to 1.9, 64 take 1.9 to 2.3.
MANY = 32
PATTERNS = {"s4": ("s4",), "s4-ff": ("s4", "ff"), "s4-s4-ff": ("s4", "s4", "ff")}


@dataclass(frozen=True, kw_only=True)
class BackboneConfig(LayerConfig):
    """layers: how often the pattern of blocks is repeated. expand: width inside ff over width."""

    layers: int = whole(256)
    pattern: str = choice(*PATTERNS, default="s4")
    expand: int = whole(64, default=4)
    norm: str = choice("batch", "layer", default="batch")
    prenorm: bool = flag(default=True)


@dataclass(frozen=True, kw_only=True)
class SequenceClassifierConfig(BackboneConfig):
    """encoder: of `inputs` numbers a step, or of a token out of `inputs`. labels: how many."""

    encoder: str = choice("linear", "embedding", default="linear")
    inputs: int = whole(2**20)
    labels: int = whole(65536)
    pool: str = choice("mean", "last", default="mean")


class ChannelNorm(nn.BatchNorm1d):
    """Batch norm over (H, ...), channels first: the statistics are over everything else."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel."""
        return super().forward(x.reshape(1, x.shape[0], -1)).view(x.shape)


class StepNorm(nn.LayerNorm):
    """Layer norm over (H, ...), channels first: the statistics are over the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each step."""
        return super().forward(x.movedim(0, -1)).movedim(-1, 0)


def _once_counted(
    block: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts of computing and of computing again, which leaves running statistics alone."""
    return nullcontext(), _still(block)


@contextmanager
def _still(block: nn.Module) -> Iterator[None]:
    norms = [module for module in block.modules() if isinstance(module, ChannelNorm)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:  # torch leaves by an exception once it has what it needs
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum


class FeedForward(nn.Module):
    """Two linear maps with GELU between, at each step by itself; (H, ...) -> (H, ...)."""

    def __init__(self, config: BackboneConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        self.inner = nn.Linear(config.width, config.expand * config.width)
        self.outer = nn.Linear(config.expand * config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to one step or many."""
        flat = x.reshape(x.shape[0], -1)
        inner = nn.functional.gelu(torch.addmm(self.inner.bias[:, None], self.inner.weight, flat))
        inner = drop(inner.view(-1, *x.shape[1:]), self.config, self.training)
        flat = inner.reshape(inner.shape[0], -1)
        return torch.addmm(self.outer.bias[:, None], self.outer.weight, flat).view(x.shape)


class Block(nn.Module):
    """A layer with its norm, before it or after the sum, and a residual; (H, batch, L)."""

    def __init__(self, config: BackboneConfig, kind: str) -> None:
        """Build a block around an S4 layer or a feed-forward one."""
        super().__init__()
        self.config = config
        self.norm = make_norm(config)
        self.layer = S4Layer(config) if kind == "s4" else FeedForward(config)

    def forward(self, x: Tensor, mask: Tensor | None = None, rate: float = 1.0) -> Tensor:
        """Apply to whole sequences; what mask (batch, L) leaves out is not read."""
        u = self.norm(x) if self.config.prenorm else x
        if mask is not None:
            u = u * mask
        return self._join(
            x, self.layer(u, rate) if isinstance(self.layer, S4Layer) else self.layer(u)
        )

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Apply to the next steps, x (H, batch, L)."""
        u = self.norm(x) if self.config.prenorm else x
        if isinstance(self.layer, S4Layer):
            y, state = self.layer.advance(u, state)
        else:
            y = self.layer(u)
        return self._join(x, y), state

    def start(self, batch: int) -> Tensor:
        """Return the state before the first step; a feed-forward layer's is empty."""
        if isinstance(self.layer, S4Layer):
            return self.layer.start(batch)
        return torch.zeros(0, device=self.layer.inner.weight.device)

    def _join(self, x: Tensor, y: Tensor) -> Tensor:
        x = x + drop(y, self.config, self.training)
        return x if self.config.prenorm else self.norm(x)


class Backbone(nn.Module):
    """Blocks, then a norm where they have theirs before; (H, batch, L) -> (H, batch, L).

    With `recomputing` set, training keeps only what enters each block and computes the rest again
    for the gradient: less memory for more time.
    """

    def __init__(self, config: BackboneConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        kinds = PATTERNS[config.pattern] * config.layers
        self.blocks = nn.ModuleList(Block(config, kind) for kind in kinds)
        self.norm = make_norm(config) if config.prenorm else nn.Identity()
        self.recomputing = False

    def forward(self, x: Tensor, mask: Tensor | None = None, rate: float = 1.0) -> Tensor:
        """Apply to whole sequences."""
        for block in self.blocks:
            if self.recomputing and self.training:
                again = partial(_once_counted, block)
                x = recompute(block, x, mask, rate, use_reentrant=False, context_fn=again)
            else:
                x = block(x, mask, rate)
        found: Tensor = self.norm(x)
        return found

    def start(self, batch: int) -> tuple[Tensor, ...]:
        """Return each block's state before the first step."""
        return tuple(block.start(batch) for block in self._blocks())

    def advance(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Apply to the next steps."""
        after = []
        for block, before in zip(self._blocks(), states, strict=True):
            x, state = block.advance(x, before)
            after.append(state)
        return self.norm(x), tuple(after)

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]


class Stream(NamedTuple):
    """Where a classifier stands in a sequence: each block's state, and the sum that it pools."""

    states: tuple[Tensor, ...]
    total: Tensor
    steps: int


class SequenceClassifier(nn.Module):
    """Encoder, backbone, pooling over time, linear decoder.

    x (batch, L, inputs), or tokens (batch, L) int64 -> logits (batch, labels). In the place of
    tokens may stand what `embed` makes of them, (batch, L, width).
    """

    architecture: ClassVar[str] = "s4-classifier"
    config_type: ClassVar[type[SequenceClassifierConfig]] = SequenceClassifierConfig

    def __init__(self, config: SequenceClassifierConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        if config.encoder == "linear":
            self.encoder: nn.Linear | nn.Embedding = nn.Linear(config.inputs, config.width)
        else:
            self.encoder = nn.Embedding(config.inputs, config.width)
        self.backbone = Backbone(config)
        self.decoder = nn.Linear(config.width, config.labels)

    def forward(self, x: Tensor, lengths: Tensor | None = None, rate: float = 1.0) -> Tensor:
        """Return the logits of whole sequences.

        lengths (batch,): how many steps of each count; what comes after them changes nothing.
        """
        if lengths is None and rate == 1.0 and self._fits_better_in_spans(x):
            return self._by_spans(x)
        h = self._encode(x)
        if lengths is None:
            h = self.backbone(h, None, rate)
            pooled = h.mean(-1) if self.config.pool == "mean" else h[..., -1]
        else:
            mask = torch.arange(h.shape[-1], device=h.device) < lengths[:, None]
            h = self.backbone(h, mask.to(h.dtype), rate)
            if self.config.pool == "mean":
                pooled = (h * mask).sum(-1) / lengths
            else:
                pooled = h[:, torch.arange(len(lengths), device=h.device), lengths - 1]
        return self._decode(pooled)

    def start(self, batch: int) -> Stream:
        """Return the stream before the first step."""
        total = self.decoder.weight.new_zeros(self.config.width, batch)
        return Stream(self.backbone.start(batch), total, 0)

    def advance(self, x: Tensor, stream: Stream) -> tuple[Tensor, Stream]:
        """Read the next steps, x (batch, L, inputs); return the logits so far and the stream."""
        h, states = self.backbone.advance(self._encode(x), stream.states)
        stream = Stream(states, stream.total + h.sum(-1), stream.steps + h.shape[-1])
        pooled = stream.total / stream.steps if self.config.pool == "mean" else h[..., -1]
        return self._decode(pooled), stream

    def step(self, x: Tensor, stream: Stream) -> tuple[Tensor, Stream]:
        """Read one step, x (batch, inputs)."""
        return self.advance(x.unsqueeze(1), stream)

    def embed(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, L) -> vectors (batch, L, width), which can stand in their place."""
        embedded: Tensor = self.encoder(tokens)
        return embedded

    def _fits_better_in_spans(self, x: Tensor) -> bool:
        """Whether all layers of a span fit into a CPU's cache, and those of the whole do not."""
        return (
            len(x) >= MANY
            and x.device.type == "cpu"
            and ways.fastest("cpu", len(x), x.shape[1], self.config.width, CHUNK) == "chunks"
            and not self.config.bidirectional
            and not self.training
            and not torch.is_grad_enabled()
        )

    def _by_spans(self, x: Tensor) -> Tensor:
        """The logits of whole sequences, read a chunk at a time by all layers."""
        stream = self.start(len(x))
        for span in torch.split(x, CHUNK, 1):
            logits, stream = self.advance(span, stream)
        return logits

    def _decode(self, pooled: Tensor) -> Tensor:
        """Pooled (H, batch) to logits (batch, labels), which bfloat16 would round to 1 in 256."""
        with torch.autocast(pooled.device.type, enabled=False):
            logits: Tensor = self.decoder(pooled.T.to(self.decoder.weight.dtype))
        return logits

    def _encode(self, x: Tensor) -> Tensor:
        """To (H, batch, L), in full: what autocast rounds is added to it, layer by layer."""
        with torch.autocast(x.device.type, enabled=False):
            return self._encoded(x)

    def _encoded(self, x: Tensor) -> Tensor:
        if isinstance(self.encoder, nn.Embedding):
            embedded = x if x.is_floating_point() else self.embed(x)
            return embedded.permute(2, 0, 1)
        batch, L, inputs = x.shape
        flat = x.permute(2, 0, 1).reshape(inputs, batch * L)
        return torch.addmm(self.encoder.bias[:, None], self.encoder.weight, flat).view(-1, batch, L)


def make_norm(config: BackboneConfig) -> ChannelNorm | StepNorm:
    """Return a new norm of the kind that a backbone has."""
    return ChannelNorm(config.width) if config.norm == "batch" else StepNorm(config.width)
