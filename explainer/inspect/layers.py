"""What each layer is worth: the loss and accuracy of a network that skips it.

A layer is a branch beside a residual: without it the branch adds nothing, and the sum goes on.
Networks without residuals cannot lose a layer so, and are refused.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.inspect.measured import Measured, change, holm, mean, share_change
from explainer.methods import MethodError
from explainer.models.gpt2 import Transformers
from explainer.models.language import LanguageModel
from explainer.models.lstm import LSTMLanguageModel
from explainer.models.sequence import Backbone, Block, FeedForward
from explainer.models.transformer import TransformerBlock

BATCH = 16

Losses = NDArray[np.float64]
Right = NDArray[np.float64]
Judge = Callable[[], tuple[Losses, Right]]


@dataclass(frozen=True)
class Layer:
    """What the network loses without one layer, over n stimuli.

    loss: the change of the mean cross-entropy, in nats. right: that of the share which is right: of
    stimuli, or of next tokens. p_holm: of the loss's test, adjusted for the number of layers.
    """

    name: str
    loss: Measured
    right: Measured
    p_holm: float


@dataclass(frozen=True)
class Ablation:
    """The whole network, and what it loses without each layer in turn."""

    loss: Measured
    right: Measured
    layers: tuple[Layer, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "loss": self.loss.to_json(),
            "right": self.right.to_json(),
            "layers": [
                {
                    "name": layer.name,
                    "loss": layer.loss.to_json(),
                    "right": layer.right.to_json(),
                    "p_holm": layer.p_holm,
                }
                for layer in self.layers
            ],
        }


def branches(network: nn.Module) -> dict[str, nn.Module]:
    """The branches beside residuals, by name, in the order in which they are read.

    Raises MethodError where a network has none.
    """
    found: dict[str, nn.Module] = {}
    for module in network.modules():
        if isinstance(module, Backbone):
            for k, block in enumerate(module.blocks):
                if isinstance(block, Block):
                    kind = "feed-forward" if isinstance(block.layer, FeedForward) else "S4"
                    found[f"block {k} {kind}"] = block.layer
        elif isinstance(module, TransformerBlock):
            k = len(found) // 2
            found[f"block {k} attention"] = module.attention
            found[f"block {k} feed-forward"] = module.feedforward
        elif isinstance(module, LSTMLanguageModel) and module.attention is not None:
            found["attention over past states"] = module.attention
        elif isinstance(module, Transformers):
            stack = getattr(getattr(module.network, "transformer", None), "h", ())
            for k, block in enumerate(stack):
                found[f"block {k} attention"] = block.attn
                found[f"block {k} feed-forward"] = block.mlp
    if not found:
        raise MethodError(
            f"{type(network).__name__} has no layers beside residuals, so none can be skipped; "
            "name an S4 model, a Transformer, GPT-2, or an LSTM with attention"
        )
    return found


@contextmanager
def without(branch: nn.Module) -> Iterator[None]:
    """Let a branch add nothing, whether sequences are read whole or step by step."""
    handle = branch.register_forward_hook(lambda module, given, found: _silent(found))
    advance = getattr(branch, "advance", None)
    if advance is not None:  # an S4 layer that reads on from a state, which calls no hook
        branch.__dict__["advance"] = lambda u, state: _silent(advance(u, state))
    try:
        yield
    finally:
        handle.remove()
        branch.__dict__.pop("advance", None)


def ablation(network: nn.Module, judge: Judge, of: str) -> Ablation:
    """Skip each layer in turn.

    judge() -> losses (n,) in nats and shares right (n,), each of the same stimuli. of: what they
    are. Shares that are 0 or 1 are tested by McNemar, others by signed ranks.
    """
    losses, right = judge()
    found = []
    for name, branch in branches(network).items():
        with without(branch):
            other_losses, other_right = judge()
        found.append((name, change(losses, other_losses, of), _shares(right, other_right, of)))
    adjusted = holm([loss.p if loss.p is not None else 1.0 for _, loss, _ in found])
    layers = [
        Layer(name, loss, share, p) for (name, loss, share), p in zip(found, adjusted, strict=True)
    ]
    return Ablation(mean(losses, of), mean(right, of), tuple(layers))


def classifier_judge(
    log_probabilities: Callable[[], NDArray[np.float64]], truth: NDArray[np.integer]
) -> Judge:
    """Judge a classifier by what it says now, (n, labels), and the true labels' numbers (n,)."""

    def judge() -> tuple[Losses, Right]:
        found = log_probabilities()
        return -found[np.arange(len(truth)), truth], (found.argmax(-1) == truth).astype(np.float64)

    return judge


def language_judge(model: LanguageModel, passages: Sequence[Sequence[int]]) -> Judge:
    """Judge a language model by passages of tokens: mean loss, and share of next tokens right.

    The first token of a passage is given. Raises MethodError for a passage of fewer than two.
    """
    if not passages or min(map(len, passages)) < 2:
        raise MethodError("each passage needs two tokens or more, the first of which is given")

    def judge() -> tuple[Losses, Right]:
        losses, right = [], []
        device = next(model.parameters()).device
        for start in range(0, len(passages), BATCH):
            part = [torch.tensor(each) for each in passages[start : start + BATCH]]
            rows = nn.utils.rnn.pad_sequence(part, batch_first=True)
            counts = torch.tensor([len(each) - 1 for each in part])
            wanted = rows[:, 1:]
            there = torch.arange(wanted.shape[1]) < counts.unsqueeze(1)
            with torch.no_grad():
                found = model.log_probabilities(rows[:, :-1].to(device)).cpu()
            nats = -found.gather(-1, wanted.unsqueeze(-1)).squeeze(-1).double()
            hits = (found.argmax(-1) == wanted).double()
            losses.append(nats.masked_fill(~there, 0).sum(-1) / counts)
            right.append(hits.masked_fill(~there, 0).sum(-1) / counts)
        return torch.cat(losses).numpy(), torch.cat(right).numpy()

    return judge


def _shares(before: Right, after: Right, of: str) -> Measured:
    if np.isin([before, after], [0, 1]).all():
        return share_change(before.astype(bool), after.astype(bool), of)
    return change(before, after, of)


def _silent(found: Any) -> Any:
    """Nothing in the place of what a branch gives, whatever else it gives beside."""
    if isinstance(found, Tensor):
        return torch.zeros_like(found)
    return (torch.zeros_like(found[0]), *found[1:])
