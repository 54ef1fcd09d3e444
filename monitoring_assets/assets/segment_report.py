"""Asset ``segment_report``: what moved within each segment, against the same segment before.

Read from the rows of the day once; a model without segments costs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.scores import scores
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import ModelDay
from monitoring_assets.policy import exceptions_from
from monitoring_assets.runs.materialise import materialise_each
from resources.manifest import Manifest
from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    from monitoring_assets.engines.segment_counts import SegmentCounts
    from monitoring_assets.reference.segments import ReferenceSegments
    from monitoring_assets.statistics.drift.segment_report import SegmentReport
    from monitoring_assets.statistics.drift.segments import Segment
    from monitoring_assets.statistics.performance.calibration_map import CalibrationMap
    from monitoring_assets.statistics.profiles.profile import Profile

SHOWN_ROWS = 200
SEVERITY = ("fail", "warn", "error", "insufficient evidence", "ok")


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[scores],
            kinds={"parquet"},
            description="For each segment that the manifest names: PSI of its score and CSI of "
            "its characteristics against the same segment of the reference, its share"
            " of rows, mean score and estimated performance.",
        )
    ],
)
def segment_report(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Count the day by segment, and compare."""

    def compute(day: ModelDay) -> dict[str, object]:
        manifest = store.landed(day.key).manifest
        if not manifest.segments:
            store.remove("segment_report", day.key, day.day)  # of an earlier revision
            return {"segments": "the manifest has none"}
        report = _report(store, manifest, day)
        notes = {
            "thresholds": manifest.thresholds.model_dump(mode="json"),
            "false_discovery_rate": manifest.alerts.false_discovery_rate,
            "dependence": manifest.alerts.dependence,
        }
        store.write_report(
            "segment_report",
            day.key,
            day.day,
            report.to_table(),
            manifest,
            context.run_id,
            code_version(__name__),
            notes,
        )
        return {
            "segments_at_fail": len(report.failed),
            "segments": _worst_first(report),
            "path": store.url("segment_report", day.key, day.day),
        }

    return materialise_each(context, store, compute)


def _report(store: Store, manifest: Manifest, day: ModelDay) -> "SegmentReport":
    """Count the day by segment, and compare each with the same segment of the reference."""
    from monitoring_assets.reference.segments import GRID, NOT_COUNTED, read_segments
    from monitoring_assets.statistics.drift.segment_report import SegmentReport, UncountedSegments
    from monitoring_assets.statistics.drift.segments import judge_segments
    from monitoring_assets.statistics.drift.stability import StabilityIndex
    from monitoring_assets.statistics.drift.thresholds import Status
    from monitoring_assets.statistics.performance.segment_figures import segment_figures
    from resources.scorers.base import SCORE

    segments = read_segments(store, manifest)
    errors = dict(segments.errors)
    current: dict[Segment, Profile] = {}
    if segments.values:
        counts = _count(store, manifest, day, segments.values, segments.profiles)
        current = dict(counts.profiles)
        errors |= counts.faults
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
    uncounted = [
        UncountedSegments(
            column,
            Status.WARN if errors[column] == NOT_COUNTED else Status.ERROR,
            errors[column],
        )
        for column in manifest.segments
        if column in errors
    ]
    figures = segment_figures(
        reference,
        current,
        score=SCORE,
        grid=GRID,
        calibrations=_calibrations(store, day.key, segments, current),
    )
    return SegmentReport.build(uncounted, drifts, figures)


def _calibrations(
    store: Store, key: str, reference: "ReferenceSegments", segments: "Iterable[Segment]"
) -> "dict[Segment, CalibrationMap]":
    """What a score stands for in each; none if unknown: the performance report says why."""
    from monitoring_assets.reference.score_grid import read_grid

    with suppress(NotMaterialisedError, ValueError):
        grid = read_grid(store, key)
        horizon = next(iter(grid.outcomes), None)
        return {one: reference.grid(one, grid).calibration(horizon) for one in segments}
    return {}


def _count(
    store: Store,
    manifest: Manifest,
    day: ModelDay,
    values: "Mapping[str, Sequence[str]]",
    reference: "Mapping[Segment, Profile]",
) -> "SegmentCounts":
    """The day by segment, in the reference's bins."""
    from monitoring_assets.engines import engine_of
    from monitoring_assets.engines.segment_counts import SegmentBins, count_by_segment
    from monitoring_assets.reference.segments import GRID, grid_scales
    from monitoring_assets.statistics.profiles.bins import NumericBins
    from monitoring_assets.statistics.profiles.profile import Profile
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
    of_rows = {name: one for name, one in bins.items() if name not in score_bins}
    count = partial(
        count_by_segment, SegmentBins(values, of_rows, score_bins, grid_scales(manifest))
    )
    return engine_of(manifest).count(store, day, count)


def _compared(reference: "Profile", current: "Profile") -> "Profile":
    """The columns that are compared: the score's grid is there to estimate from."""
    from monitoring_assets.reference.segments import GRID
    from monitoring_assets.statistics.profiles.profile import Profile

    shared = reference.columns.keys() & current.columns.keys() - {GRID}
    columns = {name: column for name, column in reference.columns.items() if name in shared}
    return Profile(reference.rows, columns)


def _worst_first(report: "SegmentReport") -> dg.TableMetadataValue:
    """The judged rows of the report for the Dagster UI."""
    import pyarrow.compute as pc

    texts = ("segment_column", "segment", "column", "metric", "status", "reason")
    numbers, counts = ("value", "critical_value", "adjusted_p"), ("reference_rows", "rows")
    table = report.to_table().select([*texts, *numbers, *counts])
    rows = table.filter(pc.is_valid(table["status"])).to_pylist()
    rows.sort(key=lambda row: (SEVERITY.index(row["status"]), -(row["value"] or 0.0)))
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                row | {name: None if row[name] is None else round(row[name], 4) for name in numbers}
            )
            for row in rows[:SHOWN_ROWS]
        ],
        dg.TableSchema(
            [
                *(dg.TableColumn(name, "string") for name in texts),
                *(dg.TableColumn(name, "float") for name in numbers),
                *(dg.TableColumn(name, "int") for name in counts),
            ]
        ),
    )
