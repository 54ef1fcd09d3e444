"""Check ``unmatched_outcomes``: the keys in the outcome files are those that the day scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from monitoring_assets.checks.performance import UNMATCHED
from monitoring_assets.checks.table_expectation import NotComputableError, RowExpectation
from monitoring_assets.statistics.drift.thresholds import Status
from monitoring_assets.statistics.performance.report import PerformanceStatus
from resources.manifest import Manifest


class ExpectOutcomesToMatch(RowExpectation):
    """Hardly any key in the outcome files is unknown to the scores."""

    table = "performance table"
    unmet = "{characteristic}: {text}; allowed: {limit:.0%}"

    limit: float

    success_keys = ("characteristic", "limit")

    def judge(self, row: Mapping[str, Any]) -> tuple[Status, float, dict[str, Any]]:
        """Hold the share against the limit; without outcomes there is nothing to match."""
        share, details = row["value"], {"text": row["reason"] or "", "limit": self.limit}
        if share is None:
            if row["status"] == PerformanceStatus.NOT_COMPUTED:
                raise NotComputableError(row["reason"])
            return Status.OK, 0.0, details
        return Status.FAIL if share > self.limit else Status.OK, float(share), details


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[RowExpectation]:
    """One for each horizon that is due."""
    limit = manifest.outcome.max_unmatched if manifest.outcome else 1.0
    for subject in table.loc[table["metric"] == UNMATCHED, "subject"]:
        yield ExpectOutcomesToMatch(characteristic=subject, limit=limit)
