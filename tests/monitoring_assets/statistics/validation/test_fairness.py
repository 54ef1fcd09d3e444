"""Fairness, against independent implementations, closed forms and exact coverage."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, hypergeom, nct
from scipy.stats.contingency import relative_risk
from sklearn.metrics import roc_auc_score

from monitoring_assets.statistics.validation.fairness import (
    GroupCounts,
    Known,
    Scale,
    assess,
    difference_of_proportions,
    fisher,
    ratio_of_proportions,
    reference_group,
    standardised_mean_difference,
)

EDGES = np.array([np.nextafter(0.2, -np.inf), 0.2, np.nextafter(0.5, -np.inf), 0.5, 0.7])
SCALE = Scale(EDGES, [0.2, 0.5], 1, probability=True)


def counts(scores, edges=EDGES):
    scores = np.asarray(scores, float)
    cells = np.bincount(np.searchsorted(edges, scores), minlength=len(edges) + 1)
    total = float(scores.sum())
    return GroupCounts(cells, total, float((scores**2).sum()), total)


def wilson(hits, trials):
    found = binomtest(hits, trials).proportion_ci(method="wilson")
    return hits / trials, found.low, found.high


PAIRS = [(7, 30, 20, 40), (0, 30, 20, 40), (30, 30, 39, 40), (1, 200, 3, 50), (29, 30, 1, 40)]


@pytest.mark.parametrize(("hits", "trials", "base_hits", "base_trials"), PAIRS)
def test_ends_of_a_ratio_put_its_difference_at_the_end_of_its_interval(
    hits, trials, base_hits, base_trials
):
    p1, l1, u1 = wilson(hits, trials)
    p2, l2, u2 = wilson(base_hits, base_trials)
    found = ratio_of_proportions(hits, trials, base_hits, base_trials)
    assert found.value == p1 / p2
    high = brentq(lambda r: r * p2 - p1 - math.hypot(u1 - p1, r * (p2 - l2)), p1 / p2, 1e6)
    assert found.high == pytest.approx(high, rel=1e-9)
    if hits == 0:
        assert found.low == 0
    else:
        low = brentq(lambda r: p1 - r * p2 - math.hypot(p1 - l1, r * (u2 - p2)), 0, p1 / p2)
        assert found.low == pytest.approx(low, rel=1e-9)


def test_a_ratio_of_large_samples_has_the_interval_of_the_logarithm():
    found = ratio_of_proportions(60_000, 100_000, 80_000, 110_000)
    katz = relative_risk(60_000, 100_000, 80_000, 110_000).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((katz.low, katz.high), abs=1e-5)


def test_a_ratio_to_nothing_has_a_reason():
    assert ratio_of_proportions(5, 30, 0, 30).reason
    assert ratio_of_proportions(0, 0, 5, 30).reason


@pytest.mark.parametrize(("hits", "trials", "base_hits", "base_trials"), PAIRS)
def test_a_difference_is_that_of_newcombe(hits, trials, base_hits, base_trials):
    p1, l1, u1 = wilson(hits, trials)
    p2, l2, u2 = wilson(base_hits, base_trials)
    found = difference_of_proportions(hits, trials, base_hits, base_trials)
    low = p1 - p2 - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    high = p1 - p2 + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    assert (found.value, found.low, found.high) == pytest.approx((p1 - p2, low, high), abs=1e-12)


def test_newcombes_example():
    """Table II of the article, method 10: 56/70 less 48/80 is 0.2 (0.0524 to 0.3339)."""
    found = difference_of_proportions(56, 70, 48, 80)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("compare", "truth"),
    [
        (ratio_of_proportions, lambda one, two: one / two),
        (difference_of_proportions, lambda one, two: one - two),
    ],
)
def test_intervals_hold_their_level_in_small_groups(compare, truth):
    """Exactly: all outcomes of a group of 30 against 60, weighted by their probability."""
    sizes, rates = (30, 60), np.arange(1, 20) / 20
    low, high = np.full((2, 31, 61), np.nan)
    for one, two in itertools.product(range(31), range(1, 61)):
        found = compare(one, 30, two, 60)
        low[one, two], high[one, two] = found.low, found.high
    laws = [binom.pmf(np.arange(n + 1), n, rates[:, None]) for n in sizes]
    for (one, of_one), (two, of_two) in itertools.product(
        *(zip(rates, law, strict=True) for law in laws)
    ):
        weights = np.outer(of_one, of_two)[:, 1:]
        inside = (low <= truth(one, two)) & (truth(one, two) <= high)
        coverage = (weights * inside[:, 1:]).sum() / weights.sum()
        assert 0.935 < coverage < 0.985


def test_fishers_test_is_the_sum_of_the_tables_that_are_no_likelier():
    hits, trials, base_hits, base_trials = 12, 30, 41, 60
    law = hypergeom(trials + base_trials, trials, hits + base_hits)
    chances = law.pmf(np.arange(trials + 1))
    expected = chances[chances <= chances[hits] * (1 + 1e-9)].sum()
    assert fisher(hits, trials, base_hits, base_trials) == pytest.approx(expected, rel=1e-9)


def test_hedges_g_is_cohens_d_made_unbiased():
    random = np.random.default_rng(1)
    one, two = random.normal(0.4, 0.1, 35), random.normal(0.3, 0.12, 50)
    found = standardised_mean_difference(counts(one), counts(two))
    pooled = math.sqrt((34 * one.var(ddof=1) + 49 * two.var(ddof=1)) / 83)
    d = (one.mean() - two.mean()) / pooled
    # E(d) / delta of a noncentral t is 1 / J.
    of_sizes = math.sqrt(35 * 50 / 85)
    j = 1 / (nct(83, of_sizes).mean() / of_sizes)
    assert found.value == pytest.approx(j * d, rel=1e-9)


def test_the_interval_of_g_holds_its_level():
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(3_000):
        one, two = random.normal(0.5, 1, 30), random.normal(0, 1, 60)
        found = standardised_mean_difference(counts(one), counts(two))
        covered += found.low <= 0.5 <= found.high
    assert 0.935 < covered / 3_000 < 0.965


def test_equal_scores_have_no_standardised_difference():
    found = standardised_mean_difference(counts([0.3] * 40), counts([0.1] * 40))
    assert found.value is None
    assert found.reason


def test_a_score_at_the_cut_off_is_not_approved():
    rows = counts([0.1, 0.2, 0.3, 0.5, 0.9])
    assert [SCALE.approved(rows, at) for at in SCALE.cut_offs] == [1, 3]
    safe = Scale(EDGES, [0.2, 0.5], -1, probability=False)
    assert [safe.approved(rows, at) for at in SCALE.cut_offs] == [3, 1]


@pytest.fixture
def portfolio():
    """Scores and outcomes of two large groups, a small one, and rows of no known group."""
    random = np.random.default_rng(3)
    sizes = {"a": 400, "b": 300, "c": 20, None: 60}
    scores = {name: random.beta(2, 4 - 1.5 * (name == "b"), n) for name, n in sizes.items()}
    bad = {name: random.random(len(one)) < one for name, one in scores.items()}
    return scores, bad


def measured(portfolio, reference="a", min_rows=30):
    scores, bad = portfolio
    scored = {name: counts(one) for name, one in scores.items()}
    known = {
        name: Known(counts(one[~bad[name]]), counts(one[bad[name]])) for name, one in scores.items()
    }
    return {
        (one.measure, one.group, one.cut_off): one
        for one in assess(SCALE, scored, known, reference, min_rows)
    }


def test_every_figure_is_that_of_its_rows(portfolio):
    scores, bad = portfolio
    figures = measured(portfolio)
    a, b = scores["a"], scores["b"]
    at = 0.5
    rates = (a < at).mean(), (b < at).mean()
    assert figures["approval rate", "b", at].found.value == rates[1]
    ratio = figures["adverse-impact ratio", "b", at]
    assert ratio.found.value == pytest.approx(rates[1] / rates[0])
    assert ratio.reading == "under four fifths, beyond chance"
    of_goods = [(one[~bad[name]] < at).mean() for name, one in (("a", a), ("b", b))]
    assert figures["approval rate of goods", "a", at].found.value == of_goods[0]
    difference = figures["equal opportunity difference", "b", at].found.value
    assert difference == pytest.approx(of_goods[1] - of_goods[0])
    assert figures["bad rate", "b", None].found.value == bad["b"].mean()
    to_expected = figures["observed to expected", "b", None].found.value
    assert to_expected == pytest.approx(bad["b"].sum() / b.sum())
    # In cells, as ties.
    auc = roc_auc_score(bad["b"], np.searchsorted(EDGES, b))
    assert figures["AUC", "b", None].found.value == pytest.approx(auc)
    assert figures["rows", None, None].found.value == 60


def test_a_small_group_has_words_and_no_number(portfolio):
    of_small = [one for (_, group, _), one in measured(portfolio).items() if group == "c"]
    assert {one.found.value for one in of_small} == {None}
    assert {one.found.reason for one in of_small} == {"fewer than 30 rows"}
    assert {one.p_value for one in of_small} == {None}


def test_a_reference_group_without_rows_is_said_to_have_none(portfolio):
    ratio = measured(portfolio, "misspelt")["adverse-impact ratio", "b", 0.5].found
    assert (ratio.value, ratio.reason) == (None, "no row is of the reference group")


def test_nothing_is_compared_with_a_small_reference_group(portfolio):
    ratio = measured(portfolio, "c")["adverse-impact ratio", "b", 0.5].found
    assert (ratio.value, ratio.reason) == (None, "the reference group has fewer than 30 rows")


def test_a_ratio_that_chance_may_explain_is_said_to_be_one():
    scored = {"a": counts([0.1] * 20 + [0.9] * 20), "b": counts([0.1] * 15 + [0.9] * 25)}
    found = {(one.measure, one.group): one for one in assess(
        Scale(EDGES, [0.5], 1, probability=True), scored, {}, "a", 30)}  # fmt: skip
    assert found["adverse-impact ratio", "b"].reading == "under four fifths, chance may explain it"
    assert found["adverse-impact ratio", "a"].found.reason == "the reference group"
    assert not {"AUC", "bad rate"} & {measure for measure, _ in found}


def test_the_reference_group_is_the_one_approved_most_of_those_large_enough(portfolio):
    scored = {name: counts(one) for name, one in portfolio[0].items()} | {"d": counts([0.1] * 5)}
    assert reference_group(SCALE, scored, 30) == "a"
    assert reference_group(Scale(EDGES, [], 1, probability=True), scored, 30) == "a"
    assert reference_group(SCALE, scored, 1) == "d"
    assert reference_group(SCALE, scored, 1_000) is None
