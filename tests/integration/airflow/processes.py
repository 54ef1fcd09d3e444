"""The processes of a deployment: their logs are kept, and none outlives the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

Found = TypeVar("Found")
# A process whose parent is gone ends too, if the parent was killed before it could end it.
WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--")
TAIL_LINES = 60


def free_port() -> int:
    """A TCP port of the loopback address that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(condition: Callable[[], Found], seconds: float = 300) -> Found:
    """What ``condition`` returns, as soon as it is true.

    Raises
    ------
    AssertionError
        If it is not in time; with what it was.
    """
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(
                f"{condition.__name__} did not come true in {seconds} s: {found!r}"
            )
        time.sleep(0.5)
    return found


class Processes:
    """Long-running processes, each in a group of its own, with a log file each.

    Parameters
    ----------
    logs
        Folder of the logs.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)

    def start(
        self, name: str, command: list[Any], environment: Mapping[str, str], **options: Any
    ) -> int:
        """Start a process and return its id; ``options`` are those of `subprocess.Popen`."""
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*WITH_PARENT, *map(str, command)],
                env=dict(environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
        self._running[name] = process
        return process.pid

    def stop(self, name: str, seconds: float = 20) -> None:
        """Ask a process to end, and kill what is left of its group."""
        process = self._running.pop(name)
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def check(self) -> None:
        """Fail if a process has ended by itself."""
        ended = {name: p.returncode for name, p in self._running.items() if p.poll() is not None}
        assert not ended, f"ended with these codes: {ended}; see {self.logs}"

    def tails(self) -> str:
        """The last lines of every log."""
        return "\n".join(
            f"--- {path.name}\n"
            + "\n".join(path.read_text(errors="replace").splitlines()[-TAIL_LINES:])
            for path in sorted(self.logs.glob("*.log"))
        )
