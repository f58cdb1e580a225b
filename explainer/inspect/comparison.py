"""One prompt through two language models side by side: which words each goes on from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from explainer.artifact import Stimulus
from explainer.explain import explain
from explainer.inspect.measured import Measured, median
from explainer.inspect.reach import Float64, Span, agreement, common_players, merged, reach
from explainer.methods import MethodError
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.tokens import encoded


@dataclass(frozen=True)
class Side:
    """One model: what it wrote, and what each word of the prompt counted for each token of it.

    values (words, tokens + 1), the last for their sum. words_back, tokens_back: how far back half
    of the absolute value lies for each token, in words before the prompt's end, and in tokens
    before its own place. reach: the median over tokens, in words.
    """

    digest: str
    tokens: tuple[str, ...]
    values: Float64
    words_back: tuple[float | None, ...]
    tokens_back: tuple[float | None, ...]
    reach: Measured | None
    perplexity: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            **vars(self),
            "values": np.round(self.values, 6).tolist(),
            "reach": None if self.reach is None else self.reach.to_json(),
        }


@dataclass(frozen=True)
class Comparison:
    """Two models on one prompt. agreement: rank correlation of how much each word counts."""

    prompt: str
    words: tuple[str, ...]
    method: str
    sides: tuple[Side, Side]
    agreement: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**vars(self), "sides": [side.to_json() for side in self.sides]}


def compare(
    first: PromptSubject,
    second: PromptSubject,
    prompt: str,
    method: str = "permutation",
    *,
    seed: int = 0,
    **parameters: Any,
) -> Comparison:
    """Explain what each model writes after a prompt by one method, on words that both share.

    Where tokenisers cut words differently, what overlaps is one word, whose values are added.
    Raises MethodError where a method does not apply to either model.
    """
    subjects = (first, second)
    stimuli = [subject.stimulus(prompt) for subject in subjects]
    given = {"players": "words", **parameters}
    found = [
        explain(subject, stimulus, method, output="all", seed=seed, **given).artifact
        for subject, stimulus in zip(subjects, stimuli, strict=True)
    ]
    spans = common_players(found[0].players, found[1].players)
    sides = [
        _side(subject, stimulus, merged(each, spans), spans)
        for subject, stimulus, each in zip(subjects, stimuli, found, strict=True)
    ]
    return Comparison(
        prompt,
        tuple(prompt[start:end] for start, end in spans),
        method,
        (sides[0], sides[1]),
        agreement(sides[0].values[:, :-1], sides[1].values[:, :-1]),
    )


def perplexity(subject: PromptSubject, text: str) -> float:
    """Of a text under a model, a token, after its first. Raises MethodError below two tokens."""
    tokens = encoded(subject.tokeniser, text)[0].to(subject.device).unsqueeze(0)
    if tokens.shape[1] < 2:
        raise MethodError(f"{text!r} is one token, and a perplexity needs two or more")
    with torch.no_grad():
        return float(subject.model.losses(tokens[:, :-1], tokens[:, 1:]).double().mean().exp())


def worst(subject: PromptSubject, prompts: Sequence[str]) -> str:
    """The prompt of a batch that a model finds hardest, as the original chose its second one."""
    if not prompts:
        raise MethodError("no prompts to choose from: give at least one")
    return max(prompts, key=lambda prompt: perplexity(subject, prompt))


def _side(
    subject: PromptSubject, stimulus: Stimulus, values: Float64, spans: Sequence[Span]
) -> Side:
    tokens = subject.outputs(stimulus)[:-1]
    ends = [span[1] for span in encoded(subject.tokeniser, stimulus.text)[1]]
    # The last token of each word, counted from the prompt's end on.
    last = np.array([max(k for k, end in enumerate(ends) if end <= span[1]) for span in spans])
    words_back = np.arange(len(spans), 0, -1)
    in_words = tuple(reach(values[:, k], words_back) for k in range(len(tokens)))
    in_tokens = tuple(reach(values[:, k], len(ends) + k - last) for k in range(len(tokens)))
    there = [each for each in in_words if each is not None]
    return Side(
        subject.digest,
        tuple(each.split(": ", 1)[1] for each in tokens),
        values,
        in_words,
        in_tokens,
        median(there, "tokens") if there else None,
        round(perplexity(subject, stimulus.text), 3),
    )
