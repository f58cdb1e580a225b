"""MNIST: idx files are checked, fetched once, and asked for when there is no network."""

import gzip
import http.server
import threading
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.artifact import sha256
from explainer.data import mnist


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def write_mnist(folder, train=20, test=10, seed=0):
    """Four idx files of images in which the class is the place of a bright square."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
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
    with pytest.raises(mnist.DataError, match=message):
        mnist.load(folder)


def test_a_label_that_is_no_digit(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.full(10, 10)))
    with pytest.raises(mnist.DataError, match="t10k label is 10"):
        mnist.load(folder)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\0\0\x08\x01" + tail))
def test_any_bytes_are_an_array_or_a_clear_error(data):
    with suppress(mnist.DataError):
        assert mnist._idx(data, "file").dtype == np.uint8


def test_missing_file_names_the_folder_and_what_to_do(tmp_path):
    with pytest.raises(mnist.DataError, match=r"has no train-images.*download the four files"):
        mnist.load(tmp_path)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "credence" / "mnist"


@pytest.fixture
def mirror(tmp_path):
    """A web server on this machine that counts what it is asked for."""
    root = tmp_path / "mirror"
    root.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(root))

        def log_message(self, *arguments):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield root, f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


def test_no_network(cache, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    with pytest.raises(mnist.DataError, match=f"no network and no MNIST in {cache}.*--data DIR"):
        mnist.fetch("t10k-labels-idx1-ubyte.gz", ("http://127.0.0.1:9/",))
    assert not cache.exists()


def test_fetches_once_from_the_first_mirror_with_the_true_content(cache, mirror, monkeypatch):
    root, address, asked = mirror
    name, content = "t10k-labels-idx1-ubyte.gz", b"true"
    (root / "bad").mkdir()
    (root / name).write_bytes(content)
    (root / "bad" / name).write_bytes(b"false")
    monkeypatch.setitem(mnist.FILES, name, sha256(content))
    mirrors = (f"{address}missing/", f"{address}bad/", address)
    assert mnist.fetch(name, mirrors) == content
    count = len(asked)
    assert mnist.fetch(name, mirrors) == content
    assert len(asked) == count
    assert [path.name for path in cache.iterdir()] == [name]
    (cache / name).write_bytes(b"rotten")
    assert mnist.fetch(name, mirrors) == content


def test_wrong_content_everywhere_is_refused(cache, mirror):
    root, address, _ = mirror
    name = "t10k-labels-idx1-ubyte.gz"
    (root / name).write_bytes(b"false")
    with pytest.raises(mnist.DataError, match="not the original's"):
        mnist.fetch(name, (address,))
    assert not cache.exists()
