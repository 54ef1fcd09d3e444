"""Check ``csi``: characteristics are distributed as in the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from monitoring_assets.checks.stability import ExpectStability
from resources.manifest import Manifest


class ExpectCharacteristicStabilityIndex(ExpectStability):
    """A characteristic's distribution is that of the reference (characteristic stability index)."""


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ExpectStability]:
    """One for each characteristic, with its own thresholds where it has them."""
    policy = manifest.thresholds
    for name in manifest.features.names:
        limits = policy.characteristics.get(name, policy.csi)
        yield ExpectCharacteristicStabilityIndex(
            characteristic=name,
            warn=limits.warn,
            fail=limits.fail,
            level=limits.level,
            smoothing=policy.smoothing,
            at_once=manifest.alerts.at_once,
        )
