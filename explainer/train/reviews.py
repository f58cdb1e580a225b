"""An S4 classifier of film reviews, on pairs of bytes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.data import reviews
from explainer.machine import keep_memory, pick
from explainer.models import checkpoint
from explainer.models.bag import BagOfWords
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.text import TOKENISER, TextClassifier, predict
from explainer.models.tokenisers import BytePair
from explainer.train import card as cards
from explainer.train.fit import Best, Progress, Settings, fit

SCALE = 0.1  # of the initial embedding: rare tokens then say little until they have learnt
HELP = {
    "vocabulary": "Tokens, learnt from the training sentences.",
    "width": "Channels.",
    "layers": "S4 layers.",
    "state": "Modes a channel.",
    "dropout": "Share of channels left out in training.",
    "token_dropout": "Share of tokens left out in training.",
    "learning_rate": "At its peak, after the warm-up.",
    "weight_decay": "Of all weights but the kernels' A, B and dt.",
}


@dataclass(frozen=True)
class Texts:
    """Some sentences with their labels, whole numbers (n,)."""

    texts: list[str]
    labels: reviews.Labels


@dataclass(frozen=True)
class Split:
    """What is learnt from, what the best epoch is chosen on, and what is only reported on."""

    train: Texts
    validation: Texts
    test: Texts
    seed: int

    def to_json(self) -> dict[str, int]:
        """Return the number of sentences in each part."""
        return {
            "train": len(self.train.labels),
            "validation": len(self.validation.labels),
            "test": len(self.test.labels),
            "seed": self.seed,
        }


def split(found: reviews.Reviews, seed: int) -> Split:
    """Draw the parts; sentences of the same words fall into the same one."""
    rows = reviews.split(found, seed)
    train, validation, test = (
        Texts(*found.part(part)) for part in (rows.train, rows.validation, rows.test)
    )
    return Split(train, validation, test, seed)


class TextExamples:
    """Sentences to learn from, each time without another `drop` share of its tokens."""

    def __init__(self, model: TextClassifier, given: Texts, drop: float) -> None:
        """Cut the sentences into tokens once."""
        self.tokens = [torch.tensor(model.tokeniser.encode(text)) for text in given.texts]
        self.labels = torch.from_numpy(given.labels).long()
        self.drop = drop

    def __len__(self) -> int:
        """How many sentences there are."""
        return len(self.labels)

    def loss(self, model: TextClassifier, rows: Tensor) -> Tensor:
        """Mean cross-entropy in nats."""
        kept = [self.tokens[row] for row in rows.tolist()]
        if self.drop:
            kept = [each[torch.rand(len(each)) >= self.drop] for each in kept]
        tokens, lengths = model.padded(kept)
        labels = self.labels[rows].to(tokens.device)
        return nn.functional.cross_entropy(model.network(tokens, lengths), labels)


def train(
    *,
    out: Path,
    data: Path | None = None,
    epochs: int = 3,
    seed: int = 0,
    vocabulary: int = 4000,
    width: int = 64,
    layers: int = 1,
    state: int = 16,
    dropout: float = 0.3,
    token_dropout: float = 0.2,
    learning_rate: float = 4e-3,
    weight_decay: float = 0.1,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a classifier of film reviews, and write its checkpoint with its tokeniser.

    The best epoch on a tenth of the sentences is kept; the accuracy in the card is that on another
    tenth, beside the commonest class's and that of a bag of words.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    keep_memory()
    found = reviews.load(data)
    parts = split(found, seed)
    torch.manual_seed(seed)
    tokeniser = BytePair.train(parts.train.texts, vocabulary)
    network = s4(tokeniser.size, width=width, layers=layers, state=state, dropout=dropout)
    model = TextClassifier(network, tokeniser, reviews.LABELS).to(pick(device))
    settings = Settings(epochs, 32, learning_rate, weight_decay)
    baselines = baseline_accuracies(parts)
    said = cards.command("reviews", options)

    def keep(best: Best) -> None:
        about = cards.about(
            trainer="reviews",
            command=said,
            seed=seed,
            settings=settings,
            best=best,
            data={
                "name": found.name,
                "terms": found.terms,
                "files_sha256": found.files,
                "split": parts.to_json(),
            },
            metrics=judge(model, parts, baselines),
            packages=("numpy", "scikit-learn", "tokenizers", "torch"),
            token_dropout=token_dropout,
        )
        checkpoint.save(
            out,
            network,
            preprocessing={"kind": "text", "tokeniser": TOKENISER},
            labels=reviews.LABELS,
            about=about,
            files={TOKENISER: tokeniser.to_bytes()},
        )

    fit(
        model,
        TextExamples(model, parts.train, token_dropout),
        lambda: float(accuracy(model, parts.validation)["value"]),
        settings,
        seed=seed,
        out=out,
        keep=keep,
        progress=progress,
        run={"command": said, "data": found.files},
    )
    return checkpoint.load(out)[1]


def s4(tokens: int, *, width: int, layers: int, state: int, dropout: float) -> SequenceClassifier:
    """An S4D classifier that reads both ways, with new weights."""
    network = SequenceClassifier(
        SequenceClassifierConfig(
            encoder="embedding",
            inputs=tokens,
            labels=len(reviews.LABELS),
            width=width,
            layers=layers,
            state=state,
            dropout=dropout,
            norm="layer",
            bidirectional=True,
            dt_min=1e-2,  # a sentence has some 30 tokens
            dt_max=1.0,
        )
    )
    with torch.no_grad():
        network.encoder.weight.mul_(SCALE)
    return network


def evaluate(
    model: TextClassifier, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again: accuracy on the test sentences, beside the baselines'."""
    keep_memory()
    parts = split(reviews.load(data), card["training"]["seed"])
    return judge(model.to(pick(device)), parts, baseline_accuracies(parts))


def judge(model: TextClassifier, parts: Split, baselines: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of a card: accuracies, with the baselines' on the same sentences."""
    return {
        "test_accuracy": accuracy(model, parts.test),
        "validation_accuracy": accuracy(model, parts.validation),
        "baselines_test_accuracy": baselines,
    }


def accuracy(model: TextClassifier, given: Texts) -> dict[str, Any]:
    """The share of sentences that the model gets right."""
    return share(predict(model, given.texts).argmax(-1), given)


def baseline_accuracies(parts: Split) -> dict[str, Any]:
    """Accuracy on the test sentences of the commonest class, and of a bag of words."""
    commonest = np.bincount(parts.train.labels).argmax()
    bag = BagOfWords(
        parts.train.texts,
        parts.train.labels,
        parts.validation.texts,
        parts.validation.labels,
    )
    n = len(parts.test.labels)
    return {
        "majority class": share(np.full(n, commonest), parts.test),
        str(bag): share(bag.predict(parts.test.texts), parts.test),
    }


def share(predicted: NDArray[np.integer], given: Texts) -> dict[str, Any]:
    """How often a prediction is right, with its interval."""
    right = predicted == given.labels
    return cards.proportion(int(right.sum()), len(right))
