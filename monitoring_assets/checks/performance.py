"""What the checks ``estimated_performance`` and ``realised_performance`` share.

The cohort is mature, ranks and prices as it did.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from monitoring_assets.checks.table_expectation import NotComputableError, RowExpectation
from monitoring_assets.statistics.drift.thresholds import Limits, Status, status_of
from monitoring_assets.statistics.performance.prediction import GENERALISED_AUC, MEAN_REALISED
from monitoring_assets.statistics.performance.report import (
    MEASURED,
    CohortPerformance,
    PerformanceKind,
    PerformanceReport,
    PerformanceStatus,
)
from resources.manifest import PerformanceThresholds

COMPARED = {
    "auc": "AUC",
    "bad_rate": "bad rate",
    GENERALISED_AUC: "generalised AUC",
    MEAN_REALISED: "mean realised value",
}
RANKING = ("auc", GENERALISED_AUC)
"""Metrics that may not fall; of the others neither more nor less is expected."""
UNMATCHED = "unmatched"
ESTIMATE = "estimate of the same rows"


class _PerformanceExpectation(RowExpectation):
    table = "performance table"
    unmet = "{characteristic}: {text}"


class ExpectCohortToBeMature(_PerformanceExpectation):
    """What is judged is known: a report that says why not is neither passed nor failed."""

    def judge(self, row: Mapping[str, Any]) -> tuple[Status, float, dict[str, Any]]:
        """Read the row's status; a realised one that could not be computed is an error."""
        status, reason = row["status"], row["reason"]
        if status in MEASURED:
            return Status.OK, 1.0, {}
        if status == PerformanceStatus.NOT_DEFINED:
            return Status.OK, 0.0, {"status": "not judged", "why": reason}
        if status == PerformanceStatus.NOT_COMPUTED and row["kind"] == PerformanceKind.REALISED:
            raise NotComputableError(reason)
        return Status.WARN, 0.0, {"text": f"{status}: {reason}"}


class _ExpectFigure(_PerformanceExpectation):
    warn: float
    fail: float
    level: float

    success_keys = ("characteristic", "warn", "fail", "level")

    def judge(self, row: Mapping[str, Any]) -> tuple[Status, float, dict[str, Any]]:
        """Hold the change against the thresholds, and against chance."""
        value, against, p = row["value"], row["against"], row["p"]
        if value is None or against is None or p is None:
            # Too few goods or bads, say: no fault of the model, and no proof of its health.
            return Status.WARN, 0.0, {"text": f"cannot be compared: {row['reason']}"}
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
    """There are neither many more bads than expected, nor many fewer; so of realised values."""

    def change(self, value: float, against: float) -> float:
        """How many times more or fewer."""
        least, most = sorted((value, against))
        return most / least if least > 0 else float("inf") if most > 0 else 1.0


def performance_table(report: PerformanceReport) -> pd.DataFrame:
    """What a performance report says, one row for each thing that is judged.

    A horizon that is not due is left out if another one is: nothing is late.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject``, ``kind``, ``status``, ``reason``, and for a comparison ``metric``,
        ``value``, ``against`` and ``p``, its two-sided p-value.
    """
    realised = [one for one in report.cohorts if one.kind == PerformanceKind.REALISED]
    due = [one for one in realised if not _is_early(one)] or realised[:1]
    estimated = [one for one in report.cohorts if one.kind == PerformanceKind.ESTIMATED]
    return pd.DataFrame([row for one in [*estimated, *due] for row in _subjects(one)])


def performance_expectations(
    table: pd.DataFrame, kind: PerformanceKind, limits: PerformanceThresholds
) -> Iterator[RowExpectation]:
    """What is expected of a performance table's rows of one kind.

    Parameters
    ----------
    table
        As `performance_table` makes it.
    kind
        Estimated or realised.
    limits
        In force.
    """
    mine = table[(table["kind"] == kind) & (table["metric"] != UNMATCHED)]
    for subject, metric in mine[["subject", "metric"]].itertuples(index=False):
        if pd.isna(metric):
            yield ExpectCohortToBeMature(characteristic=subject)
            continue
        limit = limits.auc_drop if metric in RANKING else limits.bad_rate_ratio
        figure = ExpectAucToHold if metric in RANKING else ExpectBadRateToHold
        yield figure(characteristic=subject, warn=limit.warn, fail=limit.fail, level=limits.level)


def _is_early(cohort: CohortPerformance) -> bool:
    """Whether a horizon is not due yet: nothing has been looked for."""
    found = cohort.found
    return found.status == PerformanceStatus.IMMATURE and found.known is None


def _subjects(cohort: CohortPerformance) -> Iterator[dict[str, Any]]:
    """What is judged of one cohort of a report: its status, then what it compares."""
    found, of = cohort.found, cohort.title
    empty = dict.fromkeys(("metric", "value", "against", "p"))
    shared = {"kind": str(cohort.kind), "status": str(found.status), "reason": found.reason}
    yield {"subject": of, **empty, **shared}
    if cohort.kind == PerformanceKind.REALISED:
        yield {
            "subject": f"outcomes, {of}",
            **empty,
            **shared,
            "metric": UNMATCHED,
            "value": cohort.unmatched_share,
            "reason": found.reason if cohort.unmatched_share is None else cohort.unmatched_text,
        }
    if found.status not in MEASURED:
        return
    is_number = found.metric(GENERALISED_AUC) is not None
    auc = found.metric(GENERALISED_AUC if is_number else "auc")
    level = found.metric(MEAN_REALISED if is_number else "bad_rate")
    assert auc is not None
    assert level is not None
    reference = auc, auc.reference, "reference", auc.difference_p
    compared = [reference]
    if is_number:
        compared = [(level, level.estimated, "prediction", level.gap_p)]
        if auc.reference is not None:
            compared.append(reference)
    elif cohort.kind == PerformanceKind.REALISED:
        compared = [(one, one.estimated, ESTIMATE, one.gap_p) for one in (auc, level)]
        if auc.reference is not None:
            compared.append(reference)
    for one, against, side, p in compared:
        yield {
            "subject": f"{COMPARED[one.metric]}, {of}, against the {side}",
            "metric": one.metric,
            "value": one.value,
            "against": against,
            "p": p,
            **shared,
            "reason": one.reason if one.value is None else found.calibration,
        }
