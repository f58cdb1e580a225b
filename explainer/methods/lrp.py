"""Relevance: gradient x input of an S4 network whose gates are held.

A gate, here, is what a nonlinearity multiplies a number by: GELU x by the normal distribution
function at x, GLU one half of its input by the sigmoid of the other, and a layer norm by one over
the spread. Held at what they are for this input, they leave a network that is affine in it: the
relevances and what the biases give through the same gates (the base) add up to the logit, and in a
network of linear S4 layers, which has no gates, they are exact.

Source: Ali et al. 2022, arXiv:2202.07304, section 3; for state space models Jafari et al. 2024,
arXiv:2406.07592.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from explainer.artifact import Stimulus
from explainer.methods import Attribution, MethodError
from explainer.methods.gradient import Asked, added, attribution, with_gradients
from explainer.models.s4 import S4Layer
from explainer.subjects import Subject


class HeldGates(TorchFunctionMode):
    """Inside, gates are constants to a gradient.

    held: the gates of an earlier pass, to use again in the same order; None computes them.
    """

    def __init__(self, held: Sequence[Tensor] | None = None) -> None:
        """Compute gates, or take them."""
        super().__init__()
        self.gates: list[Tensor] = []
        self._again = None if held is None else iter(held)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace the nonlinear functions of S4 networks; call the others as they are."""
        given = dict(kwargs or {})
        if func is nn.functional.gelu:
            return args[0] * self._gate(lambda: _normal(args[0], **given))
        if func is nn.functional.glu:
            value, gate = args[0].chunk(2, *args[1:], **given)
            return value * self._gate(gate.sigmoid)
        if func is nn.functional.layer_norm:
            return self._layer_norm(*args, **given)
        return func(*args, **given)

    def _gate(self, compute: Callable[[], Tensor]) -> Tensor:
        gate = compute().detach() if self._again is None else next(self._again)
        self.gates.append(gate)
        return gate

    def _layer_norm(
        self,
        x: Tensor,
        shape: Sequence[int],
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        dims = tuple(range(-len(shape), 0))
        centred = x - x.mean(dims, keepdim=True)
        variance = centred.square().mean(dims, keepdim=True)
        y = centred * self._gate((variance + eps).rsqrt)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias


@with_gradients
def lrp(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """Share each logit among the elements, by gradient x input with the gates held.

    Raises MethodError for a network without S4 layers.
    """
    if not any(isinstance(module, S4Layer) for module in subject.network.modules()):
        raise MethodError(
            "lrp holds the gates of S4 layers, and this network has none: use gradient_input, "
            "which is the same for a network of ReLUs alone"
        )
    asked = Asked(subject, stimulus)
    columns = list(outputs)
    with HeldGates() as first:
        scores = asked(asked.x)[0, columns]
    found = [
        torch.autograd.grad(score, asked.x, retain_graph=True)[0][0] * asked.x[0].detach()
        for score in scores
    ]
    with HeldGates(first.gates):
        base = asked.values(torch.zeros_like(asked.x[0]), outputs)
    with HeldGates():
        return attribution(
            asked,
            outputs,
            parameters,
            added(found),
            base=base,
            name=f"{asked.unit}; gradient x input with gates held, from what the biases give",
            complete=True,
        )


def _normal(x: Tensor, approximate: str = "none") -> Tensor:
    """What GELU multiplies x by."""
    if approximate == "tanh":
        return (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    share: Tensor = torch.special.ndtr(x)
    return share
