"""Vintages are those of the rows of their days."""

import numpy as np

from monitoring_assets.periods.calendar import Period, periods
from monitoring_assets.periods.vintages import read_vintages
from monitoring_assets.statistics.performance.prediction import sum_predictions
from monitoring_assets.statistics.performance.report import (
    CohortPerformance,
    Performance,
    PerformanceKind,
    PerformanceReport,
    PerformanceStatus,
)
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


def test_days_whose_outcomes_were_numbers_have_no_bad_rate(scored, copy):
    """Until a revision of the manifest, which changed ``outcome.kind``."""
    days, rows = scored.days, np.linspace(0, 1, 50)
    found = Performance(
        status=PerformanceStatus.MATURE,
        known=50,
        predictions=sum_predictions(rows, rows, [0.5]),
    )
    of_numbers = CohortPerformance(kind=PerformanceKind.REALISED, horizon=30, found=found)
    copy.write_table(
        "performance_report", KEY, days[0], PerformanceReport((of_numbers,), True).to_table(), {}
    )
    whole = Period("all", days[0], days[-1])
    (vintage,) = read_vintages(copy, KEY, [whole], [30])
    frames = [scored.frames[day] for day in days[1:3]]
    cohort = vintage.by_horizon[30]
    assert (cohort.days, cohort.bads) == (2, sum(frame["bad"].sum() for frame in frames))
    assert cohort.rows == sum(len(frame) for frame in frames)
    (alone,) = read_vintages(copy, KEY, [Period("day", days[0], days[0])], [30])
    assert alone.by_horizon == {30: None}
