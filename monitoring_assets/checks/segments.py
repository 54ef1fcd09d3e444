"""Check ``segments``: no segment has moved unseen behind the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from monitoring_assets.checks.table_expectation import NotComputableError, RowExpectation
from monitoring_assets.statistics.drift.segment_report import SegmentIndex, SegmentReport
from monitoring_assets.statistics.drift.segments import Segment
from monitoring_assets.statistics.drift.thresholds import Status
from resources.manifest import Manifest


class ExpectSegmentToHold(RowExpectation):
    """No segment has vanished, which fails, and no index of one is at fail, which warns."""

    table = "segment table"
    unmet = "{characteristic}: {text}"
    unsure = "{met} segments hold; too few rows: {unsure}"

    def judge(self, row: Mapping[str, Any]) -> tuple[Status, float, dict[str, Any]]:
        """Read the status of the segment's row."""
        if row["status"] == Status.ERROR:
            raise NotComputableError(row["text"])
        return Status(row["status"]), float(row["value"]), {"text": row["text"]}


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[RowExpectation]:
    """One for each segment of the table."""
    for subject in table["subject"]:
        yield ExpectSegmentToHold(characteristic=subject)


def segment_table(report: SegmentReport) -> pd.DataFrame:
    """What a segment report says, one row for each segment, or for a column without any.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject``, ``status``, ``value``, the largest index, and ``text``.
    """
    uncounted = [
        {"subject": one.column, "status": str(one.status), "value": 0.0, "text": one.reason}
        for one in report.uncounted
    ]
    vanished = report.vanished()
    segments = groupby(report.indices, key=lambda one: one.segment)
    judged = (_judged(one, list(indices), vanished.get(one)) for one, indices in segments)
    return pd.DataFrame([*uncounted, *judged])


def _judged(
    segment: Segment, indices: Sequence[SegmentIndex], vanished: str | None
) -> dict[str, Any]:
    """The row of a segment: what fails in it, that it has vanished, or is too small to say."""
    failed = [
        (one, one.value) for one in indices if one.status == Status.FAIL and one.value is not None
    ]
    failed.sort(key=lambda one: -one[1])
    text = ", ".join(f"{one.column} {one.index} {value:.2f}" for one, value in failed)
    status = Status.WARN if failed else Status.OK
    if all(one.status == Status.INSUFFICIENT and one.adjusted_p is None for one in indices):
        status, text = Status.INSUFFICIENT, indices[0].reason or ""
    if vanished is not None:
        status, text = Status.FAIL, vanished
    largest = max((one.value for one in indices if one.value is not None), default=0.0)
    subject = f"{segment.column}={segment.value}"
    return {"subject": subject, "status": str(status), "value": largest, "text": text}
