"""When no page may be sent."""

import datetime as dt

import pytest

from monitoring_assets.statistics.alerts.policy import Mute

FIRST, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 4)


@pytest.mark.parametrize(
    ("day", "covered"),
    [(1, False), (2, True), (4, True), (5, False)],
)
def test_a_mute_lasts_from_its_first_day_to_its_last(day, covered):
    mute = Mute(FIRST, LAST, "migration")
    assert mute.covers(dt.date(2026, 3, day), "population") is covered


def test_a_mute_of_families_leaves_the_others_heard():
    mute = Mute(FIRST, LAST, "migration", ("population",))
    assert mute.covers(FIRST, "population")
    assert not mute.covers(FIRST, "data quality")
