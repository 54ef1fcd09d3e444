"""Values over days as small bars."""

import pytest

from monitoring_assets.cli.sparkline import BARS, bar, curve


@pytest.mark.parametrize(
    ("value", "drawn"), [(0.0, BARS[0]), (0.25, BARS[-1]), (3.0, BARS[-1]), (0.125, BARS[3])]
)
def test_a_bar_is_as_high_as_its_share_of_the_full_height(value, drawn):
    assert bar(value, 0.25) == drawn


def test_a_day_without_a_value_is_blank():
    assert curve([0.0, None, 1.0], 1.0) == f"{BARS[0]} {BARS[-1]}"
    assert curve([], 1.0) == ""
