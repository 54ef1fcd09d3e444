"""Vintages are those of the rows of their days."""

from monitoring_assets.periods.calendar import Period, periods
from monitoring_assets.periods.vintages import read_vintages
from tests.monitoring_assets.conftest import KEY


def test_rates_are_those_of_the_rows(scored, known):
    whole = Period("all", scored.days[0], scored.days[-1])
    (found,) = read_vintages(scored.store, KEY, [whole], [30])
    cohort = found.by_horizon[30]
    assert (cohort.rows, cohort.bads, cohort.days) == (len(known), known["bad"].sum(), 3)
    # The last day has no outcomes yet.
    assert found.days == 4
    assert not found.is_complete(30)


def test_each_period_has_its_days(scored):
    days = list(periods(scored.days[0], scored.days[-1], "day"))
    found = {one.period.first: one for one in read_vintages(scored.store, KEY, days, [30])}
    assert {day for day, one in found.items() if one.days} == {*scored.days}
    for day in scored.days[:3]:
        frame = scored.frames[day]
        assert found[day].by_horizon[30].bads == frame["bad"].sum()
        assert found[day].is_complete(30)
    assert found[scored.days[3]].by_horizon == {30: None}
