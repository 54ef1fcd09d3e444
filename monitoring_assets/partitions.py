"""Partitions: one for each (date, model version), and one for each model version.

Dagster writes the two-dimensional key as ``date|model``. A version's key is in `Manifest.key`.
"""

import datetime as dt
import os
from dataclasses import dataclass

import dagster as dg

from resources.manifest import Manifest

MODEL_DIMENSION = "model"


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

    @property
    def partition_key(self) -> dg.MultiPartitionKey:
        """The same as a run is requested with."""
        return dg.MultiPartitionKey({"date": self.day.isoformat(), MODEL_DIMENSION: self.key})

    @classmethod
    def parse(cls, partition: str) -> "ModelDay":
        """Read a partition's key; the model's key itself never has a ``|``."""
        day, key = partition.split("|", 1)
        return cls(dt.date.fromisoformat(day), key)


def last_whole_day() -> dt.date:
    """Yesterday: the last day that has a partition."""
    return _today() - dt.timedelta(days=1)


def monitored_days(manifest: Manifest, first: dt.date, last: dt.date) -> list[dt.date]:
    """Days from ``first`` to ``last`` that a version is in production and Dagster has keys for."""
    start = max(first, first_date(_today()))
    length = (min(last, last_whole_day()) - start).days + 1
    days = [start + dt.timedelta(days=number) for number in range(length)]
    return [day for day in days if manifest.is_monitored(day)]
