"""Retention: what Dagster keeps of old runs is deleted, and rows of old days where that is wanted.

Dagster reads every event that a partitioned asset ever had for some pages of its UI, whatever
partitions it has keys for. So runs, with their events and the evaluations of their checks, are kept
for a number of days. Counts, reports, decisions and evidence are in the store, for good.
"""

import datetime as dt
import os
import time
from collections.abc import Sequence

import dagster as dg

from resources import layout
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
    AssetCheckExecutionsTable,
    SqlEventLogStorage,
)
from resources.errors import InputError
from resources.store import ROWS, Store

RETENTION = "MONITORING_RETENTION_DAYS"
"""Variable: days that Dagster keeps runs for; by default more than it has keys for."""
DEFAULT_DAYS = 400
ROW_RETENTION = "MONITORING_ROWS_DAYS"
"""Variable: days that the store keeps features and scores for; without it for good."""
# What sensors look at again after their cursor is lost must still be there.
FEWEST_DAYS = 90
# Runs of one statement; others use the database meanwhile.
SLICE = 200
ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def retention_days() -> int:
    """Days that runs are kept for.

    Raises
    ------
    InputError
        If ``MONITORING_RETENTION_DAYS`` is no whole number of at least 90.
    """
    return _days(RETENTION, os.environ.get(RETENTION, str(DEFAULT_DAYS)), FEWEST_DAYS)


def rows_days() -> int | None:
    """Days that features and scores are kept for; None for good.

    Raises
    ------
    InputError
        If ``MONITORING_ROWS_DAYS`` is no whole number of at least 1.
    """
    value = os.environ.get(ROW_RETENTION)
    return None if value is None else _days(ROW_RETENTION, value, 1)


def _days(name: str, value: str, fewest: int) -> int:
    if not value.isdecimal() or int(value) < fewest:
        raise InputError(f"{name}: found {value!r}; allowed: {fewest} or more, in days")
    return int(value)


def delete_old_rows(store: Store, key: str, before: dt.date) -> int:
    """Delete the features and scores of a version's days before a day.

    Returns
    -------
    Files that were deleted.
    """
    old = [
        path
        for dataset in ROWS.values()
        for path in store.storage.list(layout.partitions(dataset, key))
        if layout.partition_day(path) < before
    ]
    for path in old:
        store.storage.delete(path)
    return len(old)


def delete_old_runs(instance: dg.DagsterInstance, before: dt.datetime, *, seconds: float) -> int:
    """Delete the runs that were created before a time, the oldest first, with what they recorded.

    A run that has not ended stays, and so does one of a version instead of a day: a reference
    profile is as old as its version. After a kill the next call goes on.

    Parameters
    ----------
    seconds
        No slice is begun after these.

    Returns
    -------
    Runs that were deleted.
    """
    end, deleted, cursor = time.monotonic() + seconds, 0, None
    ended = dg.RunsFilter(statuses=ENDED, created_before=before)
    while time.monotonic() < end:
        runs = instance.get_runs(ended, cursor=cursor, limit=SLICE, ascending=True)
        if not runs:
            break
        kept = [run.run_id for run in runs if _is_of_a_version(run)]
        old = [run.run_id for run in runs if run.run_id not in kept]
        _delete(instance, old)
        deleted += len(old)
        cursor = kept[-1] if kept else cursor
    if deleted:  # which partitions are materialised is kept beside the events
        for key in instance.all_asset_keys():
            instance.event_log_storage.wipe_asset_cached_status(key)
    return deleted


def _is_of_a_version(run: dg.DagsterRun) -> bool:
    partition = run.tags.get(PARTITION_NAME_TAG) or run.tags.get(ASSET_PARTITION_RANGE_START_TAG)
    return partition is not None and "|" not in partition


def _delete(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)  # SQLite's and PostgreSQL's are
    of_runs = AssetCheckExecutionsTable.c.run_id.in_(run_ids)
    with storage.index_connection() as connection:
        connection.execute(AssetCheckExecutionsTable.delete().where(of_runs))
    for run_id in run_ids:
        storage.delete_events(run_id)
        # The run last: what a kill leaves behind is found by it.
        instance.run_storage.delete_run(run_id)
