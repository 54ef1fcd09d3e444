"""Policy: the numbers of a manifest as the statistics take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.statistic import Statistic
    from monitoring_assets.statistics.drift.thresholds import Thresholds
    from resources.manifest import ThresholdPolicy


def exceptions_from(policy: ThresholdPolicy) -> dict[str, Thresholds]:
    """The thresholds of columns that have others than those of every characteristic."""
    from resources.scorers.base import SCORE

    return {**policy.characteristics, SCORE: policy.psi}


def additional_from(policy: ThresholdPolicy) -> dict[Statistic, Thresholds]:
    """The statistics that are computed beside PSI and CSI, with their thresholds."""
    from monitoring_assets.statistics.drift.additional import ADDITIONAL

    return {ADDITIONAL[name]: limits for name, limits in policy.additional.items()}
