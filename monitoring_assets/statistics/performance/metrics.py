"""Performance by metric: what is realised and what is estimated, under the same names."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from monitoring_assets.statistics.performance.intervals import Estimate, normal

if TYPE_CHECKING:
    from monitoring_assets.statistics.performance.estimation import (
        EstimatedMetric,
        EstimatedPerformance,
    )
    from monitoring_assets.statistics.performance.realised import Realised


def realised_metrics(performance: Realised) -> dict[str, Estimate]:
    """Every metric of realised performance, by name; at cut-offs as ``precision at 0.2``."""
    ranks, losses, fit = (
        performance.discrimination,
        performance.proper_scores,
        performance.calibration,
    )
    parts = {} if losses.decomposition is None else asdict(losses.decomposition)
    return {
        "auc": ranks.auc,
        "gini": ranks.gini,
        "ks": ranks.ks,
        "brier": losses.brier,
        "brier_excess": losses.brier_excess,
        "log_loss": losses.log_loss,
        "bad_rate": performance.bad_rate,
        "observed_to_expected": fit.observed_to_expected,
        "expected_calibration_error": fit.expected_calibration_error,
        "intercept": fit.recalibration.intercept,
        "slope": fit.recalibration.slope,
        "in_the_large": fit.recalibration.in_the_large,
        **{f"brier_{name}": Estimate(value) for name, value in parts.items()},
        **{f"precision at {one.score:g}": one.precision for one in performance.cut_offs},
        **{f"recall at {one.score:g}": one.recall for one in performance.cut_offs},
    }


def estimated_metrics(performance: EstimatedPerformance) -> dict[str, EstimatedMetric]:
    """Every metric of estimated performance, by the name of the realised one."""
    names = ("auc", "gini", "ks", "brier", "log_loss", "bad_rate")
    return {
        **{name: getattr(performance, name) for name in names},
        **{f"precision at {one.score:g}": one.precision for one in performance.cut_offs},
        **{f"recall at {one.score:g}": one.recall for one in performance.cut_offs},
    }


def as_estimate(metric: EstimatedMetric) -> Estimate:
    """An estimated metric with its 95 % interval (normal), as one of the day's population."""
    if metric.value is None or metric.standard_error is None:
        return Estimate(metric.value, reason=metric.reason)
    return normal(metric.value, metric.standard_error)
