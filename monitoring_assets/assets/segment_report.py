"""Asset ``segment_report``: what moved within each segment, against the same segment before.

Read from the rows of the day once; a model without segments costs nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dagster as dg

from monitoring_assets.assets.scores import scores
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from monitoring_assets.policy import exceptions_from
from monitoring_assets.runs.materialise import materialise_each
from resources.manifest import Manifest
from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    import pyarrow as pa

    from monitoring_assets.statistics.drift.segments import Segment, SegmentDrift
    from monitoring_assets.statistics.profiles.profile import Profile

Row = dict[str, Any]

SHOWN_ROWS = 200
SEVERITY = ("ok", "insufficient evidence", "error", "warn", "fail")


@dg.asset(
    partitions_def=MODEL_DAYS,
    deps=[scores],
    group_name="monitoring",
    kinds={"parquet"},
    code_version=code_version(__name__),
    description="For each segment that the manifest names: PSI of its score and CSI of its "
    "characteristics against the same segment of the reference, its share of rows, mean score and "
    "estimated performance.",
)
def segment_report(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Count the day by segment, and compare."""

    def compute(day: ModelDay) -> dict[str, object]:
        manifest = store.landed(day.key).manifest
        if not manifest.segments:
            store.remove("segment_report", day.key, day.day)  # of an earlier revision
            return {"segments": "the manifest has none"}
        rows = _rows(store, manifest, day)
        notes = {
            "thresholds": manifest.thresholds.model_dump(mode="json"),
            "false_discovery_rate": manifest.alerts.false_discovery_rate,
            "dependence": manifest.alerts.dependence,
        }
        store.write_report(
            "segment_report",
            day.key,
            day.day,
            _table(rows),
            manifest,
            context.run_id,
            code_version(__name__),
            notes,
        )
        failed = {
            (row["segment_column"], row["segment"]) for row in rows if row.get("status") == "fail"
        }
        return {
            "segments_at_fail": len(failed),
            "segments": _shown(rows),
            "path": store.url("segment_report", day.key, day.day),
        }

    return materialise_each(context, store, compute)


def _rows(store: Store, manifest: Manifest, day: ModelDay) -> list[Row]:
    """The rows of a day's report; a column that cannot be had is a row that says why."""
    from monitoring_assets.reference.segments import NOT_COUNTED, read_segments
    from monitoring_assets.statistics.drift.segments import judge_segments
    from monitoring_assets.statistics.drift.stability import StabilityIndex
    from resources.scorers.base import SCORE

    segments = read_segments(store, manifest)
    errors = dict(segments.errors)
    current: dict[Segment, Profile] = {}
    if segments.values:
        current, faults = _count(store, day, segments.values, segments.profiles)
        errors |= faults
    reference = {segment: segments.profiles[segment] for segment in current}
    policy = manifest.thresholds
    drifts = judge_segments(
        {s: _compared(one, current[s]) for s, one in reference.items()},
        current,
        score=SCORE,
        thresholds=policy.csi,
        overrides=exceptions_from(policy),
        index=StabilityIndex(policy.smoothing),
        false_discovery_rate=manifest.alerts.false_discovery_rate,
        dependence=manifest.alerts.dependence,
    )
    # What only our own next run can mend is no fault of the data, and not one that pages.
    failed = [
        {
            "segment_column": column,
            "status": "warn" if errors[column] == NOT_COUNTED else "error",
            "reason": errors[column],
        }
        for column in manifest.segments
        if column in errors
    ]
    return [*failed, *map(_index, drifts), *_figures(store, day.key, reference, current)]


def _count(
    store: Store,
    day: ModelDay,
    values: "Mapping[str, Sequence[str]]",
    reference: "Mapping[Segment, Profile]",
) -> "tuple[dict[Segment, Profile], dict[str, str]]":
    """The day by segment, in the reference's bins; why segment columns could not be counted."""
    from monitoring_assets.reference.segments import GRID
    from monitoring_assets.statistics.drift.segments import count_segments, segment_values
    from monitoring_assets.statistics.profiles.bins import NumericBins
    from monitoring_assets.statistics.profiles.profile import Profile
    from monitoring_assets.statistics.profiles.source import ParquetSource
    from resources.scorers.base import SCORE

    total = Profile.from_table(store.read_table("scores_profile", day.key, day.day)[0])
    bins = {
        name: column.bins
        for name, column in next(iter(reference.values())).columns.items()
        if column.bins is not None
        # What could not be counted as a whole has its error in the drift report.
        and (name == GRID or (name in total.columns and total.columns[name].error is None))
    }
    score_bins = {
        name: one
        for name, one in bins.items()
        if name in (SCORE, GRID) and isinstance(one, NumericBins)
    }
    faults = {}
    with (
        store.fetched("features", day.key, day.day) as features,
        store.fetched("scores", day.key, day.day) as scored,
    ):
        source = ParquetSource([features])
        for column in values:
            try:
                segment_values(source, column)
            except ValueError as error:
                faults[column] = f"batch: {error}"
        counted = count_segments(
            source,
            {column: names for column, names in values.items() if column not in faults},
            {name: one for name, one in bins.items() if name not in score_bins},
            scores=ParquetSource([scored]),
            score_column=SCORE,
            score_bins=score_bins,
        )
    return counted, faults


