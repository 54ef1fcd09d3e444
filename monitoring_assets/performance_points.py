"""Performance over time: a point for each cohort, for control charts and alerts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from monitoring_assets.statistics.performance.intervals import Estimate
from resources.store import Store

READERS = 16
METRICS = ("auc", "bad_rate")

Kind = Literal["estimated", "realised", "gap"]


@dataclass(frozen=True, slots=True)
class PerformancePoint:
    """One metric of a cohort.

    Parameters
    ----------
    day
        The cohort's.
    kind
        ``gap`` is realised less estimated, of the rows whose outcomes are known.
    horizon
        Days after which outcomes count; None where the manifest does not say.
    metric
        ``auc`` or ``bad_rate``.
    value
        None where the cohort has none, such as an AUC without bads.
    standard_error
        If nothing has changed: of a cohort of this size by the reference where its outcomes are
        known, else the point's own. None where there is none.
    rows, bads
        Size of the cohort; bads of an estimate are the expected ones, rounded.
    reference
        What the value should be: the reference's, with its error; 0 for a gap. Without a value
        where the reference has none.
    """

    day: dt.date
    kind: Kind
    horizon: int | None
    metric: str
    value: float | None
    standard_error: float | None
    rows: int
    bads: int
    reference: Estimate


def performance_points(store: Store, key: str, last: dt.date) -> list[PerformancePoint]:
    """The points of a version's cohorts up to a day, in their order.

    Parameters
    ----------
    store
        The store.
    key
        Of the version.
    last
        Last cohort.
    """
    files = store.days("performance_report", key)
    wanted = [(day, file.path, file.etag) for day, file in files.items() if day <= last]
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda one: _points(store.root, *one), wanted)
        return [point for points in found for point in points]


@lru_cache(maxsize=2048)
def _points(root: str, day: dt.date, path: str, tag: str) -> tuple[PerformancePoint, ...]:
    """The points of a report, read once for all days of a run that look back at it."""
    table, _ = Store(root=root).read_path(path)
    return tuple(point for row in table.to_pylist() for point in _of_row(day, row))


def _of_row(day: dt.date, row: dict[str, Any]) -> Iterator[PerformancePoint]:
    """What is estimated, or mature: nothing else has metrics."""
    metrics = {one["metric"]: one for one in row["metrics"] or ()}
    if not metrics:
        return
    is_estimate = row["kind"] == "estimated"
    rows = row["scored"] if is_estimate else row["known"]
    bads = round(rows * (metrics["bad_rate"]["value"] or 0.0)) if is_estimate else row["bads"]
    for name in METRICS:
        one = metrics[name]
        error = one["standard_error_unchanged"] or one["standard_error"]
        reference = Estimate(one["reference"], one["reference_standard_error"])
        yield PerformancePoint(
            day, row["kind"], row["horizon"], name, one["value"], error, rows, bads, reference
        )
        if not is_estimate and one["estimated"] is not None:
            apart = one["gap"], one["gap_standard_error"]
            yield PerformancePoint(
                day, "gap", row["horizon"], name, *apart, rows, bads, Estimate(0.0, 0.0)
            )
