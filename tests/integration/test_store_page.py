"""docs/store.md lists the columns of each report as they are stored."""

import pyarrow as pa
import pytest

from monitoring_assets.assets.spec import columns_of
from monitoring_assets.performance.protected_groups import DayGroups
from monitoring_assets.statistics.decisions.counts import DecisionCounts
from monitoring_assets.statistics.drift.report import DriftReport
from monitoring_assets.statistics.drift.segment_report import SegmentReport
from monitoring_assets.statistics.performance.report import PerformanceReport

REPORTS = {
    "drift_report": DriftReport,
    "segment_report": SegmentReport,
    "performance_report": PerformanceReport,
    "decisions": DecisionCounts,
    "fairness": DayGroups,
}


def stored(fields, prefix=""):
    """Name and type of each column, and of what lies in it."""
    for field in fields:
        is_list = pa.types.is_list(field.type)
        yield prefix + field.name, "list" if is_list else str(field.type)
        if is_list and pa.types.is_struct(field.type.value_type):
            yield from stored(field.type.value_type, f"{prefix}{field.name}.")


@pytest.mark.parametrize("report", REPORTS)
def test_the_page_lists_the_columns_that_are_stored(report):
    listed = [(name, kind) for name, kind, _ in columns_of(report)]
    columns = dict(stored(REPORTS[report].SCHEMA))
    expected = [
        (name, kind)
        for name, kind in columns.items()
        # What a segment shares with all rows is listed once.
        if columns.get(name.removeprefix("segments.")) != kind or not name.startswith("segments.")
    ]
    assert listed == expected
