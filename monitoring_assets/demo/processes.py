"""Processes that work side by side, each a fork of one that has imported what they need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context

PROCESSES = 2
IMPORTED = "monitoring_assets.demo.imported"


def import_early() -> None:
    """Begin to import in a process of its own, while this one does something else."""
    forkserver.set_forkserver_preload([IMPORTED])
    forkserver.ensure_running()


@contextmanager
def processes() -> Iterator[ProcessPoolExecutor]:
    """Processes with this one's environment; what is not begun when the block ends is never begun.

    A fork of this process would share its database connections.
    """
    import_early()
    pool = ProcessPoolExecutor(
        PROCESSES, get_context("forkserver"), _take_environment, (dict(os.environ),)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _take_environment(environment: dict[str, str]) -> None:
    """The environment may have changed since the process of the imports was started."""
    os.environ.clear()
    os.environ.update(environment)
