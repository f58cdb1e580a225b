"""A classifier of film reviews with attention, and the controls that say what attention tells.

Three controls stand beside the model: attention frozen to uniform, the model's attention imposed on
an MLP that sees no context, and several seeds. Source: Wiegreffe & Pinter 2019, arXiv:1908.04626.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explainer.data import reviews
from explainer.machine import keep_memory, pick
from explainer.models import checkpoint
from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.text import TOKENISER, TextClassifier
from explainer.models.tokenisers import WordTokeniser
from explainer.train import card as cards
from explainer.train.fit import Best, Progress, Settings, TrainingError, fit
from explainer.train.reading import Attention, Reading, agreement, read, together
from explainer.train.reviews import Split, TextExamples, Texts, baseline_accuracies, share, split

HELP = {
    "seeds": "How many times the LSTM is trained, each from other initial weights; 2 or more.",
    "rarest": "Words that the training sentences have less often are unknown.",
    "width": "Of a word's embedding.",
    "hidden": "Units of the LSTM in each direction.",
    "dropout": "Share of embedding and context left out in training.",
    "learning_rate": "At its peak, after the warm-up.",
}


def train(
    *,
    out: Path,
    data: Path | None = None,
    epochs: int = 6,
    seed: int = 0,
    seeds: int = 5,
    rarest: int = 4,
    width: int = 48,
    hidden: int = 32,
    dropout: float = 0.5,
    learning_rate: float = 2e-3,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train an LSTM with attention on film reviews, and the controls of its attention.

    Beside OUT come OUT-uniform (attention frozen to uniform), OUT-mlp (an MLP under the attention
    of OUT), OUT-mlp-uniform and OUT-mlp-learnt (which say what that is worth), and OUT-seed-1 and
    so on. The card of OUT has the accuracy of each on a tenth of the sentences, beside the
    commonest class's and that of a bag of words, and how far the seeds agree.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    if seeds < 2:
        raise TrainingError(f"seeds is {seeds}: agreement between seeds needs 2 or more")
    keep_memory()
    found = reviews.load(data)
    parts = split(found, seed)
    tokeniser = WordTokeniser.from_text(" ".join(parts.train.texts), rarest)
    lstm = AttentionConfig(tokeniser.size, width, hidden, len(reviews.LABELS), dropout=dropout)
    mlp = replace(lstm, encoder="mlp")
    runs = Runs(
        found,
        parts,
        tokeniser,
        baseline_accuracies(parts),
        Settings(epochs, 64, learning_rate, weight_decay=0.01),
        cards.command("attention", options),
        pick(device),
    )
    planned = [
        Run(out, lstm, seed),
        *(Run(beside(out, f"seed-{k}"), lstm, seed + k) for k in range(1, seeds)),
        Run(beside(out, "uniform"), replace(lstm, attention="uniform"), seed),
        Run(beside(out, "mlp"), replace(mlp, attention="imposed"), seed, guide=out),
        Run(beside(out, "mlp-uniform"), replace(mlp, attention="uniform"), seed),
        Run(beside(out, "mlp-learnt"), mlp, seed),
    ]
    readings = []
    for k, run in enumerate(planned):
        model = runs.train(run, shifted(progress, run, k, len(planned)))
        readings.append(read(model, parts.test.texts, runs.imposed(run, parts.test)))
    network, card = checkpoint.load(out)
    metrics = {**card["metrics"], "controls": controls(readings, seeds, parts.test)}
    about = {name: card[name] for name in ("data", "training", "versions", "date")}
    runs.save(out, network, {**about, "metrics": metrics})
    return checkpoint.load(out)[1]


def evaluate(
    model: TextClassifier, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again: accuracy on the test sentences, beside the baselines'.

    Raises TrainingError for a model that has no attention of its own.
    """
    guide = card["training"].get("attention_of")
    if guide is not None:
        raise TrainingError(
            f"{card['name']} has no attention of its own and is judged under that of {guide}, when "
            f"both are trained: see flask checkpoint show {guide}"
        )
    keep_memory()
    drawn = card["data"].get("split", card["training"])  # the seeds of one run share their split
    parts = split(reviews.load(data), drawn["seed"])
    model = model.to(pick(device))
    return {
        "test_accuracy": right(read(model, parts.test.texts), parts.test),
        "validation_accuracy": right(read(model, parts.validation.texts), parts.validation),
        "baselines_test_accuracy": baseline_accuracies(parts),
    }


