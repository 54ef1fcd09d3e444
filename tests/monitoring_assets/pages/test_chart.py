"""Where values lie on a chart."""

import re

import pytest

from monitoring_assets.pages.chart import Chart

CHART = Chart(100, 50, 4, 0.0, 2.0)


def test_days_lie_side_by_side_and_values_from_the_bottom_up():
    assert [CHART.x(day) for day in range(4)] == [12.5, 37.5, 62.5, 87.5]
    assert [CHART.y(value) for value in (0, 1, 2)] == [50, 25, 0]
    assert (CHART.y(-1), CHART.y(9)) == (50, 0)


def test_a_day_without_a_value_is_a_gap_and_a_lone_one_a_dot():
    path = CHART.line([1.0, 2.0, None, 0.0])
    assert path == "M12.5 25.0L37.5 0.0 M87.5 50.0h0.1"
    assert CHART.line([None] * 4) == ""


def test_a_band_goes_along_the_top_and_back():
    path = CHART.band([0.0, 0.0, None, 1.0], [1.0, 2.0, 2.0, None])
    assert path == "M12.5 25.0L37.5 0.0L37.5 50.0L12.5 50.0Z"


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_range_without_extent_has_finite_places(value):
    path = Chart(10, 10, 2, value, value).line([value, value])
    assert re.fullmatch(r"[ML\d. -]+", path)
