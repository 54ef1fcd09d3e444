"""Counts of the parts of a day add up to those of the day."""

import pickle
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import expit, logit

from monitoring_assets.engines.feature_counts import count_features
from monitoring_assets.engines.score_counts import ScoreBins, count_scored
from monitoring_assets.engines.segment_counts import SegmentBins, count_by_segment
from monitoring_assets.reference.strata import ReferenceStrata
from monitoring_assets.statistics.performance.strata import Split
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.score_grid import score_grid
from monitoring_assets.statistics.profiles.score_scale import ScoreScale
from monitoring_assets.statistics.profiles.source import ParquetSource
from tests.conftest import rows

COLUMNS = ["income", "region"]
SPLITS = (Split(0, "region", (0,)),)


def day():
    """Rows with missing values, a new category of weight, and scores out of range or missing."""
    frame = rows(7, 3_000, income_shift=0.3).assign(branch=["city", "airport", None] * 1_000)
    frame.loc[::20, ["income", "score"]] = None
    frame.loc[::11, "region"] = "east"
    frame.loc[:4, "score"] = [-0.5, 1.5, np.inf, 0.0, 1.0]
    return frame


@pytest.fixture
def bins(tmp_path):
    """The reference's bins by column, the score's among them; `region` has a tail."""
    file = tmp_path / "reference.parquet"
    frame = rows(0, 5_000)
    frame.loc[:11, "region"] = [f"island {number // 2}" for number in range(12)]
    frame.to_parquet(file)
    return fit_bins(ParquetSource([file]), [*COLUMNS, "score"])


@pytest.fixture
def write(tmp_path):
    """Files of features and of scores with some rows, row by row beside each other."""

    def write(name, frame):
        features, scores = (tmp_path / f"{of}-{name}.parquet" for of in ("features", "scores"))
        frame.drop(columns="score").to_parquet(features, row_group_size=512)
        frame[["loan_id", "score"]].to_parquet(scores, row_group_size=512)
        return features, scores

    return write


def in_parts(frame):
    """Of unequal length, one of them without rows."""
    return [frame[start:end] for start, end in pairwise([0, 700, 700, 1_900, len(frame)])]


def assert_same_profile(one, other):
    """Equal, but for the last digits of sums of scores."""
    first, second = one.to_table(), other.to_table()
    sums = first.column_names.index("score_sum")
    assert first.drop_columns("score_sum").equals(second.drop_columns("score_sum"))
    np.testing.assert_allclose(*(t[sums].to_numpy() for t in (first, second)), rtol=1e-12)


def batch_of(table):
    """A table as one piece, if without rows."""
    pieces = table.combine_chunks().to_batches()
    return pieces[0] if pieces else pa.RecordBatch.from_pylist([], table.schema)


def test_features(bins, tmp_path):
    def counted(name, frame):
        table = pa.Table.from_pandas(frame[["loan_id", *COLUMNS]], preserve_index=False)
        local = tmp_path / f"{name}.parquet"
        of = {column: bins[column] for column in COLUMNS}
        counts = count_features(iter([batch_of(table)]), local, of)
        assert pq.read_table(local).equals(table)
        return counts

    whole = counted("whole", day())
    parts = reduce(add, [counted(n, part) for n, part in enumerate(in_parts(day()))])
    assert parts.schema == whole.schema
    assert parts.counted.whole() == whole.counted.whole()
    assert whole.counted.whole().columns["region"].new_categories == ("east",)


def score_bins(bins, **changes):
    values = rows(0, 5_000)["score"].to_numpy()
    of = {column: bins[column] for column in COLUMNS}
    strata = ReferenceStrata(SPLITS, {"region": bins["region"]})
    given = {"grid": score_grid(values), "strata": strata} | changes
    return ScoreBins(of, bins["score"], (0.0, 1.0), **given)


def test_scores(bins, write):
    of = score_bins(bins)
    whole = count_scored(of, *write("whole", day()))
    counts = [count_scored(of, *write(n, part)) for n, part in enumerate(in_parts(day()))]
    parts = reduce(add, counts)
    assert_same_profile(parts.counted.whole(), whole.counted.whole())
    assert_same_profile(parts.grid, whole.grid)
    assert len(parts.grid.columns) == 1 + len(SPLITS) + 1
    assert parts.range == whole.range
    assert whole.range == {"inside": 2_848, "below": 1, "above": 2, "missing": 149}
    assert parts.unsplit is None


def test_of_points_with_a_scale_the_grid_sums_probabilities(bins, write):
    """Whatever the parts, and after the way to an executor."""
    scale = ScoreScale.calibrated([0.0, 1.0], [0.9, 0.01])
    of = pickle.loads(pickle.dumps(score_bins(bins, scale=scale)))
    counts = [count_scored(of, *write(n, part)) for n, part in enumerate(in_parts(day()))]
    found = reduce(add, counts).grid.columns
    scores = day()["score"]
    scores = scores[np.isfinite(scores)].to_numpy(float)
    expected = expit(logit(0.9) + scores.clip(0, 1) * (logit(0.01) - logit(0.9)))
    assert found["score"].mean_score == pytest.approx(expected.mean(), rel=1e-12)
    strata = [one for name, one in found.items() if name != "score"]
    assert sum(one.score_sums.sum() for one in strata) == pytest.approx(expected.sum(), rel=1e-12)


def test_scores_have_no_strata_where_a_part_cannot_be_split(bins, write):
    of = score_bins(bins)
    split = count_scored(of, *write("split", day()))
    unsplit = count_scored(of, *write("unsplit", day().drop(columns="region")))
    for both in (split + unsplit, unsplit + split):
        assert list(both.grid.columns) == ["score"]
        assert both.grid.rows == 6_000
        assert "the day cannot be split as the reference is" in both.unsplit


def test_without_a_grid_there_is_none(bins, write):
    of = score_bins(bins, grid=None)
    one = count_scored(of, *write("whole", day()))
    assert (one + one).grid is None


def test_segments(bins, write):
    of = SegmentBins(
        {"branch": ["city", "airport"], "region": ["north"]},
        {"income": bins["income"]},
        {"score": bins["score"]},
    )
    whole = count_by_segment(of, *write("whole", day()))
    counts = [count_by_segment(of, *write(n, part)) for n, part in enumerate(in_parts(day()))]
    parts = reduce(add, counts)
    assert parts.faults == whole.faults == {}
    assert parts.profiles.keys() == whole.profiles.keys()
    for segment, profile in whole.profiles.items():
        assert_same_profile(parts.profiles[segment], profile)


def test_a_segment_column_that_a_part_cannot_count_is_counted_in_none(bins, write):
    of = SegmentBins({"branch": ["1"]}, {"income": bins["income"]}, {"score": bins["score"]})
    numbers = day().assign(branch=1.0)
    fractions = numbers.assign(branch=0.5)
    sound, broken = (
        count_by_segment(of, *write(name, frame))
        for name, frame in {"sound": numbers, "broken": fractions}.items()
    )
    assert len(sound.profiles) == 3
    for both in (sound + broken, broken + sound):
        assert both.profiles == {}
        assert "holds numbers that are not whole" in both.faults["branch"]
