"""The rule told from the applicants: parts that add up, size, power, and words."""

import numpy as np
import pytest
from scipy.stats import chi2, hypergeom, norm

from monitoring_assets.statistics.decisions.acceptance import (
    LEAST_CHANGE,
    LEVEL,
    MIN_VARIANCE,
    acceptance_change,
    decompose,
    rule_test,
)
from monitoring_assets.statistics.decisions.counts import DecisionCounts
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.drift.thresholds import Thresholds

LIMITS = Thresholds(warn=0.1, fail=0.25)
BANDS = tuple(norm.ppf(np.arange(1, 10) / 10))
CELLS = tuple(np.union1d(BANDS, norm.ppf(np.linspace(0.002, 0.998, 190))))
CUT = 0.5


def counts(scored, approved, undecided=None, bands=(), cells=None):
    scored = np.asarray(scored)
    return DecisionCounts(
        tuple(bands),
        tuple(range(len(scored) - 1)) if cells is None else cells,
        {
            "scored": scored,
            "undecided": np.zeros_like(scored) if undecided is None else np.asarray(undecided),
            "approved": np.asarray(approved),
        },
        {},
    )


def policy(scores, cut=CUT):
    """Mostly a cut-off, with room for judgement around it."""
    return 0.02 + 0.95 / (1 + np.exp(6 * (scores - cut)))


def days(random, rows, shift=0.0, rule=policy, bands=BANDS, cells=CELLS):
    scores = random.normal(shift, 1, rows)
    approved = random.random(rows) < rule(scores)
    at = np.searchsorted(cells, scores, "left")
    by_cell = (np.bincount(one, minlength=len(cells) + 1) for one in (at, at[approved]))
    return counts(*by_cell, bands=bands, cells=cells)


def test_the_parts_are_the_twofold_decomposition():
    before, now = counts([100, 100], [80, 20]), counts([30, 70], [18, 21])
    found = decompose(before, now)
    assert (found.before, found.now) == (0.5, 0.39)
    # The earlier rule makes 0.3 * 0.8 + 0.7 * 0.2 = 0.38 of the applicants of now.
    assert found.by_rule == pytest.approx(0.01)
    assert found.by_applicants == pytest.approx(-0.12)
    assert found.before + found.by_rule + found.by_applicants == pytest.approx(found.now)


def test_scores_that_none_had_before_count_as_applicants():
    found = decompose(counts([100, 0], [50, 0]), counts([50, 50], [25, 50]))
    assert found.by_rule == 0
    assert found.by_applicants == pytest.approx(0.25)
    assert found.unknown == 0.5


def test_the_statistic_is_that_of_hypergeometric_strata():
    random = np.random.default_rng(2)
    n0, n1 = random.integers(40, 90, 6), random.integers(20, 60, 6)
    a0, a1 = random.binomial(n0, 0.5), random.binomial(n1, 0.6)
    found = rule_test(counts(n0, a0, bands=(1, 3)), counts(n1, a1, bands=(1, 3)))
    laws = [hypergeom(m + n, a + b, n) for m, n, a, b in zip(n0, n1, a0, a1, strict=True)]
    excess = a1 - np.array([law.mean() for law in laws])
    variance = np.array([law.var() for law in laws])
    bands = np.array([0, 0, 1, 1, 2, 2])
    assert np.bincount(bands, variance).min() > MIN_VARIANCE
    terms = (np.abs(np.bincount(bands, excess)) - 0.5).clip(0) ** 2 / np.bincount(bands, variance)
    assert found.statistic == pytest.approx(terms.sum())
    assert found.degrees == 3
    assert found.p_value == pytest.approx(chi2(3).sf(terms.sum()))


def test_small_bands_are_tested_together():
    before, now = (
        counts([9, 9, 900], [4, 5, 450], bands=(0, 1)),
        counts([9, 9, 900], [5, 4, 450], bands=(0, 1)),
    )
    assert rule_test(before, now).degrees == 2


def test_a_rule_that_opens_one_band_and_shuts_another_does_not_cancel_out():
    before = counts([1000, 1000], [600, 400], bands=(0,))
    now = counts([1000, 1000], [500, 500], bands=(0,))
    found = rule_test(before, now)
    assert decompose(before, now).by_rule == pytest.approx(0)
    assert found.p_value < 1e-6
    assert found.size == pytest.approx(0.1)
    assert found.changes == pytest.approx([-0.1, 0.1])


