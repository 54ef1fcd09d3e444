"""Asset ``performance_report``: how well a cohort's scores foretell its outcomes.

A cohort is a day of a model version. Its performance is estimated from counts on the day, and
realised once its outcomes are known; the gap between the two on the same rows is concept drift.
"""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from monitoring_assets.assets.scores import scores
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from monitoring_assets.runs.materialise import materialise_each
from resources.errors import InputError
from resources.lake import Lake, NotArrivedError
from resources.manifest import Manifest
from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitoring_assets.performance.cohort import Row
    from monitoring_assets.reference.score_grid import ReferenceGrid
    from monitoring_assets.reference.segments import ReferenceSegments
    from monitoring_assets.statistics.profiles.profile import ColumnProfile

SHOWN_BARS = 20
SHOWN_SEGMENTS = 200
SEGMENT_METRICS = ("auc", "bad_rate")
SHOWN_METRICS = ("auc", "ks", "brier", "bad_rate", "observed_to_expected")


@dg.asset(
    partitions_def=MODEL_DAYS,
    deps=[scores],
    group_name="monitoring",
    kinds={"parquet", "duckdb"},
    code_version=code_version(__name__),
    description="Estimated performance of the day's scores; realised performance after each "
    "horizon, once outcomes are known; beside the reference's, and the gap between the two.",
)
def performance_report(
    context: dg.AssetExecutionContext, lake: Lake, store: Store
) -> dg.MaterializeResult:
    """Estimate from counts, and measure what is due."""
    import pyarrow as pa

    from monitoring_assets.performance.cohort import SCHEMA

    def compute(day: ModelDay) -> dict[str, object]:
        manifest = store.landed(day.key).manifest
        rows = _rows(store, lake, manifest, day)
        notes = {
            "thresholds": manifest.thresholds.performance.model_dump(mode="json"),
            "outcome": manifest.outcome.model_dump(mode="json") if manifest.outcome else None,
        }
        table = pa.Table.from_pylist(rows, SCHEMA)
        store.write_report(
            "performance_report",
            day.key,
            day.day,
            table,
            manifest,
            context.run_id,
            code_version(__name__),
            notes,
        )
        return {
            **_curves(rows),
            "performance": _shown(rows),
            "segments": _segments_shown(rows),
            "bands": dg.MetadataValue.md("\n\n".join(map(_bands_as_markdown, rows))),
            "path": store.url("performance_report", day.key, day.day),
        }

    return materialise_each(context, store, compute)


def _rows(store: Store, lake: Lake, manifest: Manifest, day: ModelDay) -> "list[Row]":
    """The rows of a day's report: estimates first, then each horizon."""
    from monitoring_assets.performance.cohort import NO_GRID, estimated_row
    from monitoring_assets.reference.profile import read_reference
    from monitoring_assets.reference.score_grid import read_grid
    from monitoring_assets.reference.segments import read_segments
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.scorers.base import SCORE

    def score_profile(dataset: "Literal['scores_profile', 'score_grid']") -> "ColumnProfile":
        return Profile.from_table(store.read_table(dataset, day.key, day.day)[0]).columns[SCORE]

    bands, scored = read_reference(store, day.key).columns[SCORE], score_profile("scores_profile")
    horizons = manifest.outcome.maturity if manifest.outcome else []
    grid: ReferenceGrid | None = None
    try:
        grid, in_grid = read_grid(store, day.key), score_profile("score_grid")
        targets = sorted(grid.outcomes, key=lambda one: one or 0) or [*horizons[-1:]] or [None]
        rows = [estimated_row(manifest, grid, in_grid, target) for target in targets]
    except NotMaterialisedError:  # made by an earlier release
        rows = [{"kind": "estimated", "status": "not computed", "reason": NO_GRID}]
    if not horizons:
        reason = "the manifest has no `outcome`: performance is estimated only"
        return [*rows, {"kind": "realised", "status": "no outcomes yet", "reason": reason}]
    segments = read_segments(store, manifest)
    codes, unreadable = _codes(store, day, segments)
    lost = [
        {"segment_column": column, "status": "not computed", "reason": reason}
        for column, reason in {**segments.errors, **unreadable}.items()
    ]
    for horizon in horizons:
        row = _realised(store, lake, manifest, day, horizon, scored, bands, grid, segments, codes)
        rows.append(row | {"segments": [*lost, *row.get("segments", ())]})
    return rows


def _codes(
    store: Store, day: ModelDay, segments: "ReferenceSegments"
) -> "tuple[dict[str, NDArray[np.uint8]], dict[str, str]]":
    """The segment of each row of the day, by segment column; why other columns cannot be had."""
    from monitoring_assets.statistics.drift.segments import segment_codes
    from monitoring_assets.statistics.profiles.source import ParquetSource

    codes, errors = {}, {}
    if segments.values:
        # In place: of all columns only these are read.
        source = ParquetSource(
            store.location("features", day.key, day.day), store.storage.filesystem
        )
        for column, values in segments.values.items():
            try:
                codes[column] = segment_codes(source, column, values)
            except ValueError as error:
                errors[column] = f"batch: {error}"
    return codes, errors


