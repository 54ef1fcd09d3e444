"""Concentration in bands against the `riskvalidation` package."""

import pytest
from riskvalidation.validation.rating_system import concentration as theirs
from riskvalidation.validation.rating_system import rating_hhi

from monitoring_assets.statistics.validation.concentration import (
    BY_EXPOSURE,
    concentration,
    herfindahl,
)

EVEN = [100, 100, 100, 100]


@pytest.mark.parametrize("rows", [EVEN, [400, 0, 0, 0], [10, 20, 30, 400], [1, 2]])
def test_indices_are_those_of_elsewhere(rows):
    found = concentration(rows)
    assert (found.variation, found.herfindahl) == pytest.approx(theirs(rows), abs=1e-12)


def test_equal_shares_have_0_and_a_single_band_1():
    assert concentration(EVEN).herfindahl == pytest.approx(0, abs=1e-12)
    assert concentration([7, 0, 0]).herfindahl == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("now", [[90, 110, 100, 100], [10, 20, 30, 400], [0, 0, 50, 50]])
def test_it_is_tested_as_elsewhere(now):
    development = [80, 120, 110, 90]
    found, other = herfindahl(now, development), rating_hhi(now, development)
    assert found.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(other.p_value, rel=1e-9)


def test_exposures_are_tested_alike():
    now, development = [2.5e6, 1.75e6, 0.0, 1e5], [1e6, 1e6, 2e5, 1e5]
    found, other = herfindahl(now, development, BY_EXPOSURE), rating_hhi(now, development)
    assert found.name == "Herfindahl index by exposure"
    assert (found.statistic, found.p_value) == pytest.approx((other.statistic, other.p_value))
    measured = concentration(now)
    assert (measured.variation, measured.herfindahl) == pytest.approx(theirs(now), abs=1e-12)


@pytest.mark.parametrize(
    ("now", "why"),
    [(EVEN, "as many rows"), ([0, 0, 0, 0], "no rows")],
)
def test_what_cannot_be_tested_says_why(now, why):
    assert why in herfindahl(now, EVEN).reason
    assert concentration([5]) is None


def test_other_bands_are_refused():
    with pytest.raises(ValueError, match="3 bands now and 4 at development"):
        herfindahl([1, 2, 3], EVEN)
