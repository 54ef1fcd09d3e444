"""Policy: the numbers of a manifest as the statistics take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.thresholds import Thresholds
    from resources.manifest import ThresholdPolicy


def exceptions_from(policy: ThresholdPolicy) -> dict[str, Thresholds]:
    """The thresholds of columns that have others than those of every characteristic."""
    from resources.scorers.base import SCORE

    return {**policy.characteristics, SCORE: policy.psi}
