"""Figures of segments beside their indices."""

import numpy as np
import pytest

from monitoring_assets.statistics.drift.segments import MIN_ROWS, Segment
from monitoring_assets.statistics.performance.calibration_map import fit_calibration
from monitoring_assets.statistics.performance.segment_figures import segment_figures
from monitoring_assets.statistics.profiles.profile import Profile
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid

NORTH, SOUTH, EMPTY = (Segment("region", name) for name in ("north", "south", "east"))
SCORES = np.linspace(0.01, 0.5, 400)
GRID = score_grid(SCORES)


def profile(scores):
    counted = count_scores(scores, GRID, scores)
    return Profile(len(scores), {"score": counted, "grid": counted})


def figures(reference, current, calibrations=()):
    found = segment_figures(
        reference, current, score="score", grid="grid", calibrations=dict(calibrations)
    )
    return {(one.segment, one.metric): one for one in found}


def test_shares_are_of_the_rows_of_the_column():
    found = figures(
        {NORTH: profile(SCORES[:300]), SOUTH: profile(SCORES[300:]), EMPTY: profile(SCORES[:0])},
        {NORTH: profile(SCORES[:100]), SOUTH: profile(SCORES[:0]), EMPTY: profile(SCORES[:0])},
    )
    shares = {s: (f.reference, f.value) for (s, m), f in found.items() if m == "share of rows"}
    assert shares == {NORTH: (0.75, 1.0), SOUTH: (0.25, 0.0)}
    mean = found[NORTH, "mean score"]
    assert (mean.column, mean.rows, mean.reference_rows) == ("score", 100, 300)
    assert mean.value == pytest.approx(SCORES[:100].mean())


def test_performance_is_estimated_where_a_segment_has_the_rows():
    calibration = fit_calibration(
        count_scores(SCORES, GRID, SCORES), None, probability=True, direction=1
    )
    sides = {NORTH: profile(SCORES[:300]), SOUTH: profile(SCORES[: MIN_ROWS - 1])}
    found = figures(sides, sides, dict.fromkeys(sides, calibration))
    rate = found[NORTH, "estimated bad rate"]
    assert rate.value == pytest.approx(SCORES[:300].mean(), abs=1e-3)
    assert 0.5 < found[NORTH, "estimated AUC"].value < 1
    assert (SOUTH, "estimated AUC") not in found


def test_each_segment_has_its_own_calibration():
    """Twice as many bads in the south as the same scores have in the north."""
    both = {NORTH: profile(SCORES), SOUTH: profile(SCORES)}
    calibrations = {
        segment: fit_calibration(
            count_scores(SCORES, GRID, SCORES), count_scores(SCORES, GRID, outcomes)
        )
        for segment, outcomes in (
            (NORTH, (np.arange(400) % 4 == 0).astype(float)),
            (SOUTH, (np.arange(400) % 2 == 0).astype(float)),
        )
    }
    found = figures(both, both, calibrations)
    assert found[NORTH, "estimated bad rate"].value == pytest.approx(0.25, abs=0.01)
    assert found[SOUTH, "estimated bad rate"].value == pytest.approx(0.5, abs=0.01)
