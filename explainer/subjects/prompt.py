"""Prompts that a language model goes on from: players are words of the prompt, or each token."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from explainer.artifact import Continuation, Stimulus
from explainer.encoding import round_off, sha256
from explainer.methods import MethodError
from explainer.models.generation import Generation, generate
from explainer.models.language import LanguageModel
from explainer.models.tokenisers import Tokeniser, WordTokeniser
from explainer.shapley.game import Inputs
from explainer.subjects import Mask, Players, Subject
from explainer.subjects.tokens import (
    GROUPS,
    MASKS,
    baseline,
    encoded,
    group_tokens,
    joined,
    same_everywhere,
    stand_ins,
    without,
)

BATCH = 256  # coalitions read together,
AT_ONCE = 2**24  # or as many as give so many log-probabilities: 64 MB in float32
WORTH_SHARING = 8  # tokens that all rows begin with, to be read but once
TRIES = 16


@dataclass(frozen=True)
class Writing:
    """How a model goes on: the original's settings (see generation.generate).

    length: the most tokens. A text ends before a `no_repeat`-gram that it has already.
    """

    length: int = 20
    temperature: float = 0.9
    top_k: int = 50
    no_repeat: int = 2
    seed: int = 0


class PromptScorer:
    """Log-probabilities (n, T) of given tokens that follow each text, under teacher forcing.

    It reads tokens (n, L) of texts with what follows, padded on the right; first (n,), where a
    text ends; and targets (n, T), what follows.
    """

    def __init__(self, model: LanguageModel, batch: int) -> None:
        """Take a model."""
        self.model, self.batch = model, batch
        self._shares = model.repeated(model.start(1), 1) is not None

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score; what all texts begin with is read once."""
        tokens, first, targets = inputs
        common = self._common(tokens, first)
        if common < WORTH_SHARING:
            return self.model.continued(tokens, first, targets)
        _, state = self.model.read(tokens[:1, :common], self.model.start(1))
        state = self.model.repeated(state, len(tokens))
        return self.model.continued(tokens[:, common:], first - common, targets, state)

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put rows together; tokens and targets that a row lacks are 0, and score nothing asked."""
        tokens, first, targets = zip(*parts, strict=True)
        return joined(tokens), torch.cat(first), joined(targets)

    def _common(self, tokens: Tensor, first: Tensor) -> int:
        """How many tokens all rows begin with, without the last of the shortest text."""
        if not self._shares or len(tokens) == 1:
            return 0
        same = (tokens == tokens[0]).all(0).long().cumprod(0).sum()
        return int(torch.minimum(same, first.min()))


class PromptSubject(Subject):
    """A language model; its outputs are log-probabilities of what it wrote after a prompt.

    They are of each token under teacher forcing, and of their sum, which is that of the whole.
    background: texts that `background` masks draw from. Masks touch the prompt only.
    """

    kind: ClassVar[str] = "prompt"
    artifact_kind: ClassVar[str] = "text"
    masks: ClassVar[tuple[str, ...]] = MASKS
    groups: ClassVar[tuple[str, ...]] = GROUPS

    def __init__(
        self,
        model: LanguageModel,
        tokeniser: Tokeniser,
        digest: str,
        background: Sequence[str] | None = None,
        writing: Writing | None = None,
    ) -> None:
        """Join a model in eval mode, its tokeniser, and the checkpoint's digest."""
        self.model, self.tokeniser, self.digest = model, tokeniser, digest
        self.background, self.writing = background, writing or Writing()
        self.network: nn.Module = model
        rows = AT_ONCE // (model.vocabulary * self.writing.length)
        self.scorer = PromptScorer(model, max(1, min(BATCH, rows)))

    def stimulus(
        self, content: str, truth: str | None = None, source: Mapping[str, Any] | None = None
    ) -> Stimulus:
        """Let the model go on from a prompt, alone, so that no other one changes what it writes.

        What is drawn depends on the seed and the prompt's text; source tells it, with the tokens.
        Raises MethodError for a prompt that cannot be read or gone on from.
        """
        prompt = encoded(self.tokeniser, content)[0].tolist()
        written = self._written(content, prompt)
        return Stimulus(
            kind="text",
            content=np.frombuffer(content.encode(), np.uint8),
            truth=truth,
            labels=(),
            log_probabilities=np.zeros(0, np.float32),
            checkpoint_digest=self.digest,
            source={
                **(source or {}),
                "generation": {
                    **asdict(self.writing),
                    "tokens": written.tokens,
                    "why": written.why,
                },
            },
            continuation=Continuation(
                tuple(_pieces(self.tokeniser, prompt, written.tokens)),
                round_off(np.array(written.log_probabilities)),
                round_off(np.array(written.entropies)),
            ),
        )

    def outputs(self, stimulus: Stimulus) -> tuple[str, ...]:
        """Return the written tokens, numbered, as "1: the", and "sum"."""
        if stimulus.continuation is None:
            raise MethodError(
                "this text has no continuation; make it with the subject's stimulus()"
            )
        return (*(_name(k + 1, t) for k, t in enumerate(stimulus.continuation.tokens)), "sum")

    def explained(self, stimulus: Stimulus, which: str) -> list[int]:
        """Return every token and the sum, as predicted too: a participant may ask for a token."""
        return list(range(len(self.outputs(stimulus))))

    def players(self, stimulus: Stimulus, group: str = "default", size: int = 1) -> Players:
        """Group the prompt's tokens: into words, or each; a span is characters of the prompt."""
        _, spans = encoded(self.tokeniser, stimulus.text)
        return group_tokens(stimulus.text, spans, group, size)

    def mask(self, stimulus: Stimulus, mask: str | float = "default", seed: int = 0) -> Mask:
        """Prepare: a token that says nothing, leaving tokens out, or stretches of other texts."""
        tokens, written = self._tokens(stimulus), self._continuation(stimulus)
        if mask == "delete":
            return self._deleted(tokens, written)
        others, name = stand_ins(self.tokeniser, tokens, mask, self.background, seed)

        def fill(playing: Tensor) -> Inputs:
            shown = torch.where(playing.unsqueeze(1), tokens, others).flatten(0, 1)
            return _followed(shown, torch.full_like(shown[:, 0], len(tokens)), written)

        return Mask(f"log-probability; {name}", fill, len(others), same_everywhere(tokens, others))

    def read(self, stimulus: Stimulus) -> Any:
        """Put the sum behind the tokens; what is scored beyond them belongs to other texts."""
        n = len(self._continuation(stimulus))
        return lambda scores: _with_sum(scores[:, :n])

    def embed(self, stimulus: Stimulus) -> Tensor:
        """Return the vectors of the prompt's tokens, (elements, width)."""
        return self._vectors(self._tokens(stimulus))

    def embedded_baseline(self, stimulus: Stimulus, mask: str | float) -> Tensor:
        """Return as many vectors of the baseline token."""
        return self._vectors(baseline(self.tokeniser, self._tokens(stimulus), mask))

    def score_embedded(self, x: Tensor, stimulus: Stimulus) -> Tensor:
        """Log-probabilities (n, outputs) after prompts of vectors (n, elements, width)."""
        written = self._continuation(stimulus)
        rest = self._vectors(written[:-1]).expand(len(x), -1, -1)
        first = torch.full((len(x),), x.shape[1] - 1, device=x.device)
        found = self.model.continued(torch.cat([x, rest], 1), first, written.expand(len(x), -1))
        return _with_sum(found)

    def _written(self, content: str, prompt: list[int]) -> Generation:
        """The first draw that is not empty: a text can end where it begins, by repeating."""
        how = asdict(self.writing)
        end = None if isinstance(self.tokeniser, WordTokeniser) else self.tokeniser.end
        row = int(sha256(content.encode())[:12], 16)
        for again in range(TRIES):
            try:
                (found,) = generate(self.model, [prompt], stop=end, rows=[row + again], **how)
            except ValueError as error:
                raise MethodError(f"the prompt cannot be gone on from: {error}") from error
            if found.tokens:
                return found
        raise MethodError(
            f"the model wrote nothing in {TRIES} draws: each began with what the prompt has already"
        )

    def _tokens(self, stimulus: Stimulus) -> Tensor:
        return encoded(self.tokeniser, stimulus.text)[0].to(self.device)

    def _continuation(self, stimulus: Stimulus) -> Tensor:
        """What was written, (T,): its text alone would not tell how it was cut into tokens."""
        told = stimulus.source.get("generation")
        if stimulus.continuation is None or not isinstance(told, Mapping):
            raise MethodError(
                "this text has no continuation; make it with the subject's stimulus()"
            )
        return torch.tensor(told["tokens"], device=self.device)

    def _vectors(self, tokens: Tensor) -> Tensor:
        return self.model.embed(tokens.unsqueeze(0))[0]

    def _deleted(self, tokens: Tensor, written: Tensor) -> Mask:
        end = self.tokeniser.end

        def fill(playing: Tensor) -> Inputs:
            left, lengths = without(tokens, playing, end)
            return _followed(left, lengths.clamp(min=1), written)

        idle = torch.zeros(len(tokens), dtype=torch.bool)
        name = "log-probability; masked tokens left out, but for one end token where all are"
        return Mask(name, fill, 1, idle)


