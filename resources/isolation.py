"""Calls in other processes: what hangs, crashes or fills the memory ends alone.

A server has the code imported and opens nothing. It forks workers, which make one call after the
other; one that takes too long or crashes is ended and replaced, so what happened is that call's
alone. The server stays for a minute after its last call: to start it takes half a second of CPU.
"""

from __future__ import annotations

import atexit
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
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import IO, Any, Generic, Literal, TypeVar

Result = TypeVar("Result")

IDLE_SECONDS = 60.0
LOOK_SECONDS = 0.1
"""Between two looks at the memory of calls."""
# Fields of /proc/<id>/stat, after the name in brackets.
GROUP, RESIDENT = 2, 21
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GRACE_SECONDS = 2.0
"""For what was interrupted to end the processes that it has started."""
_READY = "ready"


@dataclass(frozen=True)
class Ended:
    """A call that gave no result, and why: ``took longer than 20 s``; at which limit, if at one."""

    why: str
    limit: Literal["time", "memory"] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Calls(Generic[Result]):
    function: Callable[..., Result]
    arguments: Sequence[tuple[Any, ...]]
    prepare: tuple[Callable[..., None], tuple[Any, ...]]
    limit: float
    memory: float
    seconds: float
    at_once: int


def call_each(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    *,
    prepare: tuple[Callable[..., None], tuple[Any, ...]],
    limit: float,
    memory: float = math.inf,
    seconds: float = math.inf,
    at_once: int = 1,
) -> Iterator[tuple[int, Result | Ended]]:
    """Call a function with each of several arguments, in processes that can be ended.

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
    memory
        Bytes in memory above which it is ended too.
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
    calls = _Calls(function, arguments, prepare, limit, memory, seconds, at_once)
    server = _idle_server(calls)
    try:
        while (reply := server.reply()) is not None:
            yield reply
    except BaseException:  # also of a caller that wants no more
        server.end()
        raise
    _IDLE.append(server)


def start_server(module: str) -> subprocess.Popen[bytes]:
    """Start a process that calls ``serve`` of a module and is asked, and answers, by pickles.

    It takes packages as this process does, and is alone in its session with what it starts.
    """
    boot = (
        "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
        f"import monitoring_assets; from {module} import serve; serve()"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", boot],  # the script's folder has no package of ours
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    pickle.dump(sys.path, process.stdin)
    return process


def answer(replies: IO[bytes], reply: object) -> None:
    """Send a reply of a server."""
    pickle.dump(reply, replies)
    replies.flush()


class _Server:
    """The process that makes the calls."""

    def __init__(self) -> None:
        self._process = start_server(__name__)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def ask(self, calls: _Calls[Any]) -> bool:
        """Begin calls, as this process would make them now; whether the server was still there."""
        here = (sys.path, str(Path.cwd()), dict(os.environ), calls)
        try:
            pickle.dump(here, self._stdin)
            self._stdin.flush()
            return bool(self._load() == _READY)
        except (BrokenPipeError, EOFError):
            return False

    def reply(self) -> tuple[int, Any] | None:
        """The number of a call that has ended, and its result; None after the last."""
        try:
            reply: tuple[int, bytes] | None = self._load()
        except EOFError:
            raise RuntimeError("the process that makes calls ended before its time") from None
        return reply and (reply[0], pickle.loads(reply[1]))

    def _load(self) -> Any:
        # Never to the end of the file: a call that no signal ends may keep it open.
        return pickle.load(self._process.stdout)  # type: ignore[arg-type]

    def end(self) -> None:
        """End it and its workers, whatever they do."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()


_IDLE: deque[_Server] = deque()
"""Servers that wait for calls; none is in two threads' hands."""


def _idle_server(calls: _Calls[Any]) -> _Server:
    while True:
        try:
            server = _IDLE.pop()
        except IndexError:
            break
        if server.ask(calls):
            return server
        server.end()  # it has waited for too long
    server = _Server()
    if not server.ask(calls):
        server.end()
        raise RuntimeError("the process that makes calls could not be started")
    return server


@atexit.register
def _end_servers() -> None:
    while _IDLE:
        _IDLE.pop().end()


