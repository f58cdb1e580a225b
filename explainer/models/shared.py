"""Reads many sequences that begin alike, as masked inputs do: each distinct beginning once.

A causal network's state after some steps depends on those steps only. So sequences are read span by
span, and a span is computed once for all rows that agree up to its end; rows part where they first
differ. Steps that no coalition changes cost as much as one row, and coalitions that add one player
after another, in any order, half of what they cost apart.
"""

from typing import NamedTuple, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.models.rows import filled
from explainer.models.s4 import CHUNK
from explainer.models.sequence import SequenceClassifier, Stream

Indices = NDArray[np.intp]


class Span(NamedTuple):
    """Distinct beginnings up to some step: a row that starts so, and which came before it."""

    row: Indices
    parent: Indices


def reads_forward(network: nn.Module) -> TypeGuard[SequenceClassifier]:
    """Whether `logits` is for a network: S4 layers that read numbers forward, on a CPU.

    On a GPU, what so many small steps cost is not measured.
    """
    return (
        isinstance(network, SequenceClassifier)
        and isinstance(network.encoder, nn.Linear)
        and not network.config.bidirectional
        and not network.training
        and network.decoder.weight.device.type == "cpu"
    )


def logits(network: SequenceClassifier, x: Tensor) -> Tensor:
    """The logits (n, labels) of x (n, L, inputs), without gradients; a row's bits are its own.

    They equal those of the network itself to rounding.
    """
    spans, group = _spans(x.numpy())
    stream = network.start(0)
    found = x.new_zeros(0)
    for piece, span in zip(torch.split(x, CHUNK, 1), spans, strict=True):
        full = filled(len(span.row), x.dtype)
        row, parent = (torch.from_numpy(each)[full] for each in span)
        stream = _forked(stream, parent) if stream.steps else network.start(len(row))
        found, stream = network.advance(piece[row], stream)
    return found[torch.from_numpy(group)]


def _spans(x: NDArray[np.floating]) -> tuple[list[Span], Indices]:
    """Sort rows (n, L, inputs) by how they begin; also which of the last beginnings each has."""
    n, spans = len(x), []
    group = np.zeros(n, dtype=np.intp)
    for start in range(0, x.shape[1], CHUNK):
        piece = np.ascontiguousarray(x[:, start : start + CHUNK]).reshape(n, -1)
        _, alike = np.unique(_whole(piece), return_inverse=True)
        _, first, alike = np.unique(group * n + alike, return_index=True, return_inverse=True)
        # Numbered as they first come up: rows that share no more keep their places.
        order = np.argsort(first)
        row = first[order]
        spans.append(Span(row, group[row]))
        group = np.argsort(order)[alike]
    return spans, group


def _whole(rows: NDArray[np.floating]) -> NDArray[np.void]:
    """Each row as one value, which equals another where all bits are the same."""
    return rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()


def _forked(stream: Stream, parent: Tensor) -> Stream:
    """Go on from where each `parent` stood."""
    if torch.equal(parent, torch.arange(stream.total.shape[1])):
        return stream
    states = tuple(each[:, parent] if each.numel() else each for each in stream.states)
    return Stream(states, stream.total[:, parent], stream.steps)
