"""The networks of `explainer.models` written plainly, with the same weights, to compare with.

Sequences lie as (batch, H, L), as in the original study's code. Nothing here is clever on purpose.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, glu, linear, pad, scaled_dot_product_attention

from explainer.models.kernels import Kernel
from explainer.models.low_rank import LowRankKernel
from explainer.models.s4 import S4Layer
from explainer.models.sequence import Backbone, Block, FeedForward, SequenceClassifier
from explainer.models.transformer import TransformerBlock, TransformerLanguageModel, rotate

Spectra = Sequence[Tensor]
Make = Callable[[Kernel, int], Tensor]


def our_kernel(kernel: Kernel, length: int) -> Tensor:
    """Return K (directions, H, length) as the package computes it."""
    found: Tensor = kernel(length)
    return found


def textbook_kernel(kernel: Kernel, length: int) -> Tensor:
    """Return K as the original computes it without compiled extensions; a diagonal one is ours.

    Complex Cauchy sums over all modes and their conjugates at the roots of unity, then Woodbury.
    Of rank 1, at the length that C is stated for. Source: Gu et al. 2022, arXiv:2111.00396,
    algorithm 1.
    """
    if not isinstance(kernel, LowRankKernel):
        return our_kernel(kernel, length)
    dt = nn.functional.softplus(kernel.inv_dt)
    lam = dt * torch.complex(-kernel.A_real.exp(), -kernel.A_imag)  # (H, N)
    B, C, P = (torch.view_as_complex(each) for each in (kernel.B, kernel.C, kernel.P))
    P = P[0].expand(lam.shape)
    left = torch.stack([B.expand(lam.shape), P]).unsqueeze(1)
    v = left * torch.cat([C, P.conj().unsqueeze(0)])  # (2, directions + 1, H, N)
    k = torch.arange(length // 2 + 1)
    # In float32 no root is exactly -1, where z would be infinite.
    w = torch.polar(torch.ones(len(k)), -2 * torch.pi / length * k)
    z = 2 * (1 - w) / (1 + w)
    v, lam = torch.cat([v, v.conj()], -1), torch.cat([lam, lam.conj()], -1)
    sums = dt * (v.unsqueeze(-1) / (z - lam.unsqueeze(-1))).sum(-2)  # (2, directions + 1, H, F)
    plain, out, back, loop = sums[0, :-1], sums[1, :-1], sums[0, -1:], sums[1, -1:]
    return torch.fft.irfft((plain - back * out / (1 + loop)) * 2 / (1 + w), n=length)


def spectra(backbone: Backbone, length: int, make: Make = our_kernel) -> Spectra:
    """Return the transform (H, length + 1) of each S4 layer's kernel, made anew."""
    layers = [block.layer for block in _blocks(backbone)]
    return [_spectrum(make(each.kernel, length)) for each in layers if isinstance(each, S4Layer)]


def classify(net: SequenceClassifier, x: Tensor, kept: Spectra) -> Tensor:
    """Return the logits of x (batch, L, inputs), by FFT."""
    h = apply(net.backbone, net.encoder(x).transpose(1, 2), kept)
    pooled = h.mean(-1) if net.config.pool == "mean" else h[..., -1]
    logits: Tensor = net.decoder(pooled)
    return logits


def apply(backbone: Backbone, x: Tensor, kept: Spectra) -> Tensor:
    """Return what pre-norm blocks make of x (batch, H, L), by FFT."""
    spectrum = iter(kept)
    for block in _blocks(backbone):
        u = _normalise(block.norm, x)
        if isinstance(block.layer, FeedForward):
            inner = gelu(block.layer.inner(u.transpose(1, 2)))
            x = x + block.layer.outer(inner).transpose(1, 2)
        else:
            x = x + _layer(block.layer, u, next(spectrum))
    return _normalise(backbone.norm, x)


