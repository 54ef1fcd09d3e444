"""Check ``csi``: characteristics are distributed as in the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from monitoring_assets.checks.stability import ExpectStability, expect_stability
from resources.manifest import Manifest


class ExpectCharacteristicStabilityIndex(ExpectStability):
    """A characteristic's distribution is that of the reference (characteristic stability index)."""


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ExpectStability]:
    """One for each characteristic, with its own thresholds where it has them."""
    for name in manifest.features.names:
        yield expect_stability(ExpectCharacteristicStabilityIndex, name, manifest)
