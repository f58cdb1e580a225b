"""Sequences read span by span, shared beginnings once: as each of them read whole."""

import numpy as np
import pytest
import torch

from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.s4 import CHUNK
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.shared import logits, reads_forward
from explainer.subjects.image import BATCH, SHARED_BATCH, ImageScorer
from tests.explainer.conftest import tiny_model

L = 2 * CHUNK + 8
KERNELS = {
    "diagonal": {},
    "low-rank": {"kernel": "low-rank", "init": "legs", "hold": "bilinear", "length": L},
}


def network(kernel="diagonal", **changes):
    torch.manual_seed(0)
    sizes = {"inputs": 1, "width": 6, "layers": 2, "state": 4, "labels": 3}
    config = SequenceClassifierConfig(**{**sizes, **KERNELS[kernel], **changes})
    return SequenceClassifier(config).eval().requires_grad_(False)


def coalitions(kind, n=40):
    """Masked versions of one sequence, (n, L, 1): at random, or one more value in each row."""
    generator = torch.Generator().manual_seed(1)
    x, rest = torch.randn(2, 1, L, generator=generator)
    x[:, :20] = rest[:, :20] = 0.5
    if kind == "random":
        playing = torch.rand(n, L, generator=generator) < 0.5
    else:
        place = torch.randperm(L, generator=generator)
        playing = place < torch.arange(n)[:, None]
    return torch.where(playing, x, rest).unsqueeze(-1)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("pool", ["mean", "last"])
@pytest.mark.parametrize("kind", ["random", "chain"])
def test_equals_reading_whole(kernel, pool, kind):
    """1e-10 in float64, 1e-5 in float32."""
    found = network(kernel, pool=pool)
    x = coalitions(kind)
    torch.testing.assert_close(logits(found, x), found(x), atol=1e-5, rtol=0)
    found, x = found.double(), x.double()
    torch.testing.assert_close(logits(found, x), found(x), atol=1e-10, rtol=0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bits_do_not_depend_on_the_company(kernel, dtype):
    """So a run that was killed gives the same bytes when it goes on with other stimuli."""
    found = network(kernel).to(dtype)
    x = torch.cat([coalitions("chain", 50), coalitions("random", 70)]).to(dtype)
    together = logits(found, x)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    assert torch.equal(logits(found, x[order]), together[order])
    for rows in (slice(0, 1), slice(3, 10), slice(60, 120)):
        assert torch.equal(logits(found, x[rows]), together[rows])


def test_what_is_shared_is_computed_once(monkeypatch):
    found = network()
    x = coalitions("chain", 64)
    x[:, CHUNK:] = x[0, CHUNK:]
    x[:32, :CHUNK] = x[0, :CHUNK]
    x[32:, :CHUNK] = x[40, :CHUNK]
    rows = []
    advance = SequenceClassifier.advance

    def counting(self, piece, stream):
        rows.append(len(piece))
        return advance(self, piece, stream)

    monkeypatch.setattr(SequenceClassifier, "advance", counting)
    logits(found, x)
    assert rows == [8, 8, 8]


def test_only_forward_readers_of_numbers_share():
    assert reads_forward(network())
    assert not reads_forward(network(bidirectional=True))
    assert not reads_forward(network(encoder="embedding", inputs=9))
    assert not reads_forward(network().train())
    assert not reads_forward(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("permuted", [False, True])
def test_the_scorer_of_images_gives_the_models_log_probabilities(permuted):
    model = tiny_model(permuted)
    images = torch.rand(20, 6, 6, generator=torch.Generator().manual_seed(2))
    scorer = ImageScorer(model)
    assert scorer.batch == SHARED_BATCH
    with torch.inference_mode():
        expected = model.log_probabilities(images)
        torch.testing.assert_close(scorer((images,)), expected, atol=1e-5, rtol=0)
    both = network(bidirectional=True, length=L)
    other = ImageClassifier(both, Preprocessing(6, 6, (0.2,), (0.3,)), ("a", "b", "c"))
    assert ImageScorer(other).batch == BATCH
    torch.testing.assert_close(ImageScorer(other)((images,)), other.log_probabilities(images))
