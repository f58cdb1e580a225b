"""How fast S4 classifies, reads and generates, beside the same written plainly and a Transformer.

`python -m benchmarks.models` takes some minutes, prints tables and writes
`benchmarks/results/models.json`. Weights are random unless they ship with the product: they change
no cost. Every variant is compared with the others by value before it is timed.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import plain
from benchmarks.measuring import Run, compare, in_turn, machine, peak, prepare
from explainer.models import checkpoint
from explainer.models.lm import S4LanguageModel, S4LanguageModelConfig
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.transformer import TransformerLanguageModel, TransformerLanguageModelConfig

RESULT = Path(__file__).parent / "results" / "models.json"
SHIPPED = Path(__file__).parent.parent / "explainer" / "assets" / "checkpoints"
NOTES = {
    "ours": "frozen: the kernel's chunks are kept",
    "FFT, kept": "plain S4 by FFT; the kernel's transform is kept",
    "FFT, rebuilt": "plain S4 by FFT; our kernel is computed at every call",
    "original": "plain S4 by FFT; the kernel is computed at every call, as the original does "
    "without compiled extensions: by complex Cauchy sums where it is low-rank",
    "S4": "one step of the recurrence a token, from the state after so many tokens",
    "cache": "a Transformer of equal size that writes keys and values in place",
    "no cache": "the same Transformer, which reads the whole text again for each token; left out "
    "where one round takes many seconds",
    "ratio": "of times to the first variant's, within a round; median and quartiles over rounds",
    "megabytes": "the most that a run adds to weights and kept kernels, in a process of its own; "
    "remembered: the size of the state, or of the keys and values",
}
MODELS = {
    "low-rank": {"kernel": "low-rank", "init": "legs", "hold": "bilinear", "length": 784},
    "diagonal": {"kernel": "diagonal"},
}
ROUNDS = {1: 15, 50: 9, 256: 5}
LENGTHS = (256, 1024, 4096, 16384)
# Position up to which a Transformer without a cache is timed, at each batch.
UNCACHED = {1: 4096, 16: 1024}
STEPS = 16
VOCABULARY = 2048


def main() -> None:
    """Measure, print and write the result."""
    prepare()
    s4, transformer = language_models()
    sizes = [sum(w.numel() for w in model.parameters()) for model in (s4, transformer)]
    if abs(sizes[1] / sizes[0] - 1) > 0.03:
        raise SystemExit(f"the language models have {sizes} parameters; make them equal to 3 %")
    _check_transformer(transformer)
    result = {
        "command": "python -m benchmarks.models",
        "machine": machine(),
        "notes": NOTES,
        "classifier": {name: _classifier(name) for name in (*MODELS, *_shipped())},
        "parameters": dict(zip(("S4", "Transformer"), sizes, strict=True)),
        "generation": {f"batch {batch}": _generation(batch) for batch in UNCACHED},
        "reading": {f"length {length}": _reading(length) for length in LENGTHS},
        "megabytes": _memory(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {RESULT}")


def classifier_runs(name: str, batch: int) -> dict[str, Run]:
    """Return what classifies a batch: the original's MNIST classifier, or one that ships."""
    if name in MODELS:
        config = {"width": 128, "layers": 3, "state": 32, "inputs": 1, "labels": 10, **MODELS[name]}
        net, length = SequenceClassifier(SequenceClassifierConfig(**config)).eval(), 784
    else:
        net, card = checkpoint.load(SHIPPED / name)
        length = card["preprocessing"]["height"] * card["preprocessing"]["width"]
    x = torch.rand(batch, length, net.config.inputs)
    backbone = net.backbone
    kept = functools.cache(lambda: plain.spectra(backbone, length))

    def rebuilt(make: plain.Make) -> Tensor:
        return plain.classify(net, x, plain.spectra(backbone, length, make))

    runs: dict[str, Run] = {
        "ours": lambda: net(x),
        "FFT, kept": lambda: plain.classify(net, x, kept()),
        "FFT, rebuilt": lambda: rebuilt(plain.our_kernel),
    }
    if net.config.kernel == "low-rank":
        runs["original"] = lambda: rebuilt(plain.textbook_kernel)
    else:  # the original computes a diagonal kernel as we do
        runs["original"] = runs.pop("FFT, rebuilt")
    return runs


def reading_runs(length: int) -> dict[str, Run]:
    """Return what reads one text of `length` tokens to the activations of each."""
    s4, transformer = language_models()
    tokens = torch.randint(VOCABULARY, (1, length))
    kept = functools.cache(lambda: plain.spectra(s4.backbone, length))
    return {
        "ours": lambda: s4.hidden(tokens),
        "FFT, kept": lambda: plain.apply(
            s4.backbone, s4.embedding(tokens).transpose(1, 2), kept()
        ).transpose(1, 2),
        "Transformer": lambda: plain.read_all(transformer, tokens),
    }


def generation_runs(batch: int, position: int) -> dict[str, Run]:
    """Return what makes STEPS tokens after `position` of them, given what it remembers of those.

    Without a cache, it makes one token.
    """
    s4, transformer = language_models()
    text = torch.randint(VOCABULARY, (batch, position))
    state = _read(s4, text[:1])
    state = tuple(each.repeat(1, batch, 1) if each.numel() else each for each in state)
    remembered = functools.cache(lambda: plain.KeyValues(transformer, batch, position + STEPS))

    def by_recurrence() -> None:
        found, now = s4.step(text[:, -1], state)
        for _ in range(STEPS - 1):
            found, now = s4.step(found.argmax(-1), now)

    def by_cache() -> None:
        reader, tokens = remembered(), text[:, -1]
        reader.position = position
        for _ in range(STEPS):
            tokens = reader.step(tokens).argmax(-1)

    runs: dict[str, Run] = {"S4": by_recurrence, "cache": by_cache}
    if position <= UNCACHED[batch]:
        runs["no cache"] = lambda: plain.read_all(transformer, text)
    return runs


