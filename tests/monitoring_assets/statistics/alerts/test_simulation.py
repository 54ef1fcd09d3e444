"""False pages and shifts caught, against closed forms."""

import datetime as dt

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import ncx2, norm, poisson

from monitoring_assets.statistics.alerts.breach import ColumnDay, DayFacts
from monitoring_assets.statistics.alerts.policy import Opening, Policy
from monitoring_assets.statistics.alerts.simulation import Column, FalsePages, Simulation
from monitoring_assets.statistics.drift.significance import critical_value
from monitoring_assets.statistics.drift.thresholds import Thresholds
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.profile import ColumnProfile, count
from monitoring_assets.statistics.profiles.source import ParquetSource

SINGLE_DAYS = Policy(
    open=Opening(1, 1),
    resolve=1,
    at_once=1e9,
    pool_days=1,
    false_discovery_rate=0.5,
    min_score_shift=0.0,
)
WEEKDAY = np.arange(28) % 7


def normal_column(name, bins=10, rows=10**7, a_day=500, weight=1.0):
    """A column whose bins are quantiles of a normal score, with their mean scores."""
    edges = norm.ppf(np.linspace(0, 1, bins + 1))
    means = bins * (norm.pdf(edges[:-1]) - norm.pdf(edges[1:]))
    days = np.random.default_rng(0).multinomial(a_day, np.full(bins, 1 / bins), 28)
    return Column(name, np.full(bins, rows // bins), weight * means, days)


def test_upper_bound_of_a_poisson_rate():
    for pages in (0, 1, 7, 40):
        bound = FalsePages(pages, 50.0)
        assert poisson.cdf(pages, bound.upper * 50) == pytest.approx(0.05)
        assert bound.per_month == pages / 50
    assert FalsePages(0, 50.0).upper == pytest.approx(-np.log(0.05) / 50)


def test_without_hysteresis_the_score_pages_at_its_level():
    simulation = Simulation(normal_column("score"), [], WEEKDAY, months=400)
    level = 0.01
    found = simulation.score_pages(Thresholds(1e-9, 1e-9, level), SINGLE_DAYS)
    days = simulation.months * 365.25 / 12
    # Two days over the limit in a row are one page.
    expected = days * level * (1 - level)
    low, high = poisson.ppf([1e-4, 1 - 1e-4], expected)
    assert low * 0.95 < found < high * 1.05


@pytest.mark.slow
def test_many_characteristics_page_at_the_false_discovery_rate():
    """Without drift every discovery is false: a day has one with a probability of the rate."""
    columns = [normal_column(f"c{number}") for number in range(20)]
    simulation = Simulation(normal_column("score"), columns, WEEKDAY, months=300)
    policy = Policy(
        open=Opening(1, 1),
        resolve=1,
        at_once=1e9,
        pool_days=1,
        false_discovery_rate=0.02,
        min_score_shift=0.0,
    )
    found = simulation.characteristics_pages(Thresholds(1e-9, 1e-9, 0.999), {}, policy)
    days = simulation.months * 365.25 / 12
    # Not all that is discovered has moved the score beyond chance.
    assert 0 < found <= poisson.ppf(1 - 1e-4, days * 0.02)
    unlimited = simulation.characteristics_pages(Thresholds(10, 10, 0.999), {}, policy)
    assert unlimited == 0
    alone = {"c3": Thresholds(1e-9, 1e-9, 0.999)}
    single = simulation.characteristics_pages(Thresholds(10, 10, 0.999), alone, policy)
    assert single < found / 5


@pytest.mark.parametrize(("rows", "level"), [(100, 1e-3), (300, 1e-3), (150, 0.01)])
def test_smallest_shift_is_that_of_the_noncentral_chi_square(rows, level):
    score = normal_column("score", a_day=rows)
    simulation = Simulation(score, [], WEEKDAY, months=3)
    caught = simulation.score_caught(Thresholds(1e-9, 1e-9, level), SINGLE_DAYS)
    scale = 1 / score.reference.sum() + 1 / rows
    critical = critical_value(int(score.reference.sum()), rows, 9, level) / scale
    in_14_days = 1 - 0.2 ** (1 / 14)
    expected = scale * brentq(lambda nc: ncx2.sf(critical, 9, nc) - in_14_days, 0.1, 200)
    # The tried shifts are a fifth apart, and each is tried 64 times.
    assert caught.index == pytest.approx(expected, rel=0.25)


def test_a_limit_far_over_chance_catches_what_reaches_it():
    score = normal_column("score", a_day=50_000)
    simulation = Simulation(score, [], WEEKDAY, months=3)
    caught = simulation.score_caught(Thresholds(0.1, 0.25, 1e-3), Policy())
    assert caught.index == pytest.approx(0.25, rel=0.15)
    # Of many rows the second day is like the first.
    assert caught.days == 2
    assert simulation.score_caught(Thresholds(0.1, 5.0, 1e-3), Policy()) is None


@pytest.mark.slow
def test_an_index_of_a_normal_shift_is_its_square():
    """Jeffreys' divergence of two normals a distance d apart is d squared."""
    score = normal_column("score", bins=60, a_day=50_000)
    simulation = Simulation(score, [], WEEKDAY, months=3)
    caught = simulation.score_caught(Thresholds(0.1, 0.25, 1e-3), Policy())
    assert caught.score_sds**2 == pytest.approx(caught.index, rel=0.03)


def test_a_characteristic_that_moves_the_score_little_is_not_caught():
    policy = Policy(min_score_shift=0.5)
    for weight, is_caught in ((0.9, True), (0.05, False)):
        columns = [
            normal_column("strong", a_day=5000, weight=weight),
            normal_column("weak", weight=0.01),
        ]
        simulation = Simulation(normal_column("score", a_day=5000), columns, WEEKDAY, months=3)
        assert simulation.mover.name == "strong"
        caught = simulation.characteristic_caught(Thresholds(0.1, 0.25), {}, policy)
        assert (caught is not None) == is_caught
    assert caught is None


def test_a_rare_bin_far_out_can_be_tilted_to():
    plain = normal_column("score", a_day=2000)
    reference, effects = plain.reference.copy(), plain.effects.copy()
    reference[-1], effects[-1] = 10, 50.0
    column = Column("score", reference, effects, plain.days)
    caught = Simulation(column, [], WEEKDAY, months=3).score_caught(Thresholds(), Policy())
    assert 0.05 < caught.index < 0.5
    assert np.isfinite(caught.score_sds)


def test_without_effects_there_is_no_characteristic_to_shift():
    columns = [normal_column("idle", weight=0.0)]
    simulation = Simulation(normal_column("score"), columns, WEEKDAY, months=3)
    assert simulation.mover is None
    assert simulation.characteristic_caught(Thresholds(), {}, Policy()) is None
    assert (
        Simulation(normal_column("score"), [], WEEKDAY, months=3).characteristics_pages(
            Thresholds(), {}, Policy()
        )
        == 0
    )


def test_higher_limits_page_less_and_catch_less():
    simulation = Simulation(normal_column("score", a_day=80), [], WEEKDAY, months=100)
    policy = Policy(open=Opening(1, 1))
    limits = [Thresholds(0.05, fail, 0.05) for fail in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)]
    pages = [simulation.score_pages(limit, policy) for limit in limits]
    caught = [simulation.score_caught(limit, policy).index for limit in limits]
    assert pages == sorted(pages, reverse=True)
    assert pages[0] > pages[-1]
    assert caught == sorted(caught)
    assert caught[0] < caught[-1]


def test_hysteresis_pages_less():
    simulation = Simulation(normal_column("score", a_day=80), [], WEEKDAY, months=100)
    limit = Thresholds(1e-9, 1e-9, 0.05)
    pages = [
        simulation.score_pages(limit, Policy(open=Opening(days, of), pool_days=1))
        for days, of in ((1, 1), (2, 3), (3, 5))
    ]
    assert pages[0] > 3 * pages[1] > 3 * pages[2]


def test_a_weekly_season_is_no_drift():
    """Sundays of another shape: without weekdays of its own the model pages on each."""
    random = np.random.default_rng(1)
    bins = 10
    shares = np.full((56, bins), 0.1)
    shares[6::7] = random.dirichlet(np.full(bins, 3.0))
    days = random.multinomial(3000, shares)
    plain = normal_column("score")
    column = Column("score", plain.reference, plain.effects, days)
    simulation = Simulation(column, [], np.arange(56) % 7, months=50)
    assert simulation.seasonal == ["score"]
    limit = Thresholds(0.1, 0.25)
    assert simulation.score_pages(limit, Policy()) == 0


def test_the_seed_decides():
    def pages(seed):
        simulation = Simulation(normal_column("score", a_day=80), [], WEEKDAY, months=60, seed=seed)
        return [
            simulation.score_pages(Thresholds(fail, fail, 0.05), SINGLE_DAYS)
            for fail in (0.1, 0.15, 0.2)
        ]

    assert pages(1) == pages(1)
    assert pages(1) != pages(2)


def test_a_column_is_made_from_its_profile_and_the_stored_days(tmp_path):
    import pandas as pd

    random = np.random.default_rng(2)
    frame = pd.DataFrame({"x": random.choice(["a", "b"], 1000)})
    frame["score"] = np.where(frame["x"] == "a", 0.2, 0.6)
    frame.to_parquet(tmp_path / "sample.parquet")
    source = ParquetSource([tmp_path / "sample.parquet"])
    profile = count(source, fit_bins(source, ["x"]), scores=source, score_column="score").columns[
        "x"
    ]
    labels = tuple(slot.label for slot in profile.bins.slots)
    counts = np.array([30, 10, 0, 0, 0])
    same = ColumnDay("x", "CSI", labels, profile.counts, counts, Thresholds())
    other = ColumnDay("x", "CSI", labels[:2], counts[:2], counts[:2], Thresholds())
    days = [DayFacts(dt.date(2026, 1, day), (one,)) for day, one in ((1, same), (2, other))]
    column = Column.of("x", profile, days)
    assert column.days.tolist() == [[30, 10, 0, 0, 0], [0] * 5]
    mean = frame["score"].mean()
    wanted = {"a": 0.2 - mean, "b": 0.6 - mean}
    for label, effect in zip(labels, column.effects, strict=True):
        assert effect == pytest.approx(wanted.get(label, 0.0))
    assert column.spread == pytest.approx(frame["score"].std(ddof=0))
    with pytest.raises(ValueError, match="x: no such column"):
        Column.of("x", ColumnProfile.failed("no such column"), days)
