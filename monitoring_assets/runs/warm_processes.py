"""Processes of runs, forked from a server that has imported what a run needs.

Imports are most of what the run of a small model costs. Each run is a process of its own: one that
crashes or is killed ends alone.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, Any

from monitoring_assets.packages import BESIDE, HERE, folder
from resources.isolation import answer, start_server

IDLE_SECONDS = 900.0
"""After which a server without runs ends."""
LOOK_SECONDS = 0.5
"""Between two looks at the processes of runs."""
# Packages of which a run imports most modules where it needs them, and libraries likewise.
_PACKAGES = ("alerting", "assets", "checks", "pages", "performance", "reference", "statistics")
_LIBRARIES = ("duckdb", "pyarrow.dataset")


class WarmServer:
    """The process that the processes of runs are forked from; it is there once it has imported.

    It ends when this object's process has ended, and then the last of its runs.
    """

    def __init__(self) -> None:
        self.sources = sources()
        self._lock = threading.Lock()
        # In a session of its own: an interrupt at the terminal does not end runs.
        self._process = start_server(__name__)
        self._pipe(self._process.stdin).flush()
        self._reply()  # so that no call waits in a buffer with what it was started with

    def start(
        self, run: Callable[..., object], ended: Callable[..., object], *arguments: object
    ) -> int:
        """Call a function in a process of its own.

        Parameters
        ----------
        run
            A function of a module.
        ended
            Called in another process if that of ``run`` was killed or ended with an error: with
            the exit code, negative for a signal, and the arguments.
        arguments
            Of ``run``; they can be pickled.

        Returns
        -------
        The process's id.

        Raises
        ------
        OSError, EOFError
            If the server has ended.
        """
        with self._lock:
            pipe = self._pipe(self._process.stdin)
            pickle.dump((run, ended, arguments), pipe)
            pipe.flush()
            return self._reply()

    def close(self) -> None:
        """Let the server end, after its runs."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                self._pipe(pipe).close()
        threading.Thread(target=self._process.wait, daemon=True).start()

    def _reply(self) -> int:
        reply: int = pickle.load(self._pipe(self._process.stdout))
        return reply

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


def sources() -> frozenset[tuple[str, int, int]]:
    """The code of the project as it lies on the disk: a server that has other code is replaced."""
    files = [path for name in (HERE.name, *BESIDE) for path in folder(name).rglob("*.py")]
    found = [(str(path), path.stat()) for path in files]
    return frozenset((path, status.st_mtime_ns, status.st_size) for path, status in found)


def serve() -> None:
    """Fork a process for each call that is asked for; be the process of a `WarmServer`."""
    _import_all()
    gc.freeze()  # a collection would copy the pages that processes share
    asked = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a run prints is no reply
    answer(replies, os.getpid())
    running: dict[int, tuple[Callable[..., object], tuple[object, ...]]] = {}
    listens, idle_since = True, time.monotonic()
    while running or (listens and time.monotonic() - idle_since < IDLE_SECONDS):
        if listens and wait([asked.fileno()], LOOK_SECONDS):
            try:
                run, ended, arguments = pickle.load(asked)
            except EOFError:
                listens = False
                continue
            if (process := os.fork()) == 0:
                replies.close()
                _call(run, *arguments)
                return
            running[process] = (ended, arguments)
            answer(replies, process)
        elif not listens:
            time.sleep(LOOK_SECONDS)
        for process, code in _ended(running):
            ended, arguments = running.pop(process)
            if code and os.fork() == 0:
                replies.close()
                _call(ended, code, *arguments)
                return
            idle_since = time.monotonic()


def _import_all() -> None:
    import_module(f"{HERE.name}.definitions")
    for package in _PACKAGES:
        name = f"{HERE.name}.{package}"
        for module in walk_packages(import_module(name).__path__, f"{name}."):
            import_module(module.name)
    for library in _LIBRARIES:
        import_module(library)


def _ended(running: dict[int, Any]) -> list[tuple[int, int]]:
    """Processes that have ended, with their exit codes; others of this server are waited for."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if process == 0:
            return found
        if process in running:
            found.append((process, os.waitstatus_to_exitcode(status)))


def _call(function: Callable[..., object], *arguments: object) -> None:
    os.setsid()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    function(*arguments)