def serve() -> None:
    """Make the calls that are asked for on the standard input; be the process of a `_Server`."""
    asked = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)  # what a library prints is no reply
        while True:
            try:
                sys.path[:], folder, environment, calls = pickle.load(asked)
            except EOFError:
                return
            answer(replies, _READY)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            prepare, arguments = calls.prepare
            prepare(*arguments)
            for reply in _each(calls, asked.fileno()):
                answer(replies, reply)
            answer(replies, None)
            if not wait([asked.fileno()], IDLE_SECONDS):
                return


@dataclass
class _Worker:
    """A process that makes one call after the other, and what it is about, if it is."""

    process: ForkProcess
    number: int | None = None
    until: float = math.inf


def _each(calls: _Calls[Any], asked: int) -> Iterator[tuple[int, bytes]]:
    fork = get_context("fork")
    left = deque(range(len(calls.arguments)))
    workers: dict[Connection, _Worker] = {}
    end = time.monotonic() + calls.seconds
    while True:
        idle = [pipe for pipe, one in workers.items() if one.number is None]
        while left and time.monotonic() < end and (idle or len(workers) < calls.at_once):
            if not idle:
                ours, theirs = fork.Pipe()
                process = fork.Process(target=_work, args=(calls, theirs), daemon=True)
                process.start()
                theirs.close()
                workers[ours] = _Worker(process)
                idle.append(ours)
            pipe = idle.pop()
            one = workers[pipe]
            one.number, one.until = left.popleft(), time.monotonic() + calls.limit
            with suppress(BrokenPipeError):  # it has ended, which is seen when it is read
                pipe.send(one.number)
        at_work = [pipe for pipe, one in workers.items() if one.number is not None]
        if not at_work:
            break
        until = min(workers[pipe].until for pipe in at_work)
        if calls.memory < math.inf:
            until = min(until, time.monotonic() + LOOK_SECONDS)
        ready = wait([*at_work, asked], max(0.0, until - time.monotonic()))
        if asked in ready:  # closed: the process that asked for these calls has ended
            for pipe in at_work:
                workers[pipe].process.kill()
            return
        for pipe in at_work:
            one = workers[pipe]
            number = one.number
            assert number is not None
            if pipe in ready:
                try:
                    yield number, pipe.recv_bytes()
                    one.number, one.until = None, math.inf
                    continue
                except (EOFError, ConnectionResetError):
                    one.process.join(GRACE_SECONDS)
                    ended = Ended(f"ended {_how(one.process.exitcode)}")
            else:
                over = over_limit(one.process.pid, one.until, calls.limit, calls.memory)
                if over is None:
                    continue
                if over.limit == "memory":  # in the time of an interrupt it would take more
                    one.process.kill()
                ended = over
            del workers[pipe]
            pipe.close()
            _end(one.process)
            yield number, pickle.dumps(ended)
    for pipe, one in workers.items():
        with suppress(BrokenPipeError):
            pipe.send(None)
        one.process.join(GRACE_SECONDS)
        _end(one.process)


def _work(calls: _Calls[Any], pipe: Connection) -> None:
    # A shell starts what is in its background with interrupts ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    while (number := pipe.recv()) is not None:
        try:
            reply = pickle.dumps(calls.function(*calls.arguments[number]))
        except BaseException as error:  # of libraries in Rust too: a panic is no Exception
            reply = pickle.dumps(Ended(f"{type(error).__name__}: {error}"))
        pipe.send_bytes(reply)


def _end(process: ForkProcess) -> None:
    """End a process; one that no signal ends is left to the operating system."""
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGINT)
        process.join(GRACE_SECONDS)
        process.kill()
        process.join(GRACE_SECONDS)


def over_limit(process: int | None, until: float, seconds: float, memory: float) -> Ended | None:
    """Say which limit a process is over, if one.

    Parameters
    ----------
    process
        Its id; of a group's first process that of all.
    until
        When its ``seconds`` are over, as `time.monotonic` has it.
    memory
        Bytes.
    """
    if time.monotonic() >= until:
        return Ended(f"took longer than {seconds:g} s", "time")
    if memory < math.inf and _memory_of(process) > memory:
        return Ended(f"took more than {memory / 2**20:,.0f} MiB of memory", "memory")
    return None


def _memory_of(leader: int | None) -> int:
    """Bytes in memory of a process and of its process group; 0 where there is no /proc."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if leader in (int(stat.parent.name), int(values[GROUP])):
            pages += int(values[RESIDENT])
    return pages * PAGE_BYTES


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"by {signal.Signals(-code).name}"
    return f"with code {code}"
