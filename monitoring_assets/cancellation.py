"""SIGTERM as a request to cancel: how Kubernetes, and so Airflow, ends a pod.

Dagster takes an interrupt that nobody announced for a crash, and the run for failed. So the signal
is kept from it: another thread receives it, reports the run as being cancelled, and only then
interrupts the main thread.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg


class Cancellation:
    """What SIGTERM is to cancel: a run, once there is one."""

    def __init__(self) -> None:
        self._run: tuple[dg.DagsterInstance, dg.DagsterRun] | None = None
        self._is_over = False

    def of(self, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
        """Make a run the one that is cancelled."""
        self._run = (instance, run)

    def _watch(self) -> None:
        signal.sigwait({signal.SIGTERM})
        if self._is_over:
            return
        if self._run is not None:
            instance, run = self._run
            instance.report_run_canceling(run, "SIGTERM: the pod is being ended.")
        os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def cancellation() -> Iterator[Cancellation]:
    """Receive SIGTERM in a thread of its own, for as long as the block lasts.

    Enter it before libraries start threads: a thread that does not block the signal would get it.
    """
    cancel = Cancellation()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    watcher = threading.Thread(target=cancel._watch, daemon=True)
    watcher.start()
    try:
        yield cancel
    finally:
        cancel._is_over = True
        if watcher.is_alive():
            assert watcher.ident is not None  # it was started
            signal.pthread_kill(watcher.ident, signal.SIGTERM)
            watcher.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
