"""A process that supervises the one that executes a run, so that the run's end is recorded right.

Kubernetes, and so Airflow, ends a pod by SIGTERM. Dagster takes an unannounced interrupt for a
crash and records the run as failed. The supervisor therefore receives the signal, reports the run
as being cancelled, and only then interrupts. A process killed for its memory reports nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg


def supervise() -> Callable[[str], None]:
    """Fork. What follows is done by the child; the parent waits and ends with its exit code.

    Call it before anything that is heavy is imported: the parent then stays small.

    Returns
    -------
    Tells the parent the id of the run that the child executes.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)

        def tell(run_id: str) -> None:
            os.write(writer, run_id.encode())

        return tell
    os.close(writer)
    os.set_blocking(reader, False)
    told: list[str] = []

    def run_id() -> str:
        with suppress(BlockingIOError):  # nothing has been told since
            told.append(os.read(reader, 100).decode())
        return told[0] if told else ""

    def cancel(*_: object) -> None:
        try:
            for instance, run in _open_run(run_id()):
                instance.report_run_canceling(run, "SIGTERM: the process is asked to end.")
        finally:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, cancel)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the child as well
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        why = f"its process was ended by {signal.Signals(-code).name}"
        for instance, run in _open_run(run_id()):
            instance.report_run_failed(run, f"The run was lost: {why}.")
        sys.exit(f"{why}; SIGKILL is what Linux ends a process with that takes too much memory")
    sys.exit(code)


def _open_run(run_id: str) -> Iterator[tuple[dg.DagsterInstance, dg.DagsterRun]]:
    """The run and its instance, if there is a run and it has not ended."""
    if not run_id:
        return
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            yield instance, run
