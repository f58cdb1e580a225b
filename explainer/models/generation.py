"""Generation of text, token by token, from any language model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softmax
from torch.special import entr

from explainer.models.language import LanguageModel

# Log-probabilities that may exist at once while prompts are read: 256 MB in float32.
AT_ONCE = 2**26

Why = Literal["length", "repeat", "stop"]


@dataclass(frozen=True)
class Generation:
    """What followed one prompt, and why it ended.

    log_probabilities, entropies: of each token, and of the distribution at its place, in nats,
    under the model's own full distribution: before temperature, top-k and top-p.
    """

    tokens: list[int]
    log_probabilities: list[float]
    entropies: list[float]
    why: Why


@dataclass(frozen=True)
class _Rules:
    """How every row draws and when it ends; checked once."""

    length: int
    temperature: float
    top_k: int | None
    top_p: float | None
    no_repeat: int | None
    stop: int | None

    def __post_init__(self) -> None:
        """Raise ValueError saying which number cannot be."""
        for name in ("length", "top_k", "no_repeat"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, expected a whole number from 1 on")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}, expected a number from 0 on")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}, expected a number above 0 and at most 1")


class _Row:
    """One text on its way: what it has, how it draws, and why it ended."""

    def __init__(self, prompt: Sequence[int], rules: _Rules, seed: Sequence[int]) -> None:
        """Start with a prompt and the n-grams in it."""
        self.text = list(prompt)
        self.prompt = len(self.text)
        self.rules = rules
        self.random = np.random.default_rng(seed)
        self.seen = {self._gram(end) for end in range(1, self.prompt + 1)}
        self.log_probabilities: list[float] = []
        self.entropies: list[float] = []
        self.why: Why | None = None

    def take(self, token: int, log_probability: float, entropy: float) -> None:
        """Write a token, or end before it."""
        self.text.append(token)
        gram = self._gram(len(self.text))
        if token == self.rules.stop or (gram and gram in self.seen):
            self.text.pop()
            self.why = "stop" if token == self.rules.stop else "repeat"
            return
        self.seen.add(gram)
        self.log_probabilities.append(log_probability)
        self.entropies.append(entropy)
        if len(self.entropies) == self.rules.length:
            self.why = "length"

    def generation(self) -> Generation:
        """Return what was written, once it has ended."""
        why = self.why or "length"
        return Generation(self.text[self.prompt :], self.log_probabilities, self.entropies, why)

    def _gram(self, end: int) -> tuple[int, ...]:
        """The n-gram that ends before `end`; empty where there is none."""
        n = self.rules.no_repeat
        return () if n is None or end < n else tuple(self.text[end - n : end])


def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    length: int,
    temperature: float = 0.9,
    top_k: int | None = 50,
    top_p: float | None = None,
    no_repeat: int | None = 2,
    stop: int | None = None,
    seed: int,
    rows: Sequence[int] | None = None,
) -> list[Generation]:
    """Go on from each prompt by at most `length` tokens, all prompts in one batch.

    Tokens are drawn as `tempered` says; a temperature of 0 takes the most probable one. A text
    ends before a token that would complete a `no_repeat`-gram which it has already, its prompt
    included, and before `stop`. Row i draws from (seed, rows[i]), rows counting from 0 unless
    given: what it gets depends on no other row, but for the rounding of a batch's arithmetic.
    Raises ValueError.
    """
    rules = _Rules(length, temperature, top_k, top_p, no_repeat, stop)
    _check(model, prompts)
    numbers = range(len(prompts)) if rows is None else rows
    texts = [
        _Row(prompt, rules, (seed, number)) for prompt, number in zip(prompts, numbers, strict=True)
    ]
    if not texts:
        return []
    with torch.no_grad():
        found, state, read = _read_common(model, texts)
        while True:
            due = [k for k, row in enumerate(texts) if not row.why and len(row.text) == read]
            if due:
                _draw(found[due].double(), [texts[k] for k in due], rules)
            if all(row.why for row in texts):
                return [row.generation() for row in texts]
            # A finished row stays in the batch and reads anything: its last token again.
            fed = [row.text[min(read, len(row.text) - 1)] for row in texts]
            found, state = model.step(torch.tensor(fed, device=found.device), state)
            read += 1


def tempered(
    found: Tensor, temperature: float, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Log-probabilities (..., vocabulary) -> the probabilities to draw from, in float64.

    First all are divided by the temperature; then the `top_k` most probable tokens stay, and any
    that tie with the last of them; then the fewest that together reach `top_p`, by falling
    probability, the lower token first among equals.
    """
    scores = found.double()
    scores = (scores - scores.amax(-1, keepdim=True)) / temperature
    if top_k is not None and top_k < scores.shape[-1]:
        least = scores.topk(top_k).values[..., -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    probabilities = softmax(scores, -1)
    if top_p is None:
        return probabilities
    falling, order = probabilities.sort(stable=True, dim=-1, descending=True)
    enough = falling.cumsum(-1) - falling >= top_p
    left = torch.zeros_like(falling).scatter(-1, order, falling.masked_fill(enough, 0))
    return left / left.sum(-1, keepdim=True)


def _draw(found: Tensor, rows: Sequence[_Row], rules: _Rules) -> None:
    """Give each row its next token, from log-probabilities (rows, vocabulary)."""
    entropies = entr(found.exp()).sum(-1)
    if not entropies.isfinite().all():
        raise ValueError("the model's log-probabilities are not all numbers; is it trained?")
    if rules.temperature == 0:
        tokens = found.argmax(-1, keepdim=True)
    else:
        below = tempered(found, rules.temperature, rules.top_k, rules.top_p).cumsum(-1)
        u = torch.tensor([[row.random.random()] for row in rows], dtype=found.dtype)
        tokens = torch.searchsorted(below / below[:, -1:], u.to(found.device), right=True)
    chosen = found.gather(-1, tokens)[:, 0]
    drawn = zip(rows, tokens[:, 0].tolist(), chosen.tolist(), entropies.tolist(), strict=True)
    for row, token, log_probability, entropy in drawn:
        row.take(token, log_probability, entropy)


def _read_common(model: LanguageModel, texts: Sequence[_Row]) -> tuple[Tensor, Any, int]:
    """Read as much as the shortest prompt; return what comes next, the state, and how much."""
    shortest = min(row.prompt for row in texts)
    device = next((weight.device for weight in model.parameters()), None)
    tokens = torch.tensor([row.text[:shortest] for row in texts], device=device)
    state = model.start(len(texts))
    # In pieces: a long prompt's log-probabilities of a large vocabulary would not fit in memory.
    for piece in torch.split(tokens, max(1, AT_ONCE // (len(texts) * model.vocabulary)), 1):
        found, state = model.advance(piece, state)
    return found[:, -1], state, shortest


def _check(model: LanguageModel, prompts: Sequence[Sequence[int]]) -> None:
    """Raise ValueError where the model or a prompt is not ready."""
    if model.training:
        raise ValueError("the model is in training mode; call model.eval() before generating")
    for k, prompt in enumerate(prompts):
        if not prompt:
            raise ValueError(f"prompt {k} is empty; give at least one token to go on from")
        if not all(0 <= token < model.vocabulary for token in prompt):
            raise ValueError(f"prompt {k} has a token outside the vocabulary of {model.vocabulary}")
