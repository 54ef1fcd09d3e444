"""Backfills in this process: the days of a range as one run, or one run a day.

A deployment's own backfills are launched from the Dagster UI or `dagster job backfill`; these are
for a machine without a daemon, and for a history that one process should work through.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import dagster as dg

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.failures import (
    failed_partitions,
    failure_in_words,
    stopped_partitions,
)
from monitoring_assets.runs.own_process import process_tags
from monitoring_assets.runs.tags import BACKFILL, range_tags
from resources.asset_keys import asset_key

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class BackfillOutcome:
    """Days whose report was made, and why the others' was not."""

    done: set[ModelDay] = field(default_factory=set)
    failed: dict[ModelDay, str] = field(default_factory=dict)


def backfill(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    key: str,
    days: Sequence[dt.date],
    *,
    single_run: bool = True,
    assets: Sequence[dg.AssetKey] | None = None,
    progress: Callable[[BackfillOutcome], None] | None = None,
) -> BackfillOutcome:
    """Materialise days of a model version.

    Days that follow one another become one run. When some of them fail, or a blocking check stops
    them, Dagster stops that run; the other days then go on in runs of their own.

    Parameters
    ----------
    job
        ``monitor_day``.
    instance
        Records the runs.
    key
        The version's partition key.
    days
        Days to materialise, in any order.
    single_run
        Whether a run takes a whole range; otherwise a run a day.
    assets
        Those of the job to materialise, the report among them; None for all.
    progress
        Called after each run with the outcome so far.

    Returns
    -------
    The outcome of every day.
    """
    outcome = BackfillOutcome()
    waiting = [
        chunk
        for run in consecutive(sorted(days))
        for chunk in ([run] if single_run else [[day] for day in run])
    ]
    last_asset = asset_key("drift_report")
    while waiting:
        chunk = [ModelDay(day, key) for day in waiting.pop(0)]
        result = job.execute_in_process(
            instance=instance,
            run_config=QUIET,
            tags=process_tags()
            | (range_tags(chunk[0], chunk[-1]) if len(chunk) > 1 else {BACKFILL: "true"}),
            partition_key=None if len(chunk) > 1 else chunk[0].partition,
            asset_selection=assets,
            raise_on_error=False,
        )
        made = {
            event.partition
            for event in result.all_events
            if event.is_step_materialization and event.asset_key == last_asset
        }
        outcome.done |= {day for day in chunk if day.partition in made}
        if not result.success:
            events = result.all_events
            reasons = stopped_partitions(events) | failed_partitions(events)
            failed = {day: reasons[day.partition] for day in chunk if day.partition in reasons}
            rest = [day.day for day in chunk if day not in failed and day not in outcome.done]
            if not failed:  # no day is to blame: going on would fail in the same way
                failed = {ModelDay(day, key): failure_in_words(events) for day in rest}
                rest = []
            outcome.failed |= failed
            waiting = [*consecutive(rest), *waiting]
        if progress is not None:
            progress(outcome)
    return outcome


def consecutive(days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
    """Split ascending days into runs without a gap."""
    run: list[dt.date] = []
    for day in days:
        if run and day - run[-1] > dt.timedelta(days=1):
            yield run
            run = []
        run.append(day)
    if run:
        yield run
