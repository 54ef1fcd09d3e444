"""Days without drift, against the distributions that they are said to have."""

import numpy as np
import pytest
from scipy.stats import binom

from monitoring_assets.statistics.alerts.no_drift_model import QuietColumn, draw_rows
from monitoring_assets.statistics.drift.multiple_testing import indices
from monitoring_assets.statistics.drift.significance import critical_value

WEEKDAY = np.arange(56) % 7
SHARES = np.array([0.4, 0.3, 0.2, 0.1])


def quiet(reference, used=None, weekdays=None, dispersion=0.0):
    bins = len(reference)
    return QuietColumn(
        np.asarray(reference),
        np.ones(bins, bool) if used is None else np.asarray(used),
        np.ones((7, bins)) if weekdays is None else weekdays,
        dispersion,
    )


def test_an_index_exceeds_its_critical_value_as_often_as_its_level():
    """Also against a small reference, which is a sample too: 1 / n + 1 / m."""
    reference = np.full(10, 60)
    rows = np.full((1, 20_000), 300)
    counts = quiet(reference).draw(np.random.default_rng(0), rows)
    values, _ = indices(reference, counts)
    for level in (0.2, 0.01):
        found = int((values > critical_value(600, 300, 9, level)).sum())
        low, high = binom.ppf([1e-5, 1 - 1e-5], rows.size, level)
        # The chi-square is a large-sample distribution: a tenth of the level is left to that.
        assert low * 0.9 < found < high * 1.1


def test_a_population_stays_the_same_over_its_history():
    reference = np.full(4, 5)
    counts = quiet(reference).draw(np.random.default_rng(1), np.full((50, 400), 10_000))
    shares = counts / 10_000
    within, between = shares.std(0).mean(), shares.mean(0).std(0).mean()
    assert within == pytest.approx(np.sqrt(0.25 * 0.75 / 10_000), rel=0.1)
    # Of a Dirichlet distribution of four times 5.5.
    assert between == pytest.approx(np.sqrt(0.25 * 0.75 / (22 + 1)), rel=0.1)


def test_bins_that_nobody_ever_saw_stay_empty():
    column = QuietColumn.learnt(np.array([500, 500, 0, 0]), np.tile([5, 5, 1, 0], (56, 1)), WEEKDAY)
    counts = column.draw(np.random.default_rng(2), np.full((70, 100), 1000))
    assert counts[..., 2].any()
    assert not counts[..., 3].any()


def test_a_tilt_multiplies_the_odds():
    reference = np.full(4, 10**9)
    tilt = np.zeros((1, 300, 4))
    tilt[..., 0] = np.log(3)
    counts = quiet(reference).draw(np.random.default_rng(3), np.full((1, 300), 10_000), tilt)
    assert counts.mean((0, 1)) / 10_000 == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6], rel=0.01)


def test_days_that_vary_more_have_the_variance_of_a_dirichlet_multinomial():
    rows, dispersion = 200, 0.05
    column = quiet((SHARES * 10**9).astype(int), dispersion=dispersion)
    counts = column.draw(np.random.default_rng(4), np.full((100, 400), rows))
    expected = rows * SHARES * (1 - SHARES) * (1 + (rows - 1) * dispersion)
    assert counts.var((0, 1)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("concentration", [30, 200])
def test_learns_how_much_days_vary(concentration):
    random = np.random.default_rng(5)
    reference = (SHARES * 10_000).astype(int)
    found = []
    for _ in range(20):
        days = random.multinomial(500, random.dirichlet(SHARES * concentration, 56))
        days[[10, 30]] = [100, 100, 150, 150]  # odd days are not how it varies
        found.append(QuietColumn.learnt(reference, days, WEEKDAY).dispersion)
    assert np.median(found) == pytest.approx(1 / (1 + concentration), rel=0.3)


def test_does_not_take_chance_for_more():
    random = np.random.default_rng(6)
    reference = (SHARES * 10_000).astype(int)
    learnt = [
        QuietColumn.learnt(reference, random.multinomial(500, SHARES, 56), WEEKDAY)
        for _ in range(200)
    ]
    # At a level of 1e-3, for each of seven weekdays and once for the variation.
    assert sum(column.is_seasonal for column in learnt) <= 6
    assert sum(column.dispersion > 0 for column in learnt) <= 2


def test_learns_the_shape_of_a_weekday():
    random = np.random.default_rng(7)
    sunday = np.array([0.1, 0.2, 0.3, 0.4])
    days = random.multinomial(1000, SHARES, 56)
    days[WEEKDAY == 6] = random.multinomial(1000, sunday, 8)
    column = QuietColumn.learnt((SHARES * 10**6).astype(int), days, WEEKDAY)
    assert column.is_seasonal
    assert column.dispersion < 1e-3
    whole_week = (6 * SHARES + sunday) / 7
    assert column.weekdays[6] == pytest.approx(sunday / whole_week, rel=0.1)
    counts = column.draw(random, np.full((14, 500), 1000)).sum(1)
    # The reference's population, leaning on each day as the stored days do.
    leant = SHARES * sunday / whole_week
    assert counts[6] / counts[6].sum() == pytest.approx(leant / leant.sum(), rel=0.1)
    assert counts[13] / counts[13].sum() == pytest.approx(leant / leant.sum(), rel=0.1)


def test_too_few_days_teach_nothing_but_their_volumes():
    days = np.tile([[900, 100], [100, 900]], (5, 1))
    column = QuietColumn.learnt(np.array([500, 500]), days, np.arange(10) % 7)
    assert not column.is_seasonal
    assert column.dispersion == 0


def test_volumes_are_those_of_the_weekday():
    rows = np.where(WEEKDAY == 5, 10, 1000) + np.arange(56)
    has_batch = WEEKDAY != 6
    drawn = draw_rows(np.random.default_rng(8), rows[has_batch], WEEKDAY[has_batch], 21, 50)
    assert drawn.shape == (21, 50)
    for day in range(21):
        stored = rows[(day % 7 == WEEKDAY) & has_batch]
        assert set(drawn[day]) == (set(stored) if len(stored) else {0})


def test_with_few_days_any_stands_for_any():
    drawn = draw_rows(np.random.default_rng(9), np.array([7, 9]), np.array([0, 1]), 7, 30)
    assert set(drawn[6]) == {7, 9}
