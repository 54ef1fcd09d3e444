"""The segment report: it is stored and read again without a loss."""

import numpy as np
import pytest

from monitoring_assets.statistics.drift.drift import BinDrift, ColumnDrift
from monitoring_assets.statistics.drift.segment_report import (
    SegmentFigure,
    SegmentReport,
    UncountedSegments,
)
from monitoring_assets.statistics.drift.segments import Segment, SegmentDrift
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds

OF_THE_FIRST_RELEASE = [
    *("segment_column", "segment", "column", "metric", "reference", "value", "critical_value"),
    *("adjusted_p", "status", "reason", "reference_rows", "rows", "bins"),
]
NORTH, SOUTH = Segment("region", "north"), Segment("region", "south")


def drift(segment, status, *counts, value=None, reason=None):
    bins = tuple(BinDrift(f"bin {n}", "interval", n, 2 * n, 0.1) for n in counts)
    column = ColumnDrift("income", "CSI", Thresholds(), status, value, 0.02, bins)
    return SegmentDrift(segment, 500, 400, column, status, 0.004, reason)


@pytest.fixture
def report():
    return SegmentReport.build(
        [UncountedSegments("branch", Status.ERROR, "the column is missing")],
        [
            drift(NORTH, Status.OK, 3, 4, value=0.01),
            drift(SOUTH, Status.ERROR, reason="no rows"),
            drift(SOUTH, Status.FAIL, 5, value=0.4),
        ],
        [
            SegmentFigure(NORTH, "region", "share of rows", 0.5, 0.25, 500, 400),
            SegmentFigure(SOUTH, "score", "mean score", None, 0.1, 0, 400),
        ],
    )


def test_what_is_stored_is_read_again(report):
    table = report.to_table()
    again = SegmentReport.from_table(table)
    assert table.schema == SegmentReport.SCHEMA
    assert again.uncounted == report.uncounted
    assert again.indices == report.indices
    assert again.figures == report.figures
    assert again.to_table().equals(table)


def test_a_report_of_the_first_release_is_read(report):
    table = report.to_table().select(OF_THE_FIRST_RELEASE)
    again = SegmentReport.from_table(table)
    assert again.to_table().select(OF_THE_FIRST_RELEASE).equals(table)


def test_each_index_has_its_own_bins(report):
    assert [report.labels[one.bins] for one in report.indices] == [
        ["bin 3", "bin 4"],
        [],
        ["bin 5"],
    ]
    assert [report.current[one.bins].tolist() for one in report.indices] == [[6, 8], [], [10]]
    stored = report.to_table()["bins"].to_pylist()
    assert [len(bins) for bins in stored] == [0, 2, 0, 1, 0, 0]


def test_a_segment_fails_with_any_of_its_columns(report):
    assert report.failed == {SOUTH}


def test_a_day_without_any_segment_is_an_empty_table():
    table = SegmentReport.build([], [], []).to_table()
    assert len(table) == 0
    again = SegmentReport.from_table(table)
    assert (again.uncounted, again.indices, again.figures) == ((), (), ())
    assert again.reference.dtype == np.int64
