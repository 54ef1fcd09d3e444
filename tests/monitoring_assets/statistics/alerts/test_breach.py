"""Which subjects are in breach on which days."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from monitoring_assets.statistics.alerts.breach import Fault, tracks
from monitoring_assets.statistics.alerts.policy import Policy
from monitoring_assets.statistics.drift.significance import critical_value
from monitoring_assets.statistics.drift.thresholds import Thresholds
from tests.monitoring_assets.statistics.alerts.alert_days import MONDAY, column, days_of, facts

POLICY = Policy()
NO_LIMITS = Thresholds(1e-9, 1e-9)
"""Only chance decides."""


def breaches(days, family="population", policy=POLICY, at=-1):
    at = range(len(days))[at]
    return tracks(days, policy)[family].breaches(at, policy)


def bad_days(days, family="population", policy=POLICY):
    track = tracks(days, policy)[family]
    return [day for day, bad in enumerate(track.breach.any(1)) if bad]


@pytest.mark.parametrize(("index", "found"), [(0.24, 0), (0.26, 1), (0.11, 0), (0.9, 1)])
def test_a_day_at_fail_is_a_breach(index, found):
    assert len(breaches(days_of([0, index]))) == found


def test_it_says_from_what_to_what():
    (breach,) = breaches(days_of([0, 0, 0.5]))
    assert breach.value == pytest.approx(0.5, abs=0.01)
    assert (breach.limit, breach.window, breach.pages) == (0.25, "day", True)
    assert breach.since == MONDAY + dt.timedelta(days=2)
    assert "score" in breach.text
    assert "high from 50.0% to 82.4%" in breach.text
    # two bins: chi-squared with one degree of freedom exceeds 10.83 once in a thousand
    assert breach.critical_value == pytest.approx((1 / 100_000 + 1 / 10_000) * 10.828, rel=1e-3)


@pytest.mark.parametrize(("rows", "found"), [(20, 0), (200, 0), (550, 0), (700, 1), (5_000, 1)])
def test_a_true_index_under_the_middle_of_the_limits_is_none(rows, found):
    """Two bins: 0.3 is over 0.175 by ``sqrt(rows) * (sqrt(0.3) - sqrt(0.175))`` standard errors.

    With 700 rows those are 3.4. No drift at all is excluded by 45 rows.
    """
    assert len(breaches(days_of([0.3], rows=rows))) == found


UNCERTAIN = "it is not yet certain that the true value is over 0.175"


@pytest.mark.parametrize(
    ("indices", "rows", "why"),
    [
        ([0.3], 200, f"PSI 0.30 reaches the limit of 0.25, but with 200 rows {UNCERTAIN}"),
        ([0.3], 10_000, None),
        ([0.24], 200, None),
        # The pool of seven days is sure, its last three are not.
        (
            [0.4, 0.4, 0.4, 0.4, 0.28, 0.28, 0.24],
            200,
            f"PSI 0.26 over 3 days reaches the limit of 0.25, but with 600 rows {UNCERTAIN}; "
            "0.24 over 1 day, 200 rows: warn",
        ),
        ([0.4, 0.4, 0.4, 0.4, 0, 0, 0], 200, None),
        (
            [0.4 if day % 7 == 5 else 0 for day in range(20)],
            10_000,
            "PSI 0.40 reaches the limit of 0.25, as on 2026-01-17, the same weekday; "
            "0.01 over 7 days, 70,000 rows: ok",
        ),
    ],
)
def test_it_says_why_what_reaches_its_limit_is_no_breach(indices, rows, why):
    days = days_of(indices, rows=rows)
    held_back = tracks(days, POLICY)["population"].held_back(len(days) - 1)
    assert held_back == (() if why is None else (f"score: {why}",))


def test_many_characteristics_need_more():
    """At 45 rows 0.26 has p = 6e-4: a breach of one characteristic, chance among 100."""
    moved = column("x", 0.27, 45, limits=NO_LIMITS)
    alone = facts(0, moved)
    among = facts(0, moved, *(column(f"y{i}", rows=45) for i in range(99)))
    assert breaches([alone], "characteristics")
    assert not breaches([among], "characteristics")
    assert tracks([among], POLICY)["characteristics"].held_back(0)[0] == (
        "x: CSI 0.27 reaches the limit of 1e-09, which chance explains among 100 characteristics"
    )
    many = column("x", 0.27, 450, limits=NO_LIMITS)
    assert breaches([facts(0, many, *among.columns[1:])], "characteristics")


def test_any_dependence_needs_more_still():
    rows = 75  # p = 8e-6: times 50 under 1e-3, but not times 50 times 4.5
    moved = column("x", 0.27, rows, limits=NO_LIMITS)
    many = facts(0, moved, *(column(f"y{i}", rows=rows) for i in range(49)))
    assert breaches([many], "characteristics")
    assert not breaches([many], "characteristics", Policy(dependence="any"))


def test_a_weekly_season_is_usual_after_one_week():
    season = [0.4 if day % 7 in (5, 6) else 0.0 for day in range(28)]
    assert bad_days(days_of(season)) == [5, 6]


def test_a_season_does_not_hide_a_shift():
    season = [0.4 if day % 7 in (5, 6) else 0.0 for day in range(21)]
    shifted = [1.5 if day % 7 in (5, 6) else 0.6 for day in range(7)]
    assert bad_days(days_of(season + shifted))[2:] == list(range(21, 28))


@pytest.mark.parametrize("index", [0.4, 1.2, 3.0])
@pytest.mark.parametrize("begins", [1, 4, 9, 28])
def test_a_lasting_shift_is_over_on_each_of_its_days(index, begins):
    assert bad_days(days_of([0] * begins + [index] * 40)) == list(range(begins, begins + 40))


def test_a_lasting_shift_does_not_become_usual():
    assert bad_days(days_of([0] * 14 + [0.4] * 40)) == list(range(14, 54))


def test_small_days_are_judged_together():
    """20 rows at 0.9 are not surely over 0.175 on any day; 60 in three days are."""
    days = days_of([0.9] * 7, rows=20)
    found = breaches(days)
    assert [(one.window, one.pages) for one in found] == [("pool", True)]
    assert "7 days" in found[0].text
    assert not bad_days(days, policy=Policy(pool_days=1))


def test_a_breach_says_what_the_day_and_the_week_are():
    """The day in breach names the week; the week in breach names the day."""
    (day,) = breaches(days_of([0.0] * 6 + [0.9], rows=200))
    assert day.text.startswith("score: PSI 0.90 on 200 rows (limit 0.25); 0.01 over 7 days, 1,400 ")
    (pool,) = breaches(days_of([0.9] * 7, rows=20))
    assert pool.text.startswith("score: PSI 0.86 over 7 days, 140 rows (limit 0.25); 0.76 over 1 d")
    # Alone, a day is not said twice.
    (alone,) = breaches(days_of([0.9], rows=200))
    assert alone.text.startswith("score: PSI 0.90 on 200 rows (limit 0.25); high from ")


def test_a_week_that_fails_is_named_where_the_day_has_too_few_rows():
    """Three days are too few for a pool, and 20 rows say nothing."""
    days = days_of([0.9, 0.9, None, None, None, 0.24], rows=20)
    assert tracks(days, POLICY)["population"].held_back(2) == (
        "score: PSI 0.25 over 1 day, 20 rows: insufficient evidence; "
        "0.58 over 3 days, 60 rows: fail",
    )
    # In other bins they do not count.
    days = [*days_of([0.9, 0.9], rows=20, labels=("a", "b")), days[-1]]
    assert tracks(days, POLICY)["population"].held_back(2) == ()


def test_a_pool_needs_most_of_its_days():
    assert not bad_days(days_of([0.9, None, None, 0.9, None, None, 0.9], rows=40))
    assert bad_days(days_of([0.9, None, 0.9, None, 0.9, None, 0.9], rows=40)) == [3]


def test_a_broken_day_does_not_outlive_itself_in_the_pool():
    """Ten times the rows and an index of 2 would keep the pool over the limit for a week."""
    days = [
        facts(n, column("score", 2.0, 100_000) if n == 7 else column("score")) for n in range(14)
    ]
    assert bad_days(days) == [7]


def test_a_pool_needs_the_last_days_too():
    """Four large days at 0.9 weigh in the pool for days after they are over."""
    days = [facts(n, column("score", 0.9, 100_000 if n < 4 else 10_000)) for n in range(4)]
    days += [facts(n, column("score", 0.0, 100_000)) for n in range(4, 8)]
    assert 7 not in bad_days(days)


def test_other_bins_are_another_column():
    """A week before the bins changed does not count in the pool of the days after."""
    before = days_of([0.4] * 6, rows=20, labels=("a", "b"))
    after = facts(6, column("score", 0.4, 20))
    assert not breaches([*before, after])


def test_another_reference_is_another_column():
    """A pool is described by the days that are in it: 4 of 20 rows, not those of 1,000 before."""
    before = days_of([0.4] * 6, rows=1_000)
    small = replace(column("score", 0.9, 20), reference=np.array([5_000, 5_000]))
    (breach,) = breaches([*before, *(facts(n, small) for n in range(6, 10))])
    assert breach.window == "pool"
    level = small.thresholds.level
    assert breach.critical_value == pytest.approx(critical_value(10_000, 80, 1, level))


@pytest.mark.parametrize(
    ("moved", "shift", "pages"),
    [
        (0.02, 0.02, True),  # 0.2 standard deviations of the score
        (-0.02, -0.02, True),
        (0.004, 0.02, False),  # the characteristic has no part in it
        (0.02, 0.001, False),  # the score has not moved
        (None, 0.02, True),  # unknown
        (0.02, None, True),
        (0.004, None, False),
    ],
)
def test_a_characteristic_pages_if_it_moved_the_score(moved, shift, pages):
    day = facts(0, column("x", 0.5, moved=moved), shift=shift)
    (breach,) = breaches([day], "characteristics")
    assert breach.pages is pages
    assert breach.moved_score_by == moved


def test_a_shift_of_the_score_within_chance_does_not_page():
    """With 100 rows the mean of the score has a standard error of a tenth of its spread."""
    for shift, pages in ((0.02, False), (0.04, True)):
        day = facts(0, column("x", 0.9, 100, moved=0.05), shift=shift)
        assert [one.pages for one in breaches([day], "characteristics")] == [pages]


def test_the_score_pages_whatever_moved_it():
    (breach,) = breaches([facts(0, column("score", 0.5), shift=0.0)])
    assert breach.pages


def test_what_could_not_be_compared_is_data_quality():
    day = facts(0, column("score"), column("x", error="current: no rows"))
    (breach,) = breaches([day], "data quality")
    assert breach.subject == "x"
    assert "current: no rows" in breach.text
    assert not breaches([day], "characteristics")


def test_faults_are_breaches_of_their_family():
    fault = Fault("pipeline", "run", "the run failed")
    days = [facts(0), facts(1, faults=[fault]), facts(2, faults=[fault])]
    (breach,) = breaches(days, "pipeline")
    assert (breach.subject, breach.text) == ("run", "the run failed")
    assert breach.since == days[1].day
    assert not breaches(days, "data quality")


def test_a_streak_skips_fewer_good_days_than_are_looked_at():
    assert breaches(days_of([0.5, 0, 0, 0.5]))[0].since == MONDAY
    assert breaches(days_of([0.5, 0, 0, 0, 0.5]))[0].since == MONDAY + dt.timedelta(days=4)


def test_days_on_which_a_column_was_not_measured_do_not_end_its_streak():
    shares = [0.5, None, None, None, 0.5]
    days = [
        facts(n, column("y"), *([] if index is None else [column("x", index)]))
        for n, index in enumerate(shares)
    ]
    assert breaches(days, "characteristics")[0].since == MONDAY


def test_the_largest_and_paging_ones_come_first():
    day = facts(
        0,
        column("a", 0.3),
        column("b", 0.9),
        column("c", 2.0, moved=0.0),
    )
    assert [one.subject for one in breaches([day], "characteristics")] == ["b", "a", "c"]


def test_counts_may_be_numpys_or_shared():
    """A track does not change what it is given."""
    days = days_of([0, 0.5])
    before = [day.columns[0].current.copy() for day in days]
    tracks(days, POLICY)
    for day, counts in zip(days, before, strict=True):
        assert np.array_equal(day.columns[0].current, counts)
