"""Scores before the softmax, from any subject.

Where a model is sure of itself the gradient of a log-probability dies away: of 10 digits, the
largest one of the shipped mnist-cnn was 9e-7 in the median, below what an artifact keeps. So what
follows the gradient at the input alone follows that of the logit, as its sources do: Simonyan et
al. 2013, arXiv:1312.6034, section 2; Selvaraju et al. 2017, arXiv:1610.02391, section 3.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

LOG_SOFTMAX = (torch.log_softmax, Tensor.log_softmax, nn.functional.log_softmax)


class Logits(TorchFunctionMode):
    """Inside, log-softmax hands on what it is given. found: whether there was one.

    So does the cross-entropy of each row with the number of a class: it is less the class's score.
    """

    def __init__(self) -> None:
        """Find none so far."""
        super().__init__()
        self.found = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Leave the softmax out; call the others as they are."""
        if func in LOG_SOFTMAX:
            self.found = True
            return args[0]
        if func is nn.functional.cross_entropy:
            self.found = True
            return -args[0].gather(-1, args[1].unsqueeze(-1)).squeeze(-1)
        return func(*args, **(kwargs or {}))
