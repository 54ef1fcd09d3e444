"""Partitions: one for each (date, model version), and one for each model version.

Dagster writes the two-dimensional key as ``date|model``. A version's key is in `Manifest.key`.
"""

import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
)

from resources.errors import InputError
from resources.faults import record_faults, run_of
from resources.lake import NotArrivedError
from resources.manifest import Manifest
from resources.store import Store

MODEL_DIMENSION = "model"
PROGRESS_SECONDS = 10.0
# Metadata of a failed step: why, by partition.
FAILED_PARTITIONS = "failed_partitions"
# Whether nothing was wrong but files that have not arrived: a scheduler may try again.
MAY_STILL_ARRIVE = "may_still_arrive"
# Tag of a run of ours that is part of a backfill in which Dagster does not see one.
BACKFILL = "monitoring/backfill"


def first_date(today: dt.date) -> dt.date:
    """First day of the date dimension, as it is ``today``.

    The Dagster UI holds well to about 100,000 keys (days x versions), so the default is a rolling
    horizon of a year or so; the store keeps every day ever computed, whatever this says.
    """
    chosen = os.environ.get("MONITORING_START_DATE")
    if chosen:
        return dt.date.fromisoformat(chosen)
    return today.replace(year=today.year - 1, day=1)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


MODEL_VERSIONS = dg.DynamicPartitionsDefinition(name=MODEL_DIMENSION)
DATES = dg.DailyPartitionsDefinition(start_date=first_date(_today()).isoformat())
MODEL_DAYS = dg.MultiPartitionsDefinition({"date": DATES, MODEL_DIMENSION: MODEL_VERSIONS})


@dataclass(frozen=True, order=True)
class ModelDay:
    """A day of a model version."""

    day: dt.date
    key: str

    @property
    def partition(self) -> str:
        """The partition's key in Dagster."""
        return f"{self.day.isoformat()}|{self.key}"

    @classmethod
    def parse(cls, partition: str) -> "ModelDay":
        """Read a partition's key; the model's key itself never has a ``|``."""
        day, key = partition.split("|", 1)
        return cls(dt.date.fromisoformat(day), key)


def is_backfill(tags: Mapping[str, str]) -> bool:
    """Whether a run's tags say that somebody makes up for days, as opposed to a day's own run."""
    return not tags.keys().isdisjoint({BACKFILL, BACKFILL_ID_TAG, ASSET_PARTITION_RANGE_START_TAG})


def range_tags(first: ModelDay, last: ModelDay) -> dict[str, str]:
    """Tags of one run over the days of a version from one to another."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.partition,
        ASSET_PARTITION_RANGE_END_TAG: last.partition,
    }


def last_whole_day() -> dt.date:
    """Yesterday: the last day that has a partition."""
    return _today() - dt.timedelta(days=1)


def monitored_days(manifest: Manifest, first: dt.date, last: dt.date) -> list[dt.date]:
    """Days from ``first`` to ``last`` that a version is in production and Dagster has keys for."""
    start = max(first, first_date(_today()))
    length = (min(last, last_whole_day()) - start).days + 1
    days = [start + dt.timedelta(days=number) for number in range(length)]
    return [day for day in days if manifest.is_monitored(day)]


def materialise_each(
    context: dg.AssetExecutionContext,
    store: Store,
    compute: Callable[[ModelDay], Mapping[str, Any]],
) -> dg.MaterializeResult:
    """Compute every partition of the run: one, or each of a range.

    A day that fails does not keep the other days of a range from being computed; the step then
    fails at its end and says which days are missing and why.

    Parameters
    ----------
    context
        The asset's context.
    store
        Where what an earlier run of this asset alone left as a day's fault is taken back.
    compute
        Writes one partition to the store and returns its metadata.

    Raises
    ------
    dagster.Failure
        If any day failed for an `InputError`, or several days were asked for and one failed.
    """
    days = [ModelDay.parse(partition) for partition in context.partition_keys]
    asset = context.asset_key.to_user_string()
    done: dict[ModelDay, Mapping[str, Any]] = {}
    failed: dict[ModelDay, Exception] = {}
    next_word = time.monotonic() + PROGRESS_SECONDS
    for number, day in enumerate(days, 1):
        try:
            done[day] = compute(day)
            record_faults(store.storage, day.key, day.day, run_of(asset), [])
        except Exception as error:
            if len(days) == 1 and not isinstance(error, InputError):
                raise  # with its own stack trace, and the run's retries
            failed[day] = error
            if isinstance(error, InputError):
                context.log.error(f"{day.partition}: {error}")
            else:
                context.log.exception(f"{day.partition} failed")
        if time.monotonic() > next_word:
            context.log.info(f"{number} of {len(days)} days, the last one {day.partition}")
            next_word = time.monotonic() + PROGRESS_SECONDS
    if not failed:
        for day, metadata in done.items():
            context.add_asset_metadata(metadata, partition_key=day.partition)
        return dg.MaterializeResult()
    for day, metadata in done.items():
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=day.partition, metadata=metadata)
        )
    reasons = {day.partition: _in_words(error) for day, error in failed.items()}
    raise dg.Failure(
        description="\n".join(f"{partition}: {why}" for partition, why in reasons.items()),
        metadata={
            FAILED_PARTITIONS: reasons,
            MAY_STILL_ARRIVE: all(isinstance(e, NotArrivedError) for e in failed.values()),
        },
        # A missing or wrong file does not mend itself within a run's retries.
        allow_retries=not all(isinstance(error, InputError) for error in failed.values()),
    )


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
