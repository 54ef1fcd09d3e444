"""Paired AUCs: against DeLong's formula pair by pair, and by simulation of size and power."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binom

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.realised import realised
from monitoring_assets.statistics.validation.paired_auc import (
    POWER,
    AucComparison,
    paired_auc,
    together,
    wait,
)


def sample(random, rows=300, share=0.2, first=1.0, second=1.0, shared=0.8):
    """Two scores that share much of their noise, and separate bads by so many deviations."""
    bad = (np.arange(rows) < rows * share).astype(np.int8)
    noise = random.normal(size=(3, rows))
    one, other = (
        shift * bad + shared * noise[0] + math.sqrt(1 - shared**2) * own
        for shift, own in ((first, noise[1]), (second, noise[2]))
    )
    return one, other, bad


def pair_by_pair(scores, bad):
    """AUCs and DeLong's covariance from the kernel of every pair of a bad and a good."""
    kernels = []
    for score in scores:
        apart = score[bad == 1][:, None] - score[bad == 0][None, :]
        kernels.append((apart > 0) + 0.5 * (apart == 0))
    aucs = [kernel.mean() for kernel in kernels]
    covariance = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            total = 0.0
            for axis in (1, 0):
                ours, theirs = kernels[i].mean(axis=axis), kernels[j].mean(axis=axis)
                products = (ours - aucs[i]) * (theirs - aucs[j])
                total += products.sum() / (len(ours) - 1) / len(ours)
            covariance[i, j] = total
    return aucs, covariance


@pytest.mark.parametrize("digits", [8, 1])  # with one digit there are many ties
def test_it_is_delongs_formula(digits):
    one, other, bad = sample(np.random.default_rng(1), first=0.7, second=1.2)
    one, other = one.round(digits), other.round(digits)
    found = paired_auc(one, other, bad)
    aucs, covariance = pair_by_pair((one, other), bad)
    assert (found.first, found.second) == pytest.approx(aucs, rel=1e-12)
    assert found.covariance == pytest.approx(
        (covariance[0, 0], covariance[1, 1], covariance[0, 1]), rel=1e-10
    )
    alone = realised(one, bad, [0.0], probability=False).discrimination.auc
    assert (found.first, math.sqrt(found.covariance[0])) == pytest.approx(
        (alone.value, alone.standard_error), rel=1e-10
    )


def test_the_covariance_is_that_of_resampled_rows():
    random = np.random.default_rng(2)
    one, other, bad = sample(random, rows=600, first=0.8, second=1.1)
    apart = []
    bads, goods = np.flatnonzero(bad == 1), np.flatnonzero(bad == 0)
    for _ in range(1_000):
        at = np.concatenate([random.choice(bads, len(bads)), random.choice(goods, len(goods))])
        again = paired_auc(one[at], other[at], bad[at])
        apart.append(again.second - again.first)
    error = together([paired_auc(one, other, bad)], "").difference.standard_error
    # The standard deviation of 1,000 draws is known to some 2 %.
    assert error == pytest.approx(np.std(apart), rel=0.08)


def test_the_level_is_held_and_the_interval_covers():
    """Two scores that are equally good, in days of few bads: 5 % are rejected."""
    random, trials = np.random.default_rng(3), 2_000
    rejected = 0
    for _ in range(trials):
        days = [paired_auc(*sample(random, rows=150, share=0.1)) for _ in range(3)]
        found = together(days, "")
        assert (found.p_value < 0.05) == (not found.difference.low < 0 < found.difference.high)
        rejected += found.p_value < 0.05
    low, high = binom.ppf([1e-4, 1 - 1e-4], trials, 0.05)
    assert low <= rejected <= high


def test_a_test_that_ignored_the_pairing_would_hardly_ever_reject():
    one, other, bad = sample(np.random.default_rng(4))
    found = together([paired_auc(one, other, bad)], "")
    unpaired = math.hypot(found.first.standard_error, found.second.standard_error)
    assert found.difference.standard_error < 0.7 * unpaired


def test_days_are_weighted_by_their_pairs_and_pairs_are_of_one_day():
    random = np.random.default_rng(5)
    days = [sample(random, rows=rows) for rows in (100, 400)]
    # What differs between days is no discrimination: all scores of the second are higher.
    days[1] = (days[1][0] + 50, days[1][1] + 50, days[1][2])
    parts = [paired_auc(*day) for day in days]
    found = together(parts, "")
    weights = np.array([one.goods * one.bads for one in parts]) / sum(
        one.goods * one.bads for one in parts
    )
    assert found.first.value == pytest.approx(weights @ [one.first for one in parts])
    variances = [one.covariance[0] + one.covariance[1] - 2 * one.covariance[2] for one in parts]
    assert found.difference.standard_error**2 == pytest.approx(weights**2 @ variances)
    assert (found.days, found.goods, found.bads) == (2, 400, 100)


def test_what_cannot_be_tested_says_why():
    one, other, bad = sample(np.random.default_rng(6))
    assert paired_auc(one, other, np.zeros_like(bad)) is None
    nothing = together([], "no outcomes")
    assert (nothing.difference.value, nothing.difference.reason) == (None, "no outcomes")
    single = np.array([1] + [0] * 9, np.int8)
    assert paired_auc(one[:10], other[:10], single).covariance is None
    alike = together([paired_auc(one, 3 * one + 1, bad)], "")
    assert alike.difference.value == 0
    assert alike.p_value is None
    assert "order the goods and the bads alike" in alike.difference.reason
    assert wait(alike, 1.0).days is None


def test_the_days_that_it_takes_give_the_power_that_is_said():
    """A difference that needs so many days is found in 80 % of as many."""
    random, trials = np.random.default_rng(7), 400
    one = {"rows": 200, "first": 1.0, "second": 1.25}
    many = together([paired_auc(*sample(random, **one)) for _ in range(400)], "")
    days = wait(many, 1.0).days
    assert 2 < days < 100
    found = sum(
        together([paired_auc(*sample(random, **one)) for _ in range(days)], "").p_value < 0.05
        for _ in range(trials)
    )
    low, high = binom.ppf([1e-3, 1 - 1e-3], trials, POWER)
    assert low * 0.95 <= found <= high * 1.05


def test_half_the_rows_take_twice_the_days():
    difference = Estimate(0.01, 0.005, 0.0, 0.02)
    found = AucComparison(10, 900, 100, Estimate(0.7), Estimate(0.71), difference, 0.05)
    # (1.959964 + 0.841621) * 0.005 / 0.01, squared, times 10 days: 19.6.
    assert wait(found, 1.0).days == 20
    assert wait(found, 0.5).days == 40
    assert wait(found, 1.0).smallest == pytest.approx(0.0140079, rel=1e-5)
    assert wait(found, 0.0).days is None
    none = dataclasses.replace(found, difference=Estimate(0.0, 0.005))
    assert wait(none, 1.0).days is None
