"""What is usual: against dates written out, and against laws of what was drawn."""

import datetime as dt

import numpy as np
import pytest
from scipy.stats import binom, norm

from monitoring_assets.statistics.alerts.breach import ColumnDay, DayFacts
from monitoring_assets.statistics.alerts.day_windows import pooled
from monitoring_assets.statistics.alerts.decision import (
    HISTORY_DAYS,
    History,
    Policy,
    decide,
    replay,
)
from monitoring_assets.statistics.alerts.usual_days import (
    LEARN_PAIRS,
    SETTLED_DAYS,
    Restlessness,
    precedents,
    restless_p,
    same_places,
    settled,
)
from monitoring_assets.statistics.drift.multiple_testing import indices
from monitoring_assets.statistics.drift.thresholds import Thresholds

FIRST = dt.date(2026, 1, 1)
EDGES = norm.ppf(np.linspace(0, 1, 11))
REFERENCE = np.full(10, 2_000)


def counts_of(means, *, rows=1000, seed=0):
    """Days of a normal column whose mean is shifted, int64[..., 10]; NaN for a day without."""
    random = np.random.default_rng(seed)
    means = np.asarray(means, float)
    shares = np.diff(norm.cdf(EDGES - np.nan_to_num(means)[..., None]))
    counts = random.multinomial(rows, shares)
    counts[np.isnan(means)] = 0
    return counts


