"""Estimated performance against closed forms, single rows, and simulated outcomes."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, ndtr, ndtri
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from monitoring_assets.statistics.performance.calibration_map import fit_calibration
from monitoring_assets.statistics.performance.estimation import estimate
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid

METRICS = ("auc", "gini", "ks", "brier", "log_loss", "bad_rate")


def chance(z):
    return expit(-2.5 + 1.2 * z)


def off(z):
    """A score that ranks as ``chance`` does, and is not calibrated."""
    return expit(-1.5 + 0.8 * z)


def draw(rows, rng, score=chance, shift=0.0):
    z = rng.normal(shift, 1, rows)
    return score(z), (rng.random(rows) < chance(z)).astype(float)


def calibrate(scores, outcomes=None, cut_offs=(), **options):
    grid = score_grid(scores, cut_offs)
    counted = None if outcomes is None else count_scores(scores, grid, outcomes)
    return fit_calibration(count_scores(scores, grid, scores), counted, **options)


def estimated(calibration, scores, cut_offs=()):
    return estimate(calibration, count_scores(scores, calibration.grid, scores), cut_offs)


def metrics(result):
    found = {name: getattr(result, name) for name in METRICS}
    for at in result.cut_offs:
        found |= {f"precision {at.score}": at.precision, f"recall {at.score}": at.recall}
    return found


@pytest.mark.parametrize(("tilt", "narrow"), [(0, 0), (1.0, 0), (-0.5, 0), (0, 0.5), (0.7, -0.3)])
def test_binormal_score_under_known_covariate_shift(tilt, narrow):
    """Goods N(0, 1), bads N(d, 1), reweighted by exp(tilt x - narrow x^2 / 2): what a score stands
    for stays, both stay normal with variance v = 1 / (1 + narrow), and all else is closed form.
    """
    d, odds = 1.3, 0.1
    v = 1 / (1 + narrow)
    new_odds = odds * math.exp(v * ((d + tilt) ** 2 - tilt**2) / 2 - d**2 / 2)
    share = new_odds / (1 + new_odds)

    def day(rows, good_mean, bad_mean, variance, bad_share):
        bads = round(rows * bad_share)
        parts = [
            mean + math.sqrt(variance) * ndtri((np.arange(n) + 0.5) / n)
            for mean, n in ((good_mean, rows - bads), (bad_mean, bads))
        ]
        return expit(math.log(odds) + d * np.concatenate(parts) - d**2 / 2)

    calibration = calibrate(day(200_000, 0, d, 1, odds / (1 + odds)))
    found = estimated(calibration, day(200_000, v * tilt, v * (d + tilt), v, share))
    assert found.auc.value == pytest.approx(ndtr(d * math.sqrt(v / 2)), abs=2e-4)
    assert found.ks.value == pytest.approx(2 * ndtr(d * math.sqrt(v) / 2) - 1, abs=2e-4)
    assert found.gini.value == pytest.approx(2 * found.auc.value - 1)
    assert found.bad_rate.value == pytest.approx(share, abs=1e-5)


@given(seed=st.integers(0, 10_000), falling=st.booleans())
def test_few_values_as_row_by_row(seed, falling):
    """Every pair of rows, and every row, with the calibrated chance of its score."""
    rng = np.random.default_rng(seed)
    direction = -1 if falling else 1
    scores = rng.integers(0, 12, 300) / 12
    outcomes = (rng.random(300) < (1 - scores if falling else scores)).astype(float)
    outcomes[:2] = 0, 1
    calibration = calibrate(scores, outcomes, [0.5], probability=False, direction=direction)
    day = rng.integers(0, 12, 80) / 12
    day[:2] = 0, 0.5
    p = calibration.rates[np.searchsorted(calibration.grid.edges, day)]
    found = estimated(calibration, day, [0.5])
    flagged = day <= 0.5 if falling else day >= 0.5
    above = direction * (day[:, None] - day)
    in_order = (above > 0) + 0.5 * (above == 0)
    pairs = np.outer(p, 1 - p)
    if pairs.sum() > 1e-9:
        auc = (pairs * in_order).sum() / pairs.sum() - calibration.optimism
        assert found.auc.value == pytest.approx(auc, abs=1e-9)
        cumulative = [
            ((p * (day <= at)).sum() / p.sum() - ((1 - p) * (day <= at)).sum() / (1 - p).sum())
            for at in np.unique(day)
        ]
        ks = max(np.array(cumulative) * -direction)
        assert found.ks.value == pytest.approx(max(ks, 0), abs=1e-9)
    at = found.cut_offs[0]
    cells = [(p * flagged).sum(), ((1 - p) * flagged).sum()]
    cells += [(p * ~flagged).sum(), ((1 - p) * ~flagged).sum()]
    assert [at.true_positives, at.false_positives] == pytest.approx(cells[:2])
    assert [at.false_negatives, at.true_negatives] == pytest.approx(cells[2:])
    assert at.precision.value == pytest.approx(p[flagged].mean())
    assert found.bad_rate.value == pytest.approx(p.mean())
    assert found.brier.reason == "the score is in points, not a probability of bad"


@pytest.mark.parametrize("shift", [-0.5, 0.0, 1.5])
def test_a_continuous_score_as_row_by_row(shift):
    """What the grid costs: each row's own score as its chance, beside the grid's means."""
    rng = np.random.default_rng(4)
    scores, _ = draw(50_000, rng)
    day, _ = draw(20_000, rng, shift=shift)
    found = estimated(calibrate(scores), day)
    twice, labels = np.tile(day, 2), np.repeat([1, 0], len(day))
    weights = np.concatenate([day, 1 - day])
    assert found.auc.value == pytest.approx(
        roc_auc_score(labels, twice, sample_weight=weights), abs=1e-4
    )
    assert found.brier.value == pytest.approx(
        brier_score_loss(labels, twice, sample_weight=weights), abs=1e-4
    )
    assert found.log_loss.value == pytest.approx(
        log_loss(labels, twice, sample_weight=weights), abs=5e-4
    )
    ordered = np.sort(day)
    distance = np.cumsum(1 - ordered) / (1 - day).sum() - np.cumsum(ordered) / day.sum()
    assert found.ks.value == pytest.approx(distance.max(), abs=2e-4)
    assert found.bad_rate.value == pytest.approx(day.mean())


def test_profiles_of_days_add():
    rng = np.random.default_rng(5)
    calibration = calibrate(*draw(20_000, rng, off), cut_offs=[0.3])
    days = [draw(rows, rng, off, shift=0.4)[0] for rows in (40, 3_000, 700)]
    counted = [count_scores(day, calibration.grid, day) for day in days]
    together = estimate(calibration, counted[0] + counted[1] + counted[2], [0.3])
    at_once = estimated(calibration, np.concatenate(days), [0.3])
    for name, metric in metrics(together).items():
        expected = asdict(metrics(at_once)[name])
        for field, value in asdict(metric).items():
            assert value == pytest.approx(expected[field]), (name, field)


def test_a_score_in_points_is_read_from_the_other_side():
    rng = np.random.default_rng(6)
    scores, outcomes = draw(20_000, rng, lambda z: np.round(100 * z))
    day, _ = draw(5_000, rng, lambda z: np.round(100 * z), shift=0.3)
    risky = calibrate(scores, outcomes, [80], probability=False)
    safe = calibrate(-scores, outcomes, [-80], probability=False, direction=-1)
    found, mirrored = estimated(risky, day, [80]), estimated(safe, -day, [-80])
    for name in ("auc", "ks", "bad_rate"):
        # The bins of the two are not quite the same: they are open to one side.
        assert getattr(mirrored, name).value == pytest.approx(getattr(found, name).value, abs=2e-3)
    assert mirrored.cut_offs[0].recall.value == pytest.approx(
        found.cut_offs[0].recall.value, abs=2e-3
    )


def test_a_cut_off_inside_a_bin_is_linear():
    scores = np.random.default_rng(7).random(100_000)
    found = estimated(calibrate(scores), scores, [0.12345])
    assert found.cut_offs[0].recall.value == pytest.approx(1 - 0.12345**2, abs=1e-3)
    flagged = found.cut_offs[0].true_positives + found.cut_offs[0].false_positives
    assert flagged == pytest.approx(100_000 * (1 - 0.12345), rel=2e-3)


@pytest.mark.parametrize("cut_off", [-5.0, 5.0])
def test_a_cut_off_beyond_the_scores(cut_off):
    at = estimated(calibrate(np.linspace(0.1, 0.9, 500)), np.linspace(0.2, 0.8, 50), [cut_off])
    cells = at.cut_offs[0]
    expected = 0 if cut_off > 0 else 50
    assert cells.true_positives + cells.false_positives == pytest.approx(expected)
    assert (cells.precision.reason is None) == (cut_off < 0)


def realised(scores, outcomes, cut_off):
    flagged = scores >= cut_off
    return {
        "auc": roc_auc_score(outcomes, scores),
        "gini": 2 * roc_auc_score(outcomes, scores) - 1,
        "brier": brier_score_loss(outcomes, scores),
        "log_loss": log_loss(outcomes, scores),
        "bad_rate": outcomes.mean(),
        f"precision {cut_off}": outcomes[flagged].mean(),
        f"recall {cut_off}": flagged[outcomes == 1].mean(),
    }


@pytest.mark.parametrize(
    ("score", "shift"), [(chance, 0.0), (off, 0.0), (off, 0.7)], ids=["calibrated", "off", "moved"]
)
def test_realised_lies_within_the_stated_errors(score, shift):
    """Fresh references and days: the gap, in its standard errors, has mean 0 and deviation 1."""
    rng = np.random.default_rng(8)
    gaps = {}
    for _ in range(100):
        calibration = calibrate(*draw(10_000, rng, score), cut_offs=[0.25])
        day, outcomes = draw(2_000, rng, score, shift)
        found = metrics(estimated(calibration, day, [0.25]))
        for name, value in realised(day, outcomes, 0.25).items():
            error = math.hypot(found[name].outcome_error, found[name].calibration_error)
            gaps.setdefault(name, []).append((value - found[name].value) / error)
    for name, z in gaps.items():
        assert abs(np.mean(z)) < 0.4, name
        assert 0.7 < np.std(z) < 1.3, name


def test_outcome_and_sampling_errors_are_what_they_say():
    """Outcomes drawn again for the same rows, and rows drawn again as well."""
    rng = np.random.default_rng(9)
    calibration = calibrate(draw(50_000, rng)[0], cut_offs=[0.25])
    z = rng.normal(size=2_000)
    found = metrics(estimated(calibration, chance(z), [0.25]))
    same, fresh = [], []
    for _ in range(250):
        outcomes = (rng.random(2_000) < chance(z)).astype(float)
        same.append(realised(chance(z), outcomes, 0.25))
        fresh.append(realised(*draw(2_000, rng), 0.25))
    for name in same[0]:
        by_outcome = np.std([day[name] for day in same])
        by_row = np.std([day[name] for day in fresh])
        assert found[name].outcome_error == pytest.approx(by_outcome, rel=0.2), name
        assert found[name].sampling_error == pytest.approx(by_row, rel=0.2), name
        assert found[name].calibration_error is None
        assert found[name].standard_error == found[name].sampling_error


def test_calibration_error_is_what_it_says():
    """References drawn again for the same day."""
    rng = np.random.default_rng(10)
    day, _ = draw(20_000, rng, off, shift=0.3)
    found = [
        metrics(estimated(calibrate(*draw(10_000, rng, off), cut_offs=[0.3]), day, [0.3]))
        for _ in range(200)
    ]
    for name in found[0]:
        if name != "ks":
            spread = np.std([each[name].value for each in found])
            stated = np.median([each[name].calibration_error for each in found])
            assert stated == pytest.approx(spread, rel=0.25), name


def test_optimism_of_the_calibration_is_taken_off():
    """On the reference itself the estimated AUC is the realised one, as counted in the grid."""
    scores, outcomes = draw(2_000, np.random.default_rng(11), off)
    scores = np.round(np.where(scores > 0.2, 0.5 + scores / 2, scores / 2), 2)  # no line is right
    calibration = calibrate(scores, outcomes)
    found = estimated(calibration, scores)
    assert calibration.method == "isotonic"
    assert found.auc.value == pytest.approx(roc_auc_score(outcomes, scores), abs=1e-12)


def test_rows_without_a_score_or_out_of_range_are_counted():
    scores = np.linspace(0.2, 0.6, 500)
    day = np.concatenate([scores, [0.1, 0.7, 0.8, np.nan, np.inf]])
    found = estimated(calibrate(scores), day)
    assert (found.rows, found.unscored, found.outside) == (503, 2, 3 / 503)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ([], "no row has a score"),
        ([np.nan], "no row has a score"),
        ([0.5, 0.5], "all scores lie in one bin of the score grid"),
    ],
)
def test_nothing_to_rank(day, reason):
    found = estimated(calibrate(np.linspace(0, 1, 150)), np.array(day, float), [0.5])
    for name in ("auc", "gini", "ks"):
        assert (getattr(found, name).value, getattr(found, name).reason) == (None, reason)
    if not found.rows:
        assert {metric.value for metric in metrics(found).values()} == {None}
        assert all(metric.reason for metric in metrics(found).values())
        assert found.outside is None


@pytest.mark.parametrize(("day", "lacking"), [([0.0, 0.1], "bads"), ([0.9, 1.0], "goods")])
def test_one_class_is_expected(day, lacking):
    """Scores under which the reference never had a bad, or never a good."""
    scores = np.repeat(np.linspace(0, 1, 11), 20)
    outcomes = np.where(scores > 0.5, 1.0, 0.0)
    found = estimated(calibrate(scores, outcomes), np.array(day), [0.95])
    assert found.auc.reason == f"no {lacking} are expected"
    assert found.bad_rate.value == (0.0 if lacking == "bads" else 1.0)
    assert (found.cut_offs[0].recall.value is None) == (lacking == "bads")


def test_another_grid_is_an_error():
    calibration = calibrate(np.linspace(0, 1, 500))
    other = score_grid(logit(np.linspace(0.1, 0.9, 500)))
    with pytest.raises(ValueError, match="another grid"):
        estimate(calibration, count_scores(np.zeros(3), other, np.zeros(3)))
