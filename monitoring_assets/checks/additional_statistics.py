"""Check ``additional_statistics``: what the manifest asks for beside PSI and CSI shows no drift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from monitoring_assets.checks.stability import ExpectNoDrift
from monitoring_assets.checks.table_expectation import CharacteristicCounts
from monitoring_assets.statistics.drift.additional import ADDITIONAL
from resources.manifest import Manifest
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.statistic import Statistic


class ExpectNoDriftByStatistic(ExpectNoDrift):
    """The statistic ``named`` is under its thresholds."""

    named: str

    success_keys = ("characteristic", "named", "warn", "fail", "level")
    unmet = "{characteristic}: {statistic} {observed:.4g} ({details})"

    def statistic(self) -> Statistic:
        """The one of this name."""
        return ADDITIONAL[self.named]

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Say which statistic it is, too."""
        met, observed, details = super().judge(counts)
        return met, observed, {"statistic": ADDITIONAL[self.named].label, **details}


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ExpectNoDriftByStatistic]:
    """One for each statistic, and each characteristic and the score."""
    for name, limits in manifest.thresholds.additional.items():
        for characteristic in (*manifest.features.names, SCORE, *manifest.scoring.reason_columns):
            yield ExpectNoDriftByStatistic(
                characteristic=characteristic,
                named=name,
                warn=limits.warn,
                fail=limits.fail,
                level=limits.level,
            )
