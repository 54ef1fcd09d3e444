"""Counts by segment are those of a group-by; a small segment never alarms; a bad one is found."""

import itertools

import numpy as np
import pandas as pd
import pytest

from monitoring_assets.statistics.drift.segments import (
    MAX_VALUES,
    MIN_ROWS,
    MISSING,
    OTHER,
    Segment,
    count_segments,
    judge_segments,
    segment_codes,
    segment_names,
    segment_values,
)
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.drift.thresholds import Thresholds
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.source import ParquetSource


@pytest.fixture
def source(tmp_path):
    """A source of a frame, written in several row groups."""
    made = itertools.count()

    def write(frame, rows=700):
        path = tmp_path / f"{next(made)}.parquet"
        frame.to_parquet(path, row_group_size=rows, index=False)
        return ParquetSource([path])

    return write


def applicants(seed, size=5000):
    random = np.random.default_rng(seed)
    regions = [f"region {i:02}" for i in range(30)]
    frame = pd.DataFrame(
        {
            "income": random.lognormal(10, 1, size),
            "age": random.integers(18, 80, size),
            "channel": random.choice(["web", "branch", None], size),
            "region": random.choice(regions, size, p=np.linspace(1, 3, 30) / 60),
            "score": random.random(size),
        }
    )
    frame.loc[random.random(size) < 0.05, "income"] = np.nan
    frame.loc[random.random(size) < 0.05, "region"] = None
    frame.loc[random.random(size) < 0.02, "score"] = np.nan
    frame.loc[:2, "income"] = np.inf
    return frame


def counted(source, frame, segments, reference=None):
    table = source(frame)
    bins = fit_bins(
        source(frame if reference is None else reference), ["income", "age", "channel", "score"]
    )
    score = bins.pop("score")
    return count_segments(
        table, segments, bins, scores=table, score_column="score", score_bins={"score": score}
    )


def judged(reference, current, rate=1e-3):
    return judge_segments(
        reference,
        current,
        score="score",
        thresholds=Thresholds(),
        overrides={},
        index=StabilityIndex(),
        false_discovery_rate=rate,
        dependence="positive",
    )


def test_the_counts_are_those_of_a_group_by(source):
    frame = applicants(1)
    values = segment_values(source(frame), "region")
    largest = frame["region"].value_counts()
    ranked = sorted(largest.index, key=lambda name: (-largest[name], name))
    assert list(values) == ranked[:MAX_VALUES]

    found = counted(source, frame, {"region": values, "channel": ("web",)})
    named = frame["region"].where(frame["region"].isin(values) | frame["region"].isna(), OTHER)
    by_region = dict(list(frame.groupby(named.fillna(MISSING))))
    by_channel = dict(
        list(frame.groupby(frame["channel"].replace("branch", OTHER).fillna(MISSING)))
    )
    bins = fit_bins(source(frame), ["income", "age", "channel", "score"])
    assert set(found) == {Segment("region", name) for name in by_region} | {
        Segment("channel", name) for name in by_channel
    }
    for (column, value), profile in found.items():
        rows = (by_region if column == "region" else by_channel)[value]
        assert profile.rows == len(rows)
        edges = [-np.inf, *bins["age"].edges, np.inf]
        ages = pd.cut(rows["age"], edges, labels=False).value_counts()
        expected = [ages.get(i, 0) for i in range(len(edges) - 1)]
        assert profile.columns["age"].counts.tolist() == [*expected, 0, 0, 0]
        income = profile.columns["income"].counts
        assert income[bins["income"].missing] == rows["income"].isna().sum()
        assert income[bins["income"].infinite].sum() == np.isinf(rows["income"]).sum()
        score = profile.columns["score"]
        assert score.score_counts.sum() == rows["score"].notna().sum()
        assert score.score_sums.sum() == pytest.approx(rows["score"].sum())
        for i, category in enumerate(bins["channel"].categories):
            channel = profile.columns["channel"].counts[i]
            assert channel == (rows["channel"] == category).sum()


def test_the_segments_of_a_column_add_up_to_the_table(source):
    frame = applicants(2)
    found = counted(source, frame, {"region": ("region 07", "region 29")})
    table = source(frame)
    bins = fit_bins(table, ["income", "age", "channel", "score"])
    whole = count(table, bins, scores=table, score_column="score")
    for name in bins:
        total = sum(profile.columns[name].counts for profile in found.values())
        assert total.tolist() == whole.columns[name].counts.tolist()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([3, 3, 1, None], ("3", "1")),
        ([True, False, True, None], ("true", "false")),
        (pd.to_datetime(["2026-01-02", "2026-01-02", "2026-01-01"]).date, None),
        ([OTHER, "a", MISSING, None], ("a",)),
        ([None, None], ()),
    ],
    ids=["whole numbers as floats", "booleans", "dates", "names of our own", "nothing"],
)
def test_values_that_are_segments(source, values, names):
    found = segment_values(source(pd.DataFrame({"of": values})), "of")
    assert found == (("2026-01-02", "2026-01-01") if names is None else names)


