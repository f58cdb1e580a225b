"""Tokenisers: a text becomes whole numbers, by words or by pairs of bytes.

A tokeniser is kept as canonical JSON (`credence/tokeniser/1`), which holds all that defines it: the
words in the order of their numbers, or the merges in the order in which they were learnt.
"""

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Self

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from explainer.encoding import canonical_json, sha256

SCHEMA = "credence/tokeniser/1"
END_OF_LINE = "<eos>"
UNKNOWN = "<unk>"


class TokeniserError(ValueError):
    """A tokeniser is damaged, or met what it has no number for."""


class Tokeniser(ABC):
    """Texts to numbers 0 ... size - 1 and back; `end` is the number that ends a text."""

    kind: str
    size: int
    end: int = 0

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, without `end` after it."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of some tokens. Raises TokeniserError for a number that is none."""

    @abstractmethod
    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where in the text each token is: its first character, and the one after it."""

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Return what defines the tokeniser besides its kind, as JSON."""

    @classmethod
    @abstractmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """Undo `content`. Raises TokeniserError."""

    def to_bytes(self) -> bytes:
        """Return the tokeniser's file: canonical JSON."""
        return canonical_json({"schema": SCHEMA, "kind": self.kind, **self.content()})

    @property
    def sha256(self) -> str:
        """The digest of the tokeniser's file."""
        return sha256(self.to_bytes())

    def _check(self, ids: Sequence[int]) -> None:
        for each in ids:
            if not 0 <= each < self.size:
                raise TokeniserError(f"there is no token {each}: the last is {self.size - 1}")


def from_bytes(data: bytes) -> Tokeniser:
    """Read a tokeniser's file. Raises TokeniserError saying what is wrong."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TokeniserError(f"the tokeniser is not JSON ({error})") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise TokeniserError(f"the tokeniser's schema is not {SCHEMA}")
    kinds: dict[Any, type[Tokeniser]] = {each.kind: each for each in (WordTokeniser, BytePair)}
    kind = found.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise TokeniserError(f"the tokeniser's kind is {kind!r}, not one of {', '.join(kinds)}")
    return kinds[kind].from_content(found)


class WordTokeniser(Tokeniser):
    """Words between white space, and `<eos>`, number 0, for each end of a line.

    This is the WikiText vocabulary of the Transformer-XL code. A word it does not know is `<unk>`,
    which is a word of the text. Decoding puts one space between words.
    """

    kind = "words"

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words in the order of their numbers, `<eos>` first."""
        if not words or words[0] != END_OF_LINE:
            raise TokeniserError(f"the first word is not {END_OF_LINE}")
        self.words = tuple(words)
        self.size = len(self.words)
        self._ids = {word: number for number, word in enumerate(self.words)}
        if len(self._ids) < self.size:
            twice = next(word for word, n in Counter(self.words).items() if n > 1)
            raise TokeniserError(f"the word {twice!r} is there twice")
        self._unknown = self._ids.get(UNKNOWN)

    @classmethod
    def from_text(cls, text: str, smallest_count: int = 1) -> Self:
        """Number the words by falling count, ties by which came first; rarer ones are `<unk>`."""
        counts = Counter(text.split())
        del counts[END_OF_LINE]
        if smallest_count > 1:
            rare = {word: n for word, n in counts.items() if n < smallest_count}
            for word in rare:
                del counts[word]
            counts[UNKNOWN] += sum(rare.values())
        return cls([END_OF_LINE, *(word for word, _ in counts.most_common())])

    @classmethod
    def from_vocabulary(cls, lines: Iterable[str]) -> Self:
        """Read a vocabulary file: the word is what a line begins with, in the order of numbers."""
        return cls([line.split()[0] for line in lines if line.strip()])

    def encode(self, text: str) -> list[int]:
        """Return the tokens. Raises TokeniserError for an unknown word where there is no `<unk>`.

        A line's `<eos>` comes with its line feed: a text that breaks off within a line has none.
        """
        return [self._id(text[start:end]) for start, end in self.spans(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the words with one space between them, and a line feed for each `<eos>`."""
        self._check(ids)
        lines = " ".join("\n" if each == self.end else self.words[each] for each in ids)
        return re.sub(" ?\n ?", "\n", lines)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each word is, and each line feed."""
        return [found.span() for found in re.finditer(r"\S+|\n", text)]

    def content(self) -> dict[str, Any]:
        """Return the words in the order of their numbers."""
        return {"words": list(self.words)}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """Read the words."""
        words = content.get("words")
        if not isinstance(words, list) or not all(isinstance(each, str) for each in words):
            raise TokeniserError("the tokeniser's words are no list of words")
        return cls(words)

    def _id(self, word: str) -> int:
        found = self.end if word == "\n" else self._ids.get(word, self._unknown)
        if found is None:
            raise TokeniserError(f"the word {word!r} is unknown, and the vocabulary has no <unk>")
        return found


class BytePair(Tokeniser):
    """Bytes joined by the most frequent pairs; any text comes back as it was.

    Number 0 is `<end>`, which no text contains and which decodes to nothing; then come the 256
    bytes, then what each merge makes. A character may be cut into several tokens: then each has the
    whole character as its span. Source: Sennrich et al. 2016, arXiv:1508.07909, on bytes.
    """

    kind = "byte-pair"
    END = "< end >"  # has spaces, which no token made of bytes has

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        """Take the merges in the order in which they apply. Raises TokeniserError."""
        numbers = {self.END: 0}
        for token in sorted(pre_tokenizers.ByteLevel.alphabet()):
            numbers[token] = len(numbers)
        for first, second in merges:
            for part in (first, second):
                if part not in numbers or part == self.END:
                    raise TokeniserError(f"the merge {first!r} {second!r} joins unknown {part!r}")
            numbers.setdefault(first + second, len(numbers))
        self.merges = tuple(merges)
        self.size = len(numbers)
        self._tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=list(merges)))
        self._tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._tokenizer.decoder = decoders.ByteLevel()

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Self:
        """Learn merges from texts until there are `size` tokens, or nothing is left to merge."""
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        if size < len(alphabet) + 1:
            raise TokeniserError(f"size is {size}, expected {len(alphabet) + 1} or more")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=size - 1, initial_alphabet=sorted(alphabet), show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        learnt = json.loads(tokenizer.to_str())["model"]["merges"]
        return cls([(first, second) for first, second in learnt])

    def encode(self, text: str) -> list[int]:
        """Return the tokens."""
        found: list[int] = self._tokenizer.encode(text).ids
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text; bytes that are no UTF-8 become the replacement character."""
        self._check(ids)
        found: str = self._tokenizer.decode([each for each in ids if each != self.end])
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token is; the space before a word is part of the word's token."""
        found: list[tuple[int, int]] = self._tokenizer.encode(text).offsets
        return found

    def content(self) -> dict[str, Any]:
        """Return the merges."""
        return {"merges": [list(pair) for pair in self.merges]}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """Read the merges."""
        merges = content.get("merges")
        if not isinstance(merges, list):
            raise TokeniserError("the tokeniser's merges are no list")
        for pair in merges:
            if (
                not isinstance(pair, list)
                or len(pair) != 2
                or not all(isinstance(part, str) for part in pair)
            ):
                raise TokeniserError(f"the tokeniser's merge {pair!r} is no pair of tokens")
        return cls([(first, second) for first, second in merges])
