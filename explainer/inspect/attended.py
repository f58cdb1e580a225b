"""Models whose attention can be taken apart: what they attend to, and what each token says alone.

The output is affine in a weighted mean of states, and attention adds up to 1, so the logits under
any attention are that attention times the logits that each state has alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explainer.inspect.layers import without
from explainer.inspect.measured import Measured, mean, median
from explainer.methods import MethodError
from explainer.models.attention import AttentionClassifier
from explainer.models.lstm import LSTMLanguageModel
from explainer.models.text import TextClassifier
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.tokens import encoded
from explainer.train.reading import jensen_shannon, total_variation

Attentive = TextClassifier | PromptSubject


@dataclass(frozen=True)
class Between:
    """How far two models are apart on n texts, by median over them.

    attention: Jensen-Shannon divergence, in nats. prediction: total variation.
    """

    attention: Measured
    prediction: Measured

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"attention": self.attention.to_json(), "prediction": self.prediction.to_json()}


@dataclass(frozen=True)
class Imposed:
    """The share of labelled texts that a model without context reads right, by the attention given.

    guide: another model's attention to the same text. permuted: that to its tokens in another
    order, the mean over permutations.
    """

    guide: Measured
    uniform: Measured
    permuted: Measured

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: each.to_json() for name, each in vars(self).items()}


def decomposed(model: Attentive, text: str) -> tuple[Tensor, Tensor]:
    """The attention to a text (L,), and the logits (L, outputs) of each of its tokens alone.

    A classifier's tokens are the text's and its end; a language model says what follows the last.
    Raises MethodError for a model without attention of its own.
    """
    if isinstance(model, PromptSubject):
        attention, logits = _before_next(model, text)
    else:
        attention, logits = _classified(model, text)
    return attention.double().cpu(), logits.double().cpu()


def between(one: Attentive, other: Attentive, texts: Sequence[str]) -> Between:
    """Compare two models that read the same tokens. Raises MethodError where they do not."""
    attention, prediction = [], []
    for text in texts:
        (a, a_logits), (b, b_logits) = decomposed(one, text), decomposed(other, text)
        if a.shape != b.shape or a_logits.shape != b_logits.shape:
            raise MethodError("these models cut texts into other tokens: compare two of one run")
        attention.append(jensen_shannon(a.numpy(), b.numpy()))
        said = [torch.softmax(x @ y, -1).numpy() for x, y in ((a, a_logits), (b, b_logits))]
        prediction.append(total_variation(*said))
    return Between(median(attention), median(prediction))


def imposed(
    model: TextClassifier,
    guide: TextClassifier,
    texts: Sequence[str],
    truths: Sequence[str],
    *,
    permutations: int = 20,
    seed: int = 0,
) -> Imposed:
    """Impose the guide's attention on a model that was trained under it, and other attention.

    Raises MethodError where the model has attention of its own, or reads other tokens.
    """
    network = model.network
    if not isinstance(network, AttentionClassifier) or network.config.attention != "imposed":
        raise MethodError(
            "attention can be imposed on a model that has none of its own, such as "
            "reviews-attention-mlp"
        )
    if model.tokeniser.to_bytes() != guide.tokeniser.to_bytes():
        raise MethodError("these models cut texts into other tokens: compare two of one run")
    random = torch.Generator().manual_seed(seed)
    right: dict[str, list[float]] = {"guide": [], "uniform": [], "permuted": []}
    for text, truth in zip(texts, truths, strict=True):
        weights = decomposed(guide, text)[0].to(next(network.parameters()))
        L, label = len(weights), model.labels.index(truth)
        orders = [torch.randperm(L, generator=random) for _ in range(permutations)]
        given = torch.stack(
            [weights, torch.full_like(weights, 1 / L), *(weights[o] for o in orders)]
        )
        tokens, lengths = model.tokens([text])
        with torch.no_grad():
            said = network(tokens.expand(len(given), -1), lengths.expand(len(given)), given)
        hits = (said.argmax(-1) == label).double()
        right["guide"].append(float(hits[0]))
        right["uniform"].append(float(hits[1]))
        right["permuted"].append(float(hits[2:].mean()))
    return Imposed(**{name: mean(each) for name, each in right.items()})


def _classified(model: TextClassifier, text: str) -> tuple[Tensor, Tensor]:
    network = model.network
    if not isinstance(network, AttentionClassifier) or network.config.attention == "imposed":
        raise MethodError(
            "these tests need a classifier with attention of its own, such as reviews-attention"
        )
    tokens, lengths = model.tokens([text])
    L = int(lengths[0])
    with torch.no_grad():
        _, weights = network.attend(tokens, lengths)
        alone = torch.eye(L, device=tokens.device, dtype=weights.dtype)
        logits = network(tokens.expand(L, -1), lengths.expand(L), alone)
    return weights[0], logits


def _before_next(subject: PromptSubject, text: str) -> tuple[Tensor, Tensor]:
    network = subject.model
    if not isinstance(network, LSTMLanguageModel) or network.attention is None:
        raise MethodError(
            "these tests need a language model whose output is one average over its past, such as "
            "wikitext-attention"
        )
    tokens = encoded(subject.tokeniser, text)[0].to(subject.device).unsqueeze(0)
    with torch.no_grad():
        weights = network.attentions(tokens)[0, -1]
        with without(network.attention):
            states, _ = network.read(tokens)
        alone = states[0, -1] + states[0]  # (L, width): the present, and one past state
        logits = torch.nn.functional.linear(alone, network.embedding.weight, network.bias)
    return weights, logits
