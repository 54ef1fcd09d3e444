"""Commands in a process that ends itself by SIGKILL at a planned write, or stops there.

``python -m tests.killed POINT COMMAND...`` runs commands of `monitoring`, separated by ``--``; the
command ``day PARTITION`` makes a day as the daemon's own run does. POINT is ``before PATH``,
``after PATH`` or ``before delete PATH``: PATH is a pattern below a root, and ``#2`` behind it is
for the second time. ``stop`` and a space before all that is for a process that waits there for
SIGCONT. An empty POINT kills nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

from resources.storage import LocalStorage, S3Storage, Storage


def plan(point: str) -> None:
    """Let this process end itself, or stop, at a point."""
    is_stop = point.startswith("stop ")
    wanted, _, number = point.removeprefix("stop ").partition("#")
    left = int(number or 1)

    def reached(now: str) -> None:
        nonlocal left
        if wanted and fnmatch(now, wanted):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGSTOP if is_stop else signal.SIGKILL)

    for kind in (LocalStorage, S3Storage):
        watch(kind, reached)


def watch(kind: type[Storage], reached: Callable[[str], None]) -> None:
    """Have a kind of storage say what it is about to do, and has done."""
    publish, delete = kind.publish, kind.delete

    def published(self: Storage, local: Path, path: str) -> None:
        reached(f"before {path}")
        publish(self, local, path)
        reached(f"after {path}")

    def deleted(self: Storage, path: str) -> None:
        reached(f"before delete {path}")
        delete(self, path)

    kind.publish = published  # type: ignore[method-assign]
    kind.delete = deleted  # type: ignore[method-assign]


def run(commands: Sequence[str]) -> None:
    """Run commands in their order."""
    from monitoring_assets.cli.main import main

    for is_end, found in groupby(commands, lambda word: word == "--"):
        words = [*found]
        if is_end:
            continue
        if words[0] == "day":
            make_day(words[1])
        else:
            main(words, standalone_mode=False)


def make_day(partition: str) -> None:
    """Run ``monitor_day`` for a partition, as a run that is part of no backfill."""
    import dagster as dg

    from monitoring_assets.definitions import defs
    from monitoring_assets.runs.own_process import process_tags

    with dg.DagsterInstance.get() as instance:
        job = defs.get_repository_def().get_job("monitor_day")
        job.execute_in_process(instance=instance, partition_key=partition, tags=process_tags())


if __name__ == "__main__":
    plan(sys.argv[1])
    run(sys.argv[2:])
