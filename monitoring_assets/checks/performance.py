"""What the checks ``estimated_performance`` and ``realised_performance`` share.

The cohort is mature, ranks and prices as it did.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from monitoring_assets.checks.table_expectation import NotComputableError, RowExpectation
from monitoring_assets.statistics.drift.thresholds import Limits, status_of
from resources.manifest import PerformanceThresholds

COMPARED = {"auc": "AUC", "bad_rate": "bad rate"}
SIDES = {"reference": "reference", "estimated": "estimate of the same rows"}


class _PerformanceExpectation(RowExpectation):
    table = "performance table"
    unmet = "{characteristic}: {text}"


class ExpectCohortToBeMature(_PerformanceExpectation):
    """What is to be judged is known: a report that says why not is neither passed nor failed."""

    def judge(self, row: Mapping[str, Any]) -> tuple[str, float, dict[str, Any]]:
        """Read the row's status; a realised one that could not be computed is an error."""
        status, reason = row["status"], row["reason"]
        if status in ("mature", "estimated"):
            return "ok", 1.0, {}
        if status == "not computed" and row["kind"] == "realised":
            raise NotComputableError(reason)
        return "warn", 0.0, {"text": f"{status}: {reason}"}


class _ExpectFigure(_PerformanceExpectation):
    warn: float
    fail: float
    level: float

    success_keys = ("characteristic", "warn", "fail", "level")

    def judge(self, row: Mapping[str, Any]) -> tuple[str, float, dict[str, Any]]:
        """Hold the change against the thresholds, and against chance."""
        value, against, p = row["value"], row["against"], row["p"]
        if value is None or against is None or p is None:
            # Too few goods or bads, say: no fault of the model, and no proof of its health.
            return "warn", 0.0, {"text": f"cannot be compared: {row['reason']}"}
        change = self.change(value, against)
        text = f"{value:.4f}, {against:.4f} expected, p {p:.2g}"
        status = status_of(change, p, Limits(self.warn, self.fail), self.level)
        return status, float(value), {"change": float(change), "text": text}

    @abstractmethod
    def change(self, value: float, against: float) -> float:
        """How far the value has got, in the units of the thresholds."""


class ExpectAucToHold(_ExpectFigure):
    """AUC has not fallen."""

    def change(self, value: float, against: float) -> float:
        """By how much it has fallen."""
        return against - value


class ExpectBadRateToHold(_ExpectFigure):
    """There are neither many more bads than expected, nor many fewer."""

    def change(self, value: float, against: float) -> float:
        """How many times more or fewer."""
        least, most = sorted((value, against))
        return most / least if least > 0 else float("inf") if most > 0 else 1.0


def performance_table(report: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What a performance report says, one row for each thing that is judged.

    A horizon that is not due is left out if another one is: nothing is late.

    Parameters
    ----------
    report
        Rows of the report.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject``, ``kind``, ``status``, ``reason``, and for a comparison ``metric``,
        ``value``, ``against`` and ``p``, its two-sided p-value.
    """
    realised = [row for row in report if row["kind"] == "realised"]
    due = [row for row in realised if not _is_early(row)] or realised[:1]
    estimated = [row for row in report if row["kind"] == "estimated"]
    return pd.DataFrame([row for one in [*estimated, *due] for row in _subjects(one)])


def performance_expectations(
    table: pd.DataFrame, kind: str, limits: PerformanceThresholds
) -> Iterator[RowExpectation]:
    """What is expected of a performance table's rows of one kind.

    Parameters
    ----------
    table
        As `performance_table` makes it.
    kind
        ``estimated`` or ``realised``.
    limits
        In force.
    """
    for subject, metric in table.loc[table["kind"] == kind, ["subject", "metric"]].itertuples(
        index=False
    ):
        if pd.isna(metric):
            yield ExpectCohortToBeMature(characteristic=subject)
            continue
        limit = limits.auc_drop if metric == "auc" else limits.bad_rate_ratio
        figure = ExpectAucToHold if metric == "auc" else ExpectBadRateToHold
        yield figure(characteristic=subject, warn=limit.warn, fail=limit.fail, level=limits.level)


def _is_early(row: Mapping[str, Any]) -> bool:
    """Whether a horizon is not due yet: nothing has been looked for."""
    return row["status"] == "immature" and row["known"] is None


def _subjects(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What is judged of one row of a report: its status, then what it compares."""
    of = row["kind"] + (f" after {row['horizon']} days" if row["horizon"] else "")
    empty = dict.fromkeys(("metric", "value", "against", "p"))
    shared = {"kind": row["kind"], "status": row["status"], "reason": row["reason"]}
    yield {"subject": of, **empty, **shared}
    if row["status"] not in ("mature", "estimated"):
        return
    metrics = {one["metric"]: one for one in row["metrics"]}
    compared = [("auc", "reference", "difference_p")]
    if row["kind"] == "realised":
        compared = [("auc", "estimated", "gap_p"), ("bad_rate", "estimated", "gap_p")]
        if metrics["auc"]["reference"] is not None:
            compared.append(("auc", "reference", "difference_p"))
    for metric, side, p in compared:
        one = metrics[metric]
        yield {
            "subject": f"{COMPARED[metric]}, {of}, against the {SIDES[side]}",
            "metric": metric,
            "value": one["value"],
            "against": one[side],
            "p": one[p],
            **shared,
            "reason": one["reason"] if one["value"] is None else row["calibration"],
        }