def wandering(days, sd, *, memory=0.8, columns=(), seed=0):
    """Means of an autoregression of the first order, float64[days, ...]."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(days, *columns))
    found = [steps[0]]
    for step in steps[1:]:
        found.append(memory * found[-1] + np.sqrt(1 - memory**2) * step)
    return sd * np.array(found)


@pytest.mark.parametrize(
    ("day", "places"),
    [
        ("2026-04-15", "04-08 04-01 03-15 03-16"),
        ("2026-04-30", "04-23 04-16 03-30 03-31"),
        ("2026-03-31", "03-24 03-17 02-28 02-28"),
        ("2026-03-01", "02-22 02-15 02-01 02-01"),
        ("2026-03-29", "03-22 03-15 02-28 02-26"),
        ("2026-01-09", "01-02"),
    ],
)
def test_the_same_places_are_weekdays_and_places_in_the_month(day, places):
    day = dt.date.fromisoformat(day)
    position = (day - FIRST).days
    found = same_places(FIRST, position + 1)[:, position]
    days = [FIRST + dt.timedelta(days=int(at)) for at in found if at >= 0]
    assert [f"{one:%m-%d}" for one in days] == places.split()


def found_precedents(means, **options):
    counts = counts_of(means, **options)
    value, p = indices(REFERENCE, counts)
    places = same_places(FIRST, len(counts))
    return precedents(counts, value, p, places, (0.1, 0.158, 0.25, 1e-3), "jeffreys")


def test_a_day_like_that_of_the_week_or_the_month_before_is_usual():
    means = np.zeros(70)
    for day in ("01-07", "01-14", "01-30", "01-31", "02-27", "02-28"):
        means[(dt.date.fromisoformat(f"2026-{day}") - FIRST).days] = 0.7
    found = found_precedents(means)
    of = {f"{FIRST + dt.timedelta(days=int(t)):%m-%d}": int(found[t]) for t in range(70)}
    assert {day: at for day, at in of.items() if at >= 0} == {"01-14": 6, "02-27": 29, "02-28": 30}


@pytest.mark.parametrize(
    ("means", "usual"),
    [
        ({8: 0.7, 15: 0.7}, [15]),
        ({8: 0.7, 15: -0.7}, []),  # as far, but the other way
        ({8: 0.5, 15: 1.0}, []),  # much further
        ({8: 0.2, 15: 0.7}, []),  # was no exception
        ({8: 0.7, 15: np.nan, 22: 0.7}, [22]),
        ({1: 0.7, 22: 0.7}, []),  # three weeks
        (dict.fromkeys(range(8, 30), 0.7), []),  # a shift that lasts
        ({t: 0.7 for t in range(30) if t % 7 in (1, 2)}, [8, 9, 15, 16, 22, 23, 29]),
    ],
)
def test_only_an_exception_that_is_like_it_is_a_precedent(means, usual):
    all_means = np.zeros(30)
    all_means[list(means)] = list(means.values())
    assert np.flatnonzero(found_precedents(all_means) >= 0).tolist() == usual


def test_settled_weeks_end_before_the_last():
    counts = counts_of(np.zeros(50))
    assert settled(counts)[45].tolist() == counts[45 - 35 : 45 - SETTLED_DAYS + 1].sum(0).tolist()


def restlessness(means, *, days=1, rows=1000, seed=0):
    counts = counts_of(means, rows=rows, seed=seed)
    windows = pooled(counts, days)
    last = np.full(np.shape(means)[1:], len(counts) - 1)
    at = (last.ravel(), *(x.ravel() for x in np.indices(last.shape)))
    return Restlessness.of(windows, days, "jeffreys").at(at)


@pytest.mark.parametrize("rows", [40, 1_000, 20_000])
@pytest.mark.parametrize("days", [1, 3, 7])
def test_chance_alone_is_no_restlessness(rows, days):
    found = restlessness(np.zeros((90, 400)), days=days, rows=rows)
    # Three standard errors; windows that overlap are fewer than they seem.
    assert (found > 0).mean() <= (0.01 if days == 1 else 0.1)
    assert found.max() < 12 / rows


@pytest.mark.parametrize("sd", [0.1, 0.2, 0.3])
def test_restlessness_is_that_of_the_days(sd):
    """Independent effects: three of four differences are under ``2 sd**2 chi2(0.75, 1)``."""
    found = restlessness(wandering(90, sd, memory=0.0, columns=(200,)), rows=50_000)
    assert np.median(found) == pytest.approx(2 * sd**2 * 1.323, rel=0.15)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: 0.6 * (t >= 50),  # a shift that lasts
        lambda t: 0.01 * t,  # one that comes slowly
        lambda t: 0.7 * (t % 7 == 2),  # a weekday
        lambda t: 1.5 * (t == 60),  # an odd day
        lambda t: 0.7 * np.isin(t % 30, (27, 28, 29)),  # the end of the month
    ],
    ids=["shift", "slope", "weekday", "odd day", "month end"],
)
def test_what_lasts_comes_slowly_or_is_seldom_is_no_restlessness(change):
    found = restlessness(change(np.arange(90))[:, None] * np.ones(100), rows=1_000)
    assert np.median(found) < 0.02


def test_few_days_are_not_enough():
    means = wandering(LEARN_PAIRS + 14, 0.3, columns=(20,))
    assert not restlessness(means, rows=5_000).any()
    assert restlessness(np.vstack([means, means[:5]]), rows=5_000).all()


@pytest.mark.parametrize("rows", [1_000, 20_000])
def test_p_of_restlessness_holds_its_level(rows):
    """Effects that are forgotten at once: the settled weeks are hardly off."""
    means = wandering(90, 0.3, memory=0.0, columns=(2000,))
    counts = counts_of(means, rows=rows)
    at = np.full(2000, 89), np.arange(2000)
    usual = Restlessness.of(counts, 1, "jeffreys").at(at)
    before = settled(counts)
    p = restless_p(counts[at], before[at], usual, "jeffreys")
    for level in (0.05, 0.01):
        assert (p <= level).mean() <= binom.ppf(0.999, 2000, level) / 2000
    assert (p <= 0.2).mean() > 0.05


def facts(counts):
    limits = Thresholds()
    return [
        DayFacts(
            FIRST + dt.timedelta(days=t),
            (ColumnDay("score", "PSI", tuple("abcdefghij"), REFERENCE, of_day, limits),),
        )
        for t, of_day in enumerate(counts)
        if of_day.any()
    ]


def test_days_before_the_history_change_nothing():
    """All that is usual is learnt from the days that a decision reads."""
    means = wandering(HISTORY_DAYS + 40, 0.35, seed=3)
    days = facts(counts_of(means, seed=3))
    last = days[-1].day
    for day in days[-30:]:
        known = [one for one in days if one.day <= day.day]
        histories = [
            History(tuple(some), FIRST - dt.timedelta(days=99), last)
            for some in (known, known[-HISTORY_DAYS:])
        ]
        long, short = (decide(one, Policy(max_age_days=60)) for one in histories)
        assert long == short


def test_a_restless_score_says_why_it_does_not_page():
    means = wandering(120, 0.3)
    means[100:] = 0.62  # two of its standard deviations
    days = facts(counts_of(means, rows=5_000))
    said = []
    for n in range(100, 104):
        history = History(tuple(days[: n + 1]), FIRST, days[n].day)
        (score,) = (d for d in decide(history, Policy()) if d.family == "population")
        assert score.action in ("none", "suppress")
        said += [reason for reason in score.reasons if "in three of four cases" in reason]
    assert said
    assert "differ from those a week before by up to 0." in said[0]


def is_month_end(day):
    return (day + dt.timedelta(days=3)).day <= 3


CALENDARS = {
    "month end": is_month_end,
    "1st and 15th": lambda day: day.day in (1, 15),
    "every second Friday": lambda day: day.toordinal() % 14 == 5,
    "Mondays and Tuesdays": lambda day: day.weekday() < 2,
}


@pytest.mark.parametrize("special", CALENDARS.values(), ids=CALENDARS)
@pytest.mark.parametrize("size", [-0.8, 0.6])
def test_what_the_calendar_repeats_pages_at_most_once_and_hides_no_drift(special, size):
    days = [FIRST + dt.timedelta(days=t) for t in range(150)]
    means = size * np.array([special(day) for day in days])
    begins = days.index(dt.date(2026, 5, 6))
    pages = []
    for drift in (0.0, 0.6):
        drifted = means + drift * (np.arange(150) >= begins)
        decided = replay(facts(counts_of(drifted)), Policy(), FIRST - dt.timedelta(days=99))
        opened = (any(one.action == "open" for one in decisions) for decisions in decided)
        pages.append([t for t, opens in enumerate(opened) if opens])
    calm, drifting = pages
    assert len(calm) <= 1
    assert [t for t in drifting if t < begins] == calm
    assert begins <= drifting[-1] <= begins + 3
