"""Expectations about a day's batch: its size, types, missing and infinite values, and its key."""

from __future__ import annotations

from typing import Any

from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)
from resources.arrow_types import same_family


class ExpectRowCountToBeAtLeast(ProfileExpectation):
    """The batch has at least ``min_rows`` rows, whatever their key."""

    min_rows: int

    success_keys = ("characteristic", "min_rows")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Count the rows by their keys."""
        rows = int(counts.current.sum())
        return rows >= self.min_rows, rows, {"limit": self.min_rows}


class ExpectKeyToBeUnique(ProfileExpectation):
    """No key is missing and none comes twice."""

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Count the rows whose key is missing or was there before."""
        repeated, missing = counts.rows_in("repeated"), counts.rows_in("missing")
        return (
            repeated + missing == 0,
            repeated + missing,
            {
                "repeated": repeated,
                "missing": missing,
            },
        )


class ExpectArrowTypeToMatch(ProfileExpectation):
    """The characteristic holds the kind of value that the manifest or the reference says."""

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Compare the types of the files; values are not looked at."""
        matches = same_family(counts.expected_type, counts.found_type)
        return (
            matches,
            float(not matches),
            {
                "expected": counts.expected_type,
                "found": counts.found_type,
            },
        )


class ExpectMissingShareToBeAtMost(ProfileExpectation):
    """Not much more of the characteristic is missing than in the reference.

    ``limit`` is the largest share; None for the reference's share plus ``increase``.
    """

    limit: float | None
    increase: float

    success_keys = ("characteristic", "limit", "increase")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Compare the share of null and NaN values."""
        rows, reference_rows = int(counts.current.sum()), int(counts.reference.sum())
        if not rows:
            raise NotComputableError("the batch has no rows")
        missing = counts.slots == "missing"
        before = float(counts.reference[missing].sum() / max(reference_rows, 1))
        share = float(counts.current[missing].sum() / rows)
        limit = self.limit if self.limit is not None else min(before + self.increase, 1.0)
        # A column that has vanished into nulls is one whatever the limit.
        vanished = share == 1.0 and before < 1.0
        return share <= limit and not vanished, share, {"limit": limit, "reference": before}


class ExpectNoInfiniteValues(ProfileExpectation):
    """No value of the characteristic is infinite."""

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Count infinite values; a column that is no number has none."""
        infinite = counts.rows_in("infinite")
        return infinite == 0, infinite, {}