class KeyValues:
    """A Transformer that reads token by token and writes keys and values in place: no copying.

    Moving `position` on without reading leaves made-up numbers behind, which cost the same.
    """

    def __init__(self, model: TransformerLanguageModel, batch: int, tokens: int) -> None:
        """Make room for so many tokens of each text."""
        self.model, self.position = model, 0
        width, heads = model.config.width, model.config.heads
        shape = (len(model.blocks), 2, batch, heads, tokens, width // heads)
        self.room = torch.full(shape, 0.1)

    def step(self, tokens: Tensor) -> Tensor:
        """Read one token each (batch,); return log-probabilities (batch, vocabulary)."""
        model, now = self.model, self.position
        x = model.embedding(tokens.unsqueeze(1)) * model.config.width**0.5
        for block, room in zip(model.blocks, self.room, strict=True):
            assert isinstance(block, TransformerBlock)
            q, k, v = _split(block, x)
            room[0, :, :, now : now + 1] = rotate(k, now)
            room[1, :, :, now : now + 1] = v
            keys, values = room[:, :, :, : now + 1]
            y = scaled_dot_product_attention(rotate(q, now), keys, values)
            x = _join(block, x, y)
        self.position += 1
        return _head(model, x)


def read_all(model: TransformerLanguageModel, tokens: Tensor) -> Tensor:
    """Read texts (batch, L) without a cache; return log-probabilities (batch, vocabulary) after."""
    x = model.embedding(tokens) * model.config.width**0.5
    for block in model.blocks:
        assert isinstance(block, TransformerBlock)
        q, k, v = _split(block, x)
        y = scaled_dot_product_attention(rotate(q, 0), rotate(k, 0), v, is_causal=True)
        x = _join(block, x, y)
    return _head(model, x)


def _split(block: TransformerBlock, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (batch, heads, L, size)."""
    q, k, v = block.attention.inputs(block.attention_norm(x)).chunk(3, -1)
    heads = (block.attention.heads, -1)
    q, k, v = (part.unflatten(-1, heads).transpose(1, 2) for part in (q, k, v))
    return q, k, v


def _join(block: TransformerBlock, x: Tensor, y: Tensor) -> Tensor:
    x = x + block.attention.output(y.transpose(1, 2).flatten(2))
    joined: Tensor = x + block.feedforward(block.feedforward_norm(x))
    return joined


def _head(model: TransformerLanguageModel, x: Tensor) -> Tensor:
    """Log-probabilities after the last step of x (batch, L, width)."""
    logits = linear(model.norm(x[:, -1]), model.embedding.weight, model.bias)
    return logits.log_softmax(-1)


def _layer(layer: S4Layer, u: Tensor, spectrum: Tensor) -> Tensor:
    L = u.shape[-1]
    y = torch.fft.irfft(torch.fft.rfft(u, n=2 * L) * spectrum, n=2 * L)[..., :L]
    y = gelu(y + layer.D.unsqueeze(-1) * u)
    z = layer.output.weight @ y + layer.output.bias.unsqueeze(-1)
    return glu(z, 1) if layer.config.mix == "glu" else z


def _spectrum(K: Tensor) -> Tensor:
    """Of K (1 or 2, H, L); what a second, backward one adds comes around from the end."""
    L = K.shape[-1]
    whole = pad(K[0], (0, L))
    if len(K) == 2:
        whole = whole + pad(K[1].flip(-1), (L, 0))
    return torch.fft.rfft(whole)


def _blocks(backbone: Backbone) -> list[Block]:
    return [block for block in backbone.blocks if isinstance(block, Block)]


def _normalise(norm: nn.Module, x: Tensor) -> Tensor:
    if isinstance(norm, nn.BatchNorm1d):
        return nn.BatchNorm1d.forward(norm, x)
    assert isinstance(norm, nn.LayerNorm)
    return nn.LayerNorm.forward(norm, x.transpose(1, 2)).transpose(1, 2)
