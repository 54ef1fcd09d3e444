"""Calls in processes of their own: what hangs or crashes in one ends there."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import pytest

from resources import isolation
from resources.isolation import Ended, call_each


def square(number):
    return number * number


def hang_in_python(_):
    while True:
        pass


def hang_in_the_kernel(path):
    os.mkfifo(path)
    Path(path).read_bytes()


def hang_against_signals(_):
    for one in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(one, signal.SIG_IGN)
    time.sleep(1000)


def hang_with_the_lock(_):
    # Backtracking: C code that lets no other thread of its process run.
    __import__("re").match("(a+)+$", "a" * 60 + "b")


def start_another(path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as child:
        Path(path).write_text(str(child.pid))
        try:
            child.wait()
        finally:
            child.kill()


def crash(_):
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(_):
    os._exit(3)


def panic(_):
    raise BaseException("of Rust")


def print_much(_):
    print("x" * 100_000)
    os.write(1, b"y" * 100_000)
    return "said"


def nothing():
    pass


def call(function, *arguments, limit=20.0, **options):
    calls = [(argument,) for argument in arguments]
    found = call_each(function, calls, prepare=(nothing, ()), limit=limit, **options)
    return dict(found)


def test_each_call_has_its_result():
    assert call(square, *range(40), at_once=8) == {n: n * n for n in range(40)}


@pytest.mark.parametrize(
    "hang", [hang_in_python, hang_in_the_kernel, hang_against_signals, hang_with_the_lock]
)
def test_what_hangs_is_ended(hang, tmp_path):
    began = time.monotonic()
    assert call(hang, str(tmp_path / "pipe"), limit=1.0) == {0: Ended("took longer than 1 s")}
    assert time.monotonic() - began < 60


def test_what_a_call_has_started_ends_with_it(tmp_path):
    file = tmp_path / "pid"
    call(start_another, str(file), limit=2.0)
    state = Path("/proc", file.read_text(), "stat")
    # Gone, or waiting for the first process to take note.
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_so_it_does_where_interrupts_are_ignored(tmp_path, monkeypatch):
    """As in the background of a shell; what this process starts inherits it."""
    monkeypatch.setattr(isolation, "_IDLE", deque())
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_what_a_call_has_started_ends_with_it(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def mixed(kind, path):
    kinds = {"hang": hang_in_python, "crash": crash, "leave": leave, "panic": panic}
    return kinds.get(kind, square)(path)


def test_one_call_is_no_other_calls_matter():
    calls = [("square", 2), ("hang", 0), ("crash", 0), ("leave", 0), ("panic", 0), ("square", 3)]
    found = dict(call_each(mixed, calls, prepare=(nothing, ()), limit=2.0, at_once=3))
    assert found == {
        0: 4,
        1: Ended("took longer than 2 s"),
        2: Ended("ended by SIGSEGV"),
        3: Ended("ended with code 3"),
        4: Ended("BaseException: of Rust"),
        5: 9,
    }


def test_what_a_call_prints_is_no_result():
    assert call(print_much, 1) == {0: "said"}


def test_no_call_is_begun_after_the_time():
    assert call(square, 1, 2, seconds=0) == {}
    found = call(hang_in_python, *range(50), limit=1.0, seconds=0.5, at_once=2)
    assert found == {number: Ended("took longer than 1 s") for number in range(2)}


def where_am_i(_):
    return os.getppid(), str(Path.cwd()), os.environ.get("PLACE")


def test_a_server_makes_the_next_calls_as_they_would_be_made_here(tmp_path, monkeypatch):
    first, second = (call(where_am_i, 1)[0] for _ in range(2))
    assert first[0] == second[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACE", "here")
    assert call(where_am_i, 1)[0] == (first[0], str(tmp_path), "here")
    os.kill(first[0], signal.SIGKILL)  # as it ends after a minute without calls
    time.sleep(0.5)
    third = call(where_am_i, 1)[0]
    assert third[0] != first[0]
    assert third[1:] == (str(tmp_path), "here")


def test_who_wants_no_more_results_keeps_no_call_running():
    calls = call_each(square, [(1,), (2,)], prepare=(nothing, ()), limit=20.0)
    next(calls)
    calls.close()
    assert call(square, 3) == {0: 9}


def test_workers_end_without_a_word(capfd):
    assert call(square, 1, 2, at_once=2) == {0: 1, 1: 4}
    assert capfd.readouterr().err == ""
