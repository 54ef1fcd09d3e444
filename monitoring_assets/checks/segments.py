"""Check ``segments``: no segment has moved unseen behind the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from monitoring_assets.checks.table_expectation import NotComputableError, RowExpectation
from resources.manifest import Manifest


class ExpectSegmentToHold(RowExpectation):
    """No index of a segment is at fail. One that is warns: a segment never pages alone."""

    table = "segment table"
    unmet = "{characteristic}: {text}"
    unsure = "{met} segments hold; too few rows: {unsure}"

    def judge(self, row: Mapping[str, Any]) -> tuple[str, float, dict[str, Any]]:
        """Read the status of the segment's row."""
        if row["status"] == "error":
            raise NotComputableError(row["text"])
        return row["status"], float(row["value"]), {"text": row["text"]}


def expectations(table: pd.DataFrame, manifest: Manifest) -> Iterator[RowExpectation]:
    """One for each segment of the table."""
    for subject in table["subject"]:
        yield ExpectSegmentToHold(characteristic=subject)


def segment_table(report: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What a segment report says, one row for each segment, or for a column without any.

    Parameters
    ----------
    report
        Rows of the report.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject``, ``status``, ``value``, the largest index, and ``text``.
    """
    judged = [row for row in report if row["status"] is not None]
    segments = groupby(judged, key=lambda row: (row["segment_column"], row["segment"]))
    return pd.DataFrame([_judged(*segment, list(rows)) for segment, rows in segments])


def _judged(column: str, value: str | None, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if value is None:
        (row,) = rows
        return {"subject": column, "status": row["status"], "value": 0.0, "text": row["reason"]}
    failed = sorted((row for row in rows if row["status"] == "fail"), key=lambda row: -row["value"])
    text = ", ".join(f"{row['column']} {row['metric']} {row['value']:.2f}" for row in failed)
    status = "warn" if failed else "ok"
    statuses = {row["status"] for row in rows}
    if statuses == {"insufficient evidence"} and all(row["adjusted_p"] is None for row in rows):
        status, text = "insufficient evidence", rows[0]["reason"]
    largest = max((row["value"] for row in rows if row["value"] is not None), default=0.0)
    return {"subject": f"{column}={value}", "status": status, "value": largest, "text": text}
