"""Calls in processes of their own: what hangs, crashes or fills the memory ends alone.

A server is started for each batch of calls, with the code imported and without threads. It forks a
process for each call, which costs some ten milliseconds, and ends the ones that take too long.
"""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

GRACE_SECONDS = 2.0
"""For what was interrupted to end the processes that it has started."""
# Packages of ours are taken as this process takes them; the script's folder is none of them.
_BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import monitoring_assets; "
    "from resources.isolation import serve; serve()"
)


@dataclass(frozen=True)
class Ended:
    """A call that gave no result, and why: ``took longer than 20 s``."""

    why: str


@dataclass(frozen=True)
class _Calls(Generic[Result]):
    function: Callable[..., Result]
    arguments: Sequence[tuple[Any, ...]]
    prepare: tuple[Callable[..., None], tuple[Any, ...]]
    limit: float
    seconds: float
    at_once: int


def call_each(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    *,
    prepare: tuple[Callable[..., None], tuple[Any, ...]],
    limit: float,
    seconds: float = math.inf,
    at_once: int = 1,
) -> Iterator[tuple[int, Result | Ended]]:
    """Call a function with each of several arguments, each in a process of its own.

    Parameters
    ----------
    function
        Of a module. It, its arguments and its result can be pickled.
    arguments
        Those of each call.
    prepare
        A function and its arguments, called once before: it loads what every call needs, and
        starts no thread and opens no connection.
    limit
        Seconds after which a call is ended, whatever it does.
    seconds
        After these no call is begun.
    at_once
        Most calls at a time.

    Yields
    ------
    The number of a call and its result, in the order in which they end. A call that was not begun
    is left out.

    Raises
    ------
    RuntimeError
        If the server of the calls ends before its time.
    """
    if not arguments or seconds <= 0:
        return
    calls = _Calls(function, arguments, prepare, limit, seconds, at_once)
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            with suppress(BrokenPipeError), server.stdin as asked:
                pickle.dump(sys.path, asked)
                pickle.dump(calls, asked)
            # Not to the end of the file: a call that no signal ends may keep it open.
            while (reply := _load(server.stdout)) is not None:
                yield reply
        finally:
            server.kill()


def _load(replies: Any) -> tuple[int, Any] | None:
    try:
        reply: tuple[int, bytes] | None = pickle.load(replies)
    except (EOFError, pickle.UnpicklingError):
        raise RuntimeError("the process that serves calls ended before its time") from None
    return reply and (reply[0], pickle.loads(reply[1]))


def serve() -> None:
    """Make the calls that the standard input names; be the process that `call_each` starts."""
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)  # what a library prints is no reply
        calls = pickle.load(sys.stdin.buffer)
        prepare, arguments = calls.prepare
        prepare(*arguments)
        for reply in _each(calls):
            pickle.dump(reply, replies)
            replies.flush()
        pickle.dump(None, replies)


@dataclass(frozen=True)
class _Running:
    number: int
    process: ForkProcess
    until: float


def _each(calls: _Calls[Any]) -> Iterator[tuple[int, bytes]]:
    fork = get_context("fork")
    left = deque(range(len(calls.arguments)))
    running: dict[Connection, _Running] = {}
    end = time.monotonic() + calls.seconds
    while True:
        while left and len(running) < calls.at_once and time.monotonic() < end:
            number, (ours, theirs) = left.popleft(), fork.Pipe(duplex=False)
            process = fork.Process(
                target=_call, args=(calls.function, calls.arguments[number], theirs), daemon=True
            )
            process.start()
            theirs.close()
            running[ours] = _Running(number, process, time.monotonic() + calls.limit)
        if not running:
            return
        until = min(one.until for one in running.values())
        for ready in wait([*running], max(0.0, until - time.monotonic())):
            assert isinstance(ready, Connection)
            one = running.pop(ready)
            try:
                result = ready.recv_bytes()
                one.process.join(GRACE_SECONDS)
            except EOFError:
                one.process.join(GRACE_SECONDS)
                result = pickle.dumps(Ended(f"ended {_how(one.process.exitcode)}"))
            _end(one.process)
            yield one.number, result
        late = [pipe for pipe, one in running.items() if one.until <= time.monotonic()]
        for pipe in late:
            one = running.pop(pipe)
            _end(one.process)
            yield one.number, pickle.dumps(Ended(f"took longer than {calls.limit:g} s"))


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], pipe: Connection) -> None:
    try:
        result = function(*arguments)
        reply = pickle.dumps(result)
    except BaseException as error:  # of libraries in Rust too, whose panics are no Exception
        reply = pickle.dumps(Ended(f"{type(error).__name__}: {error}"))
    pipe.send_bytes(reply)


def _end(process: ForkProcess) -> None:
    """End a process; one that no signal ends is left to the operating system."""
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGINT)
        process.join(GRACE_SECONDS)
        process.kill()
        process.join(GRACE_SECONDS)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"by {signal.Signals(-code).name}"
    return f"with code {code}"
