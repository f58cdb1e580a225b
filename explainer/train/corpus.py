"""Text to learn a language from: passages of WikiText and of plays, in three parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.data import shakespeare, wikitext
from explainer.data.fetch import DataError
from explainer.models.tokenisers import BytePair

PARTS = ("train", "validation", "test")
SHARE = 20  # one in so many passages is for validation, as many for the test
TOGETHER = 10  # passages of a play that stay neighbours: a part of it is read in one go

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Passage:
    """An article, or a few pages of a play, and the name of the corpus it is from."""

    text: str
    corpus: str


@dataclass(frozen=True)
class Corpus:
    """The passages of each part by its name, and what a card says about where they are from."""

    parts: dict[str, list[Passage]]
    about: dict[str, Any]


def read(data: Path | None, name: wikitext.Name, seed: int) -> Corpus:
    """Read both corpora and split them: the same seed gives the same split.

    data: a folder with `name` in lower case (its train, valid or test text) and shakespeare
    (input.txt). WikiText's own split is kept where all of it is there; otherwise whole articles
    are shared out 90 : 5 : 5, and so are the plays, by stretches of a twentieth.
    """
    wiki = wikitext.load(data and data / name.lower(), name)
    plays = shakespeare.load(data and data / "shakespeare")
    articles = {
        split: [Passage(wikitext.plain(each), wiki.name) for each in wikitext.articles(text)]
        for split, text in wiki.splits.items()
    }
    if len(articles) == len(wikitext.SPLITS):
        parts = dict(zip(PARTS, (articles[split] for split in wikitext.SPLITS), strict=True))
    else:
        parts = share_out([[each] for split in articles.values() for each in split], seed)
    pages = [Passage(text, plays.name) for text in stretches(plays.text, SHARE * TOGETHER)]
    acts = [pages[k : k + TOGETHER] for k in range(0, len(pages), TOGETHER)]
    for part, passages in share_out(acts, seed).items():
        parts[part] = parts[part] + passages
    about = {
        "name": f"{wiki.name} and {plays.name}",
        "terms": f"{wiki.name}: {wiki.terms}; {plays.name}: {plays.terms}",
        "files_sha256": {**wiki.files, **plays.files},
        "wikitext": name,
        "wikitext_splits": list(wiki.splits),
        "split": {"unit": "passages", **{part: len(parts[part]) for part in PARTS}, "seed": seed},
    }
    return Corpus(parts, about)


def share_out(pieces: list[list[Passage]], seed: int) -> dict[str, list[Passage]]:
    """Share pieces, at random but each whole, 90 : 5 : 5. Raises DataError on fewer than three."""
    if len(pieces) < len(PARTS):
        raise DataError(
            f"there are only {len(pieces)} passages, too few to learn from some and be judged on "
            "others: give more text"
        )
    order = np.random.default_rng([seed, 2]).permutation(len(pieces))
    few = max(1, round(len(pieces) / SHARE))
    chosen = {"train": order[2 * few :], "validation": order[:few], "test": order[few : 2 * few]}
    return {part: [each for k in chosen[part] for each in pieces[k]] for part in PARTS}


def stretches(text: str, n: int) -> list[str]:
    """Cut a text into about `n` stretches of equal length, at the empty line after each."""
    size = len(text) / n
    found, start = [], 0
    for k in range(1, n + 1):
        if start >= k * size:
            continue  # one speech went on for longer than a stretch
        end = text.find("\n\n", int(k * size)) if k < n else -1
        end = len(text) if end < 0 else end + 2
        found.append(text[start:end])
        start = end
    return found


@dataclass(frozen=True)
class Encoded:
    """A passage as tokens, the end token before and after them; `bytes` of its text in UTF-8."""

    ids: Ids
    bytes: int
    corpus: str


def encode(passages: list[Passage], tokeniser: BytePair) -> list[Encoded]:
    """Tokenise passages."""
    end = [tokeniser.end]
    return [
        Encoded(
            np.array(end + tokeniser.encode(each.text) + end, np.int64),
            len(each.text.encode()),
            each.corpus,
        )
        for each in passages
    ]


class Windows:
    """Windows of a stream of passages to learn from; where the windows begin varies at random."""

    def __init__(self, passages: list[Encoded], window: int) -> None:
        """Join the passages, an end token between two."""
        ids = [passages[0].ids[:1], *(each.ids[1:] for each in passages)]
        self.stream = torch.from_numpy(np.concatenate(ids))
        self.window = window

    def __len__(self) -> int:
        """How many windows fit, wherever the first begins."""
        return max(0, (len(self.stream) - self.window) // self.window)

    def loss(self, model: Any, rows: Tensor) -> Tensor:
        """Mean negative log-probability of a token, in nats."""
        first = rows * self.window + torch.randint(self.window, ())
        found = self.stream[first.unsqueeze(-1) + torch.arange(self.window + 1)]
        found = found.to(next(model.parameters()).device)
        loss: Tensor = model.losses(found[:, :-1], found[:, 1:]).mean()
        return loss
