"""Computations of a model's own, in a process of their own that is killed at its limits.

SQL and graphs are data of the team that ships a model. What they compute may have no end, and no
library that runs them can be relied on to stop by itself.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import TypeVar

from resources.errors import InputError
from resources.limits import MAX_MEMORY, MAX_SECONDS, Bounds

Result = TypeVar("Result")

LOOK_SECONDS = 0.1
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Of a process in /proc/<id>/stat, after its name in brackets.
SESSION, RESIDENT = 3, 21


def run_limited(
    what: str,
    bounds: Bounds,
    error: type[InputError],
    compute: Callable[..., Result],
    *arguments: object,
) -> Result:
    """Call a function in another process, which keeps for the next call what it has loaded.

    Parameters
    ----------
    what
        What is computed, for errors.
    bounds
        After which it is killed.
    error
        What to raise then.
    compute, arguments
        A function of a module, and what can be pickled. It may raise what can be.

    Raises
    ------
    InputError
        ``error``, if it was killed or its process ended by itself.
    """
    # Files of a process that is killed go with it.
    with tempfile.TemporaryDirectory(prefix="monitoring-limited-") as folder:
        environment = os.environ | {"TMPDIR": folder}
        job = pickle.dumps((environment, compute, arguments))
        worker = _idle_worker()
        try:
            worker.connection.send_bytes(job)
            if why := exceeded(worker.connection.poll, worker.process.pid, bounds):
                raise error(f"{what} {why}")
            result, failure = pickle.loads(worker.connection.recv_bytes())
        except (EOFError, ConnectionError):
            code = worker.process.wait()
            _forget(worker)
            name = signal.Signals(-code).name if code < 0 else f"code {code}"
            raise error(f"{what} ended its process ({name})") from None
        except BaseException:  # of ours too, such as an interrupt: nothing goes on behind it
            _forget(worker)
            raise
    if isinstance(failure, MemoryError):
        raise error(f"{what} wanted more memory than there is")
    if failure is not None:
        raise failure
    answer: Result = result
    return answer


def exceeded(is_over: Callable[[float], bool], session: int, bounds: Bounds) -> str | None:
    """Wait for an end, and say in words which limit came before it, if one did.

    Parameters
    ----------
    is_over
        Waits for so many seconds at most, and says whether the end has come.
    session
        Id of the processes' session.
    """
    end = time.monotonic() + bounds.seconds
    while not is_over(max(min(LOOK_SECONDS, end - time.monotonic()), 0)):
        if time.monotonic() >= end:
            return (
                f"ran longer than {bounds.seconds:g} s and was ended; allowed: {bounds.field}, at "
                f"most {MAX_SECONDS}"
            )
        if _resident(session) > bounds.memory:
            return (
                f"took more than {bounds.memory / 2**20:,.0f} MiB of memory and was ended; "
                f"allowed: limits.memory, at most {MAX_MEMORY}"
            )
    return None


def _resident(session: int) -> int:
    """Bytes in memory of all processes of a session; 0 where there is no /proc."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(values[SESSION]) == session:
            pages += int(values[RESIDENT])
    return pages * PAGE_BYTES


class _Worker:
    """A process that computes what it is sent, one thing after another."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "resources.limited_worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)},
            start_new_session=True,
        )
        theirs.close()


class _Workers(threading.local):
    """One for each thread."""

    idle: _Worker | None = None


_WORKERS = _Workers()


def _idle_worker() -> _Worker:
    if _WORKERS.idle is None or _WORKERS.idle.process.poll() is not None:
        _WORKERS.idle = _Worker()
    return _WORKERS.idle


def _forget(worker: _Worker) -> None:
    _WORKERS.idle = None
    worker.connection.close()
    worker.process.kill()
    worker.process.wait()