def _compared(reference: "Profile", current: "Profile") -> "Profile":
    """The columns that are compared: the score's grid is there to estimate from."""
    from monitoring_assets.reference.segments import GRID
    from monitoring_assets.statistics.profiles.profile import Profile

    shared = reference.columns.keys() & current.columns.keys() - {GRID}
    columns = {name: column for name, column in reference.columns.items() if name in shared}
    return Profile(reference.rows, columns)


def _index(one: "SegmentDrift") -> Row:
    """An index of a segment."""
    drift = one.drift
    return {
        "segment_column": one.segment.column,
        "segment": one.segment.value,
        "column": drift.column,
        "metric": drift.index,
        "value": drift.value,
        "critical_value": drift.critical_value,
        "adjusted_p": one.adjusted_p,
        "status": one.status,
        "reason": one.reason,
        "reference_rows": one.reference_rows,
        "rows": one.rows,
        "bins": [
            {"label": item.label, "reference": item.reference, "current": item.current}
            for item in drift.bins
        ],
    }


def _figures(
    store: Store,
    key: str,
    reference: "Mapping[Segment, Profile]",
    current: "Mapping[Segment, Profile]",
) -> list[Row]:
    """What a segment is besides its indices: then and now, without a judgement."""
    from monitoring_assets.reference.score_grid import read_grid
    from monitoring_assets.reference.segments import GRID
    from monitoring_assets.statistics.drift.segments import MIN_ROWS
    from monitoring_assets.statistics.performance.estimation import estimate
    from resources.scorers.base import SCORE

    calibration = None
    with suppress(NotMaterialisedError, ValueError):  # the performance report says which
        grid = read_grid(store, key)
        calibration = grid.calibration(next(iter(grid.outcomes), None))
    of_column = {
        column: [
            sum(side[s].rows for s in side if s.column == column) for side in (reference, current)
        ]
        for column in {segment.column for segment in current}
    }
    rows: list[Row] = []
    for segment in current:
        sides = [reference[segment], current[segment]]
        counts = [side.rows for side in sides]
        if not any(counts):
            continue
        shares = [
            part / whole if whole else None
            for part, whole in zip(counts, of_column[segment.column], strict=True)
        ]
        figures = {"share of rows": shares}
        if SCORE in current[segment].columns:
            figures["mean score"] = [side.columns[SCORE].mean_score for side in sides]
        if calibration is not None and min(counts) >= MIN_ROWS:
            estimated = [estimate(calibration, side.columns[GRID]) for side in sides]
            figures["estimated AUC"] = [one.auc.value for one in estimated]
            figures["estimated bad rate"] = [one.bad_rate.value for one in estimated]
        rows += [
            {
                "segment_column": segment.column,
                "segment": segment.value,
                "column": SCORE if metric != "share of rows" else segment.column,
                "metric": metric,
                "reference": before,
                "value": after,
                "reference_rows": counts[0],
                "rows": counts[1],
            }
            for metric, (before, after) in figures.items()
        ]
    return rows


def _table(rows: list[Row]) -> "pa.Table":
    import pyarrow as pa

    bins = pa.struct([("label", pa.string()), ("reference", pa.int64()), ("current", pa.int64())])
    schema = pa.schema(
        [
            ("segment_column", pa.string()),
            ("segment", pa.string()),
            ("column", pa.string()),
            ("metric", pa.string()),
            ("reference", pa.float64()),
            ("value", pa.float64()),
            ("critical_value", pa.float64()),
            ("adjusted_p", pa.float64()),
            ("status", pa.string()),
            ("reason", pa.string()),
            ("reference_rows", pa.int64()),
            ("rows", pa.int64()),
            ("bins", pa.list_(bins)),
        ]
    )
    return pa.Table.from_pylist(rows, schema)


def _shown(rows: list[Row]) -> dg.TableMetadataValue:
    """The judged rows for the Dagster UI, the worst first."""
    texts = ("segment_column", "segment", "column", "metric", "status", "reason")
    numbers = ("value", "critical_value", "adjusted_p")
    judged = [row for row in rows if row.get("status")]
    judged.sort(key=lambda row: (-SEVERITY.index(row["status"]), -(row.get("value") or 0.0)))
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {name: row.get(name) for name in (*texts, "reference_rows", "rows")}
                | {name: None if row.get(name) is None else round(row[name], 4) for name in numbers}
            )
            for row in judged[:SHOWN_ROWS]
        ],
        dg.TableSchema(
            [
                *(dg.TableColumn(name, "string") for name in texts),
                *(dg.TableColumn(name, "float") for name in numbers),
                *(dg.TableColumn(name, "int") for name in ("reference_rows", "rows")),
            ]
        ),
    )