@functools.cache
def language_models() -> tuple[S4LanguageModel, TransformerLanguageModel]:
    """Return two models of equal size."""
    s4 = S4LanguageModelConfig(
        vocabulary=VOCABULARY, width=256, layers=4, pattern="s4-ff", norm="layer"
    )
    transformer = TransformerLanguageModelConfig(
        vocabulary=VOCABULARY, width=256, layers=4, heads=4, feedforward=864, length=2**15
    )
    return S4LanguageModel(s4).eval(), TransformerLanguageModel(transformer).eval()


def _classifier(name: str) -> dict[str, Any]:
    found = {}
    for batch, rounds in ROUNDS.items():
        runs = classifier_runs(name, batch)
        worst = _largest_difference(runs, 1e-4)
        found[f"batch {batch}"] = {
            "largest_difference_of_logits": worst,
            **_shown(f"{name}, batch {batch}", compare(in_turn(runs, rounds), batch)),
        }
    return found


def _generation(batch: int) -> dict[str, Any]:
    found = {}
    for position in LENGTHS:
        runs = generation_runs(batch, position)
        seconds = in_turn(runs, 7)
        if "no cache" in seconds:
            seconds["no cache"] = [STEPS * each for each in seconds["no cache"]]
        title = f"{STEPS} tokens after {position}, batch {batch}"
        found[f"after {position}"] = _shown(title, compare(seconds, STEPS * batch))
    last, first = (found[f"after {k}"] for k in (LENGTHS[-1], LENGTHS[0]))
    growth = {
        name: round(last[name]["milliseconds"] / first[name]["milliseconds"], 2)
        for name in ("S4", "cache")
    }
    print(f"time a token after {LENGTHS[-1]} over that after {LENGTHS[0]}: {growth}\n")
    return {**found, "growth": growth}


def _reading(length: int) -> dict[str, Any]:
    runs = reading_runs(length)
    s4 = {name: runs[name] for name in ("ours", "FFT, kept")}
    worst = _largest_difference(s4, 1e-3)
    rounds = 3 if length > 4096 else 7
    shown = _shown(f"one text of {length} tokens", compare(in_turn(runs, rounds), length))
    return {"largest_difference": worst, **shown}


def _memory() -> dict[str, Any]:
    cases: dict[str, tuple[Any, tuple[Any, ...]]] = {
        f"{name}, batch 50": (classifier_runs, (name, 50)) for name in MODELS
    }
    cases |= {f"one text of {L} tokens": (reading_runs, (L,)) for L in (LENGTHS[0], LENGTHS[-1])}
    found = {}
    for title, (build, arguments) in cases.items():
        found[title] = {name: peak(build, arguments, name) for name in build(*arguments)}
        print(f"{title}: megabytes {found[title]}")
    s4, transformer = language_models()
    for position in (LENGTHS[0], LENGTHS[-1]):
        title = f"remembered after {position}, batch 1"
        cache = plain.KeyValues(transformer, 1, position).room
        found[title] = {
            "S4": _megabytes(*_read(s4, torch.zeros(1, position, dtype=torch.long))),
            "cache": _megabytes(cache),
        }
        print(f"{title}: megabytes {found[title]}")
    return found


def _shipped() -> list[str]:
    """The image classifiers of S4 layers that ship."""
    cards = sorted(SHIPPED.glob(f"*/{checkpoint.CARD}"))
    found = {path.parent.name: json.loads(path.read_text()) for path in cards}
    return [
        name
        for name, card in found.items()
        if card["architecture"]["name"] == SequenceClassifier.architecture
        and card["preprocessing"]["kind"] == "image"
        and card["architecture"]["prenorm"]
    ]


def _read(model: S4LanguageModel, tokens: Tensor) -> tuple[Tensor, ...]:
    """The state after tokens, read in pieces that fit in memory."""
    state = model.start(len(tokens))
    for piece in tokens.split(1024, 1):
        _, state = model.advance(piece, state)
    return state


def _check_transformer(model: TransformerLanguageModel) -> None:
    """The plain Transformer, with a cache and without, says what ours does."""
    tokens = torch.randint(VOCABULARY, (2, 8))
    reader = plain.KeyValues(model, 2, 8)
    last = [reader.step(column) for column in tokens.T][-1]
    ours = model.log_probabilities(tokens)[:, -1]
    runs = {"ours": lambda: ours, "cache": lambda: last}
    _largest_difference({**runs, "no cache": lambda: plain.read_all(model, tokens)}, 1e-4)


def _largest_difference(runs: Mapping[str, Run], allowed: float) -> float:
    first, *others = (run() for run in runs.values())
    worst = max(float((each - first).abs().max()) for each in others)
    largest = max(1.0, float(first.abs().max()))  # trained logits reach 30: float32 rounds them
    if not worst <= allowed * largest:
        raise SystemExit(f"{', '.join(runs)} differ by {worst}, more than {allowed * largest}")
    return worst


def _megabytes(*tensors: Tensor) -> float:
    return round(sum(each.numel() * each.element_size() for each in tensors) / 2**20, 2)


def _shown(title: str, table: dict[str, Any]) -> dict[str, Any]:
    print(title)
    for name, row in table.items():
        if name != "rounds":
            low, high = row["ratio_quartiles"]
            print(
                f"  {name:14}{row['milliseconds']:10.4g} ms {row['per_second']:10.4g} /s "
                f"{row['ratio']:8.3g} x ({low:.3g} to {high:.3g})",
                flush=True,
            )
    return table


if __name__ == "__main__":
    main()
