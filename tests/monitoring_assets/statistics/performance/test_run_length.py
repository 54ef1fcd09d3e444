"""Run lengths of a CUSUM, against published tables."""

import numpy as np
import pytest

from monitoring_assets.statistics.performance.run_length import (
    average_run_length,
    siegmund,
    threshold_for,
)

# Montgomery, "Introduction to Statistical Quality Control", table of the tabular CUSUM's run
# lengths with an allowance of 1/2, both sides: shift, threshold 4, threshold 5.
TABLE = [
    (0, 168, 465),
    (0.25, 74.2, 139),
    (0.5, 26.6, 38.0),
    (0.75, 13.3, 17.0),
    (1, 8.38, 10.4),
    (1.5, 4.75, 5.75),
    (2, 3.34, 4.01),
    (2.5, 2.62, 3.11),
    (3, 2.19, 2.57),
    (4, 1.71, 2.01),
]


@pytest.mark.parametrize(("shift", "at_4", "at_5"), TABLE)
def test_montgomery(shift, at_4, at_5):
    for threshold, published in ((4, at_4), (5, at_5)):
        found = average_run_length(threshold, 0.5, shift, two_sided=True)
        assert found == pytest.approx(published, rel=0.005)


def test_hawkins():
    """Allowances and thresholds for 370 points in control, both sides (Hawkins 1993, table 1)."""
    for allowance, threshold in ((0.25, 8.01), (0.5, 4.77), (0.75, 3.34), (1.0, 2.52), (1.5, 1.61)):
        assert threshold_for(370, allowance, two_sided=True) == pytest.approx(threshold, abs=0.006)


@pytest.mark.parametrize("threshold", [4, 5])
@pytest.mark.parametrize("shift", [0, 0.5, 1])
def test_siegmund_is_near(threshold, shift):
    exact = average_run_length(threshold, 0.5, shift)
    assert siegmund(threshold, 0.5, shift) == pytest.approx(exact, rel=0.02)


def test_without_drift_siegmund_has_a_limit():
    assert siegmund(4, 0.5, 0.5) == pytest.approx(siegmund(4, 0.5, 0.5 + 1e-4), rel=1e-3)


def test_simulated():
    rng = np.random.default_rng(1)
    chart, lengths = np.zeros(4_000), np.zeros(4_000)
    running = np.ones(4_000, bool)
    for _ in range(2_000):
        chart = np.maximum(0, chart + rng.normal(size=4_000) - 0.5)
        lengths += running
        running &= chart <= 3
    assert not running.any()
    assert average_run_length(3, 0.5) == pytest.approx(lengths.mean(), rel=0.05)


@pytest.mark.parametrize("run_length", [50, 370, 10_000])
@pytest.mark.parametrize("two_sided", [False, True])
def test_a_threshold_gives_its_run_length(run_length, two_sided):
    threshold = threshold_for(run_length, 0.5, two_sided=two_sided)
    found = average_run_length(threshold, 0.5, two_sided=two_sided)
    assert found == pytest.approx(run_length, rel=1e-3)


def test_what_cannot_be_is_refused():
    for run_length, allowance in ((5, 1.0), (1e9, 0.5), (370, 0.0)):
        with pytest.raises(ValueError, match="allowance"):
            threshold_for(run_length, allowance)
    for threshold, allowance in ((0, 0.5), (4, -0.1)):
        with pytest.raises(ValueError, match="threshold must be positive"):
            average_run_length(threshold, allowance)
