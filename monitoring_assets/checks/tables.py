"""The table of each asset that its checks judge: made once for all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring_assets.checks.performance import performance_table
from monitoring_assets.checks.profile_table import EARLIER, KEY, SCORE_RANGE, profile_table
from monitoring_assets.checks.segments import segment_table
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.drift.segment_report import SegmentReport
from monitoring_assets.statistics.performance.report import PerformanceReport
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile
from resources.layout import Dataset
from resources.manifest import Manifest
from resources.scorers.base import SCORE
from resources.store import Store


def _features(store: Store, day: ModelDay, manifest: Manifest) -> pd.DataFrame:
    reference = read_reference(store, day.key)
    table, notes = store.read_table("features_profile", day.key, day.day)
    current = Profile.from_table(table)
    return profile_table(
        reference,
        current,
        expected_types={column.name: column.type for column in manifest.features.columns},
        found_types=notes["types"],
        tallies={KEY: notes["key"]},
        earlier=_earlier(store, "features_profile", day, reference, [*current.columns]),
    )


def _scores(store: Store, day: ModelDay, manifest: Manifest) -> pd.DataFrame:
    reference = read_reference(store, day.key)
    table, notes = store.read_table("scores_profile", day.key, day.day)
    current = Profile.from_table(table)
    judged = [SCORE, *manifest.scoring.reason_columns]
    if not manifest.thresholds.additional:  # the others are judged with the features
        current = Profile(current.rows, {name: current.columns[name] for name in judged})
    return profile_table(
        reference,
        current,
        expected_types={},
        found_types={},
        tallies={SCORE_RANGE: notes["range"]},
        earlier=_earlier(store, "scores_profile", day, reference, judged),
    )


def _earlier(
    store: Store, dataset: Dataset, day: ModelDay, reference: Profile, wanted: list[str]
) -> dict[str, NDArray[np.int64]]:
    """Rows by bin of the days before, from their profiles; zeros without any in the same bins.

    Not from their drift reports: in a run of many days none is made before the checks.
    """
    names = pa.array(wanted, pa.string())

    def read(number: int) -> dict[str, ColumnProfile]:
        table = store.find_table(dataset, day.key, day.day - dt.timedelta(days=number))
        if table is None:
            return {}
        return Profile.from_table(table.filter(pc.is_in(table["column"], names))).columns

    def counts(columns: dict[str, ColumnProfile], name: str) -> NDArray[np.int64]:
        found, of = columns.get(name), reference.columns[name]
        if found is None or found.bins != of.bins:
            return np.zeros_like(of.counts)
        return found.counts

    with ThreadPoolExecutor(len(EARLIER)) as readers:
        days = list(readers.map(read, range(1, len(EARLIER) + 1)))
    return {name: np.stack([counts(columns, name) for columns in days]) for name in wanted}


def _segments(store: Store, day: ModelDay, manifest: Manifest) -> pd.DataFrame:
    table, _ = store.read_table("segment_report", day.key, day.day)
    return segment_table(SegmentReport.from_table(table))


def _performance(store: Store, day: ModelDay, manifest: Manifest) -> pd.DataFrame:
    table, _ = store.read_table("performance_report", day.key, day.day)
    return performance_table(PerformanceReport.from_table(table))


TABLES: dict[str, Callable[[Store, ModelDay, Manifest], pd.DataFrame]] = {
    "features": _features,
    "scores": _scores,
    "segment_report": _segments,
    "performance_report": _performance,
}
"""By the asset's name."""
