"""MNIST: idx files are checked, fetched once, and asked for when there is no network."""

import gzip
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.artifact import sha256
from explainer.data import mnist
from explainer.data.fetch import DataError


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def write_mnist(folder, train=20, test=10, seed=0):
    """Four idx files of images in which the class is the place of a bright square."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for half, n in (("train", train), ("t10k", test)):
        labels = random.integers(0, 10, n)
        images = random.integers(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[label * 2 : label * 2 + 6, 4:24] = 255
        (folder / f"{half}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{half}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return folder


def test_reads_gzipped_and_plain_files(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    found = mnist.load(folder)
    assert found.train.images.shape == (20, 28, 28)
    assert found.test.labels.shape == (10,)
    name = "t10k-labels-idx1-ubyte.gz"
    assert found.files[name] == sha256((folder / name).read_bytes())
    plain = folder / name.removesuffix(".gz")
    plain.write_bytes(gzip.decompress((folder / name).read_bytes()))
    (folder / name).unlink()
    assert (mnist.load(folder).test.labels == found.test.labels).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no idx file"),
        (b"\x1f\x8b broken", "is damaged"),
        (gzip.compress(b"x" * 1000)[:-9], "is damaged"),
        (idx(np.zeros((20, 28, 28)))[:-1], "holds 15679 values, its header says"),
        (bytes([0, 0, 8, 3, 0]), "ends within its header"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 1, 0]), "no idx file of bytes"),
        (idx(np.zeros((20, 27, 28))), r"expected \(n, 28, 28\)"),
        (idx(np.zeros((19, 28, 28))), "19 train images and 20 labels"),
    ],
)
def test_damaged_images(tmp_path, content, message):
    folder = write_mnist(tmp_path / "mnist")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        mnist.load(folder)


def test_a_label_that_is_no_digit(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.full(10, 10)))
    with pytest.raises(DataError, match="t10k label is 10"):
        mnist.load(folder)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\0\0\x08\x01" + tail))
def test_any_bytes_are_an_array_or_a_clear_error(data):
    with suppress(DataError):
        assert mnist._idx(data, "file").dtype == np.uint8


def test_missing_file_names_the_folder_and_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"has no train-images.*download the four files"):
        mnist.load(tmp_path)


def test_fetches_what_the_cache_lacks(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    folder = write_mnist(tmp_path / "cache" / "credence" / "mnist")
    for path in folder.iterdir():
        monkeypatch.setitem(mnist.FILES, path.name, sha256(path.read_bytes()))
    assert mnist.load().train.images.shape == (20, 28, 28)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"rotten")
    with pytest.raises(DataError, match=r"127.0.0.1:9/t10k-labels.*--data DIR"):
        mnist.load()
