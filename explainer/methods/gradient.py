"""Gradients of the output by the embedded input, by captum.

A gradient has one number for each of the D coordinates of an element. Where those mean something of
their own (an image's channels, a series' days) they are added up; a token's embedding has none that
does, so `gradient` and `smoothgrad` of texts are the norm over D, which has no sign. An attribution
(gradient x input, integrated gradients) is always added up. A player has its elements' sum.

Integrated gradients share out the log-probability, from the masked input on; the others, which know
the input alone, the logit.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from captum.attr import (
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import Attribution, Float64, MethodError
from explainer.methods.logits import Logits
from explainer.subjects import Subject

Explain = Callable[..., Attribution]

AT_ONCE = 16  # noisy or interpolated inputs whose graphs are held together


class Asked(nn.Module):
    """A subject's scores of one stimulus, as captum wants a model, counting what it reads.

    x (1, elements, D): the input, which wants a gradient. unit: what the scores are measured in.
    """

    def __init__(self, subject: Subject, stimulus: Stimulus, *, logits: bool = True) -> None:
        """Embed the stimulus. logits: score logits, where there are any, not log-probabilities."""
        super().__init__()
        self.logits = logits
        self.unit = subject.mask(stimulus).name.partition(";")[0]
        self.network, self.subject, self.stimulus = subject.network, subject, stimulus
        self.evaluations = 0
        self.x = subject.embed(stimulus).detach().clone()[None].requires_grad_()

    def forward(self, x: Tensor) -> Tensor:
        """Score inputs (n, elements, D) -> (n, all outputs)."""
        self.evaluations += len(x)
        if not self.logits:
            return self.subject.score_embedded(x, self.stimulus)
        with Logits() as before:
            scores = self.subject.score_embedded(x, self.stimulus)
        if before.found:
            self.unit = "logit"
        return scores

    def values(self, x: Tensor, outputs: Sequence[int]) -> Float64:
        """Score one input (elements, D) -> (outputs,)."""
        with torch.no_grad():
            return to_numpy(self(x[None])[0, list(outputs)])

    def each(self, method: Any, outputs: Sequence[int], **given: Any) -> list[Tensor]:
        """What a method of captum says of each output, (elements, D)."""
        return [method.attribute(self.x, target=k, **given).detach()[0] for k in outputs]


def with_gradients(method: Explain) -> Explain:
    """Let a method follow gradients, also where its caller does without them."""
    following: Explain = torch.inference_mode(False)(torch.enable_grad()(method))
    return following


@with_gradients
def gradient(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """How much the output moves with each element: its gradient."""
    asked = Asked(subject, stimulus)
    found = asked.each(Saliency(asked), outputs, abs=False)
    return unmasked(asked, outputs, parameters, strength(subject, found), "gradient by the input")


@with_gradients
def smoothgrad(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """The mean gradient at `samples` inputs with normal noise.

    noise: its standard deviation as a share of the range of the input's numbers.
    """
    asked = Asked(subject, stimulus)
    tunnel = NoiseTunnel(Saliency(asked))
    still = asked.x.detach()
    deviation = parameters["noise"] * float(still.max() - still.min())
    given = {
        "nt_type": "smoothgrad",
        "nt_samples": parameters["samples"],
        "nt_samples_batch_size": min(AT_ONCE, parameters["samples"]),
        "stdevs": deviation,
        "abs": False,
    }
    found = []
    for k in outputs:
        with _seeded(asked.x.device, seed):  # each output with the same noise
            found += asked.each(tunnel, [k], **given)
    how = f"mean gradient of {parameters['samples']} inputs with noise of {deviation:g}"
    return unmasked(asked, outputs, parameters, strength(subject, found), how)


@with_gradients
def gradient_input(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """The gradient times the embedded input, whose zero is the baseline."""
    asked = Asked(subject, stimulus)
    found = asked.each(InputXGradient(asked), outputs)
    base = asked.values(torch.zeros_like(asked.x[0]), outputs)
    how = f"{asked.unit}; gradient x input, from an embedded input of 0"
    return attribution(asked, outputs, parameters, added(found), base=base, name=how)


@with_gradients
def integrated_gradients(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """Gradients along the straight line from the masked input, times the way.

    They add up to the difference of the outputs but for the convergence delta (sum of values minus
    that difference, for each output in the details), which more `steps` make smaller.
    """
    asked = Asked(subject, stimulus, logits=False)
    start = subject.embedded_baseline(stimulus, parameters["mask"]).detach().clone()
    method = IntegratedGradients(asked)
    found, deltas = [], []
    for k in outputs:
        values, delta = method.attribute(
            asked.x,
            start[None],
            target=k,
            n_steps=parameters["steps"],
            internal_batch_size=AT_ONCE,
            return_convergence_delta=True,
        )
        found.append(values.detach()[0])
        deltas.append(float(delta))
    return attribution(
        asked,
        outputs,
        parameters,
        added(found),
        base=asked.values(start, outputs),
        name=subject.mask(stimulus, parameters["mask"], seed).name,
        complete=True,
        details={"convergence_delta": deltas},
    )


@with_gradients
def guided_backpropagation(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """The gradient with what is negative dropped at each ReLU on the way back.

    Raises MethodError where the network has no ReLU.
    """
    if not any(isinstance(module, nn.ReLU) for module in subject.network.modules()):
        raise MethodError(
            "guided_backpropagation changes how gradients pass a ReLU, and this network has none "
            "(S4 layers have GELU, LSTMs have sigmoids): use gradient or smoothgrad, or a network "
            "of ReLUs"
        )
    asked = Asked(subject, stimulus)
    with warnings.catch_warnings():
        # captum says at each call that it sets hooks.
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
        found = asked.each(GuidedBackprop(asked), outputs)
    how = "gradient by the input, guided at ReLUs"
    return unmasked(asked, outputs, parameters, strength(subject, found), how)


def strength(subject: Subject, found: Sequence[Tensor]) -> Tensor:
    """Gradients (elements, D), one an output -> (elements, outputs): see the module's words."""
    if subject.kind in ("text", "prompt"):
        return torch.stack([torch.linalg.vector_norm(each, dim=-1) for each in found], -1)
    return added(found)


