"""Reviews of days: the latest that has a day in common counts."""

import datetime as dt

import pytest

from monitoring_assets.statistics.alerts.reviews import ReviewedDays, review_of
from monitoring_assets.statistics.drift.thresholds import AtOddsError


def day(number):
    return dt.date(2026, 9, number)


EARLY = ReviewedDays(day(1), day(5), True, "jo", "new broker")
LATE = ReviewedDays(day(5), day(9), False, "sam", "campaign, CR-17")


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(1, 1, EARLY), (4, 4, EARLY), (5, 5, LATE), (1, 9, LATE), (9, 20, LATE), (10, 20, None)],
)
def test_the_latest_with_a_day_in_common_counts(first, last, found):
    assert review_of([EARLY, LATE], day(first), day(last)) is found


def test_without_a_review_there_is_none():
    assert review_of([], day(1), day(30)) is None


def test_they_say_what_was_said_by_whom():
    assert str(EARLY) == "2026-09-01 to 2026-09-05: a real change, says jo: new broker"
    assert str(LATE) == "2026-09-05 to 2026-09-09: a false alarm, says sam: campaign, CR-17"


def test_days_in_the_wrong_order_are_refused():
    with pytest.raises(AtOddsError):
        ReviewedDays(day(9), day(5), True, "jo", "new broker")
