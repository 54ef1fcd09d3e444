"""Strata: chosen where outcomes speak for them, counted, and estimated by."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import expit, logit
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from monitoring_assets.statistics.performance import strata
from monitoring_assets.statistics.performance.calibration_map import fit_calibration
from monitoring_assets.statistics.performance.concept_drift import gap
from monitoring_assets.statistics.performance.estimation import Stratum, estimate, estimate_strata
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.strata import (
    MAX_STRATA,
    Split,
    choose_splits,
    count_strata,
    strata_of,
    stratum_codes,
    stratum_names,
)
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid
from monitoring_assets.statistics.profiles.source import ParquetSource

TENTHS = NumericBins(tuple(np.arange(1, 10) / 10), "numeric", 0.0, 1.0, "double")
FLAG = NumericBins((0.5,), "numeric", 0.0, 1.0, "double")


def calibrated(scores, outcomes, grid):
    counted = (count_scores(scores, grid, summed) for summed in (scores, outcomes))
    return fit_calibration(*counted)


def chosen(odds, truth, rng, columns):
    """Splits of a sample whose score has other log odds than the outcomes."""
    scores, outcomes = expit(odds), (rng.random(len(odds)) < expit(truth)).astype(float)
    grid = score_grid(scores)
    bins = {n: FLAG if set(np.unique(v)) <= {0, 1} else TENTHS for n, v in columns.items()}
    slots = {n: np.searchsorted(bins[n].edges, v).astype(np.uint8) for n, v in columns.items()}
    in_grid = np.searchsorted(grid.edges, scores).astype(np.uint8)
    return choose_splits(calibrated(scores, outcomes, grid), in_grid, outcomes, slots, bins)


@pytest.mark.parametrize("slope", [1.0, 0.6])
def test_columns_that_say_nothing_split_nothing(slope):
    """Of 20 references of 40 columns, which the score is made of in part, none is split."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        columns = {str(n): rng.random(5_000) for n in range(40)}
        odds = -2 + 2 * columns["0"] - columns["1"] + rng.normal(0, 0.5, 5_000)
        assert chosen(odds, slope * odds, rng, columns) == ()


def test_the_chance_of_a_split_is_the_level(monkeypatch):
    """With a single cut and a level of 5 %, of 400 references about 20 are split."""
    monkeypatch.setattr(strata, "LEVEL", 0.05)
    rng, splits = np.random.default_rng(2), 0
    for _ in range(400):
        odds, flag = rng.normal(-2, 1, 2_000), (rng.random(2_000) < 0.3).astype(float)
        splits += bool(chosen(odds, odds, rng, {"flag": flag}))
    assert 8 <= splits <= 34


@pytest.mark.parametrize("off", [0.0, 0.05, 0.15, 0.25, 0.35, 0.6])
def test_a_split_is_judged_by_the_likelihood_ratio(off):
    """Beside logistic regressions of rows on each side and together, without a penalty."""
    rng = np.random.default_rng(3)
    odds = np.round(rng.normal(-1, 1, 6_000), 1)
    flag = (rng.random(6_000) < 0.2).astype(float)
    scores = expit(odds)
    outcomes = (rng.random(6_000) < expit(odds + off * (2 * flag - 0.4))).astype(float)
    grid = score_grid(scores)
    calibration = calibrated(scores, outcomes, grid)
    bin_of_row = np.searchsorted(grid.edges, scores).astype(np.uint8)
    own = logit(calibration.rates.clip(1e-6, 1 - 1e-6))[bin_of_row]

    def likelihood(rows):
        if len(np.unique(outcomes[rows])) < 2:
            return 0.0
        fit = LogisticRegression(C=np.inf, tol=1e-8).fit(own[rows, None], outcomes[rows])
        chance = fit.predict_proba(own[rows, None])[:, 1]
        return np.log(np.where(outcomes[rows] == 1, chance, 1 - chance)).sum()

    gain = likelihood(flag == 1) + likelihood(flag == 0) - likelihood(flag >= 0)
    found = choose_splits(
        calibration, bin_of_row, outcomes, {"flag": flag.astype(np.uint8)}, {"flag": FLAG}
    )
    assert bool(found) == (chi2.sf(2 * gain, 2) <= strata.LEVEL)


def test_a_group_in_which_the_score_is_off_is_found():
    rng = np.random.default_rng(4)
    odds = rng.normal(-2, 1, 20_000)
    columns = {str(n): rng.random(20_000) for n in range(10)}
    columns["flag"] = (rng.random(20_000) < 0.05).astype(float)
    (split,) = chosen(odds, odds + 1.2 * columns["flag"], rng, columns)
    assert (split.stratum, split.column) == (0, "flag")
    assert strata_of([split], {"flag": np.array([0, 1], np.uint8)}, 2).tolist() in ([0, 1], [1, 0])


