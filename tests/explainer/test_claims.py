"""Claims: one at a time, and gone with whoever held them."""

import errno
import fcntl
import signal
import subprocess
import sys

import pytest

from explainer.claims import Claims

KEY = "ab" * 32


def test_one_at_a_time(tmp_path):
    mine, other = Claims(tmp_path), Claims(tmp_path)
    with mine.claim(KEY) as first:
        assert first
        with other.claim(KEY) as second, other.claim("cd" * 32) as another:
            assert not second
            assert another
        with other.claim(KEY) as third:
            assert not third
    with other.claim(KEY) as now:
        assert now
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_error_gives_it_back(tmp_path):
    with pytest.raises(RuntimeError), Claims(tmp_path).claim(KEY):
        raise RuntimeError
    with Claims(tmp_path).claim(KEY) as now:
        assert now


def test_a_killed_process_gives_it_back(tmp_path):
    code = (
        "import sys, time, pathlib; from explainer.claims import Claims\n"
        f"with Claims(pathlib.Path(sys.argv[1])).claim({KEY!r}) as ours:\n"
        "    print(ours, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        with Claims(tmp_path).claim(KEY) as now:
            assert not now
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Claims(tmp_path).claim(KEY) as now:
        assert now


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_everybody_works(tmp_path, monkeypatch, number):
    def none(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", none)
    with Claims(tmp_path).claim(KEY) as one, Claims(tmp_path).claim(KEY) as other:
        assert one
        assert other
