"""What has no end or takes all memory is killed, and said in words; the next one goes on."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from resources.errors import InputError, StorageError
from resources.limited import run_limited
from resources.limits import Bounds

PLENTY = Bounds(60.0, 2**31)
FOREVER = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT count(*) FROM t"
CROSS_JOIN = "SELECT sum(a.range * b.range) FROM range(10_000_000) a, range(10_000_000) b"


class UnforeseenError(InputError):
    pass


def limited(compute, *arguments, bounds=PLENTY):
    return run_limited("the query", bounds, UnforeseenError, compute, *arguments)


def query(text):
    import duckdb

    return duckdb.sql(text).fetchall()


def process():
    return os.getpid()


def grow(size):
    return len(bytearray(b"x") * size)


def fail(error):
    raise error


class OddError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


def fail_oddly():
    raise OddError(1, 2)


def test_a_result_comes_from_another_process():
    assert limited(process) != os.getpid()
    assert limited(query, "SELECT 42") == [(42,)]


def test_it_has_the_environment_of_the_call(monkeypatch):
    monkeypatch.setenv("LENDER", "one")
    assert limited(os.getenv, "LENDER") == "one"
    monkeypatch.setenv("LENDER", "two")
    assert limited(os.getenv, "LENDER") == "two"


@pytest.mark.parametrize("error", [InputError("the batch"), StorageError("s3://a/b"), KeyError(1)])
def test_what_it_raises_is_raised_here(error):
    with pytest.raises(type(error), match=str(error.args[0])):
        limited(fail, error)


def test_even_what_cannot_be_passed_on_is_said():
    with pytest.raises(RuntimeError, match="OddError: 1 2"):
        limited(fail_oddly)


@pytest.mark.parametrize("text", [FOREVER, CROSS_JOIN])
def test_what_has_no_end_is_ended(text):
    with pytest.raises(
        UnforeseenError,
        match=r"^the query took longer than 0\.5 s and was ended; allowed: limits\.",
    ):
        limited(query, text, bounds=Bounds(0.5, 2**32))
    assert limited(query, "SELECT 1") == [(1,)]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_what_takes_too_much_memory_is_ended():
    with pytest.raises(UnforeseenError, match="the query took more than 400 MiB of memory and was"):
        limited(grow, 3 * 2**30, bounds=Bounds(60.0, 400 * 2**20))
    with pytest.raises(UnforeseenError, match="the query wanted more memory than there is"):
        limited(grow, 2**60)
    assert limited(query, "SELECT 1") == [(1,)]


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def write_pid_for_ever(path):
    Path(path).write_text(str(os.getpid()))
    query(FOREVER)


def write_for_ever(name):
    with tempfile.NamedTemporaryFile(prefix=name) as file:
        while True:
            file.write(b"x")
            file.flush()


def test_its_files_go_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(UnforeseenError, match="took longer"):
        limited(write_for_ever, "spill", bounds=Bounds(0.5, 2**31))
    assert not [*tmp_path.iterdir()]


def test_a_process_that_dies_is_the_computations_fault():
    with pytest.raises(UnforeseenError, match=r"the query ended by SIGSEGV"):
        limited(crash)
    assert limited(query, "SELECT 1") == [(1,)]


def test_it_ends_with_the_process_that_started_it(tmp_path):
    written = tmp_path / "pid"
    code = (
        "from tests.resources.test_limited import *\n"
        f"limited(write_pid_for_ever, {str(written)!r})\n"
    )
    end = time.monotonic() + 60
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        while not (written.exists() and written.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        worker = int(written.read_text())
        parent.kill()
    while time.monotonic() < end:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("it goes on")