def added(found: Sequence[Tensor]) -> Tensor:
    """Attributions (elements, D), one an output, summed over D -> (elements, outputs)."""
    return torch.stack([each.sum(-1) for each in found], -1)


def unmasked(
    asked: Asked,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    values: Tensor,
    how: str,
) -> Attribution:
    """What a method without a baseline found: nothing is hidden, so base is the output itself."""
    name = f"{asked.unit}; {how}, nothing masked"
    return attribution(asked, outputs, parameters, values, name=name)


def attribution(
    asked: Asked,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    values: Tensor,
    *,
    name: str,
    base: Float64 | None = None,
    complete: bool = False,
    details: Mapping[str, Any] | None = None,
) -> Attribution:
    """Give each player the sum of its elements' values (elements, outputs).

    base: of each output; None is the output itself.
    """
    players = asked.subject.players(asked.stimulus, parameters["players"], parameters["size"])
    member = players.member.to(values.device)
    summed = values.new_zeros(len(players), values.shape[1], dtype=torch.float64)
    summed.index_add_(0, member, values.detach().double())
    full = asked.values(asked.x[0], outputs)
    return Attribution(
        players.spans,
        finite(to_numpy(summed)),
        full if base is None else base,
        full,
        name,
        asked.evaluations,
        complete=complete,
        details=details or {},
    )


def finite(values: Float64) -> Float64:
    """Return values. Raises MethodError where one is not finite."""
    if not np.isfinite(values).all():
        raise MethodError("a gradient of the model's output is NaN or infinite")
    return values


def to_numpy(found: Tensor) -> Float64:
    """To float64 on the CPU."""
    array: Float64 = found.detach().double().cpu().numpy()
    return array


@contextmanager
def _seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's global generators, which captum draws from, and give them back as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