def test_a_group_in_which_only_the_order_is_off_is_found():
    """As many bads, and the risky are safe: no bad rate says that."""
    rng = np.random.default_rng(5)
    odds, flag = rng.normal(0, 1, 20_000), (rng.random(20_000) < 0.05).astype(float)
    (split,) = chosen(odds, np.where(flag == 1, -odds, odds), rng, {"flag": flag})
    assert split.column == "flag"


def test_a_range_of_a_number_is_found_and_what_is_off_within_it():
    rng = np.random.default_rng(6)
    odds, age = rng.normal(-1, 1, 40_000), rng.random(40_000)
    flag = (rng.random(40_000) < 0.5).astype(float)
    truth = odds + 1.5 * (age <= 0.2) * flag
    columns = {"age": age, "flag": flag, "other": rng.random(40_000)}
    splits = chosen(odds, truth, rng, columns)
    assert {split.column for split in splits} == {"age", "flag"}
    slots = {
        "age": np.searchsorted(TENTHS.edges, age).astype(np.uint8),
        "flag": flag.astype(np.uint8),
    }
    codes = strata_of(splits, slots, 40_000)
    assert len(np.unique(codes[(age <= 0.2) & (flag == 1)])) == 1
    within = codes[(age <= 0.2) & (flag == 1)][0]
    assert ((codes == within) == ((age <= 0.2) & (flag == 1))).all()


def test_there_are_no_more_than_a_few():
    rng = np.random.default_rng(7)
    columns = {str(n): (rng.random(40_000) < 0.5).astype(float) for n in range(12)}
    odds = rng.normal(0, 1, 40_000)
    truth = odds + sum((1 if int(n) % 2 else -1) * 0.6 * v for n, v in columns.items())
    assert len(chosen(odds, truth, rng, columns)) == MAX_STRATA - 1


def test_too_few_bads_are_no_stratum():
    """29 rows that are all bad say nothing, however sure it is."""
    rng = np.random.default_rng(8)
    odds, flag = rng.normal(-2, 1, 5_000), np.zeros(5_000)
    flag[:29] = 1
    assert chosen(odds, odds + 20 * flag, rng, {"flag": flag}) == ()


def test_rows_without_outcome_or_score_are_left_out():
    rng = np.random.default_rng(9)
    odds, flag = rng.normal(-2, 1, 10_000), (rng.random(10_000) < 0.1).astype(float)
    scores = expit(odds)
    outcomes = (rng.random(10_000) < expit(odds)).astype(float)
    grid = score_grid(scores)
    calibration = calibrated(scores, outcomes, grid)
    bins = np.searchsorted(grid.edges, scores).astype(np.uint8)
    told, hidden = outcomes.copy(), bins.copy()
    told[flag == 1] = rng.random(int(flag.sum())) < 0.7  # these would speak for a split
    hidden[flag == 1] = grid.missing
    slots = {"flag": flag.astype(np.uint8)}
    assert choose_splits(calibration, bins, told, slots, {"flag": FLAG})
    assert not choose_splits(calibration, hidden, told, slots, {"flag": FLAG})
    told[flag == 1] = np.nan
    assert not choose_splits(calibration, bins, told, slots, {"flag": FLAG})


@pytest.fixture
def table(tmp_path):
    """Features and scores with missing and infinite values, in three row groups."""
    rng = np.random.default_rng(10)
    region = rng.choice(["north", "south", None], 3_000)
    age = np.where(rng.random(3_000) < 0.1, np.nan, rng.random(3_000))
    score = rng.random(3_000)
    score[:20], score[20:30], score[30:40] = np.nan, np.inf, 1.7
    for name, columns in (
        ("features", {"region": region, "age": age}),
        ("scores", {"score": score}),
    ):
        pq.write_table(pa.table(columns), tmp_path / name, row_group_size=1_100)
    return (
        ParquetSource(tmp_path / "features"),
        ParquetSource(tmp_path / "scores"),
        region,
        age,
        score,
    )


def splits_of(bins):
    south = [slot.label for slot in bins["region"].slots].index("south")
    return (
        Split(0, "region", (south,)),
        Split(0, "age", (0, 1, 2)),
        Split(1, "age", (bins["age"].missing,)),
    )


def test_rows_are_counted_by_stratum(table):
    features, scores, region, age, score = table
    bins = fit_bins(features)
    splits = splits_of(bins)
    edge = bins["age"].edges[2]
    expected = np.select(
        [(region == "south") & np.isnan(age), region == "south", age <= edge], [3, 1, 2], 0
    )
    assert (stratum_codes(features, splits, bins) == expected).all()
    grid = score_grid(np.random.default_rng(11).random(5_000))
    counted = count_strata(features, splits, bins, scores=scores, score_column="score", grid=grid)
    for number, one in enumerate(counted):
        own = score[expected == number]
        expected_of = count_scores(own, grid, own)
        assert (one.counts == expected_of.counts).all()
        assert (one.score_counts == expected_of.score_counts).all()
        assert (one.below, one.above) == (expected_of.below, expected_of.above)
        np.testing.assert_allclose(one.score_sums, expected_of.score_sums)
    whole = count(scores, {"score": grid}, scores=scores, score_column="score").columns["score"]
    together = sum(counted[1:], counted[0])
    assert (together.counts == whole.counts).all()
    assert (together.below, together.above) == (whole.below, whole.above)
    np.testing.assert_allclose(together.score_sums, whole.score_sums)


