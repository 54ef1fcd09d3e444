"""Policy: the numbers of a manifest as the statistics take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.manifest import IndexThresholds, Manifest, ThresholdPolicy

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.policy import Policy
    from monitoring_assets.statistics.drift.drift import Thresholds


def exceptions_from(policy: ThresholdPolicy) -> dict[str, Thresholds]:
    """The thresholds of columns that have others than those of every characteristic."""
    from resources.scorers.base import SCORE

    single = {name: thresholds_from(limits) for name, limits in policy.characteristics.items()}
    return single | {SCORE: thresholds_from(policy.psi)}


def thresholds_from(limits: IndexThresholds) -> Thresholds:
    """A manifest's thresholds as the statistics take them."""
    from monitoring_assets.statistics.drift.drift import Thresholds

    return Thresholds(limits.warn, limits.fail, limits.level)


def policy_of(manifest: Manifest) -> Policy:
    """A manifest's alert policy as the statistics take it."""
    from monitoring_assets.statistics.alerts.policy import Mute, Policy

    alerts = manifest.alerts
    return Policy(
        open_days=alerts.open.days,
        open_of=alerts.open.of,
        resolve=alerts.resolve,
        at_once=alerts.at_once,
        pool_days=alerts.pool_days,
        false_discovery_rate=alerts.false_discovery_rate,
        dependence=alerts.dependence,
        min_score_shift=alerts.min_score_shift,
        first_days=alerts.first_days,
        max_age_days=alerts.max_age_days,
        mute=tuple(
            Mute(mute.first, mute.last, mute.why, tuple(mute.families)) for mute in alerts.mute
        ),
        smoothing=manifest.thresholds.smoothing,
    )
