"""Which characteristic moved the mean score."""

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.drift.attribution import mean_shift
from monitoring_assets.statistics.profiles.profile import ColumnProfile, count, fit_bins


def scored(write, reference, current):
    sources = write(reference), write(current)
    bins = fit_bins(sources[0])
    return [count(s, bins, scores=s, score_column="score").columns for s in sources]


def test_a_change_of_mix_alone(write):
    # Half "a" at 0.2 and half "b" at 0.4, then a quarter and three quarters: 0.3 -> 0.35.
    reference = {"x": ["a", "a", "b", "b"], "score": [0.2, 0.2, 0.4, 0.4]}
    current = {"x": ["a", "b", "b", "b"], "score": [0.2, 0.4, 0.4, 0.4]}
    before, after = scored(write, reference, current)
    moved = mean_shift(before["x"], after["x"])
    assert moved.shift == pytest.approx(0.05)
    assert moved.mix == pytest.approx(0.05)
    assert moved.within == pytest.approx(0)
    # (0.25 - 0.5) * (0.2 - 0.3) and (0.75 - 0.5) * (0.4 - 0.3).
    assert moved.by_bin.tolist() == pytest.approx([0.025, 0.025, 0, 0, 0])


def test_a_change_within_bins_alone(write):
    reference = {"x": ["a", "b"], "score": [0.2, 0.4]}
    moved = mean_shift(
        *(c["x"] for c in scored(write, reference, {**reference, "score": [0.3, 0.5]}))
    )
    assert moved.mix == pytest.approx(0)
    assert moved.within == pytest.approx(0.1)


def test_an_unseen_category_counts_with_its_own_mean(write):
    reference = {"x": ["a", "a"], "score": [0.2, 0.2]}
    current = {"x": ["a", "new"], "score": [0.2, 0.8]}
    before, after = scored(write, reference, current)
    moved = mean_shift(before["x"], after["x"])
    assert moved.mix == pytest.approx(0.3)
    assert moved.by_bin[before["x"].bins.unseen] == pytest.approx(0.3)


def test_the_parts_add_up_and_the_guilty_one_stands_out(write):
    rng = np.random.default_rng(0)

    def table(shift):
        income, age = rng.normal(shift, 1, 20_000), rng.normal(0, 1, 20_000)
        score = 1 / (1 + np.exp(income + 0.5 * age))
        missing = rng.random(20_000) < 0.1
        return pa.table({"income": income, "age": age, "score": pa.array(score, mask=missing)})

    reference, current = table(0.0), table(0.7)
    before, after = scored(write, reference, current)
    shift = np.nanmean(current["score"].to_numpy()) - np.nanmean(reference["score"].to_numpy())
    for name in ("income", "age"):
        moved = mean_shift(before[name], after[name])
        assert moved.shift == pytest.approx(shift)
        assert moved.mix + moved.within == pytest.approx(moved.shift)
        assert moved.by_bin.sum() == pytest.approx(moved.mix)
    assert mean_shift(before["income"], after["income"]).mix == pytest.approx(shift, rel=0.1)
    assert abs(mean_shift(before["age"], after["age"]).mix) < 0.05 * abs(shift)


def test_what_it_needs(write):
    table = {"x": ["a", "b"], "score": [0.2, 0.4]}
    before, after = scored(write, table, {"x": ["a"], "score": pa.nulls(1, pa.float64())})
    with pytest.raises(ValueError, match="no scored rows"):
        mean_shift(before["x"], after["x"])
    source = write(table)
    with pytest.raises(ValueError, match="without the score"):
        mean_shift(before["x"], count(source, fit_bins(source)).columns["x"])
    with pytest.raises(ValueError, match="same bins"):
        mean_shift(before["x"], before["score"])
    with pytest.raises(ValueError, match="same bins"):
        mean_shift(ColumnProfile.failed("gone"), ColumnProfile.failed("gone"))