def _realised(
    store: Store,
    lake: Lake,
    manifest: Manifest,
    day: ModelDay,
    horizon: int,
    scored: "ColumnProfile",
    bands: "ColumnProfile",
    grid: "ReferenceGrid | None",
    segments: "ReferenceSegments",
    codes: "dict[str, NDArray[np.uint8]]",
) -> "Row":
    """The row of one horizon: why it is not measured, or what it says."""
    from monitoring_assets.performance.cohort import realised_row
    from monitoring_assets.performance.outcomes import joined

    assert manifest.outcome is not None
    outcome, key = manifest.outcome, manifest.batch.key
    due = day.day + dt.timedelta(days=horizon)
    row: Row = {"kind": "realised", "horizon": horizon, "due": due}
    if dt.datetime.now(dt.UTC).date() < due:
        return row | {"status": "immature", "reason": f"due on {due}"}
    try:
        files = lake.day_files(outcome.path, day.day)
        with (
            store.fetched("scores", day.key, day.day) as local,
            joined(
                local,
                key,
                files,
                outcome.key or key,
                outcome.column_at(horizon),
                *manifest.scoring.range,
                codes,
            ) as cohort,
        ):
            return row | realised_row(
                manifest, outcome, horizon, cohort, scored, bands, grid, segments
            )
    except NotArrivedError as error:
        return row | {"status": "no outcomes yet", "reason": str(error)}
    except InputError as error:  # the check fails and says so; what else is known is kept
        return row | {"status": "not computed", "reason": str(error)}


def _curves(rows: "Sequence[Row]") -> dict[str, float]:
    """What Dagster plots over the partitions; of several horizons the last has the plain names."""
    curves: dict[str, float] = {}
    last = max((row.get("horizon") or 0 for row in rows), default=0)
    for row in rows:
        of_last = (row.get("horizon") or last) == last
        suffix = "" if of_last else f"_after_{row['horizon']}"
        kind = "_estimated" if row["kind"] == "estimated" else ""
        for metric in row.get("metrics", ()):
            if metric["metric"] in SHOWN_METRICS and metric["value"] is not None:
                curves[f"{metric['metric']}{kind}{suffix}"] = metric["value"]
                if metric["metric"] == "auc" and metric["gap"] is not None:
                    curves[f"auc_gap{suffix}"] = metric["gap"]
    return curves


def _shown(rows: "Sequence[Row]") -> dg.TableMetadataValue:
    """The report for the Dagster UI."""
    counts = ["scored", "accepted", "known", "bads"]
    numbers = ["value", "low", "high", "reference", "estimated", "gap"]
    records = []
    for row in rows:
        of_row: dict[str, Any] = {
            "of": row["kind"] + (f", {row['horizon']} days" if row.get("horizon") else ""),
            "status": row["status"] + (f": {row['reason']}" if row.get("reason") else ""),
        } | {name: row.get(name) for name in counts}
        found = [one for one in row.get("metrics", ()) if one["metric"] in SHOWN_METRICS]
        records += [
            of_row
            | {"metric": one["metric"]}
            | {name: None if one[name] is None else round(one[name], 4) for name in numbers}
            for one in found or [dict.fromkeys(["metric", *numbers])]
        ]
    return dg.MetadataValue.table(
        [dg.TableRecord(record) for record in records],
        dg.TableSchema(
            [
                *(dg.TableColumn(name, "string") for name in ("of", "status", "metric")),
                *(dg.TableColumn(name, "float") for name in numbers),
                *(dg.TableColumn(name, "int") for name in counts),
            ]
        ),
    )


def _segments_shown(rows: "Sequence[Row]") -> dg.TableMetadataValue:
    """The segments of each horizon for the Dagster UI."""
    numbers = [
        f"{metric}{side}" for metric in SEGMENT_METRICS for side in ("", " reference", " gap")
    ]
    texts, counts = ("segment_column", "segment", "status", "reason"), ("known", "bads")
    records = []
    for row in rows:
        for one in row.get("segments", ()):
            found = {metric["metric"]: metric for metric in one.get("metrics", ())}
            record = {"horizon": row["horizon"]} | {name: one.get(name) for name in texts + counts}
            for name in SEGMENT_METRICS:
                metric = found.get(name, {})
                for side in ("value", "reference", "gap"):
                    number = metric.get(side)
                    shown = name if side == "value" else f"{name} {side}"
                    record[shown] = None if number is None else round(number, 4)
            records.append(dg.TableRecord(record))
    return dg.MetadataValue.table(
        records[:SHOWN_SEGMENTS],
        dg.TableSchema(
            [
                *(dg.TableColumn(name, "string") for name in texts),
                *(dg.TableColumn(name, "int") for name in ("horizon", *counts)),
                *(dg.TableColumn(name, "float") for name in numbers),
            ]
        ),
    )


def _bands_as_markdown(row: "Row") -> str:
    """Bad rates by score band with bars, for a person who wants to see where the score fails."""
    of = f"**{row['kind']}**" + (f", {row['horizon']} days" if row.get("horizon") else "")
    lines = [": ".join(filter(None, (of, row["status"], row.get("reason"), row.get("shift"))))]
    bands = row.get("bands", ())
    if not bands:
        return lines[0]
    most = max(band["bad_rate"] or 0.0 for band in bands) or 1.0
    lines += [
        "",
        "| score | rows | expected | reference | bad rate | | |",
        "|---|---:|---:|---:|---:|:---|:---|",
    ]
    for band in bands:
        rates = [band[name] for name in ("expected", "reference_bad_rate", "bad_rate")]
        shown = " | ".join("" if rate is None else f"{rate:.1%}" for rate in rates)
        bar = "█" * round((band["bad_rate"] or 0.0) / most * SHOWN_BARS)
        note = "fewer bads than its safer neighbour" if band["breaks_rank_order"] else ""
        label = f"({band['low']:.4g}, {band['high']:.4g}]"
        lines.append(f"| {label} | {band['rows']:,} | {shown} | {bar} | {note} |")
    return "\n".join(lines)
