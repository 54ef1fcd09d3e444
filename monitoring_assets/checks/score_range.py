"""Expectation about the score: every row has one, within the range that the manifest allows."""

from __future__ import annotations

from typing import Any

from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)


class ExpectScoreToBeInRange(ProfileExpectation):
    """Every row has a score, and it lies within ``[lowest, highest]``."""

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
