"""Check ``psi``: the score is distributed as in the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from monitoring_assets.checks.stability import ExpectStability
from resources.manifest import Manifest
from resources.scorers.base import SCORE


class ExpectPopulationStabilityIndex(ExpectStability):
    """The score's distribution is that of the reference (population stability index)."""


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[ExpectStability]:
    """One, with the thresholds of the score."""
    policy = manifest.thresholds
    limits = policy.psi
    yield ExpectPopulationStabilityIndex(
        characteristic=SCORE,
        warn=limits.warn,
        fail=limits.fail,
        level=limits.level,
        smoothing=policy.smoothing,
        at_once=manifest.alerts.at_once,
    )
