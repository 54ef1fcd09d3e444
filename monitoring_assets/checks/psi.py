"""Check ``psi``: the score and its reasons are distributed as in the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from monitoring_assets.checks.csi import ExpectCharacteristicStabilityIndex
from monitoring_assets.checks.stability import ExpectStability, expect_stability
from resources.manifest import Manifest
from resources.scorers.base import SCORE


class ExpectPopulationStabilityIndex(ExpectStability):
    """The score's distribution is that of the reference (population stability index)."""


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ExpectStability]:
    """One for the score with its thresholds, and one for each reason as for a characteristic."""
    yield expect_stability(ExpectPopulationStabilityIndex, SCORE, manifest)
    for name in manifest.scoring.reason_columns:
        yield expect_stability(ExpectCharacteristicStabilityIndex, name, manifest)
