"""The hidden channels of a network along its input, at one of its blocks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from explainer.methods import MethodError
from explainer.models.gpt2 import Transformers
from explainer.models.sequence import Backbone
from explainer.models.spacetime import SpaceTime
from explainer.models.transformer import TransformerLanguageModel


def places(network: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks whose output can be recorded, in the order of reading.

    Raises MethodError for a network with none.
    """
    backbone = next((m for m in network.modules() if isinstance(m, Backbone)), None)
    if backbone is not None:
        return tuple(backbone.blocks)
    if isinstance(network, TransformerLanguageModel):
        return tuple(network.blocks)
    if isinstance(network, Transformers):
        stack = getattr(getattr(network.network, "transformer", None), "h", None)
        if stack is not None:
            return tuple(stack)
    recurrent = next((m for m in network.modules() if isinstance(m, nn.LSTM)), None)
    if recurrent is not None:
        return (recurrent,)
    raise MethodError(f"{type(network).__name__} has no blocks whose channels could be recorded")


def record(network: nn.Module, block: int, read: Callable[[], Any]) -> Tensor:
    """What a block puts out while `read()` runs, as (batch, steps, channels) on the CPU.

    block: its number, or one from the end below 0. Raises MethodError where there is no such block.
    """
    blocks = places(network)
    if not -len(blocks) <= block < len(blocks):
        raise MethodError(
            f"there is no block {block}: the network has {len(blocks)}, 0 to {len(blocks) - 1}"
        )
    kept: list[Any] = []

    def keep(module: nn.Module, given: Any, found: Any) -> None:
        kept.append(found if isinstance(found, Tensor) else found[0])

    handle = blocks[block].register_forward_hook(keep)
    try:
        with torch.no_grad():
            read()
    finally:
        handle.remove()
    (found,) = kept
    if isinstance(found, nn.utils.rnn.PackedSequence):
        found = nn.utils.rnn.pad_packed_sequence(found, batch_first=True)[0]
    if any(isinstance(module, Backbone) for module in network.modules()):
        found = found.permute(1, 2, 0)  # channels come first there
    recorded: Tensor = found
    return recorded.cpu()


def encoded_series(network: SpaceTime, windows: Tensor) -> Tensor:
    """The encoding of windows (n, lag) as SpaceTime has it, (n, lag, channels) on the CPU."""
    with torch.no_grad():
        level, scale = network.measure(windows)
        return network.encode((windows - level) / scale).permute(1, 2, 0).cpu()
