"""Cohorts together against the rows that they were counted from."""

from dataclasses import replace

import numpy as np
import pytest

from monitoring_assets.periods.cohorts import BandCounts, Cohort, read_cohorts, together
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.prediction import sum_predictions
from tests.monitoring_assets.conftest import KEY


def concordance(frame):
    bads, goods = (frame.loc[frame["bad"] == kind, "score"].to_numpy() for kind in (1, 0))
    return np.mean(np.sign(bads[:, None] - goods) / 2 + 0.5), len(bads) * len(goods)


def test_counts_are_those_of_the_rows(scored, known):
    cohort = together(read_cohorts(scored.store, KEY, 30, scored.days[0], scored.days[-1]).values())
    assert (cohort.days, cohort.rows, cohort.bads) == (3, len(known), known["bad"].sum())
    assert cohort.expected == pytest.approx(known["score"].mean(), rel=1e-6)
    for band in cohort.bands:
        inside = known[(known["score"] > band.low) & (known["score"] <= band.high)]
        assert (band.rows, band.bads) == (len(inside), inside["bad"].sum())
        assert band.expected == pytest.approx(inside["score"].mean(), rel=1e-6)
    assert sum(band.rows for band in cohort.bands) == len(known)


def test_the_auc_is_of_pairs_of_one_day(scored):
    found = read_cohorts(scored.store, KEY, 30, scored.days[0], scored.days[-1])
    parts = [concordance(scored.frames[day]) for day in found]
    expected = sum(auc * pairs for auc, pairs in parts) / sum(pairs for _, pairs in parts)
    cohort = together(found.values())
    assert cohort.auc.value == pytest.approx(expected, rel=1e-9)
    errors = [one.auc.standard_error for one in found.values()]
    assert min(errors) / 3**0.5 * 0.8 < cohort.auc.standard_error < max(errors) / 3**0.5 * 1.2
    assert cohort.reference_auc.value > 0.5


def test_only_mature_cohorts_of_the_horizon_count(scored):
    first, last = scored.days[0], scored.days[-1]
    assert list(read_cohorts(scored.store, KEY, 30, first, last)) == scored.days[:3]
    assert not read_cohorts(scored.store, KEY, 7, first, last)
    assert not read_cohorts(scored.store, KEY, 30, last, last)


def cohort(low=0.1, *, expected=0.2, auc=0.7):
    bands = (BandCounts(-np.inf, low, 10, 1, expected), BandCounts(low, np.inf, 0, 0, None))
    error = None if auc is None else 0.05
    excess = Estimate(0.01, 0.02)
    return Cohort(1, 10, 1, Estimate(auc, error), Estimate(0.8, 0.01), excess, bands)


def test_cohorts_in_other_bands_are_left_out():
    found = together([cohort(0.3), cohort(), cohort()])
    assert (found.days, found.rows, found.bands[0].rows) == (2, 20, 20)


def test_cohorts_of_the_other_kind_are_left_out():
    """A revision of the manifest may change ``outcome.kind``, in bands of the same edges."""
    of_bads = cohort()
    edges = [band.high for band in of_bads.bands[:-1]]
    rows = np.linspace(0, 1, 5)
    of_numbers = replace(of_bads, bands=(), predictions=sum_predictions(rows, rows, edges))
    assert [(one.low, one.high) for one in of_numbers.predictions] == [
        (one.low, one.high) for one in of_bads.bands
    ]
    numbers = together([of_bads, of_numbers, of_numbers])
    assert (numbers.days, numbers.rows, numbers.bands) == (2, 20, ())
    assert numbers.metrics["mean_realised"].value == pytest.approx(0.5)
    bads = together([of_numbers, of_bads])
    assert (bads.days, bads.is_binary) == (1, True)


def test_points_have_no_expected_rate():
    assert together([cohort(), cohort(expected=None)]).expected is None


def test_a_day_without_an_auc_does_not_count_in_it():
    assert together([cohort(auc=None), cohort()]).auc.value == pytest.approx(0.7)
    assert "no day has" in together([cohort(auc=None)]).auc.reason
    one_class = replace(cohort(), bads=0)
    assert "no day has" in together([one_class]).auc.reason


def test_no_cohorts_are_none():
    assert together([]) is None


def test_a_day_without_an_excess_leaves_none_of_all():
    all_known = together([cohort(), cohort()])
    assert all_known.brier_excess.value == pytest.approx(0.01)
    assert all_known.brier_excess.standard_error == pytest.approx(0.02 / 2**0.5)
    before = replace(cohort(), brier_excess=Estimate(None))
    assert "a release that did not keep it" in together([cohort(), before]).brier_excess.reason