def test_a_column_that_has_no_segments_says_so_without_its_values(source):
    with pytest.raises(ValueError, match="'of' holds numbers that are not whole") as error:
        segment_values(source(pd.DataFrame({"of": [1.0, 8731.25]})), "of")
    assert "8731" not in str(error.value)
    with pytest.raises(ValueError, match="'region': the column is missing"):
        segment_values(source(pd.DataFrame({"of": [1.0]})), "region")


def test_one_bad_segment_is_found_in_a_calm_total(source):
    reference, today = applicants(3, 40_000), applicants(4, 20_000)
    bad = today["region"] == "region 05"
    today.loc[bad, "score"] = today.loc[bad, "score"] ** 3
    values = segment_values(source(reference), "region")
    values = (*values[: MAX_VALUES - 1], "region 05")
    before = counted(source, reference, {"region": values})
    after = counted(source, today, {"region": values}, reference)
    found = judged(before, after)
    failed = {(one.segment.value, one.drift.column) for one in found if one.status == "fail"}
    assert failed == {("region 05", "score")}
    table, bins = source(today), fit_bins(source(reference), ["score"])
    whole = [count(one, bins).columns["score"].counts for one in (source(reference), table)]
    shares = [(one + 0.5) / (one + 0.5).sum() for one in whole]
    assert ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum() < 0.1


def test_small_segments_never_alarm_and_others_hardly_ever(source):
    """80 quiet days of 22 segments: with only the thresholds most would cry wolf."""
    reference = applicants(5, 20_000)
    values = segment_values(source(reference), "region")
    before = counted(source, reference, {"region": values})
    alarms = over = small = 0
    for seed in range(80):
        today = applicants(100 + seed, 2500)
        for one in judged(before, counted(source, today, {"region": values}, reference)):
            over += one.drift.value is not None and one.drift.value >= 0.25
            alarms += one.status in ("warn", "fail")
            if min(one.rows, one.reference_rows) < MIN_ROWS:
                small += 1
                assert one.status == "insufficient evidence"
                assert one.adjusted_p is None
                assert f"at least {MIN_ROWS} are wanted" in one.reason
    assert small > 400
    assert over > 40
    assert alarms <= 1


def test_chance_among_many_comparisons_is_taken_off(source):
    """An index that is beyond chance alone is not, as the luckiest of many."""
    reference, today = applicants(6, 20_000), applicants(7, 4000)
    web = today["channel"] == "web"
    today.loc[web, "age"] = np.minimum(today.loc[web, "age"] + 8, 80)
    segments = {"channel": ("web", "branch")}
    sides = (
        counted(source, reference, segments),
        counted(source, today, segments, reference),
    )

    def status(rate):
        return {
            one.drift.column: (one.status, one.reason)
            for one in judged(*sides, rate=rate)
            if one.segment.value == "web"
        }["age"]

    (one,) = (
        one for one in judged(*sides) if (one.segment.value, one.drift.column) == ("web", "age")
    )
    assert one.drift.status in ("warn", "fail")
    assert status(one.adjusted_p * 1.01)[0] == one.drift.status
    assert status(one.adjusted_p * 0.99) == (
        "insufficient evidence",
        "among so many comparisons chance explains it",
    )


def test_the_column_of_a_segment_is_not_compared_within_it(source):
    frame = applicants(8)
    sides = counted(source, frame, {"channel": ("web",)})
    assert {one.drift.column for one in judged(sides, sides)} == {"income", "age", "score"}


def test_scores_that_do_not_lie_beside_the_rows_are_refused(source):
    frame = applicants(9, 100)
    bins = fit_bins(source(frame), ["score"])
    with pytest.raises(ValueError, match="row groups"):
        count_segments(
            source(frame),
            {"region": ()},
            {},
            scores=source(frame.head(99)),
            score_column="score",
            score_bins=bins,
        )


def test_each_row_has_the_code_of_its_segment(tmp_path):
    """More row groups than one, with a value that the reference had not, and null."""
    values = ["north", None, "south", "new", "north", "south", None]
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"region": values}).to_parquet(path, index=False, row_group_size=3)
    codes = segment_codes(ParquetSource([path]), "region", ("south", "north"))
    assert codes.dtype == np.uint8
    names = segment_names(("south", "north"))
    assert [names[code] for code in codes] == [
        "north",
        "(missing)",
        "south",
        "(other)",
        "north",
        "south",
        "(missing)",
    ]
    with pytest.raises(ValueError, match="branch"):
        segment_codes(ParquetSource([path]), "branch", ("south",))
