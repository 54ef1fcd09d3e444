"""Progress of long commands on stderr: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from monitoring_assets.cli.terminal import console_of_bars

LINE_SECONDS = 3.0

ShowProgress = Callable[[str, int, int], None]
"""Told what is being done, the steps done and the steps in all.

What follows a colon is a detail of the same task.
"""


@contextmanager
def progress() -> Iterator[ShowProgress]:
    """Show each task that the steps name."""
    console = console_of_bars()
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def step(doing: str, done: int, total: int) -> None:
            name = _task(doing)
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, description=doing if done < total else name)

        yield step


def _lines() -> ShowProgress:
    """A line where a task begins and ends, and one every few seconds between."""
    begun: set[str] = set()
    last = 0.0

    def step(doing: str, done: int, total: int) -> None:
        nonlocal last
        now, name = time.monotonic(), _task(doing)
        if name in begun and done < total and now - last < LINE_SECONDS:
            return
        begun.add(name)
        last = now
        click.echo(f"{name if done == total else doing}: {done} of {total}", err=True)

    return step


def _task(doing: str) -> str:
    return doing.partition(":")[0]
