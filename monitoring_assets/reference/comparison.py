"""A day's profile against the reference's, under the thresholds of the model's manifest."""

from typing import TYPE_CHECKING

from monitoring_assets.policy import additional_from, exceptions_from
from resources.manifest import ThresholdPolicy

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.drift import ColumnDrift
    from monitoring_assets.statistics.profiles.profile import Profile


def compare_with_reference(
    reference: "Profile", current: "Profile", policy: ThresholdPolicy
) -> "list[ColumnDrift]":
    """Drift of every column of ``current`` under a manifest's thresholds, in the model's order."""
    from monitoring_assets.statistics.drift.drift import compare
    from monitoring_assets.statistics.drift.stability import StabilityIndex
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.scorers.base import SCORE

    wanted = {name: reference.columns[name] for name in current.columns}
    return compare(
        Profile(reference.rows, wanted),
        current,
        score=SCORE,
        thresholds=policy.csi,
        overrides=exceptions_from(policy),
        index=StabilityIndex(policy.smoothing),
        additional=additional_from(policy),
    )
