"""Check ``score_range``: every row has one, within the range that the manifest allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from monitoring_assets.checks.profile_table import SCORE_RANGE
from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)
from resources.manifest import Manifest


class ExpectScoreToBeInRange(ProfileExpectation):
    """Every row has a score, and it lies within ``[lowest, highest]``."""

    unmet = (
        "{observed:.0f} rows without a score in {range}: "
        "{below} below, {above} above, {missing} missing"
    )
    tally = True

    lowest: float
    highest: float

    success_keys = ("characteristic", "lowest", "highest")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Count the rows by where their score lies."""
        rows = {slot: counts.rows_in(slot) for slot in ("below", "above", "missing")}
        if not counts.current.sum():
            raise NotComputableError("there are no scores")
        wrong = sum(rows.values())
        return wrong == 0, wrong, {**rows, "range": [self.lowest, self.highest]}


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ProfileExpectation]:
    """One, with the range of the manifest's ``scoring``."""
    lowest, highest = manifest.scoring.range
    yield ExpectScoreToBeInRange(characteristic=SCORE_RANGE, lowest=lowest, highest=highest)
