"""The ways to convolve give the same values, and a row's bits hang on nothing beside it."""

import pytest
import torch

from explainer.models import rows, ways
from explainer.models.image import ImageClassifier, Preprocessing
from explainer.models.s4 import CHUNK, LayerConfig, S4Layer
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.subjects.image import ImageScorer
from explainer.subjects.text import TextScorer

KERNELS = {
    "diagonal": {},
    "low-rank": {"kernel": "low-rank", "init": "legs", "hold": "bilinear", "length": 300},
}


def layer(**changes):
    torch.manual_seed(0)
    found = S4Layer(LayerConfig(width=6, state=4, **changes)).eval().requires_grad_(False)
    return found.double()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("way", ["whole", "fft"])
@pytest.mark.parametrize("length", [1, 20, CHUNK, CHUNK + 1, ways.LONGEST])
def test_every_way_equals_chunks(monkeypatch, kernel, bidirectional, way, length):
    """1e-10 in float64, and 1e-4 of the largest value in float32."""
    found = layer(**KERNELS[kernel], bidirectional=bidirectional)
    u = torch.randn(6, 3, length, dtype=torch.float64)
    monkeypatch.setattr(ways, "MEASURED", {})
    expected = found(u)
    always = ((ways.LONGEST, way),)
    monkeypatch.setattr(ways, "MEASURED", {"cpu": (always, always)})
    torch.testing.assert_close(found(u), expected, atol=1e-10, rtol=0)
    given = found.float()(u.float())
    size = float(expected.abs().max())
    torch.testing.assert_close(given, expected.float(), atol=1e-4 * size, rtol=0)


def test_the_table_is_taken(monkeypatch):
    """And a matrix that would take too much memory is not kept."""
    table = (((10, "whole"), (20, "fft")), ((100, "whole"),))
    monkeypatch.setattr(ways, "MEASURED", {"cpu": table})

    def fastest(device, sequences, length, width=8):
        return ways.fastest(device, sequences, length, width, CHUNK)

    assert [fastest("cpu", 1, length) for length in (10, 20, 21)] == ["whole", "fft", "chunks"]
    assert fastest("cpu", ways.FEW, 20) == fastest("cpu", 10**6, 100) == "whole"
    assert fastest("cuda", 64, 10) == "chunks"
    assert fastest("cpu", 64, CHUNK, 10**4) == "whole"
    assert fastest("cpu", 64, CHUNK + 1, ways.WIDEST + 1) == "chunks"


def test_shipped_ways_are_within_what_is_kept():
    for table in (table for both in ways.MEASURED.values() for table in both):
        lengths = [length for length, _ in table]
        assert lengths == sorted(set(lengths))
        assert max(length for length, way in table if way == "whole") <= ways.LONGEST


def test_training_goes_on_in_chunks():
    """The weights that a command trains do not hang on what is fastest to read with them."""
    found, u = layer(), torch.randn(6, 9, 20, dtype=torch.float64)
    frozen = found(u)
    found.requires_grad_(True).train()
    found(u).sum().backward()
    assert found.kernel.C.grad is not None
    torch.testing.assert_close(found.eval()(u), frozen, atol=1e-10, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_text_has_the_same_bits_in_any_company(kernel, dtype):
    torch.manual_seed(0)
    sizes = {"inputs": 30, "width": 8, "layers": 2, "state": 4, "labels": 3, "norm": "layer"}
    config = SequenceClassifierConfig(**sizes, encoder="embedding", **KERNELS[kernel])
    scorer = TextScorer(SequenceClassifier(config).eval().requires_grad_(False).to(dtype))
    lengths = torch.randint(1, 130, (120,))
    tokens = torch.randint(30, (120, int(lengths.max())))
    together = scorer((tokens, lengths))
    direct = torch.log_softmax(scorer.network(tokens, lengths), -1)
    torch.testing.assert_close(together, direct, atol=1e-5, rtol=0)
    for some in (slice(0, 1), slice(5, 12), slice(0, 120, 7), torch.randperm(120)):
        assert torch.equal(scorer((tokens[some], lengths[some])), together[some])


def test_an_image_has_the_same_bits_in_any_company():
    """Also where the network reads both ways, so that nothing is shared."""
    torch.manual_seed(0)
    sizes = {"inputs": 1, "width": 8, "layers": 2, "state": 4, "labels": 3, "bidirectional": True}
    network = SequenceClassifier(SequenceClassifierConfig(**sizes)).eval().requires_grad_(False)
    scorer = ImageScorer(ImageClassifier(network, Preprocessing(12, 12, (0.5,), (0.5,)), ("a",)))
    images = torch.rand(40, 12, 12)
    together = scorer((images,))
    for some in (slice(0, 1), slice(3, 12), slice(0, 40, 3), torch.randperm(40)):
        assert torch.equal(scorer((images[some],)), together[some])


def test_rows_are_filled_to_a_full_number():
    assert rows.filled(3, torch.float32).tolist() == [0, 1, 2, 2, 2, 2, 2, 2]
    assert len(rows.filled(24, torch.float64)) == 24
    assert min(rows.ROWS.values()) >= ways.FEW
