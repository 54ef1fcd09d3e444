"""Agreement and swap set: against scikit-learn, a published interval, and by simulation."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import cohen_kappa_score

from monitoring_assets.statistics.performance.intervals import proportion
from monitoring_assets.statistics.validation.swap_set import swap_set


def of_rows(first, second, outcomes):
    """Counts by the decisions of rows; an outcome under 0 is not known."""
    rows, known, bads = np.zeros((3, 2, 2), np.int64)
    for one, other, outcome in zip(first, second, outcomes, strict=True):
        rows[one, other] += 1
        known[one, other] += outcome >= 0
        bads[one, other] += outcome == 1
    return rows, known, bads


def drawn(random, rows=500):
    first = random.random(rows) < 0.7
    second = np.where(random.random(rows) < 0.15, ~first, first)
    return first.astype(int), second.astype(int), random.integers(-1, 2, rows)


def test_it_is_that_of_elsewhere():
    first, second, outcomes = drawn(np.random.default_rng(1))
    found = swap_set(*of_rows(first, second, outcomes))
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first, second), rel=1e-12)
    assert found.agreement.value == np.mean(first == second)
    swapped_in = (first == 0) & (second == 1)
    cell = found.swapped_in
    assert (cell.rows, cell.known) == (swapped_in.sum(), (swapped_in & (outcomes >= 0)).sum())
    assert cell.bads == (swapped_in & (outcomes == 1)).sum()
    assert cell.bad_rate == proportion(cell.bads, cell.known, "")
    assert found.both.rows + found.neither.rows == (first == second).sum()


def test_the_interval_of_the_difference_is_newcombes():
    """56 of 70 against 48 of 80: 0.0524 to 0.3339, as his paper has it (method 10)."""
    rows = np.full((2, 2), 100)
    known, bads = np.array([[9, 70], [80, 9]]), np.array([[1, 56], [48, 1]])
    found = swap_set(rows, known, bads).difference
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_of_kappa_covers_the_true_one():
    random, trials = np.random.default_rng(2), 1_000
    # 70 % accepted by the first, 15 % decided otherwise: the cells' probabilities are known.
    cells = np.array([[0.3 * 0.85, 0.3 * 0.15], [0.7 * 0.15, 0.7 * 0.85]])
    chance = cells.sum(axis=1) @ cells.sum(axis=0)
    true = (np.trace(cells) - chance) / (1 - chance)
    covered = 0
    for _ in range(trials):
        rows = random.multinomial(400, cells.ravel()).reshape(2, 2)
        kappa = swap_set(rows, 0 * rows, 0 * rows).kappa
        covered += kappa.low <= true <= kappa.high
    # Cohen's error takes the margins for known, so the interval is a little off.
    assert binom.ppf(1e-4, trials, 0.93) <= covered


def test_what_is_not_known_says_why():
    nothing = np.zeros((2, 2), np.int64)
    found = swap_set(nothing, nothing, nothing)
    assert (found.kappa.value, found.kappa.reason) == (None, "no rows")
    assert found.difference.value is None
    assert found.swapped_in.bad_rate.reason == "no outcome of these rows is known"
    alike = np.array([[0, 0], [0, 9]])
    assert swap_set(alike, nothing, nothing).kappa.reason == "both decide all rows in one way"
