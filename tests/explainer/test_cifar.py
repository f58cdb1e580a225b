"""CIFAR-10: the binary layout, whole or in part, is read in true order or refused."""

import gzip
import io
import tarfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.data import cifar
from explainer.data.cifar import DataError, load
from explainer.encoding import sha256


def records(n, seed=0):
    """Records of random pixels; red, green, blue planes one after the other."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, 3, 32, 32), np.uint8), random.integers(0, 10, n, np.uint8)


def binary(planes, labels):
    return np.concatenate([labels[:, None], planes.reshape(len(labels), -1)], 1).tobytes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data_batch_1.bin.gz").write_bytes(gzip.compress(binary(*records(6, 1))))
    (tmp_path / "data_batch_2.bin").write_bytes(binary(*records(5, 2)))
    (tmp_path / "test_batch_first4.bin").write_bytes(binary(*records(4, 3)))
    (tmp_path / "readme.html").write_text("no images")
    return tmp_path


def test_reads_what_is_there(folder):
    found = load(folder)
    assert found.train.images.shape == (11, 32, 32, 3)
    planes, labels = records(5, 2)
    assert (found.train.labels[6:] == labels).all()
    for colour in range(3):
        assert (found.train.images[6:, :, :, colour] == planes[:, colour]).all()
    assert found.found() == "11 of 50,000 training and 4 of 10,000 test images"
    assert found.files["data_batch_2.bin"] == sha256((folder / "data_batch_2.bin").read_bytes())
    assert set(found.files) == {"data_batch_1.bin.gz", "data_batch_2.bin", "test_batch_first4.bin"}


def test_a_batch_packed_and_unpacked_counts_once(folder):
    (folder / "data_batch_1.bin").write_bytes(binary(*records(6, 1)))
    assert len(load(folder).train.labels) == 11


def test_reads_the_archive_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = tmp_path / "credence" / "cifar10" / "cifar-10-binary.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        for name, n in (("test_batch", 2), ("data_batch_1", 3), ("data_batch_2", 4)):
            data = binary(*records(n, n))
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(cifar, "SHA256", sha256(archive.read_bytes()))
    found = load()
    assert (found.train.labels == np.concatenate([records(n, n)[1] for n in (3, 4)])).all()
    assert found.files == {"cifar-10-binary.tar.gz": cifar.SHA256}
    archive.write_bytes(archive.read_bytes()[:100])
    monkeypatch.setattr(cifar, "SHA256", sha256(archive.read_bytes()))
    with pytest.raises(DataError, match=r"is damaged.*delete it"):
        load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data_batch_2.bin holds 0 bytes, expected a multiple of 3073"),
        (binary(*records(2))[:-1], "holds 6145 bytes"),
        (b"\x0a" + binary(*records(2))[1:], "a label in data_batch_2.bin is 10, expected 0 to 9"),
        (b"\x1f\x8bno gzip", "data_batch_2.bin is damaged"),
    ],
)
def test_damaged_batches(folder, content, message):
    (folder / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(folder)


def test_missing_halves_and_folders(folder):
    (folder / "test_batch_first4.bin").unlink()
    with pytest.raises(DataError, match=f"{folder} has no test images.*unpack https://www.cs"):
        load(folder)
    with pytest.raises(DataError, match="absent cannot be read"):
        load(folder / "absent")


@given(st.binary(max_size=7000))
def test_any_bytes_are_images_or_a_clear_error(data):
    with suppress(DataError):
        assert cifar._records(data, "file")[0].shape[1:] == (32, 32, 3)
