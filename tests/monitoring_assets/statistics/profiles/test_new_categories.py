"""New categories in a long tail: told from chance, counted by name."""

from __future__ import annotations

from math import comb

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.drift.drift import compare
from monitoring_assets.statistics.drift.thresholds import Status
from monitoring_assets.statistics.profiles.new_categories import KEPT, heaviest, least_rows
from monitoring_assets.statistics.profiles.profile import (
    ParquetSource,
    Profile,
    count,
    fit_bins,
)


def write(path, values, scores=None, **options):
    columns = {"employer": pa.array(values, pa.string())}
    if scores is not None:
        columns["score"] = pa.array(scores, pa.float64())
    pq.write_table(pa.table(columns), path, **options)
    return ParquetSource(path)


def long_tail(random, rows):
    weights = 1 / np.arange(1, 2_001)
    return [f"{i:05}" for i in random.choice(2_000, rows, p=weights / weights.sum())]


@pytest.fixture
def reference(tmp_path):
    """Profile of 10,000 rows of a long tail."""
    source = write(tmp_path / "reference.parquet", long_tail(np.random.default_rng(3), 10_000))
    return count(source, fit_bins(source), is_reference=True)


@pytest.mark.parametrize("rows", [1_000, 10_000])
def test_a_new_category_with_5_percent_of_a_day_is_found(tmp_path, rows):
    random = np.random.default_rng(3)
    source = write(tmp_path / "reference.parquet", long_tail(random, rows))
    reference = count(source, fit_bins(source), is_reference=True)
    for day in range(20):
        values = [*long_tail(random, 950), *["XYZ"] * 50]
        current = count(write(tmp_path / f"{day}.parquet", values), reference.bins)
        (found,) = compare(reference, current)
        assert found.value > found.critical_value
        assert found.status in ([Status.FAIL] if rows == 10_000 else [Status.WARN, Status.FAIL])
        assert ("new category 'XYZ'", 50) in [(bin.label, bin.current) for bin in found.bins]


def test_what_chance_brings_stays_unseen(tmp_path, reference):
    random = np.random.default_rng(4)
    for day in range(20):
        current = count(
            write(tmp_path / f"{day}.parquet", long_tail(random, 1_000)), reference.bins
        )
        assert current.columns["employer"].new_categories == ()


@pytest.mark.parametrize(("n", "m", "level"), [(30, 20, 0.2), (12, 40, 0.1), (1000, 50, 1e-3)])
def test_the_least_rows_are_the_first_within_the_bound(n, m, level):
    def bound(k):
        return (n + m) / k * comb(n + m - k, n) / comb(n + m, n)

    least = least_rows(n, m, level)
    assert bound(least) <= level < bound(least - 1)


def test_too_few_rows_are_never_enough():
    assert least_rows(3, 5) == 6


@pytest.mark.parametrize("share", [0.002, 0.01, 0.05])
def test_the_bound_holds_where_it_is_nearest(share):
    """Equal categories that a reference of 100 rows often misses; expected at most 4 in 100."""
    random = np.random.default_rng(5)
    least = least_rows(100, 1_000, level=0.04)
    shares = np.full(round(1 / share), share)
    before, after = (random.multinomial(rows, shares, size=4_000) for rows in (100, 1_000))
    assert np.mean(np.any((before == 0) & (after >= least), axis=1)) <= 0.04


def test_names_scores_and_rows_are_exact_over_the_parts_of_a_file(tmp_path, reference):
    """Beside thousands of values of one row each, and with scores that are missing."""
    random = np.random.default_rng(6)
    values = np.array([*["XYZ"] * 900, *["fax"] * 300, *map("id {}".format, range(28_800))])
    values = [*random.permutation(values), *[None] * 5]
    scores = np.where(random.random(len(values)) < 0.1, np.nan, random.random(len(values)))
    source = write(tmp_path / "day.parquet", values, scores, row_group_size=5_000)
    day = count(source, reference.bins, scores=source, score_column="score")
    profile = day.columns["employer"]
    new = profile.bins.new
    assert profile.new_categories == ("XYZ", "fax")
    assert (profile.counts[new], profile.counts[profile.bins.unseen]) == (1_200, 28_800)
    mine = np.isin(np.array(values, object), ["XYZ", "fax"]) & np.isfinite(scores)
    assert profile.score_counts[new] == mine.sum()
    assert profile.score_sums[new] == pytest.approx(scores[mine].sum())
    assert profile.score_sums.sum() == pytest.approx(np.nansum(scores))
    assert Profile.from_table(day.to_table()) == day


def test_days_add_by_slot_and_by_name(tmp_path, reference):
    day, other, quiet = (
        count(write(tmp_path / f"{i}.parquet", values), reference.bins).columns["employer"]
        for i, values in enumerate((["XYZ"] * 50, ["fax"] * 40 + ["XYZ"] * 20, ["00000"]))
    )
    week = day + other + quiet
    assert week.new_categories == ("XYZ", "fax")
    assert week.counts[week.bins.new] == 110


def test_a_profile_that_was_stored_without_the_reference_rows_is_read_as_it_was(
    tmp_path, reference
):
    table = reference.to_table()
    old = table.filter(pa.array([slot != "new" for slot in table["slot"].to_pylist()]))
    old = old.drop_columns("reference_rows")
    last = old["bin"].to_pylist()
    last[-1] -= 1
    old = old.set_column(old.column_names.index("bin"), "bin", pa.array(last, pa.int32()))
    again = Profile.from_table(old)
    bins = again.columns["employer"].bins
    assert not bins.tells_new
    assert "new" not in [slot.kind for slot in bins.slots]
    day = count(write(tmp_path / "day.parquet", ["XYZ"] * 50), again.bins).columns["employer"]
    assert day.counts[bins.unseen] == 50


def test_the_heaviest_names_are_kept():
    parts = [{f"{i:03}": np.array([i, 0.0, 0.0]) for i in range(start, 200)} for start in (0, 150)]
    kept = heaviest(parts)
    assert [*kept] == [f"{i:03}" for i in range(199, 199 - KEPT, -1)]
    assert kept["199"][0] == 2 * 199
    assert parts[0]["199"][0] == 199
