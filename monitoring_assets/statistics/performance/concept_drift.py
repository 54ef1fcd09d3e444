"""Concept drift: realised performance that departs from its estimate.

The estimate follows the scores wherever they move (covariate shift) but takes what a score stands
for as unchanged; where realised performance leaves it by more than chance, that has changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtr, ndtri

from monitoring_assets.statistics.drift.thresholds import Status
from monitoring_assets.statistics.performance.comparison import Difference
from monitoring_assets.statistics.performance.estimation import EstimatedMetric
from monitoring_assets.statistics.performance.intervals import Estimate


class Shift(StrEnum):
    """What has shifted since the reference."""

    NONE = "no shift"
    COVARIATE = "covariate shift"
    CONCEPT = "concept shift"
    BOTH = "covariate and concept shift"
    UNKNOWN = "not enough evidence"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What has shifted.

    Parameters
    ----------
    shift
        ``covariate shift``: scores moved, and performance followed as estimated. ``concept shift``:
        outcomes of the same scores changed.
    text
        Why, in words.
    """

    shift: Shift
    text: str


def gap(realised: Estimate, estimated: EstimatedMetric) -> Difference:
    """Test realised performance against what was estimated for the same rows.

    Both see the same scores, so the sampling of rows is in neither's favour: the standard error is
    that of outcomes given the scores and that of the calibration, and ``realised.standard_error``
    does not enter. Estimate from the counts of exactly the rows whose outcomes are known. KS is
    not fit for it, see ``EstimatedPerformance``.

    Parameters
    ----------
    realised
        A metric of the rows, from their outcomes.
    estimated
        The same metric of the same rows, without.

    Returns
    -------
    Difference
        Realised less estimated; ``reason`` also where the calibration has never been measured.
    """
    named = (("realised", realised), ("estimated", estimated))
    reason = "; ".join(f"{name}: {s.reason}" for name, s in named if s.value is None) or None
    if realised.value is None or estimated.value is None or estimated.outcome_error is None:
        return Difference(reason=reason)
    value = realised.value - estimated.value
    error = math.hypot(estimated.outcome_error, estimated.calibration_error or 0.0)
    if error == 0:
        return Difference(value, error, reason="no test: the outcomes are taken for certain")
    if estimated.calibration_error is None:
        reason = "the score is taken for calibrated: the reference has no outcomes"
    z = value / error
    return Difference(value, error, z, float(2 * ndtr(-abs(z))), reason)


def explain(scores: Status, gap: Difference, least: float, level: float = 1e-3) -> Explanation:
    """Tell covariate shift from concept shift.

    The gap is judged as the stability index is: it counts from ``least`` on if chance does not
    explain it. It is taken for none only if one of ``least`` would have shown.

    Parameters
    ----------
    scores
        Status of the score's PSI for the same rows.
    gap
        Realised less estimated performance; of AUC, say.
    least
        Smallest gap that matters, in units of the metric.
    level
        Probability of a false alarm of the gap.

    Raises
    ------
    ValueError
        ``least`` is not positive, or ``level`` is not in (0, 1).
    """
    if least <= 0:
        raise ValueError(f"least must be positive, not {least}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    moved = {Status.OK: False, Status.WARN: True, Status.FAIL: True}.get(scores)
    departs, outcomes = _judge(gap, least, level)
    told = f"{_SCORES[moved]}; {outcomes}"
    if departs is None or (moved is None and not departs):
        return Explanation(Shift.UNKNOWN, told)
    shifts = {
        (False, False): Shift.NONE,
        (True, False): Shift.COVARIATE,
        (False, True): Shift.CONCEPT,
        (True, True): Shift.BOTH,
    }
    return Explanation(shifts[bool(moved), departs], told)


_SCORES = {
    True: "the scores moved",
    False: "the scores did not move",
    None: "whether the scores moved is not known",
}


def _judge(gap: Difference, least: float, level: float) -> tuple[bool | None, str]:
    """Return whether realised performance departs from its estimate, None if unknown, and why."""
    if gap.value is None or gap.standard_error is None or gap.p_value is None:
        return None, f"realised and estimated performance cannot be compared ({gap.reason})"
    found = f"{gap.value:+.4f} (z = {gap.z:.1f})"
    if abs(gap.value) >= least:
        if gap.p_value <= level:
            return True, f"realised performance departs from its estimate by {found}"
        return None, f"realised less estimated performance is {found}, which chance explains"
    smallest = -ndtri(level / 2) * gap.standard_error
    if smallest > least:
        return None, f"only a gap of {smallest:.4f} would have shown, {least:g} matters"
    return False, f"realised performance follows its estimate: {found}"
