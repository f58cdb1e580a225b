"""A small causal Transformer language model whose state is its keys and values."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from explainer.models.config import Config, ConfigError, number, whole
from explainer.models.language import LanguageModel

BASE = 10_000.0  # the slowest rotation's wavelength is 2 pi times as many tokens


@dataclass(frozen=True)
class TransformerLanguageModelConfig(Config):
    """What defines a Transformer; its embedding is also its output's weights.

    length: the most tokens that it reads, prompt and continuation together.
    """

    vocabulary: int = whole(2**20)
    width: int = whole(2**14)
    layers: int = whole(256)
    heads: int = whole(256)
    feedforward: int = whole(2**16)
    length: int = whole(2**16)
    dropout: float = number(0.0, 0.9, default=0.0)

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first field with a wrong value."""
        super().__post_init__()
        if self.width % (2 * self.heads):
            raise ConfigError(
                f"width is {self.width}, expected a multiple of twice the heads, {2 * self.heads}"
            )


class Cache(NamedTuple):
    """A layer's keys and values so far, each (batch, heads, tokens, width / heads)."""

    keys: Tensor
    values: Tensor


class SelfAttention(nn.Module):
    """Causal attention in several heads with rotary positions.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Su et al. 2021, arXiv:2104.09864.
    """

    def __init__(self, config: TransformerLanguageModelConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.heads = config.heads
        self.inputs = nn.Linear(config.width, 3 * config.width)
        self.output = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Attend from x (batch, L, width) to itself and what the cache holds."""
        q, cache = self._extend(x, cache)
        y = nn.functional.scaled_dot_product_attention(
            q, cache.keys, cache.values, attn_mask=seen(q.shape[2], cache.keys)
        )
        mixed: Tensor = self.output(y.transpose(1, 2).flatten(2))
        return mixed, cache

    def weights(self, x: Tensor) -> Tensor:
        """How much each token of x (batch, L, width) takes of each: (batch, heads, L, L)."""
        q, cache = self._extend(x, self.start(x))
        scores = q @ cache.keys.transpose(2, 3) * q.shape[-1] ** -0.5
        weights: Tensor = scores.masked_fill(~seen(q.shape[2], cache.keys), -torch.inf).softmax(-1)
        return weights

    def start(self, like: Tensor) -> Cache:
        """Return a cache with nothing in it, for a batch as large as that of `like`."""
        size = self.output.in_features // self.heads
        empty = self.output.weight.new_zeros(len(like), self.heads, 0, size)
        return Cache(empty, empty)

    def _extend(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Return queries (batch, heads, L, size), and the cache with the keys and values of x."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.inputs(x).chunk(3, -1)
        )
        first = cache.keys.shape[2]
        keys = torch.cat([cache.keys, rotate(k, first)], 2)
        return rotate(q, first), Cache(keys, torch.cat([cache.values, v], 2))


def seen(L: int, keys: Tensor) -> Tensor:
    """Which keys (..., tokens, size) the last L tokens may look at: (L, tokens), true where so."""
    tokens = keys.shape[-2]
    return torch.ones(L, tokens, dtype=torch.bool, device=keys.device).tril(tokens - L)


def rotate(x: Tensor, first: int) -> Tensor:
    """Turn each pair of x (..., L, size) by an angle that grows with its position, from `first`."""
    L, size = x.shape[-2:]
    positions = torch.arange(first, first + L, device=x.device, dtype=x.dtype)
    pairs = torch.arange(size // 2, device=x.device, dtype=x.dtype)
    angles = positions.unsqueeze(-1) * BASE ** (-2 * pairs / size)  # (L, size / 2)
    a, b = x.chunk(2, -1)
    return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)


class TransformerBlock(nn.Module):
    """Attention, then a feed-forward network, each after a norm and beside a skip."""

    def __init__(self, config: TransformerLanguageModelConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = SelfAttention(config)
        self.feedforward_norm = nn.LayerNorm(config.width)
        self.feedforward = nn.Sequential(
            nn.Linear(config.width, config.feedforward),
            nn.GELU(),
            nn.Linear(config.feedforward, config.width),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Apply to x (batch, L, width), on from a cache."""
        y, cache = self.attention(self.attention_norm(x), cache)
        x = x + self.dropout(y)
        return x + self.dropout(self.feedforward(self.feedforward_norm(x))), cache


class TransformerLanguageModel(LanguageModel):
    """Embedding, pre-norm Transformer blocks, norm, and the tied embedding.

    Source: Radford et al. 2019 (GPT-2) for the order of parts; rotary positions, no learnt ones.
    """

    architecture: ClassVar[str] = "transformer-lm"
    config_type: ClassVar[type[Config]] = TransformerLanguageModelConfig

    def __init__(self, config: TransformerLanguageModelConfig) -> None:
        """Draw initial weights from torch's generator."""
        super().__init__()
        self.config = config
        self.vocabulary = config.vocabulary
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def start(self, batch: int) -> tuple[Cache, ...]:
        """Return the state before the first token: a cache a layer."""
        like = self.bias.new_empty(batch)
        return tuple(block.attention.start(like) for block in self._blocks())

    def advance(self, tokens: Tensor, state: Any) -> tuple[Tensor, tuple[Cache, ...]]:
        """Read tokens (batch, L) on from a state; log-probabilities (batch, L, vocabulary).

        Raises ValueError past the configuration's length.
        """
        h, state = self.read(tokens, state)
        return self._head(h), state

    def read(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, tuple[Cache, ...]]:
        """Return what the output reads, (batch, L, width), and the state."""
        state = self.start(len(tokens)) if state is None else state
        x = self._embed(tokens, state[0].keys.shape[2])
        after = []
        for block, cache in zip(self._blocks(), state, strict=True):
            x, longer = block(x, cache)
            after.append(longer)
        return x, tuple(after)

    def pick(self, h: Tensor, targets: Tensor) -> Tensor:
        """Score targets."""
        return super().pick(self._head(h), targets)

    def repeated(self, state: tuple[Cache, ...], batch: int) -> tuple[Cache, ...]:
        """Repeat the keys and values of one text."""
        return tuple(Cache(*(each.expand(batch, -1, -1, -1) for each in cache)) for cache in state)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the tokens' vectors."""
        vectors: Tensor = self.embedding(tokens) * self.config.width**0.5
        return vectors

    def attentions(self, tokens: Tensor) -> Tensor:
        """How much each token takes of each so far: (layers, batch, heads, L, L); rows sum to 1."""
        x = self._embed(tokens, 0)
        found = []
        for block, nothing in zip(self._blocks(), self.start(len(tokens)), strict=True):
            found.append(block.attention.weights(block.attention_norm(x)))
            x, _ = block(x, nothing)
        return torch.stack(found)

    def _head(self, h: Tensor) -> Tensor:
        logits = nn.functional.linear(self.norm(h), self.embedding.weight, self.bias)
        return logits.log_softmax(-1)

    def _embed(self, tokens: Tensor, before: int) -> Tensor:
        read = before + tokens.shape[1]
        if read > self.config.length:
            raise ValueError(
                f"{read} tokens are more than the {self.config.length} this Transformer reads; "
                "shorten the text or the continuation"
            )
        x: Tensor = self.dropout(tokens if tokens.is_floating_point() else self.embed(tokens))
        return x

    def _blocks(self) -> list[TransformerBlock]:
        return [block for block in self.blocks if isinstance(block, TransformerBlock)]
