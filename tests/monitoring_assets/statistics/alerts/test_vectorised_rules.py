"""Openings of many histories at once, held against the decision itself."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm

from monitoring_assets.statistics.alerts.breach import ColumnDay, DayFacts
from monitoring_assets.statistics.alerts.decision import replay
from monitoring_assets.statistics.alerts.policy import Opening, Policy
from monitoring_assets.statistics.alerts.vectorised_rules import FIRST_DAY, Stream, openings
from monitoring_assets.statistics.drift.significance import critical_value
from monitoring_assets.statistics.drift.thresholds import Thresholds

BINS = 6


def decided(streams, limits, policy, history, score_sd):
    """Days on which the product itself opens an incident, bool[T]."""
    days = []
    for t in range(len(streams[0].counts)):
        columns = []
        for number, (stream, limit) in enumerate(zip(streams, limits, strict=True)):
            counts = stream.counts[t, history]
            if not counts.sum():
                continue
            moved = None
            if score_sd is not None and np.isfinite(stream.effects).all():
                moved = float(counts / counts.sum() @ stream.effects)
            columns.append(
                ColumnDay(
                    f"c{number}",
                    "PSI" if score_sd is None else "CSI",
                    tuple(map(str, range(BINS))),
                    stream.reference,
                    counts,
                    limit,
                    moved,
                )
            )
        if columns:
            day = FIRST_DAY + dt.timedelta(days=t)
            # Alone, a characteristic moves the score as far as it says.
            days.append(
                DayFacts(day, tuple(columns), (), score_sd, columns[0].moved_score_by)
                if len(streams) == 1
                else DayFacts(day, tuple(columns), (), score_sd)
            )
    opened = np.zeros(len(streams[0].counts), bool)
    long_ago = FIRST_DAY - dt.timedelta(days=100)
    for facts, decisions in zip(days, replay(days, policy, long_ago), strict=True):
        opened[(facts.day - FIRST_DAY).days] = any(d.action == "open" for d in decisions)
    return opened


def restless_streams(seed, columns, *, known_effects=True, closed_at_weekends=False):
    """Histories in which all happens: weekdays, shifts, odd days, few rows, days off."""
    random = np.random.default_rng(seed)
    days, histories = 110, 4
    streams = []
    rows = random.integers(20, 400, (days, histories))
    if closed_at_weekends:
        rows[np.arange(days) % 7 >= 5] = 0
    for _ in range(columns):
        base = random.dirichlet(np.full(BINS, 5.0))
        reference = random.multinomial(3000, base)
        weekday = random.dirichlet(base * random.choice([4, 50]), 7)
        shares = np.repeat(weekday[np.arange(days) % 7][:, None], histories, 1)
        for history in range(histories):
            start = random.integers(20, 60)
            shares[start:, history] = random.dirichlet(base * random.choice([3, 20]))
            odd = random.choice(days, 5, replace=False)
            shares[odd, history] = random.dirichlet(np.full(BINS, 0.3), len(odd))
        shares = shares + 1e-9
        counts = random.multinomial(rows, shares / shares.sum(-1, keepdims=True))
        effects = np.linspace(-1, 1, BINS) * random.uniform(0.1, 0.3)
        effects = effects - reference @ effects / reference.sum()
        if not known_effects:
            effects = np.full(BINS, np.nan)
        streams.append(Stream(reference, counts, effects))
    return streams


POLICIES = [
    Policy(),
    Policy(open=Opening(1, 1), pool_days=1, resolve=1),
    Policy(open=Opening(3, 5), pool_days=14, at_once=0.4, resolve=5),
    Policy(pool_days=3, at_once=0.3, dependence="any", false_discovery_rate=0.05),
]


@pytest.mark.parametrize("policy", POLICIES, ids=range(len(POLICIES)))
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("columns", "score_sd", "options"),
    [
        (1, None, {}),
        (1, None, {"closed_at_weekends": True}),
        (1, 0.2, {}),
        (1, 0.03, {"closed_at_weekends": True}),
        (5, 0.2, {"known_effects": False, "closed_at_weekends": True}),
    ],
)
def test_openings_are_those_of_the_decision(policy, seed, columns, score_sd, options):
    streams = restless_streams(seed, columns, **options)
    limits = [Thresholds(0.05, fail, 0.01) for fail in (0.1, 0.2, 0.3, 0.1, 0.5)[:columns]]
    found = openings(streams, limits, policy, score_sd=score_sd)
    wanted = [decided(streams, limits, policy, r, score_sd) for r in range(found.shape[1])]
    assert found.T.tolist() == np.array(wanted).tolist()
    assert found.any()


def test_each_choice_is_judged_afresh():
    """What is kept from one choice for the next does not change the next."""
    streams = restless_streams(9, 3)
    for policy in (*POLICIES, *reversed(POLICIES)):
        for fail in (0.1, 0.4):
            limits = [Thresholds(0.05, fail, 0.01)] * 3
            fresh = [Stream(s.reference, s.counts, s.effects) for s in streams]
            again = openings(streams, limits, policy, score_sd=0.2)
            assert (again == openings(fresh, limits, policy, score_sd=0.2)).all()


def test_without_hysteresis_the_false_alarms_are_those_of_the_level():
    """One of one day, no pool, one column, a limit below the critical value."""
    random = np.random.default_rng(1)
    level, days, histories = 0.01, 7, 6000
    shares = np.full(10, 0.1)
    reference = np.full(10, 100_000)
    counts = random.multinomial(2000, shares, (days, histories))
    policy = Policy(open=Opening(1, 1), pool_days=1, resolve=1, at_once=10)
    limits = Thresholds(1e-6, 1e-6, level)
    found = openings([Stream(reference, counts, np.zeros(10))], [limits], policy)
    # A day after one over the limit is more of the same incident.
    expected = level * (1 - level)
    low, high = binom.ppf([1e-4, 1 - 1e-4], days * histories, expected) / (days * histories)
    assert low * 0.95 < found.mean() < high * 1.05


def with_index(index):
    """Ten shares of a shifted normal score whose index against a tenth each is this."""
    edges = norm.ppf(np.linspace(0, 1, 11))

    def shares(shift):
        return np.diff(norm.cdf(edges - shift))

    def excess(shift):
        moved = shares(shift)
        return ((moved - 0.1) * np.log(10 * moved)).sum() - index

    return shares(brentq(excess, 0.01, 3.0))


def lasting_shift(index, rows, *, histories=200, days=60):
    """Openings, bool[T, R], in histories whose true index is this from their first day on."""
    random = np.random.default_rng(4)
    found = []
    for _ in range(histories // 20):
        reference = random.multinomial(20_000, np.full(10, 0.1))
        counts = random.multinomial(rows, with_index(index), (days, 20))
        stream = Stream(reference, counts, np.zeros(10))
        found.append(openings([stream], [Thresholds()], Policy()))
    return np.hstack(found)


@pytest.mark.parametrize("rows", [40, 70, 100, 200, 400, 1_000, 2_000, 20_000])
@pytest.mark.parametrize("index", [0.12, 0.15, 0.2])
def test_a_true_index_under_the_limit_hardly_ever_pages(index, rows):
    assert lasting_shift(index, rows).mean() * 30 <= 0.1


@pytest.mark.parametrize(
    ("index", "rows", "days"),
    [
        (0.3, 100, 20),
        (0.3, 300, 8),
        (0.3, 1_000, 2),
        (0.4, 40, 20),
        (0.5, 100, 6),
        (0.6, 40, 8),
        (1.0, 40, 3),
    ],
)
def test_a_true_index_over_the_limit_pages_once_and_soon(index, rows, days):
    found = lasting_shift(index, rows)
    assert found.sum(0).mean() <= 1.2
    assert np.median(np.where(found.any(0), found.argmax(0), 99)) <= days


@pytest.mark.parametrize(("index", "days"), [(0.6, 2), (1.3, 1)])
def test_a_large_shift_of_many_rows_needs_no_more_days_than_the_policy_asks(index, days):
    """Two of three days, and from an index of 1 on a single one."""
    assert lasting_shift(index, 1_000)[days - 1].all()


def test_quiet_characteristics_make_it_harder_to_be_discovered():
    random = np.random.default_rng(2)
    reference = np.full(10, 10_000)
    counts = random.multinomial(500, np.r_[0.13, 0.07, np.full(8, 0.1)], (1, 4000))
    effects = np.r_[100.0, -100.0, np.zeros(8)]
    policy = Policy(open=Opening(1, 1), pool_days=1, false_discovery_rate=0.01)
    limits = [Thresholds(1e-12, 1e-12, 0.01)]
    stream = Stream(reference, counts, effects)
    for quiet in (0, 9, 99):
        found = openings([stream], limits, policy, score_sd=0.1, quiet=quiet)
        # Benjamini and Hochberg's bound for one among others that show nothing is Bonferroni's.
        critical = critical_value(100_000, 500, 9, 0.01 / (1 + quiet))
        assert found.sum() == (stream.days.value > critical).sum()
    few = openings([stream], limits, replace(policy, dependence="any"), score_sd=0.1, quiet=99)
    assert 0 < few.sum() < found.sum()
