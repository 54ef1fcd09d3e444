"""Figures of a segment beside its indices: share of rows, mean score, estimated performance."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_assets.statistics.drift.segment_report import SegmentFigure
from monitoring_assets.statistics.drift.segments import MIN_ROWS, Segment
from monitoring_assets.statistics.performance.calibration_map import CalibrationMap
from monitoring_assets.statistics.performance.estimation import estimate
from monitoring_assets.statistics.profiles.profile import Profile


def segment_figures(
    reference: Mapping[Segment, Profile],
    current: Mapping[Segment, Profile],
    *,
    score: str,
    grid: str,
    calibrations: Mapping[Segment, CalibrationMap],
) -> list[SegmentFigure]:
    """Return the figures of each segment that has rows, then and now.

    Parameters
    ----------
    reference, current
        Profiles by segment, counted in the same bins.
    score, grid
        Columns that the score is counted under, in its bands and in the grid to estimate from.
    calibrations
        What a score stands for in each; of one that has none nothing is estimated.
    """
    totals = {
        column: [
            sum(side[segment].rows for segment in side if segment.column == column)
            for side in (reference, current)
        ]
        for column in {segment.column for segment in current}
    }
    found = []
    for segment, after in current.items():
        sides = (reference[segment], after)
        rows = [side.rows for side in sides]
        if not any(rows):
            continue
        shares = [
            part / whole if whole else None
            for part, whole in zip(rows, totals[segment.column], strict=True)
        ]
        figures = {"share of rows": shares}
        if score in after.columns:
            figures["mean score"] = [side.columns[score].mean_score for side in sides]
        calibration = calibrations.get(segment)
        if calibration is not None and min(rows) >= MIN_ROWS:
            estimated = [estimate(calibration, side.columns[grid]) for side in sides]
            figures["estimated AUC"] = [one.auc.value for one in estimated]
            figures["estimated bad rate"] = [one.bad_rate.value for one in estimated]
        found += [
            SegmentFigure(
                segment,
                segment.column if metric == "share of rows" else score,
                metric,
                before,
                now,
                *rows,
            )
            for metric, (before, now) in figures.items()
        ]
    return found