def test_strata_have_names(table):
    bins = fit_bins(table[0])
    edge = bins["age"].edges[2]
    assert stratum_names(splits_of(bins), bins) == (
        f"not region south and not age <= {edge:g}",
        "region south and not age missing",
        f"not region south and age <= {edge:g}",
        "region south and age missing",
    )
    assert stratum_names((), {}) == ("all rows",)


def test_a_column_that_is_not_there_is_an_error(table):
    features, scores, *_ = table
    bins = fit_bins(features)
    grid = score_grid(np.linspace(0, 1, 500))
    with pytest.raises(ValueError, match="column 'region'"):
        count_strata(scores, splits_of(bins), bins, scores=scores, score_column="score", grid=grid)


def test_strata_of_one_map_are_its_estimate():
    rng = np.random.default_rng(12)
    odds = rng.normal(-2, 1, 20_000)
    outcomes = (rng.random(20_000) < expit(0.7 * odds)).astype(float)
    scores = expit(odds)
    calibration = calibrated(scores, outcomes, score_grid(scores))
    day = expit(rng.normal(-1.5, 1, 5_000))
    parts = [count_scores(one, calibration.grid, one) for one in (day[:1_000], day[1_000:])]
    whole = estimate(calibration, parts[0] + parts[1], [0.2])
    found = estimate_strata([Stratum("", calibration, part) for part in parts], [0.2])
    for name in ("auc", "ks", "brier", "log_loss", "bad_rate"):
        one, other = getattr(found, name), getattr(whole, name)
        assert one.value == pytest.approx(other.value, abs=1e-5), name
        assert one.outcome_error == pytest.approx(other.outcome_error, rel=1e-3), name
        # Two strata of the same sample are taken for two samples.
        assert one.calibration_error <= other.calibration_error * 1.001, name


def test_strata_are_estimated_as_row_by_row():
    """Every row with the chance that its stratum and score have."""
    rng = np.random.default_rng(13)
    values = np.arange(1, 20) / 20
    chances, maps = {}, {}
    grid = score_grid(values)
    for name in ("north", "south"):
        scores = rng.choice(values, 4_000)
        chances[name] = np.where(values > 0.5, 0.7, 0.2) if name == "north" else values**2
        outcomes = (rng.random(4_000) < chances[name][np.searchsorted(values, scores)]).astype(
            float
        )
        maps[name] = calibrated(scores, outcomes, grid)
    days = {"north": rng.choice(values, 300), "south": rng.choice(values, 900)}
    found = estimate_strata(
        [Stratum(n, maps[n], count_scores(days[n], grid, days[n])) for n in days]
    )
    day = np.concatenate(list(days.values()))
    p = np.concatenate([maps[n].rates[np.searchsorted(grid.edges, days[n])] for n in days])
    assert found.bad_rate.value == pytest.approx(p.mean())
    assert found.bad_rate.outcome_error == pytest.approx(np.sqrt((p * (1 - p)).sum()) / len(p))
    auc = roc_auc_score(
        np.repeat([1, 0], len(day)), np.tile(day, 2), sample_weight=np.concatenate([p, 1 - p])
    )
    assert found.auc.value == pytest.approx(auc, abs=0.01)  # less the optimism
    assert found.rows == len(day)
    assert found.calibration.startswith("north: recalibrating")


def test_a_mix_that_moves_is_no_concept_shift_within_strata():
    """A group grows from 5 to 60 %: with a map for all performance leaves its estimate, with a map
    for each it follows, within its errors.
    """
    rng = np.random.default_rng(14)

    def drawn(rows, share):
        odds, flag = rng.normal(-1, 1, rows), rng.random(rows) < share
        truth = np.where(flag, -1 - 0.5 * (odds + 1), odds)
        return expit(odds), flag, (rng.random(rows) < expit(truth)).astype(float)

    z = []
    for _ in range(40):
        scores, flag, outcomes = drawn(10_000, 0.05)
        grid = score_grid(scores)
        whole = calibrated(scores, outcomes, grid)
        maps = [calibrated(scores[flag == one], outcomes[flag == one], grid) for one in (0, 1)]
        scores, flag, outcomes = drawn(3_000, 0.6)
        parts = [count_scores(scores[flag == one], grid, scores[flag == one]) for one in (0, 1)]
        auc = Estimate(roc_auc_score(outcomes, scores))
        apart = estimate_strata([Stratum("", *one) for one in zip(maps, parts, strict=True)])
        z.append([gap(auc, estimate(whole, parts[0] + parts[1]).auc).z, gap(auc, apart.auc).z])
    together, apart = np.array(z).T
    assert together.mean() < -10
    assert abs(apart.mean()) < 0.6
    assert 0.7 < apart.std() < 1.4
