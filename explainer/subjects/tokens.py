"""Texts as tokens: how they group into words, what stands in a token's place, and padded rows."""

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from explainer.methods import MethodError
from explainer.models.tokenisers import (
    END_OF_LINE,
    UNKNOWN,
    Tokeniser,
    TokeniserError,
    WordTokeniser,
)
from explainer.shapley.trees import line_tree
from explainer.subjects import Players

MASKS = ("baseline", "delete", "background")
GROUPS = ("words", "each")
REPEATS = 16  # stretches of other texts that a background mask draws
# Letters and digits, joined by apostrophes and hyphens; or signs that stand together.
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]+|_+")

Span = tuple[int, int]


def encoded(tokeniser: Tokeniser, text: str) -> tuple[Tensor, list[Span]]:
    """Return a text's tokens (elements,) and their characters. Raises MethodError for none."""
    try:
        tokens, spans = tokeniser.encode(text), tokeniser.spans(text)
    except TokeniserError as error:
        raise MethodError(f"the text cannot be read: {error}") from error
    if not tokens:
        raise MethodError("the text is empty: give at least one word")
    return torch.tensor(tokens), spans


def group_tokens(text: str, spans: Sequence[Span], group: str, size: int = 1) -> Players:
    """Group tokens into words (the default) or let each play; spans are characters of the text.

    A word has all tokens that reach into it, and the space before it; two words that share a token
    play as one, and so do, where each token plays, two that share a character. Raises MethodError.
    """
    if group not in ("default", *GROUPS):
        raise MethodError(f"a text has no players {group!r}; there are {', '.join(GROUPS)}")
    if size != 1:
        raise MethodError(f"a text's players have no size, found {size}: group it by words or each")
    blank = [not text[start:end].strip() for start, end in spans]
    words = [word.span() for word in WORD.finditer(text)]
    player, member = -1, []
    reached, in_word = 0, -1  # the character and the word that the tokens so far reach
    for k, (start, end) in enumerate(spans):
        first, last = _words_of(words, start, end)
        joined = k > 0 and start < reached
        if group != "each" and k > 0:
            joined |= first is not None and first <= in_word
            joined |= blank[k - 1] or all(blank[k:])
        if not joined:
            player += 1
        member.append(player)
        reached, in_word = max(reached, end), in_word if last is None else last
    members = torch.tensor(member)
    found = tuple(
        _trimmed(text, [span for span, each in zip(spans, member, strict=True) if each == number])
        for number in range(player + 1)
    )
    return Players(members, found, line_tree(len(found)))


def baseline_token(tokeniser: Tokeniser) -> tuple[int, str]:
    """The token that means nothing in particular, and its name.

    It is the unknown word where the tokeniser has one, else the token that ends a text.
    """
    if isinstance(tokeniser, WordTokeniser):
        known = UNKNOWN in tokeniser.words
        return (tokeniser.encode(UNKNOWN)[0], UNKNOWN) if known else (tokeniser.end, END_OF_LINE)
    return tokeniser.end, "the end token"


def baseline(tokeniser: Tokeniser, tokens: Tensor, mask: str | float) -> Tensor:
    """As many baseline tokens. Raises MethodError for a mask that puts more than one there."""
    if mask not in ("default", "baseline"):
        raise MethodError(f"a text masked by {mask!r} is no one baseline; mask by baseline")
    return torch.full_like(tokens, baseline_token(tokeniser)[0])


def stand_ins(
    tokeniser: Tokeniser,
    tokens: Tensor,
    mask: str | float,
    background: Sequence[str] | None,
    seed: int,
) -> tuple[Tensor, str]:
    """What stands for masked tokens (L,), int64 (repeats, L), and how to say it.

    Raises MethodError for a mask that replaces no token by another.
    """
    if mask in ("default", "baseline"):
        token, said = baseline_token(tokeniser)
        return torch.full_like(tokens, token)[None], f"masked tokens are {said}"
    if mask != "background":
        raise MethodError(f"a text has no mask {mask!r}; there are {', '.join(MASKS)}")
    corpus = [encoded(tokeniser, text)[0] for text in background or ()]
    if not corpus:
        raise MethodError("no background texts are at hand: mask by baseline or delete")
    others = resampled(corpus, len(tokens), seed).to(tokens.device)
    said = f"masked tokens as in {len(others)} stretches of other texts (seed {seed}), mean"
    return others, said


def resampled(corpus: Sequence[Tensor], length: int, seed: int) -> Tensor:
    """Draw REPEATS stretches (REPEATS, length) from texts put one behind another, in a circle."""
    whole = torch.cat(list(corpus))
    starts = np.random.default_rng([seed, 4]).integers(0, len(whole), REPEATS)
    return whole[(torch.from_numpy(starts).unsqueeze(1) + torch.arange(length)) % len(whole)]


def without(tokens: Tensor, playing: Tensor, filler: int) -> tuple[Tensor, Tensor]:
    """Leave tokens (L,) out of rows where playing (n, L) is false: (n, L) and lengths (n,).

    What is left moves to the front; `filler` stands behind it.
    """
    order = (~playing).to(torch.uint8).argsort(stable=True, dim=1)
    lengths = playing.sum(1)
    rest = torch.arange(len(tokens), device=tokens.device) >= lengths.unsqueeze(1)
    return tokens[order].masked_fill(rest, filler), lengths


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Put rows (n, L) of different lengths under one another, padded on the right by zeros."""
    longest = max(part.shape[1] for part in parts)
    return torch.cat([pad(part, (0, longest - part.shape[1])) for part in parts])


def same_everywhere(tokens: Tensor, others: Tensor) -> Tensor:
    """True (L,) where all rows of others (n, L) have what tokens (L,) have."""
    return (others == tokens).all(0).cpu()


def _words_of(words: Sequence[Span], start: int, end: int) -> tuple[int | None, int | None]:
    """The first and the last word that characters start ... end - 1 reach into."""
    found = [k for k, (a, b) in enumerate(words) if a < end and b > start]
    return (found[0], found[-1]) if found else (None, None)


def _trimmed(text: str, spans: Sequence[Span]) -> Span:
    """From the first to the last character, without the white space around, if there is more."""
    start, end = min(a for a, _ in spans), max(b for _, b in spans)
    inside = text[start:end].strip()
    if not inside:
        return start, end
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return start, start + len(inside)