def controls(readings: list[Reading], seeds: int, test: Texts) -> dict[str, Any]:
    """What the controls say; readings in the order in which `train` plans its runs.

    The attention of the first model is learnt in its context: where an MLP does better under it
    than under uniform attention and its own, it tells which words matter by themselves.
    """
    base, (uniform, imposed, flat, own) = readings[0], readings[seeds:]
    same = readings[:seeds]
    return {
        "uniform_attention": {
            "test_accuracy": right(uniform, test),
            "between_this_and_learnt": agreement([(base, uniform)]),
        },
        "attention_imposed_on_mlp": {
            "test_accuracy": right(imposed, test),
            "test_accuracy_under_uniform_attention": right(flat, test),
            "test_accuracy_under_its_own_attention": right(own, test),
        },
        "seeds": {
            "test_accuracies": [right(each, test)["value"] for each in same],
            "between_two_of_them": agreement(list(combinations(same, 2))),
        },
    }


def right(reading: Reading, given: Texts) -> dict[str, Any]:
    """The share of sentences that are read right."""
    return share(reading.probabilities.argmax(-1), given)


def beside(folder: Path, name: str) -> Path:
    """The folder of another checkpoint of the same run."""
    return folder.with_name(f"{folder.name}-{name}")


@dataclass(frozen=True)
class Run:
    """One model to train; guide: the trained model whose attention is imposed on it."""

    folder: Path
    config: AttentionConfig
    seed: int
    guide: Path | None = None


def shifted(progress: Progress | None, run: Run, before: int, runs: int) -> Progress | None:
    """Progress over all runs, which take as many steps each."""
    if progress is None:
        return None
    report = progress
    return lambda done, total, what: report(
        before * total + done, runs * total, f"{run.folder.name}: {what}"
    )


class AttendedExamples(TextExamples):
    """Sentences to learn from, perhaps with attention imposed on each."""

    def __init__(self, model: TextClassifier, given: Texts, imposed: Attention | None) -> None:
        """Cut the sentences into tokens once."""
        super().__init__(model, given, drop=0.0)
        self.imposed = imposed

    def loss(self, model: TextClassifier, rows: Tensor) -> Tensor:
        """Mean cross-entropy in nats."""
        tokens, lengths = model.padded([self.tokens[row] for row in rows.tolist()])
        weights = None if self.imposed is None else together(self.imposed, rows.tolist(), tokens)
        labels = self.labels[rows].to(tokens.device)
        return nn.functional.cross_entropy(model.network(tokens, lengths, weights), labels)


@dataclass(frozen=True)
class Runs:
    """What all models of one command have in common."""

    found: reviews.Reviews
    parts: Split
    tokeniser: WordTokeniser
    baselines: dict[str, Any]
    settings: Settings
    command: str
    device: str

    def train(self, run: Run, progress: Progress | None) -> TextClassifier:
        """Train one model, write its checkpoint, and return its best epoch."""
        torch.manual_seed(run.seed)
        network = AttentionClassifier(run.config)
        model = TextClassifier(network, self.tokeniser, reviews.LABELS).to(self.device)
        validation, test = self.parts.validation, self.parts.test
        imposed_validation, imposed_test = self.imposed(run, validation), self.imposed(run, test)

        def judge() -> dict[str, Any]:
            return right(read(model, validation.texts, imposed_validation), validation)

        def keep(best: Best) -> None:
            about = cards.about(
                trainer="attention",
                command=self.command,
                seed=run.seed,
                settings=self.settings,
                best=best,
                data={
                    "name": self.found.name,
                    "terms": self.found.terms,
                    "files_sha256": self.found.files,
                    "split": self.parts.to_json(),
                },
                metrics={
                    "test_accuracy": right(read(model, test.texts, imposed_test), test),
                    "validation_accuracy": judge(),
                    "baselines_test_accuracy": self.baselines,
                },
                packages=("numpy", "scikit-learn", "torch"),
                **({} if run.guide is None else {"attention_of": run.guide.name}),
            )
            self.save(run.folder, network, about)

        fit(
            model,
            AttendedExamples(model, self.parts.train, self.imposed(run, self.parts.train)),
            lambda: float(judge()["value"]),
            self.settings,
            seed=run.seed,
            out=run.folder,
            keep=keep,
            progress=progress,
            run={"command": self.command, "data": self.found.files, "model": run.folder.name},
        )
        return self.load(run.folder)

    def imposed(self, run: Run, part: Texts) -> Attention | None:
        """The attention to some sentences that a run's model is given, if any."""
        return None if run.guide is None else read(self.load(run.guide), part.texts).attention

    def load(self, folder: Path) -> TextClassifier:
        """Return a model that was trained."""
        network, _ = checkpoint.load(folder)
        return TextClassifier(network, self.tokeniser, reviews.LABELS).to(self.device)

    def save(self, folder: Path, network: nn.Module, about: dict[str, Any]) -> None:
        """Write a checkpoint with its tokeniser."""
        checkpoint.save(
            folder,
            network,
            preprocessing={"kind": "text", "tokeniser": TOKENISER},
            labels=reviews.LABELS,
            about=about,
            files={TOKENISER: self.tokeniser.to_bytes()},
        )
