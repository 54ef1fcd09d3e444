"""What a task does next, from the runs that Dagster has of it: a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SUCCESS = "SUCCESS"
ENDED = frozenset({SUCCESS, "FAILURE", "CANCELED"})
"""Dagster's statuses of a run that is over; any other, one that we do not know too, is open."""


@dataclass(frozen=True)
class Run:
    """A run in Dagster that was launched for a task of a DAG run.

    Attributes
    ----------
    run_id
        Dagster's.
    status
        Dagster's ``RunStatus``.
    generation
        ``max_tries`` of the task instance that launched it: the same over its retries, another one
        once the task was cleared.
    try_number
        The try that launched it.
    created
        Seconds since 1970.
    task_id
        The task that it was launched for.
    started
        When the DAG run had started, in ISO 8601; None if that was cleared before.
    """

    run_id: str
    status: str
    generation: int
    try_number: int
    created: float
    task_id: str
    started: str | None

    @property
    def is_open(self) -> bool:
        """Whether it may still do something."""
        return self.status not in ENDED


@dataclass(frozen=True)
class Launch:
    """Launch a run: nothing is open, and nothing of this try has ended."""


@dataclass(frozen=True)
class Wait:
    """A run is under way; this task may not have launched it."""

    run: Run


@dataclass(frozen=True)
class Done:
    """The run succeeded."""

    run: Run


@dataclass(frozen=True)
class Failed:
    """The run of this very try failed or was cancelled."""

    run: Run


@dataclass(frozen=True)
class Cancel:
    """Runs that no task waits for any more are open: end them first."""

    runs: tuple[Run, ...]


Step = Union[Launch, Wait, Done, Failed, Cancel]  # noqa: UP007 - at run time, on Python 3.9


def starts_of(newest_first: Iterable[str | None], started: str | None) -> Collection[str | None]:
    """Starts that runs of a DAG run may have; any other is of one that was deleted.

    Parameters
    ----------
    newest_first
        Starts of all runs that Dagster has of DAG runs of this id, of whichever task.
    started
        When the DAG run has started; None if it was cleared, by which its start is another. It is
        then told by the runs from before.
    """
    if started:
        return {started}
    return {next(filter(None, newest_first), None), None}


def next_step(
    runs: Collection[Run], generation: int, try_number: int, starts: Collection[str | None]
) -> Step:
    """Decide from the runs alone, so that any worker at any time comes to the same.

    Parameters
    ----------
    runs
        All runs that Dagster has of this task of DAG runs of this id, in any order.
    generation, try_number
        Of the task instance that asks.
    starts
        What `starts_of` says of its DAG run.
    """
    ours = [run for run in runs if run.generation == generation and run.started in starts]
    newest = max(ours, key=lambda run: (run.created, run.run_id), default=None)
    # Of what was cleared or deleted; or a second one, where the answer to a launch was lost.
    forgotten = sorted(
        (run for run in runs if run.is_open and run != newest), key=lambda run: run.created
    )
    if forgotten:
        return Cancel(tuple(forgotten))
    if newest is None:
        return Launch()
    if newest.is_open:
        return Wait(newest)
    if newest.status == SUCCESS:
        return Done(newest)
    return Failed(newest) if newest.try_number == try_number else Launch()
