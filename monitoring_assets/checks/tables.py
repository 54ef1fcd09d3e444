"""The table of each asset that its checks judge: made once for all of them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from monitoring_assets.checks.performance import performance_table
from monitoring_assets.checks.profile_table import KEY, SCORE_RANGE, profile_table
from monitoring_assets.checks.segments import segment_table
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.drift.segment_report import SegmentReport
from monitoring_assets.statistics.performance.report import PerformanceReport
from monitoring_assets.statistics.profiles.profile import Profile
from resources.manifest import Manifest
from resources.scorers.base import SCORE
from resources.store import Store


def _features(store: Store, day: ModelDay, manifest: Manifest) -> pd.DataFrame:
    reference = read_reference(store, day.key)
    table, notes = store.read_table("features_profile", day.key, day.day)
    return profile_table(
        reference,
        Profile.from_table(table),
        expected_types={column.name: column.type for column in manifest.features.columns},
        found_types=notes["types"],
        tallies={KEY: notes["key"]},
    )


def _scores(store: Store, day: ModelDay, manifest: Manifest) -> pd.DataFrame:
    reference = read_reference(store, day.key)
    table, notes = store.read_table("scores_profile", day.key, day.day)
    current = Profile.from_table(table)
    if not manifest.thresholds.additional:  # the others are judged with the features
        current = Profile(current.rows, {SCORE: current.columns[SCORE]})
    return profile_table(
        reference,
        current,
        expected_types={},
        found_types={},
        tallies={SCORE_RANGE: notes["range"]},
    )


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
