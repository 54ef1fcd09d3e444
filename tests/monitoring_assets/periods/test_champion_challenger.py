"""Champion and challenger: every figure from the rows themselves, by pandas and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import brier_score_loss, roc_auc_score

from monitoring_assets.periods.champion_challenger import compare_versions
from resources.errors import InputError
from tests.monitoring_assets.conftest import CHALLENGER, KEY


def compared(challenged, champion=KEY, challenger=CHALLENGER, cut_off=0.5, last=None, horizon=30):
    return compare_versions(
        challenged.store,
        challenged.lender.lake,
        champion,
        challenger,
        challenged.days[0],
        last or challenged.days[-1],
        horizon,
        cut_off,
    )


@pytest.fixture
def every(challenged):
    return pd.concat([challenged.frames[day].assign(day=day) for day in challenged.days])


@pytest.fixture
def known(challenged, every):
    return every[every["day"] != challenged.days[-1]]


def test_rows_and_correlations_are_those_of_all_days(challenged, every):
    found = compared(challenged)
    assert (found.days, found.days_known, found.days_apart) == (4, 3, 0)
    assert (found.counts.common, found.counts.known) == (len(every), 800 + 900 + 1000)
    of_days = [(len(day), pearsonr(day["score"], -day["points"]).statistic,
                spearmanr(day["score"], -day["points"]).statistic)
               for _, day in every.groupby("day")]  # fmt: skip
    rows, pearson, spearman = np.array(of_days).T
    assert found.correlation.pearson == pytest.approx(rows @ pearson / rows.sum(), abs=1e-6)
    # The stored score is a float32: some pairs become ties.
    assert found.correlation.spearman == pytest.approx(rows @ spearman / rows.sum(), abs=1e-5)


def test_points_that_are_safe_if_high_have_their_auc_the_right_way_round(challenged, known):
    found = compared(challenged)
    weighted = {"score": [], "points": []}
    weights = []
    for _, day in known.groupby("day"):
        weights.append(day["bad"].sum() * (len(day) - day["bad"].sum()))
        weighted["score"].append(roc_auc_score(day["bad"], day["score"]))
        weighted["points"].append(roc_auc_score(day["bad"], -day["points"]))
    expected = [np.average(weighted[name], weights=weights) for name in ("score", "points")]
    assert (found.auc.first.value, found.auc.second.value) == pytest.approx(expected, abs=1e-5)
    assert 0.5 < found.auc.second.value < found.auc.first.value
    assert found.auc.difference.value == pytest.approx(expected[1] - expected[0], abs=1e-5)
    assert list(found.by_day) == challenged.days[:3]
    first = found.between(challenged.days[0], challenged.days[0])
    assert first.first.value == pytest.approx(weighted["score"][0], abs=1e-5)


def test_the_swap_set_is_of_as_many_accepted(challenged, every):
    found = compared(challenged)
    accepted = every["score"] < 0.5
    cut_off = found.challenger.cut_off
    theirs = every["points"] > cut_off
    assert found.champion.accepted == accepted.sum()
    assert found.challenger.accepted == theirs.sum()
    # Points are rounded, so that a few rows share those of the cut-off.
    assert 0 <= accepted.sum() - theirs.sum() < (every["points"] == cut_off).sum()
    outcomes = every["bad"].where(every["day"] != challenged.days[-1])
    for cell, rows in (
        (found.swap.swapped_in, ~accepted & theirs),
        (found.swap.swapped_out, accepted & ~theirs),
        (found.swap.both, accepted & theirs),
        (found.swap.neither, ~accepted & ~theirs),
    ):
        assert cell.rows == rows.sum()
        assert (cell.known, cell.bads) == (outcomes[rows].count(), outcomes[rows].sum())


def test_calibration_is_by_tenths_of_each_score(challenged, known):
    found = compared(challenged)
    for version in (found.champion, found.challenger):
        assert len(version.bands) == 10
        assert sum(band.rows for band in version.bands) == found.counts.common
        assert sum(band.bads for band in version.bands) == known["bad"].sum()
        assert version.bands[0].bad_rate.value < version.bands[-1].bad_rate.value
        shares = [band.rows / found.counts.common for band in version.bands]
        assert shares == pytest.approx([0.1] * 10, abs=0.01)
    assert found.champion.expected == pytest.approx(known["score"].mean(), abs=1e-6)
    safest = found.champion.bands[0]
    inside = known[known["score"] <= safest.riskiest]
    assert safest.expected == pytest.approx(inside["score"].mean(), abs=1e-3)
    assert found.challenger.expected is None
    assert found.challenger.bands[0].riskiest > found.challenger.bands[-1].safest
    assert "in points" in found.brier.difference.reason
    assert sum(map(sum, found.grid)) == found.counts.common


def test_two_probabilities_have_losses_and_no_difference_from_themselves(challenged, known):
    found = compared(challenged, challenger=KEY)
    assert found.brier.first == pytest.approx(
        brier_score_loss(known["bad"], known["score"]), abs=1e-6
    )
    assert found.brier.difference.value == 0
    assert found.swap.agreement.value == 1
    assert found.auc.p_value is None


def test_where_the_champion_is_in_points_it_refuses_at_the_cut_off_and_below(challenged, every):
    found = compared(challenged, champion=CHALLENGER, challenger=KEY, cut_off=600)
    assert found.champion.accepted == (every["points"] > 600).sum()
    assert found.auc.difference.value > 0


def test_without_outcomes_the_rest_is_known(challenged):
    found = compared(challenged, horizon=None)
    assert found.unknown == f"{KEY} names no outcome in its manifest"
    assert found.auc.difference.reason == found.unknown
    assert found.counts.common
    assert found.counts.known == 0
    assert found.wait.days is None


def test_a_horizon_that_is_not_over_is_said(challenged, monkeypatch):
    monkeypatch.setattr(challenged.lender.lake.__class__, "day_files", None)  # is not asked
    found = compared(challenged, horizon=3000)
    assert "has mature outcomes after 3000 days" in found.unknown


def test_what_cannot_be_compared_is_refused(challenged):
    with pytest.raises(InputError, match="accepts 3,800 of 3,800 rows, so nothing can be swapped"):
        compared(challenged, cut_off=2.0)
    with pytest.raises(InputError, match="no day has scores of both"):
        compared(challenged, last=challenged.days[0].replace(year=2000))