@pytest.mark.parametrize("shift", [0.0, 0.8])
@pytest.mark.parametrize("rows", [(2800, 700), (400, 100)])
def test_drift_of_the_applicants_alone_is_no_change_of_the_rule(shift, rows):
    random = np.random.default_rng(11)
    found = [
        rule_test(days(random, rows[0]), days(random, rows[1], shift)).p_value for _ in range(400)
    ]
    assert np.mean(np.array(found) < 0.05) <= 0.06
    assert np.mean(np.array(found) < LEVEL) <= 0.005


def test_two_wide_grades_alone_would_take_drift_within_them_for_a_rule():
    random, grades = np.random.default_rng(12), (0.0,)

    def p_values(cells):
        fine = {"bands": grades, "cells": cells}
        return [
            rule_test(days(random, 28_000, **fine), days(random, 7_000, 0.8, **fine)).p_value
            for _ in range(20)
        ]

    assert max(p_values(grades)) < LEVEL
    assert min(p_values(CELLS)) > LEVEL


def test_a_week_of_a_hundred_a_day_shows_a_cut_off_that_moved():
    random = np.random.default_rng(13)
    changes = [
        acceptance_change(
            days(random, 2800),
            days(random, 700, rule=lambda scores: policy(scores, CUT - 0.3)),
            LIMITS,
            StabilityIndex(),
        )
        for _ in range(100)
    ]
    assert np.mean([one.rule_changed for one in changes]) > 0.9
    assert np.mean([one.applicants_changed for one in changes]) < 0.05


def test_each_of_the_two_is_said_in_words():
    random = np.random.default_rng(14)

    def say(shift, cut):
        now = days(random, 7000, shift, lambda scores: policy(scores, cut))
        before = days(random, 28_000)
        found = acceptance_change(before, now, LIMITS, StabilityIndex())
        parts = found.rates
        assert parts.before + parts.by_rule + parts.by_applicants == pytest.approx(parts.now)
        return found, found.in_words("0.02-0.05")

    found, text = say(0.0, CUT - 0.4)
    assert found.rule_changed
    assert text.startswith(
        f"The acceptance rule changed: of applicants in band 0.02-0.05, {found.band_now:.0%} are "
        f"approved where {found.band_before:.0%} were; the applicants did not (PSI 0.0"
    )
    assert found.band_now < found.band_before
    assert "points by the rule" in text
    found, text = say(0.8, CUT)
    assert not found.rule_changed
    assert text.startswith("The applicants changed (PSI 0.")
    assert "the acceptance rule did not. Approval rate" in text
    assert "so did the applicants (PSI 0." in say(0.8, CUT - 0.4)[1]
    assert say(0.0, CUT)[1].startswith("Neither the acceptance rule nor the applicants (PSI 0.0")


def test_a_change_too_small_to_matter_is_none_however_sure():
    before = counts([10**6, 10**6], [600_000, 400_000], bands=(0,))
    now = counts([10**6, 10**6], [590_000, 390_000], bands=(0,))
    found = acceptance_change(before, now, LIMITS, StabilityIndex())
    assert found.p_value < LEVEL
    assert rule_test(before, now).size < LEAST_CHANGE
    assert found.rule_changed is False


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (([500], [100]), ([60], [10]), "60 decided rows now; at least 100 are wanted"),
        (([99], [9]), ([200], [10]), "99 decided rows before; at least 100 are wanted"),
        (([500], [100]), ([500], [100], [100]), "20% of the rows are undecided now, 0% before"),
        (([300, 0], [9, 0]), ([200, 100], [9, 9]), "33% of the decided have scores that none had"),
    ],
)
def test_what_cannot_be_said_says_why(before, now, why):
    found = acceptance_change(counts(*before), counts(*now), LIMITS, StabilityIndex())
    assert why in found.reason
    assert found.rule_changed is None
    assert found.in_words("").startswith("It cannot be said whether the acceptance rule changed")


def test_rows_that_are_all_decided_alike_change_nothing():
    found = acceptance_change(counts([500], [500]), counts([400], [400]), LIMITS, StabilityIndex())
    assert (found.p_value, found.rule_changed) == (1.0, False)


def test_other_cells_are_refused():
    with pytest.raises(ValueError, match="other cells"):
        acceptance_change(counts([1], [1]), counts([1, 1], [1, 1]), LIMITS, StabilityIndex())
