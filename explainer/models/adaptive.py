"""Adaptive embedding and softmax: frequent words get wide vectors, rare ones narrow and cheap.

Words are numbered by falling frequency and cut into clusters at `cutoffs`. Cluster k keeps vectors
of width // divisor^k and a projection to the full width. The first cluster is the head of the
softmax: it competes with one more entry for each other cluster, whose words share what that gets.
Sources: Baevski & Auli 2019, arXiv:1809.10853; Grave et al. 2017, arXiv:1609.04309.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, linear, log_softmax


class AdaptiveEmbedding(nn.Module):
    """Tokens (batch, L) -> vectors (batch, L, width), scaled by sqrt(width).

    The original's emb_layers.k.weight and emb_projs.k are `tables.k` and `projections.k`.
    """

    def __init__(
        self, vocabulary: int, width: int, cutoffs: Sequence[int], divisor: int = 4
    ) -> None:
        """Draw tables and projections from normals of spread .5 / sqrt(own width or full width).

        Raises ValueError where a cutoff is not below the vocabulary, or a cluster's width is 0.
        """
        super().__init__()
        self.edges = (0, *cutoffs, vocabulary)
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"cutoffs {tuple(cutoffs)} must grow between 0 and {vocabulary}")
        self.width = width
        widths = [width // divisor**k for k in range(len(cutoffs) + 1)]
        if widths[-1] < 1:
            raise ValueError(
                f"width {width} leaves no vector for cluster {len(cutoffs)} when divided by "
                f"{divisor} that often; use fewer cutoffs or a larger width"
            )
        self.tables = nn.ParameterList(
            _normal(stop - first, w, 0.5 / math.sqrt(w))
            for (first, stop), w in zip(self.spans(), widths, strict=True)
        )
        self.projections = nn.ParameterList(
            _normal(width, w, 0.5 / math.sqrt(width)) for w in widths
        )

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the first token of each cluster, and the one after its last."""
        return zip(self.edges[:-1], self.edges[1:], strict=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """Look tokens up. Raises IndexError on one outside the vocabulary."""
        flat = _checked(tokens, self.edges[-1])
        found = self.tables[0].new_zeros(len(flat), self.width)
        for (first, stop), table, projection in zip(
            self.spans(), self.tables, self.projections, strict=True
        ):
            rows = ((flat >= first) & (flat < stop)).nonzero().squeeze(1)
            looked_up = linear(embedding(flat[rows] - first, table), projection)
            found = found.index_copy(0, rows, looked_up.to(found.dtype))
        vectors: Tensor = found.view(*tokens.shape, self.width) * math.sqrt(self.width)
        return vectors


class AdaptiveSoftmax(nn.Module):
    """Activations h (..., width) -> log-probabilities of every word, or of given ones.

    The output vectors are the embedding's, and so are the projections but the head's: that one
    is the original's out_projs.0, here `projection`. Its out_layers_biases.k are `biases.k`.
    """

    def __init__(self, tied: AdaptiveEmbedding) -> None:
        """Share the weights of `tied`, which stay its own in a state_dict."""
        super().__init__()
        width, clusters = tied.width, len(tied.tables) - 1
        self._tied = (tied,)  # in a tuple: a module would repeat its weights as ours
        self.projection = nn.Parameter(_normal(width, width, 1 / math.sqrt(width)))
        self.cluster_weight = nn.Parameter(_normal(clusters, width, 1 / math.sqrt(width)))
        self.cluster_bias = nn.Parameter(torch.zeros(clusters))
        self.biases = nn.ParameterList(torch.zeros(stop - first) for first, stop in tied.spans())

    def log_probabilities(self, h: Tensor) -> Tensor:
        """Return natural log-probabilities (..., vocabulary)."""
        head = log_softmax(self._head(h), -1)
        words = self.biases[0].shape[0]
        parts = [head[..., :words]]
        for k in range(1, len(self.biases)):
            column = head.shape[-1] - k
            parts.append(head[..., column, None] + log_softmax(self._tail(h, k), -1))
        return torch.cat(parts, -1)

    def losses(self, h: Tensor, targets: Tensor) -> Tensor:
        """Return negative log-probabilities (...) of targets (...), at the price of their clusters.

        Raises IndexError on a target outside the vocabulary.
        """
        tied = self._tied[0]
        flat = _checked(targets, tied.edges[-1])
        h = h.reshape(-1, tied.width)
        head = self._head(h)
        clusters = list(enumerate(tied.spans()))[1:]
        entry = flat
        for k, (first, _) in clusters:
            entry = entry.where(flat < first, head.shape[1] - k)
        found = cross_entropy(head, entry, reduction="none")
        for k, (first, stop) in clusters:
            rows = ((flat >= first) & (flat < stop)).nonzero().squeeze(1)
            tail = cross_entropy(self._tail(h[rows], k), flat[rows] - first, reduction="none")
            found = found.index_add(0, rows, tail)
        return found.view(targets.shape)

    def _head(self, h: Tensor) -> Tensor:
        """Scores of the frequent words, then of the clusters, the last cluster first."""
        h = h @ self.projection
        words = linear(h, self._tied[0].tables[0], self.biases[0])
        return torch.cat([words, linear(h, self.cluster_weight, self.cluster_bias)], -1)

    def _tail(self, h: Tensor, k: int) -> Tensor:
        """Scores of the words of cluster k."""
        tied = self._tied[0]
        return linear(h @ tied.projections[k], tied.tables[k], self.biases[k])


def _checked(tokens: Tensor, vocabulary: int) -> Tensor:
    """Return the tokens in a row, all of them known."""
    flat = tokens.reshape(-1)
    outside = flat[(flat < 0) | (flat >= vocabulary)]
    if len(outside):
        raise IndexError(f"token {int(outside[0])} is not in the vocabulary of {vocabulary}")
    return flat


def _normal(rows: int, columns: int, spread: float) -> Tensor:
    return torch.randn(rows, columns) * spread
