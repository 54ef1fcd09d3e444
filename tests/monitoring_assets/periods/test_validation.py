"""The tests of a period are those of its rows."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from riskvalidation.validation.calibration import pd_spiegelhalter
from riskvalidation.validation.rating_system import concentration, rating_hhi

from monitoring_assets.periods.validation import validation
from monitoring_assets.reference.decisions import read_reference_decisions
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


def test_exposures_are_the_approved_amounts_of_the_rows(decided):
    found = validation(decided.store, KEY, decided.days[0], decided.days[-1], 30)
    test, (number, exposure) = found.portfolio[-1], found.concentrations
    frame = pd.concat(decided.frames.values())
    approved = frame[frame["outcome_of_application"] == "A"]
    tops = [band.counts.high for band in found.bands[:-1]]
    bands = pd.cut(approved["score"], [-np.inf, *tops, np.inf])
    amounts = approved.groupby(bands, observed=False)["asked"].sum()
    assert exposure.now.variation == pytest.approx(concentration(amounts)[0])
    assert number.now.variation == pytest.approx(
        concentration([band.counts.rows for band in found.bands])[0]
    )
    before = read_reference_decisions(decided.store, decided.store.landed(KEY).manifest)
    theirs = rating_hhi(amounts, before.amount_by_band("approved_amount"))
    assert test.statistic == pytest.approx(theirs.statistic)


def test_without_amounts_in_the_reference_exposure_says_why_it_is_not_tested(decided, tmp_path):
    store = decided.store.model_copy(update={"root": str(tmp_path / "store")})
    for path in decided.store.storage.list():
        if not path.startswith("reference_decisions/"):
            store.storage.write(path, decided.store.storage.read(path))
    found = validation(store, KEY, decided.days[0], decided.days[-1], 30)
    assert found.portfolio[-1].p_value is None
    assert "column 'asked' (decisions.amount)" in found.portfolio[-1].reason
    assert found.concentrations[-1].now is not None
    assert found.concentrations[-1].development is None
