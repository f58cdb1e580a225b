"""Fetching: resumed where it broke off, checked, kept, and never mixed from two answers."""

import gzip
import http.server
import threading

import pytest

from explainer.artifact import sha256
from explainer.data import fetch as fetching
from explainer.data.fetch import DataError, fetch, read, unpack

CONTENT = bytes(range(256)) * 40
DIGEST = sha256(CONTENT)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "credence"


class Mirror:
    """A web server on this machine: what it answers at a path, and what it was asked."""

    def __init__(self, address):
        self.address = address
        self.files = {}
        self.ends_after = {}  # path: how many bytes each of the next answers gives
        self.ranges = True
        self.asked = []


@pytest.fixture
def mirror():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = server.mirror
            wanted = self.headers.get("Range")
            found.asked.append((self.path, wanted))
            content = found.files.get(self.path)
            if content is None:
                return self.send_error(404)
            start = int(wanted[6:-1]) if wanted and found.ranges else 0
            if start >= len(content) and start:
                return self.send_error(416)
            self.send_response(206 if start else 200)
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            ends = found.ends_after.get(self.path)
            self.wfile.write(content[start:][: ends.pop(0) if ends else None])
            return None

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.mirror = Mirror(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.mirror
        server.shutdown()
        thread.join()


def names(folder):
    return sorted(each.name for each in folder.iterdir() if each.name != ".lock")


def test_fetches_once(cache, mirror):
    mirror.files["/a"] = CONTENT
    path = fetch("set/a", [f"{mirror.address}/a"], DIGEST)
    assert path == cache / "set" / "a"
    assert path.read_bytes() == CONTENT
    assert fetch("set/a", [f"{mirror.address}/a"], DIGEST) == path
    assert len(mirror.asked) == 1
    assert names(path.parent) == ["a"]


def test_goes_on_where_the_answer_broke_off(cache, mirror):
    mirror.files["/a"] = CONTENT
    mirror.ends_after["/a"] = [1000, 500]
    assert fetch("a", [f"{mirror.address}/a"], DIGEST).read_bytes() == CONTENT
    assert [wanted for _, wanted in mirror.asked] == [None, "bytes=1000-", "bytes=1500-"]


def test_goes_on_in_a_later_run_and_from_another_mirror(cache, mirror):
    mirror.files.update({"/a": CONTENT, "/b": CONTENT})
    mirror.ends_after["/a"] = [1000, 0, 0]
    with pytest.raises(DataError, match=r"/a: the answer ends after 1,000 of 10,240 bytes"):
        fetch("a", [f"{mirror.address}/a"], DIGEST)
    assert (cache / "a.part").read_bytes() == CONTENT[:1000]
    assert not (cache / "a").exists()
    assert fetch("a", [f"{mirror.address}/b"], DIGEST).read_bytes() == CONTENT
    assert mirror.asked[-1] == ("/b", "bytes=1000-")
    assert not (cache / "a.part").exists()


def test_starts_again_where_the_server_knows_no_ranges(cache, mirror):
    mirror.files["/a"] = CONTENT
    mirror.ranges = False
    mirror.ends_after["/a"] = [1000]
    assert fetch("a", [f"{mirror.address}/a"], DIGEST).read_bytes() == CONTENT


@pytest.mark.parametrize("stale", [b"x" * 1000, b"x" * 20_000], ids=["shorter", "longer"])
def test_a_part_of_something_else_is_dropped(cache, mirror, stale):
    cache.mkdir(parents=True)
    (cache / "a.part").write_bytes(stale)
    mirror.files["/a"] = CONTENT
    assert fetch("a", [f"{mirror.address}/a"], DIGEST).read_bytes() == CONTENT


def test_a_rotten_file_in_the_cache_is_fetched_again(cache, mirror):
    mirror.files["/a"] = CONTENT
    cache.mkdir(parents=True)
    (cache / "a").write_bytes(b"rotten")
    assert fetch("a", [f"{mirror.address}/a"], DIGEST).read_bytes() == CONTENT


def test_wrong_content_moves_on_to_the_next_mirror(cache, mirror):
    mirror.files.update({"/bad": b"false", "/a": CONTENT})
    addresses = [f"{mirror.address}/{name}" for name in ("gone", "bad", "a")]
    assert fetch("a", addresses, DIGEST).read_bytes() == CONTENT


def test_wrong_content_everywhere_is_refused_with_every_reason(cache, mirror):
    mirror.files["/bad"] = b"false"
    with pytest.raises(DataError) as error:
        fetch("a", [f"{mirror.address}/gone", f"{mirror.address}/bad"], DIGEST)
    said = str(error.value)
    assert f"{mirror.address}/gone: the server answers 404" in said
    assert f"/bad: the content is not the original's (SHA-256 {sha256(b'false')})" in said
    assert "--data DIR" in said
    assert str(cache / "a") in said
    assert names(cache) == []


def test_without_a_checksum_parts_are_never_joined(cache, mirror):
    mirror.files.update({"/a": b"first version" * 9, "/b": CONTENT})
    mirror.ends_after["/a"] = [20, 30, 40]
    assert fetch("a", [f"{mirror.address}/{x}" for x in "ab"], None).read_bytes() == CONTENT
    assert all(wanted is None for _, wanted in mirror.asked)
    (cache / "a").write_bytes(b"kept as it is")
    assert fetch("a", [], None).read_bytes() == b"kept as it is"
    assert names(cache) == ["a"]


def test_whoever_comes_second_waits_and_finds_the_file(cache, mirror):
    mirror.files["/a"] = CONTENT
    found = []
    fetches = [
        threading.Thread(target=lambda: found.append(fetch("a", [f"{mirror.address}/a"], DIGEST)))
        for _ in range(8)
    ]
    for each in fetches:
        each.start()
    for each in fetches:
        each.join()
    assert found == [cache / "a"] * 8
    assert len(mirror.asked) == 1


def test_no_network_says_where_to_put_the_file(cache):
    with pytest.raises(DataError, match=r"refused.*--data DIR.*put it at .*credence/set/a"):
        fetch("set/a", ["http://127.0.0.1:9/a"], DIGEST)


def test_more_than_the_cap_is_refused(cache, mirror, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST_FETCH", 10_000)
    mirror.files["/a"] = CONTENT
    with pytest.raises(DataError, match=r"larger than 10,000 bytes"):
        fetch("a", [f"{mirror.address}/a"], DIGEST)


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, mirror):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be written.*set XDG_CACHE_HOME"):
        fetch("a", [f"{mirror.address}/a"], DIGEST)


def test_reads_gzipped_and_plain_files(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"packed"))
    name, data = read(tmp_path, ["b", "a"], "download it")
    assert (name, unpack(data, name)) == ("a.gz", b"packed")
    (tmp_path / "b").write_bytes(b"plain")
    name, data = read(tmp_path, ["b", "a"], "download it")
    assert (name, unpack(data, name)) == ("b", b"plain")
    with pytest.raises(DataError, match=f"{tmp_path} has no c or d: download it"):
        read(tmp_path, ["c", "d"], "download it")


def test_damaged_and_endless_gzip(monkeypatch):
    with pytest.raises(DataError, match="x is damaged"):
        unpack(gzip.compress(CONTENT)[:-9], "x")
    monkeypatch.setattr(fetching, "LARGEST_UNPACKED", 10_000)
    with pytest.raises(DataError, match="unpacks to more than 10,000 bytes"):
        unpack(gzip.compress(CONTENT), "x")
