"""Batches in which the bits of a row are its own, whatever is read beside it.

A matrix product on a CPU gives a row the same bits whatever stands beside it, and on any number of
threads, where the number of rows is a multiple of what its inner loop takes at a time, and the
other sizes are the row's own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# By the precision of the rows; no batch is smaller, so all are read the way of many sequences.
ROWS = {torch.float32: 8, torch.float64: 24}


def filled(rows: int, dtype: torch.dtype) -> Tensor:
    """Indices 0 ... rows - 1, the last one repeated up to a full number of rows."""
    found = torch.arange(rows + -rows % ROWS[dtype])
    return found.clamp(max=rows - 1)


def alone(
    read: Callable[[Tensor, Tensor], Tensor], tokens: Tensor, lengths: Tensor, dtype: torch.dtype
) -> Tensor:
    """What `read` makes of tokens (n, L) with lengths (n,), those of one length together.

    dtype: what the network computes in.
    """
    places, parts = [], []
    for length in sorted(set(lengths.tolist())):
        place = (lengths == length).nonzero().squeeze(-1)
        rows = place[filled(len(place), dtype)]
        parts.append(read(tokens[rows, :length], lengths[rows])[: len(place)])
        places.append(place)
    return torch.cat(parts)[torch.cat(places).argsort()]
