"""Performance over time: a point for each cohort, for control charts and alerts."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from monitoring_assets.statistics.drift.segments import Segment
from monitoring_assets.statistics.performance.intervals import Estimate
from resources.store import Store, arrow_file

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

READERS = 16
ROWS = ("kind", "horizon", "segment_column", "segment", "scored", "known", "bads")
FIGURES = (
    "metric",
    "value",
    "standard_error",
    "standard_error_unchanged",
    "reference",
    "reference_standard_error",
    "estimated",
    "gap",
    "gap_standard_error",
)
METRICS = ("auc", "bad_rate")
WINDOW_DAYS = 365
"""Fewest days of mature cohorts that a chart looks back at; at most twice as many."""

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
    segment
        Whose it is; None for all rows of the cohort.
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
    segment: Segment | None = None


def first_cohort(day: dt.date, horizons: Sequence[int]) -> dt.date:
    """Return the first cohort that the charts of a day start from.

    It is the same for ``WINDOW_DAYS`` in turn, so that pools and charts of consecutive days are the
    same but for what is new, and lies from one to two times as long before the newest cohort whose
    last horizon has come. A chart that starts there is that of all cohorts, point by point, from
    the first one on at which the latter is at 0 (a CUSUM forgets what was before). Where the chart
    of all has been up for all that time, so is this one if the change lasts; the first day of the
    change is then the first that it has seen.

    Parameters
    ----------
    day
        The day to decide.
    horizons
        Days after which outcomes count.
    """
    newest = day - dt.timedelta(days=max(horizons, default=0))
    return dt.date.fromordinal((newest.toordinal() // WINDOW_DAYS - 1) * WINDOW_DAYS)


def performance_points(
    store: Store, key: str, last: dt.date, segments: Collection[str] = ()
) -> list[PerformancePoint]:
    """The points of a version's cohorts from ``first_cohort`` up to a day, in their order.

    Parameters
    ----------
    store
        The store. One small file is read for each cohort.
    key
        Of the version.
    last
        Last cohort.
    segments
        Segment columns whose segments have points as well. Those of an earlier revision are not
        among them.
    """
    outcome = store.landed(key).manifest.outcome
    first = first_cohort(last, outcome.maturity if outcome else [])
    files = store.days("performance_report", key)
    wanted = [(day, file.path, file.etag) for day, file in files.items() if first <= day <= last]
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda one: _points(store.root, *one), wanted)
        return [
            point
            for points in found
            for point in points
            if point.segment is None or point.segment.column in segments
        ]


@lru_cache(maxsize=2048)
def _points(root: str, day: dt.date, path: str, tag: str) -> tuple[PerformancePoint, ...]:
    """The points of a report, read once for all days of a run that look back at it."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(arrow_file(Store(root=root).storage.read(path)))
    # A report has ten times as many figures as are watched.
    table = file.read(
        [leaf for leaf in _leaves(file.schema) if leaf.rpartition(".")[2] in (*ROWS, *FIGURES)]
    )
    reports = table.combine_chunks().to_struct_array().combine_chunks()
    of_rows = {name: reports.field(name).to_pylist() for name in ("kind", "horizon")}
    points = [
        point
        for at, row in _measured(reports, "scored", "known", "bads")
        for point in _of_row(day, {name: values[at] for name, values in of_rows.items()} | row)
    ]
    if "segments" in table.column_names:  # an earlier release has none
        lists = reports.field("segments")
        parents = pc.list_parent_indices(lists).to_pylist()
        for at, row in _measured(lists.flatten(), "segment_column", "segment", "known", "bads"):
            segment = Segment(row["segment_column"], row["segment"])
            of = {name: values[parents[at]] for name, values in of_rows.items()}
            points += _of_row(day, of | row, segment)
    return tuple(points)


def _measured(rows: pa.StructArray, *names: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows that have metrics, by position: these columns, and of the metrics what is watched."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = rows.field("metrics")
    metrics = lists.flatten()
    watched = pc.is_in(metrics.field("metric"), pa.array(METRICS))
    positions = pc.list_parent_indices(lists).filter(watched).to_pylist()
    figures = [metrics.field(name).filter(watched).to_pylist() for name in FIGURES]
    by_row: defaultdict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for at, *metric in zip(positions, *figures, strict=True):
        by_row[at][metric[0]] = dict(zip(FIGURES, metric, strict=True))
    columns = {name: rows.field(name).to_pylist() for name in names}
    for at, found in by_row.items():
        yield at, {name: values[at] for name, values in columns.items()} | {"metrics": found}


def _leaves(schema: pq.ParquetSchema) -> list[str]:
    """Paths of the leaves of a Parquet schema."""
    return [schema.column(at).path for at in range(len(schema))]


def _of_row(
    day: dt.date, row: dict[str, Any], segment: Segment | None = None
) -> Iterator[PerformancePoint]:
    """What is estimated, or mature: nothing else has metrics."""
    metrics = row["metrics"]
    is_estimate = row["kind"] == "estimated"
    rows = row["scored"] if is_estimate else row["known"]
    bads = round(rows * (metrics["bad_rate"]["value"] or 0.0)) if is_estimate else row["bads"]
    for name in METRICS:
        one = metrics[name]
        error = one["standard_error_unchanged"] or one["standard_error"]
        before = Estimate(one["reference"], one["reference_standard_error"])
        after = row["horizon"], name
        value = one["value"], error, rows, bads
        yield PerformancePoint(day, row["kind"], *after, *value, before, segment)
        if not is_estimate and one["estimated"] is not None:
            apart = one["gap"], one["gap_standard_error"], rows, bads
            yield PerformancePoint(day, "gap", *after, *apart, Estimate(0.0, 0.0), segment)
