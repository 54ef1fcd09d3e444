"""The tests of a period are those of its rows."""

from itertools import pairwise

import pytest
from riskvalidation.validation.calibration import pd_spiegelhalter

from monitoring_assets.periods.validation import validation
from monitoring_assets.statistics.validation.default_rates import jeffreys
from monitoring_assets.statistics.validation.grades import heterogeneity
from resources.errors import InputError
from tests.monitoring_assets.conftest import KEY


def test_the_portfolio_and_each_band_are_tested(scored, known):
    found = validation(scored.store, KEY, scored.days[0], scored.days[-1], 30)
    names = [test.name for test in found.portfolio]
    assert names == [
        "Jeffreys",
        "exact binomial",
        "Hosmer-Lemeshow",
        "Spiegelhalter",
        "AUC against development, as the ECB has it",
        "AUC against development, as two samples",
        "Herfindahl index by number",
    ]
    assert all(test.p_value is not None for test in found.portfolio)
    rows, bads = len(known), int(known["bad"].sum())
    expected = jeffreys(rows, bads, known["score"].mean())
    assert found.portfolio[0].p_value == pytest.approx(expected.p_value, rel=1e-4)
    theirs = pd_spiegelhalter(known["bad"], known["score"])
    assert found.portfolio[3].statistic == pytest.approx(theirs.statistic, rel=1e-4)
    assert sum(band.counts.rows for band in found.bands) == rows
    assert {band.jeffreys.name for band in found.bands} == {"Jeffreys"}
    first, *others = found.bands
    assert first.heterogeneity is None
    for before, band in pairwise(found.bands):
        assert band.heterogeneity.statistic == pytest.approx(
            heterogeneity(
                band.counts.rows,
                band.counts.bads,
                band.counts.expected,
                (before.counts.rows, before.counts.bads, before.counts.expected),
            ).statistic
        )
    assert {len(band.tests) for band in others} == {4}


def test_a_period_without_outcomes_is_refused_in_words(scored):
    with pytest.raises(InputError, match=r"no day from .* has mature outcomes after 30 days"):
        validation(scored.store, KEY, scored.days[-1], scored.days[-1], 30)
