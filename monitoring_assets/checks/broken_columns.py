"""Check ``broken_columns``: what no population does to a characteristic, but a broken feed does.

A constant, another unit, an offset or another spelling moves nearly all rows into one bin, or makes
a category vanish while unseen ones come. The counts show it, whatever became of the score.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)
from resources.manifest import Manifest

# Rows that chance alone hardly ever loses: 30 expected, at most a fifth of them there, has a
# probability under 1e-6; 20 expected and none there 2e-9.
EXPECTED_REST = 30
LEFT_OF_REST = 0.2
EXPECTED_OF_CATEGORY = 20
NO_VALUES = ("missing", "infinite")
NEW_VALUES = ("rare", "unseen", "new")


class ExpectValuesToBeSpread(ProfileExpectation):
    """No single bin holds nearly all values, unless it does in the reference.

    It may hold the share ``limit``, or leave a fifth of what the reference has elsewhere.
    """

    unmet = (
        "{characteristic}: {observed:.1%} of the values in {bin}, where the reference has "
        "{reference:.1%}: constant, of another unit or offset, or spelled otherwise"
    )

    limit: float

    success_keys = ("characteristic", "limit")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Compare the fullest bin of the day with the same bin of the reference."""
        values = ~np.isin(counts.slots, NO_VALUES)
        current, reference = counts.current[values], counts.reference[values]
        rows, reference_rows = int(current.sum()), int(reference.sum())
        if not rows or not reference_rows:
            return True, 0.0, {"limit": self.limit}  # the check of missing values has it
        fullest = int(current.argmax())
        share = float(current[fullest] / rows)
        before = float(reference[fullest] / reference_rows)
        rest = 1 - before
        broken = (
            share > self.limit and rest * rows >= EXPECTED_REST and 1 - share <= LEFT_OF_REST * rest
        )
        name = str(counts.bins[values][fullest])
        return not broken, share, {"bin": name, "reference": before, "limit": self.limit}


class ExpectCategoriesToKeepTheirSpelling(ProfileExpectation):
    """No category vanishes while values that are rare or unseen in the reference take its place."""

    unmet = (
        "{characteristic}: {gone} gone ({reference:.1%} of the reference), {observed:.1%} more of "
        "the values rare or unseen: spelled otherwise"
    )

    limit: float

    success_keys = ("characteristic", "limit")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Compare the share of vanished categories with that of new values, beyond the usual."""
        rows, reference_rows = int(counts.current.sum()), int(counts.reference.sum())
        if not reference_rows:
            raise NotComputableError("the reference has no rows")
        shares = counts.reference / reference_rows
        gone = (
            (counts.slots == "category")
            & (counts.current == 0)
            & (shares * rows >= EXPECTED_OF_CATEGORY)
        )
        lost = float(shares[gone].sum())
        new = np.isin(counts.slots, NEW_VALUES)
        came = float(counts.current[new].sum() / max(rows, 1) - shares[new].sum())
        broken = lost > self.limit and 2 * came >= lost
        return (
            not broken,
            came,
            {"gone": ", ".join(map(str, counts.bins[gone])), "reference": lost},
        )


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ProfileExpectation]:
    """Two for each characteristic."""
    limits = manifest.checks
    for name in manifest.features.names:
        yield ExpectValuesToBeSpread(characteristic=name, limit=limits.max_in_one_bin)
        yield ExpectCategoriesToKeepTheirSpelling(characteristic=name, limit=limits.max_respelled)
