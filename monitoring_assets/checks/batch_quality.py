"""Check ``batch_quality``: a batch's size, types, missing and infinite values, and its key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from monitoring_assets.checks.profile_table import KEY
from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)
from resources.arrow_types import same_family
from resources.manifest import Manifest


class ExpectRowCountToBeAtLeast(ProfileExpectation):
    """The batch has at least ``min_rows`` rows, whatever their key."""

    unmet = "{observed:.0f} rows; at least {limit} are wanted"
    tally = True

    min_rows: int

    success_keys = ("characteristic", "min_rows")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Count the rows by their keys."""
        rows = int(counts.current.sum())
        return rows >= self.min_rows, rows, {"limit": self.min_rows}


class ExpectKeyToBeUnique(ProfileExpectation):
    """No key is missing and none comes twice."""

    unmet = "key: {repeated} repeated, {missing} missing"
    tally = True

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

    unmet = "{characteristic} holds {found}; {expected} is expected"

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

    unmet = (
        "{characteristic}: {observed:.1%} missing; the limit is {limit:.1%}, "
        "the reference has {reference:.1%}"
    )

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

    unmet = "{characteristic}: {observed:.0f} infinite values"

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Count infinite values; a column that is no number has none."""
        infinite = counts.rows_in("infinite")
        return infinite == 0, infinite, {}


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ProfileExpectation]:
    """What the manifest's ``checks`` ask of the batch, then of each characteristic."""
    limits = manifest.checks
    yield ExpectRowCountToBeAtLeast(characteristic=KEY, min_rows=limits.min_rows)
    yield ExpectKeyToBeUnique(characteristic=KEY)
    for name in manifest.features.names:
        yield ExpectArrowTypeToMatch(characteristic=name)
        yield ExpectMissingShareToBeAtMost(
            characteristic=name,
            limit=limits.max_missing.get(name),
            increase=limits.max_missing_increase,
        )
        yield ExpectNoInfiniteValues(characteristic=name)
