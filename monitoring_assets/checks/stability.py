"""What the checks ``psi`` and ``csi`` share: an index, its thresholds and its critical value."""

from __future__ import annotations

from typing import Any, Literal

from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)


class ExpectStability(ProfileExpectation):
    """The index is under ``warn``, or chance alone explains it at ``level``.

    ``smoothing`` is as in `monitoring_assets.statistics.drift.stability.stability_index`.
    """

    warn: float
    fail: float
    level: float
    smoothing: Literal["jeffreys"] | float

    success_keys = ("characteristic", "warn", "fail", "level", "smoothing")

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Compute the index of the counts and hold it against thresholds and critical value."""
        from monitoring_assets.statistics.drift.drift import judge_counts
        from monitoring_assets.statistics.drift.thresholds import Thresholds

        try:
            judged = judge_counts(
                counts.reference,
                counts.current,
                Thresholds(self.warn, self.fail, self.level),
                smoothing=self.smoothing,
            )
        except ValueError as error:
            raise NotComputableError(str(error)) from error
        return (
            judged.status in ("ok", "insufficient evidence"),
            judged.value,
            {"status": judged.status, "critical_value": judged.critical_value},
        )
