"""Check ``estimated_performance``: the model still ranks as it did, by its own scores."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from monitoring_assets.checks.performance import performance_expectations
from monitoring_assets.checks.table_expectation import RowExpectation
from monitoring_assets.statistics.performance.report import PerformanceKind
from resources.manifest import Manifest


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[RowExpectation]:
    """Those of the rows that are estimated, with the thresholds of performance."""
    return performance_expectations(
        table, PerformanceKind.ESTIMATED, manifest.thresholds.performance
    )
