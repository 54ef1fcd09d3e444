"""The critical value holds its level."""

import numpy as np
import pytest
from scipy.special import chdtrc

from monitoring_assets.statistics.drift.significance import critical_value


def jeffreys(reference, current):
    """Index of many pairs of counts at once, written apart from the product's."""
    used = (reference + current) > 0
    e, a = (np.where(used, counts + 0.5, 0) for counts in (reference, current))
    e, a = e / e.sum(1, keepdims=True), a / a.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(used, (a - e) * np.log(a / e), 0).sum(1)


@pytest.mark.parametrize("n", [100, 1_000, 100_000])
@pytest.mark.parametrize(
    "shares",
    [np.full(10, 0.1), np.array([0.0, 0.6, 0.1, 0.1, 0.1, 0.04, 0.03, 0.03, 0.0])],
    ids=["deciles", "spike"],
)
def test_share_of_false_alarms(n, shares):
    """At level 1e-3, between 0.5 and 2 alarms in 1,000 draws without drift."""
    rng = np.random.default_rng(20_26)
    reference = rng.multinomial(100_000, shares, 40_000)
    current = rng.multinomial(n, shares, 40_000)
    critical = critical_value(100_000, n, np.count_nonzero(shares) - 1)
    alarms = (jeffreys(reference, current) > critical).mean()
    assert 0.0005 < alarms < 0.002


def test_a_loose_level_holds_too():
    rng = np.random.default_rng(1)
    reference, current = (rng.multinomial(n, np.full(10, 0.1), 20_000) for n in (5_000, 500))
    alarms = (jeffreys(reference, current) > critical_value(5_000, 500, 9, 0.05)).mean()
    assert 0.045 < alarms < 0.055


def test_a_real_shift_of_a_thousand_rows_is_found():
    """At a true index of 0.044, nearly always, where the rule of 0.1 finds nothing."""
    rng = np.random.default_rng(2)
    shares = np.full(10, 0.1) + np.linspace(-0.0315, 0.0315, 10)
    assert ((shares - 0.1) * np.log(shares / 0.1)).sum() == pytest.approx(0.044, abs=0.005)
    values = jeffreys(
        rng.multinomial(100_000, np.full(10, 0.1), 2_000), rng.multinomial(1_000, shares, 2_000)
    )
    assert (values > critical_value(100_000, 1_000, 9)).mean() > 0.9
    assert (values > 0.1).mean() < 0.05


def test_it_is_the_upper_quantile_of_chi_squared():
    value = critical_value(300, 600, 4, 0.01)
    assert chdtrc(4, value / (1 / 300 + 1 / 600)) == pytest.approx(0.01)
    assert critical_value(600, 300, 4, 0.01) == pytest.approx(value)


def test_a_single_bin_never_differs():
    assert critical_value(10, 10, 0) == 0


@pytest.mark.parametrize(
    "arguments", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (1, 1, 1, 0.0), (1, 1, 1, 1.0)]
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=r"must|need"):
        critical_value(*arguments)
