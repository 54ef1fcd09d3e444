"""What checks of drift share: a statistic of counts, its thresholds and its critical value."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.statistic import Statistic


class ExpectNoDrift(ProfileExpectation):
    """A statistic is under ``warn``, or chance alone explains it at ``level``."""

    warn: float
    fail: float
    level: float

    @abstractmethod
    def statistic(self) -> Statistic:
        """What is computed of the counts."""

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Compute the statistic and hold it against thresholds and critical value."""
        from monitoring_assets.statistics.drift.drift import judge_counts
        from monitoring_assets.statistics.drift.thresholds import Status, Thresholds

        limits = Thresholds(self.warn, self.fail, self.level)
        try:
            judged = judge_counts(counts.reference, counts.current, limits, self.statistic())
        except ValueError as error:
            raise NotComputableError(str(error)) from error
        return (
            judged.status in (Status.OK, Status.INSUFFICIENT),
            judged.value,
            {"status": str(judged.status), "critical_value": judged.critical_value},
        )


class ExpectStability(ExpectNoDrift):
    """The stability index is under ``warn``, or chance alone explains it at ``level``.

    ``smoothing`` is as in `monitoring_assets.statistics.drift.stability.stability_index`.
    """

    smoothing: Literal["jeffreys"] | float

    success_keys = ("characteristic", "warn", "fail", "level", "smoothing")

    def statistic(self) -> Statistic:
        """The index, with its smoothing."""
        from monitoring_assets.statistics.drift.stability import StabilityIndex

        return StabilityIndex(self.smoothing)
