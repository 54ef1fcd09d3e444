"""What checks of drift share: a statistic of counts, its thresholds and its critical value."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from monitoring_assets.checks.table_expectation import (
    CharacteristicCounts,
    NotComputableError,
    ProfileExpectation,
)
from monitoring_assets.policy import exceptions_from

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.statistic import Statistic
    from resources.manifest import Manifest


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

    It is not met, either, where chance explains the day but the last days together fail.
    ``smoothing`` and ``at_once`` are those of `monitoring_assets.statistics.drift.last_days`.
    """

    smoothing: Literal["jeffreys"] | float
    at_once: float

    success_keys = ("characteristic", "warn", "fail", "level", "smoothing", "at_once")
    unmet = (
        "{characteristic}: {observed:.4g} on {rows:,} rows ({status}, critical value "
        "{critical_value:.4g}); {week}"
    )

    def statistic(self) -> Statistic:
        """The index, with its smoothing."""
        from monitoring_assets.statistics.drift.stability import StabilityIndex

        return StabilityIndex(self.smoothing)

    def judge(self, counts: CharacteristicCounts) -> tuple[bool, float, dict[str, Any]]:
        """Judge the day, and the last days together where its rows are too few to say."""
        from monitoring_assets.statistics.drift.last_days import last_days
        from monitoring_assets.statistics.drift.thresholds import Thresholds

        met, observed, details = super().judge(counts)
        week = last_days(
            counts.reference,
            counts.current,
            counts.earlier,
            Thresholds(self.warn, self.fail, self.level),
            self.smoothing,
            self.at_once,
        )
        more = {"rows": int(counts.current.sum()), "week": str(week), "week_value": week.value}
        return met and not week.decides(details["status"]), observed, details | more


def expect_stability(
    kind: type[ExpectStability], column: str, manifest: Manifest
) -> ExpectStability:
    """The expectation of a column, with the thresholds that the manifest gives it."""
    policy = manifest.thresholds
    limits = exceptions_from(policy).get(column, policy.csi)
    return kind(
        characteristic=column,
        warn=limits.warn,
        fail=limits.fail,
        level=limits.level,
        smoothing=policy.smoothing,
        at_once=manifest.alerts.at_once,
    )
