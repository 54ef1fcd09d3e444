"""Periods against the calendar."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_assets.periods.calendar import UNITS, periods

DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("week", "2025-W52 12-28..12-28, 2026-W01 12-29..01-04, 2026-W02 01-05..01-06"),
        ("month", "2025-12 12-28..12-31, 2026-01 01-01..01-06"),
        ("quarter", "2025-Q4 12-28..12-31, 2026-Q1 01-01..01-06"),
        ("year", "2025 12-28..12-31, 2026 01-01..01-06"),
        ("all", "all 12-28..01-06"),
    ],
)
def test_a_range_is_split_where_the_calendar_has_it(by, expected):
    found = periods(dt.date(2025, 12, 28), dt.date(2026, 1, 6), by)
    assert ", ".join(f"{one.name} {one.first:%m-%d}..{one.last:%m-%d}" for one in found) == expected


@given(ends=st.tuples(DAYS, st.integers(0, 500)), by=st.sampled_from(UNITS))
def test_periods_have_every_day_once(ends, by):
    first, last = ends[0], ends[0] + dt.timedelta(days=ends[1])
    found = list(periods(first, last, by))
    assert (found[0].first, found[-1].last) == (first, last)
    for before, after in pairwise(found):
        assert before.last + dt.timedelta(days=1) == after.first
        assert before.name < after.name or by == "week"
    assert all(first in one for one in found[:1])


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="2026-01-01 is before 2026-01-02"):
        list(periods(dt.date(2026, 1, 2), dt.date(2026, 1, 1), "day"))