def _followed(prompts: Tensor, lengths: Tensor, written: Tensor) -> Inputs:
    """Put written tokens (T,) behind prompts (n, L) of some lengths (n,): what the scorer reads."""
    n, L = prompts.shape
    T = len(written)
    places = torch.arange(L + T - 1, device=prompts.device).expand(n, -1)
    behind = places - lengths.unsqueeze(1)
    follows = written[behind.clamp(0, T - 1)]
    ahead = prompts.gather(1, places.clamp(max=L - 1))
    return torch.where(behind < 0, ahead, follows), lengths - 1, written.expand(n, -1)


def _with_sum(found: Tensor) -> Tensor:
    return torch.cat([found, found.sum(-1, keepdim=True)], -1)


def _pieces(tokeniser: Tokeniser, prompt: list[int], written: list[int]) -> list[str]:
    """The text of each token; a character that is cut comes whole with the token that ends it."""
    found = []
    before = tokeniser.decode(prompt)
    for k in range(len(written)):
        text = tokeniser.decode(prompt + written[: k + 1])
        text = text if k == len(written) - 1 else text.rstrip("\ufffd")
        found.append(text[len(before) :])
        before = text if len(text) > len(before) else before
    return found


def _name(number: int, token: str) -> str:
    """A token with its number, so that no two are called the same."""
    blank = "line end" if "\n" in token else "space" if token else "part of a character"
    return f"{number}: {token.strip() or blank}"
