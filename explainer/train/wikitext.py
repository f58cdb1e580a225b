"""Language models of one size on one text: S4, LSTMs with and without attention, a Transformer."""

from pathlib import Path
from typing import Any, Literal

import torch

from explainer.data.fetch import DataError
from explainer.machine import keep_memory, pick
from explainer.models import checkpoint
from explainer.models.language import LanguageModel
from explainer.models.lm import S4LanguageModel, S4LanguageModelConfig
from explainer.models.lstm import LSTMLanguageModel, LSTMLanguageModelConfig
from explainer.models.text import TOKENISER
from explainer.models.tokenisers import BytePair, TokeniserError
from explainer.models.transformer import TransformerLanguageModel, TransformerLanguageModelConfig
from explainer.train.card import about, command
from explainer.train.corpus import Corpus, Encoded, Windows, encode, read
from explainer.train.fit import Best, Progress, Settings, TrainingError, fit
from explainer.train.perplexity import Counts, by_corpus, network_nats, perplexity

Kind = Literal["s4", "lstm", "attention", "uniform", "transformer"]
HELP = {
    "model": "attention: an LSTM that averages its past states; uniform: their plain mean.",
    "wikitext": "Which WikiText; it is learnt together with tiny Shakespeare.",
    "data": "A folder with wikitext-103 or wikitext-2, and shakespeare; fetched once without it.",
    "vocabulary": "Byte-pair tokens, learnt from the training text.",
    "width": "Of embedding and layers.",
    "window": "Tokens that are read at a time, in training and when judged.",
    "batch": "Windows a step.",
    "learning_rate": "At its peak, after the warm-up.",
    "dropout": "Share of activations left out in training.",
    "precision": "Of matrix products; bfloat16 on a GPU only.",
    "gradient_checkpointing": "S4 only: less memory for more time.",
}


def network(
    model: Kind, vocabulary: int, *, width: int, window: int, dropout: float
) -> LanguageModel:
    """Build one of the five; at width 128 they have the same number of weights to 3 %.

    window: what the Transformer can read at most, since it learns no later positions.
    """
    if model == "s4":
        return S4LanguageModel(
            S4LanguageModelConfig(
                vocabulary=vocabulary,
                width=width,
                layers=2,
                pattern="s4-s4-ff",
                expand=1,
                state=16,
                norm="layer",
                dropout=dropout,
                embedding_dropout=dropout,
            )
        )
    if model == "transformer":
        return TransformerLanguageModel(
            TransformerLanguageModelConfig(
                vocabulary,
                width,
                layers=2,
                heads=4,
                feedforward=2 * width,
                length=window,
                dropout=dropout,
            )
        )
    attention = {"lstm": "none", "attention": "learnt", "uniform": "uniform"}[model]
    return LSTMLanguageModel(
        LSTMLanguageModelConfig(vocabulary, width, layers=2, attention=attention, dropout=dropout)
    )


def train(
    *,
    out: Path,
    data: Path | None = None,
    model: Kind = "s4",
    wikitext: Literal["WikiText-2", "WikiText-103"] = "WikiText-103",
    epochs: int = 3,
    seed: int = 0,
    vocabulary: int = 2048,
    width: int = 128,
    window: int = 256,
    batch: int = 8,
    learning_rate: float = 4e-3,
    dropout: float = 0.0,
    precision: Literal["float32", "bfloat16"] = "float32",
    gradient_checkpointing: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a language model on WikiText and tiny Shakespeare, and write its checkpoint.

    The best epoch on the validation passages is kept. The card has the perplexity per token and the
    bits per byte, which do not depend on the tokeniser, beside those of counted tokens and pairs.
    """
    options = {name: value for name, value in locals().items() if name != "progress"}
    keep_memory()
    text = read(data, wikitext, seed)
    tokeniser, parts = tokenised(text, vocabulary)
    torch.manual_seed(seed)
    built = network(model, tokeniser.size, width=width, window=window, dropout=dropout).to(
        pick(device)
    )
    if gradient_checkpointing:
        if not isinstance(built, S4LanguageModel):
            raise TrainingError(
                f"{model} cannot recompute its activations: leave --gradient-checkpointing out"
            )
        built.backbone.recomputing = True
    settings = Settings(epochs, batch, learning_rate, weight_decay=0.01, precision=precision)
    baselines = baseline_measures(parts, tokeniser.size)
    said = command("wikitext", options)

    def keep(best: Best) -> None:
        what = about(
            trainer="wikitext",
            command=said,
            seed=seed,
            settings=settings,
            best=best,
            data=text.about,
            metrics=judge(built, parts, window, baselines),
            packages=("numpy", "tokenizers", "torch"),
            window=window,
            tokens=sum(len(each.ids) - 1 for each in parts["train"]),
        )
        checkpoint.save(
            out,
            built,
            preprocessing={"kind": "text", "tokeniser": TOKENISER},
            labels=[],
            about=what,
            files={TOKENISER: tokeniser.to_bytes()},
        )

    fit(
        built,
        Windows(parts["train"], window),
        lambda: -perplexity(network_nats(built, parts["validation"], window), parts["validation"]),
        settings,
        seed=seed,
        out=out,
        keep=keep,
        progress=progress,
        run={"command": said, "data": text.about["files_sha256"]},
        shown=lambda score: f"perplexity {-score:.1f}",
    )
    return checkpoint.load(out)[1]


def evaluate(
    model: LanguageModel, card: dict[str, Any], data: Path | None, device: str
) -> dict[str, Any]:
    """Judge a checkpoint again, on the validation and test passages, beside counted tokens.

    Raises DataError where the text at hand gives another tokeniser than the checkpoint's.
    """
    keep_memory()
    text = read(data, card["data"]["wikitext"], card["training"]["seed"])
    tokeniser, parts = tokenised(text, model.vocabulary)
    if tokeniser.sha256 != card["files"][TOKENISER]:
        raise DataError(
            f"{data or 'the cache'} has not the text that {card['name']} learnt from: its files "
            f"are {', '.join(card['data']['files_sha256'])}, with SHA-256 in the card"
        )
    baselines = baseline_measures(parts, tokeniser.size)
    return judge(model.to(pick(device)), parts, card["training"]["window"], baselines)


def tokenised(text: Corpus, vocabulary: int) -> tuple[BytePair, dict[str, list[Encoded]]]:
    """Learn byte pairs from the training passages, and cut all passages into them.

    Raises TrainingError where the vocabulary is too small for that.
    """
    try:
        tokeniser = BytePair.train([each.text for each in text.parts["train"]], vocabulary)
    except TokeniserError as error:
        raise TrainingError(f"the vocabulary cannot be learnt: {error}") from error
    return tokeniser, {part: encode(each, tokeniser) for part, each in text.parts.items()}


def judge(
    model: LanguageModel,
    parts: dict[str, list[Encoded]],
    window: int,
    baselines: dict[str, Any],
) -> dict[str, Any]:
    """Return the metrics of a card: how well whole parts are predicted, and by counting."""
    return {
        **{
            part: by_corpus(network_nats(model, parts[part], window), parts[part])
            for part in ("validation", "test")
        },
        "baselines_test": baselines,
    }


def baseline_measures(parts: dict[str, list[Encoded]], size: int) -> dict[str, Any]:
    """How well the test passages are predicted from counted tokens, and from counted pairs."""
    counts = Counts(parts["train"], parts["validation"], size)
    test = parts["test"]
    return {
        "unigram, one added": by_corpus(counts.unigram_nats(test), test),
        f"bigram, weight {counts.weight:.2f} beside unigram": by_corpus(
            counts.bigram_nats(test), test
        ),
    }
