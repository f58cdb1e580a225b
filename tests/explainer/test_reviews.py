"""Film reviews and scikit-learn's digits: read in any encoding, split without a leak."""

import gzip
import io
import tarfile

import numpy as np
import pytest
from sklearn.datasets import load_digits

from explainer.data import digits, reviews
from explainer.data.fetch import DataError
from explainer.encoding import sha256

GOOD, BAD = ("a fine café – really . ", "warm , funny"), ("dull . ", "Dull !", "no fun")


def write_reviews(folder, good=GOOD, bad=BAD, encoding="cp1252"):
    """Two files in the original's layout."""
    folder.mkdir(exist_ok=True)
    for name, lines in (("neg", bad), ("pos", good)):
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"rt-polarity.{name}").write_bytes(text.encode(encoding))
    return folder


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_reads_the_original_and_copies_in_utf8(tmp_path, encoding):
    found = reviews.load(write_reviews(tmp_path, encoding=encoding))
    assert found.texts == ("dull .", "Dull !", "no fun", "a fine café – really .", "warm , funny")
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert [reviews.LABELS[label] for label in found.labels[[0, -1]]] == ["negative", "positive"]
    data = (tmp_path / "rt-polarity.pos").read_bytes()
    assert found.files["rt-polarity.pos"] == sha256(data)


def test_reads_the_archive_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = tmp_path / "credence" / "reviews" / "rt-polaritydata.tar.gz"
    archive.parent.mkdir(parents=True)
    plain = write_reviews(tmp_path / "plain")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(plain, "rt-polaritydata")
    assert reviews.load().texts == reviews.load(plain).texts
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("rt-polarity.neg"), io.BytesIO())
    with pytest.raises(DataError, match=r"has no rt-polarity\.pos: delete it"):
        reviews.load()
    archive.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"is damaged.*delete it"):
        reviews.load()


def test_bad_folders_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"has no rt-polarity\.neg: unpack https://www\.cs\.corn"):
        reviews.load(tmp_path)
    write_reviews(tmp_path, bad=[" "])
    with pytest.raises(DataError, match=r"rt-polarity\.neg holds no sentence"):
        reviews.load(tmp_path)
    (tmp_path / "rt-polarity.neg").write_bytes(b"\x81\xff")
    with pytest.raises(DataError, match="neither UTF-8 nor Windows-1252"):
        reviews.load(tmp_path)


def test_split_takes_every_row_once_and_keeps_equal_sentences_together(tmp_path):
    words = [f"film {k}" for k in range(300)]
    good = words[:200] + [f"FILM {k} !" for k in range(150)]
    found = reviews.load(write_reviews(tmp_path, good, [*words[200:], "film , 7 .", "film 8"]))
    drawn = reviews.split(found, seed=3)
    parts = [drawn.train, drawn.validation, drawn.test]
    n = len(found.texts)
    assert sorted(np.concatenate(parts)) == list(range(n))
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        assert abs(len(part) - share * n) <= 3
    keys = [{"".join(filter(str.isdigit, text)) for text in found.part(rows)[0]} for rows in parts]
    assert len(set.union(*keys)) == sum(map(len, keys)) == 300
    assert all(0 < found.part(rows)[1].mean() < 1 for rows in parts)
    again, other = reviews.split(found, seed=3), reviews.split(found, seed=4)
    assert (again.train == drawn.train).all()
    assert len(other.train) != len(drawn.train) or (other.train != drawn.train).any()


def test_digits_are_scikit_learns():
    found, expected = digits.load(), load_digits()
    assert (found.images == expected.images).all()
    assert (found.labels == expected.target).all()
    assert set(found.files) == {"digits.csv.gz"}


def test_digits_from_a_folder(tmp_path):
    row = ",".join(["16"] * 64 + ["9"])
    (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(row.encode()))
    found = digits.load(tmp_path)
    assert found.images.shape == (1, 8, 8)
    assert found.labels.tolist() == [9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2,x", "no table of numbers"),
        ("1,2,3", r"has shape \(1, 3\)"),
        (",".join(["17"] * 64 + ["9"]), "pixels from 0 to 16"),
        (",".join(["0.5"] * 64 + ["9"]), "pixels from 0 to 16"),
        (",".join(["1"] * 64 + ["10"]), "labels to 9"),
    ],
)
def test_bad_digits(tmp_path, content, message):
    (tmp_path / "digits.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        digits.load(tmp_path)


def test_a_folder_without_digits(tmp_path):
    with pytest.raises(DataError, match=r"has no digits\.csv: leave --data out"):
        digits.load(tmp_path)
