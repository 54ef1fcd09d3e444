"""Asset ``performance_report``: how well a cohort's scores predict its outcomes.

A cohort is a day of a model version. Its performance is estimated from counts on the day, and
realised once its outcomes are known; the gap between the two on the same rows is concept drift.
"""

import datetime as dt
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from monitoring_assets.assets.scores import scores
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.materialise import materialise_each
from resources.errors import InputError, NotArrivedError
from resources.lake import Lake
from resources.manifest import Manifest
from resources.storage import DayFiles
from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitoring_assets.reference.score_grid import ReferenceGrid
    from monitoring_assets.reference.segments import ReferenceSegments
    from monitoring_assets.statistics.performance.report import (
        CohortPerformance,
        PerformanceReport,
        ReportedMetric,
        SegmentPerformance,
    )
    from monitoring_assets.statistics.profiles.profile import ColumnProfile
    from monitoring_assets.statistics.profiles.source import ParquetSource
    from resources.manifest import Decisions

SHOWN_BARS = 20
SHOWN_SEGMENTS = 200
SEGMENT_METRICS = ("auc", "bad_rate", "generalised_auc", "mean_realised")
SHOWN_METRICS = (
    *("auc", "ks", "brier", "bad_rate", "observed_to_expected"),
    *("generalised_auc", "mean_realised", "mean_error", "mae", "rmse", "r2"),
)


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[scores],
            kinds={"parquet", "duckdb"},
            description="Estimated performance of the day's scores; realised performance after "
            "each horizon, once outcomes are known; beside the reference's, and the "
            "gap between the two.",
        )
    ],
)
def performance_report(
    context: dg.AssetExecutionContext, lake: Lake, store: Store
) -> dg.MaterializeResult:
    """Estimate from counts, and measure what is due."""

    def compute(day: ModelDay) -> dict[str, object]:
        manifest = store.landed(day.key).manifest
        outcomes = _outcome_files(lake, manifest, day.day)
        read = outcomes.evidence if isinstance(outcomes, DayFiles) else None
        report = _report(store, outcomes, manifest, day)
        notes = {
            "thresholds": manifest.thresholds.performance.model_dump(mode="json"),
            "outcome": manifest.outcome.model_dump(mode="json") if manifest.outcome else None,
            "versions": {"outcomes": read} if read else {},
        }
        store.write_report(
            "performance_report",
            day.key,
            day.day,
            report.to_table(),
            manifest,
            context.run_id,
            code_version(__name__),
            notes,
        )
        return {
            **_curves(report),
            "performance": _cohorts_shown(report),
            "segments": _segments_shown(report),
            "bands": dg.MetadataValue.md("\n\n".join(map(_bands_as_markdown, report.cohorts))),
            **({"outcomes_version": dg.MetadataValue.json(read)} if read else {}),
            "path": store.url("performance_report", day.key, day.day),
        }

    return materialise_each(context, store, compute)


def _outcome_files(lake: Lake, manifest: Manifest, day: dt.date) -> "DayFiles | InputError | None":
    """The day's outcomes or why there are none, once for all horizons; None before the first."""
    outcome = manifest.outcome
    if outcome is None or _today() < day + dt.timedelta(days=outcome.maturity[0]):
        return None
    try:
        return lake.day_files(outcome.path, day)
    except InputError as error:
        return error


def _report(
    store: Store, outcomes: "DayFiles | InputError | None", manifest: Manifest, day: ModelDay
) -> "PerformanceReport":
    """Estimate from counts, and measure each horizon that is due."""
    from monitoring_assets.performance.cohort import (
        NO_GRID,
        NOT_ESTIMATED,
        estimated_performance,
    )
    from monitoring_assets.reference.profile import read_reference
    from monitoring_assets.reference.score_grid import read_grid
    from monitoring_assets.reference.segments import read_segments
    from monitoring_assets.reference.strata import STRATA, read_grid_of_rows
    from monitoring_assets.statistics.decisions.columns import DECISION
    from monitoring_assets.statistics.performance.report import (
        CohortPerformance,
        Performance,
        PerformanceKind,
        PerformanceReport,
        PerformanceStatus,
        SegmentPerformance,
    )
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.scorers.base import SCORE

    def profile(
        dataset: "Literal['scores_profile', 'score_grid']",
    ) -> "tuple[dict[str, ColumnProfile], dict[str, Any]]":
        table, notes = store.read_table(dataset, day.key, day.day)
        return Profile.from_table(table).columns, notes

    bands = read_reference(store, day.key).columns[SCORE]
    scored = profile("scores_profile")[0][SCORE]
    horizons = manifest.outcome.maturity if manifest.outcome else []
    grid: ReferenceGrid | None = None
    absent = Performance(status=PerformanceStatus.NOT_COMPUTED, reason=NO_GRID)
    if manifest.outcome_kind == "continuous":
        absent = Performance(status=PerformanceStatus.NOT_DEFINED, reason=NOT_ESTIMATED)
    cohorts = [CohortPerformance(kind=PerformanceKind.ESTIMATED, found=absent)]
    with suppress(NotMaterialisedError):
        grid = read_grid(store, day.key)
        in_grid = read_grid_of_rows(*profile("score_grid"), SCORE)
        targets = sorted(grid.outcomes, key=lambda one: one or 0) or [*horizons[-1:]] or [None]
        if manifest.outcome_kind == "binary":
            cohorts = [
                estimated_performance(manifest, grid, in_grid, scored, target) for target in targets
            ]
    if not horizons:
        absent = Performance(
            status=PerformanceStatus.NO_OUTCOMES,
            reason="the manifest has no `outcome`: performance is estimated only",
        )
        realised = CohortPerformance(kind=PerformanceKind.REALISED, found=absent)
        return PerformanceReport((*cohorts, realised))
    segments = read_segments(store, manifest)
    codes, unreadable = _codes(store, day, segments)
    unsplit = None
    if grid and grid.strata.splits:
        try:
            codes[STRATA] = _strata(store, day, grid)
        except (ValueError, NotMaterialisedError) as error:
            unsplit = f"the day cannot be split as the reference is: {error}"
    if manifest.decisions is not None:
        try:
            codes[DECISION] = _sides(store, day, manifest.decisions)
        except ValueError as error:
            unreadable[DECISION] = f"batch: {error}"
    lost = tuple(
        SegmentPerformance(
            column=column,
            value=None,
            found=Performance(status=PerformanceStatus.NOT_COMPUTED, reason=reason),
        )
        for column, reason in {**segments.errors, **unreadable}.items()
    )
    for horizon in horizons:
        one = _realised(
            store,
            outcomes,
            manifest,
            day,
            horizon,
            scored,
            bands,
            grid,
            segments,
            codes,
            unsplit,
        )
        cohorts.append(replace(one, segments=(*lost, *one.segments)))
    return PerformanceReport(tuple(cohorts), manifest.outcome_kind == "continuous")


def _codes(
    store: Store, day: ModelDay, segments: "ReferenceSegments"
) -> "tuple[dict[str, NDArray[np.uint8]], dict[str, str]]":
    """The segment of each row of the day, by segment column; why other columns have none."""
    from monitoring_assets.statistics.drift.segments import segment_codes

    codes, errors = {}, {}
    if segments.values:
        source = _rows(store, day)  # of all columns only these are read
        for column, values in segments.values.items():
            try:
                codes[column] = segment_codes(source, column, values)
            except ValueError as error:
                errors[column] = f"batch: {error}"
    return codes, errors


def _strata(store: Store, day: ModelDay, grid: "ReferenceGrid") -> "NDArray[np.uint8]":
    """The stratum of each row of the day. In place: only the columns that split are read."""
    from monitoring_assets.statistics.performance.strata import stratum_codes

    return stratum_codes(_rows(store, day), grid.strata.splits, grid.strata.bins)


def _sides(store: Store, day: ModelDay, decisions: "Decisions") -> "NDArray[np.uint8]":
    """What was decided of each row of the day. In place: only the columns of it are read."""
    from monitoring_assets.statistics.decisions.columns import decision_codes

    return decision_codes(_rows(store, day), decisions.counted)


def _rows(store: Store, day: ModelDay) -> "ParquetSource":
    """The rows of the day where they lie."""
    from monitoring_assets.statistics.profiles.source import ParquetSource

    return ParquetSource(store.locations("features", day.key, day.day), store.storage.filesystem)


def _realised(
    store: Store,
    files: "DayFiles | InputError | None",
    manifest: Manifest,
    day: ModelDay,
    horizon: int,
    scored: "ColumnProfile",
    bands: "ColumnProfile",
    grid: "ReferenceGrid | None",
    segments: "ReferenceSegments",
    codes: "dict[str, NDArray[np.uint8]]",
    unsplit: str | None,
) -> "CohortPerformance":
    """One horizon: why it is not measured, or what it says."""
    from monitoring_assets.performance.cohort import realised_performance
    from monitoring_assets.performance.outcomes import joined
    from monitoring_assets.statistics.performance.report import (
        CohortPerformance,
        Performance,
        PerformanceKind,
        PerformanceStatus,
    )

    assert manifest.outcome is not None
    outcome, key = manifest.outcome, manifest.batch.key
    due = day.day + dt.timedelta(days=horizon)

    def unknown(status: PerformanceStatus, reason: str) -> CohortPerformance:
        return CohortPerformance(
            kind=PerformanceKind.REALISED,
            horizon=horizon,
            due=due,
            found=Performance(status=status, reason=reason),
        )

    if files is None or _today() < due:
        return unknown(PerformanceStatus.IMMATURE, f"due on {due}")
    try:
        if isinstance(files, InputError):
            raise files
        with (
            store.fetched_rows("scores", day.key, day.day) as local,
            joined(
                local,
                key,
                files,
                outcome.key or key,
                outcome.column_at(horizon),
                *manifest.scoring.range,
                codes,
                outcome.kind,
            ) as cohort,
        ):
            found = realised_performance(
                manifest, outcome, horizon, cohort, scored, bands, grid, segments, unsplit
            )
            return replace(found, due=due)
    except NotArrivedError as error:
        return unknown(PerformanceStatus.NO_OUTCOMES, str(error))
    except InputError as error:  # the check fails and says so; what else is known is kept
        return unknown(PerformanceStatus.NOT_COMPUTED, str(error))


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _curves(report: "PerformanceReport") -> dict[str, float]:
    """What Dagster plots over the partitions; of several horizons the last has the plain names."""
    curves: dict[str, float] = {}
    last = max((one.horizon or 0 for one in report.cohorts), default=0)
    for one in report.cohorts:
        suffix = "" if (one.horizon or last) == last else f"_after_{one.horizon}"
        kind = "" if one.kind == "realised" else f"_{one.kind}"
        for metric in one.found.metrics:
            if metric.metric in SHOWN_METRICS and metric.value is not None:
                curves[f"{metric.metric}{kind}{suffix}"] = metric.value
                if metric.metric == "auc" and metric.gap is not None:
                    curves[f"auc_gap{suffix}"] = metric.gap
    return curves


def _cohorts_shown(report: "PerformanceReport") -> dg.TableMetadataValue:
    """The report for the Dagster UI."""
    counts = ["scored", "accepted", "known", "bads"]
    numbers = ["value", "low", "high", "reference", "estimated", "gap"]
    records = []
    for one in report.cohorts:
        of_cohort = {
            "of": one.title,
            "status": _status(one),
            **{name: getattr(one.found, name) for name in counts},
        }
        found: list[ReportedMetric | None] = [
            metric for metric in one.found.metrics if metric.metric in SHOWN_METRICS
        ]
        records += [
            of_cohort
            | {"metric": metric.metric if metric else None}
            | {name: _rounded(getattr(metric, name, None)) for name in numbers}
            for metric in found or [None]
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


def _segments_shown(report: "PerformanceReport") -> dg.TableMetadataValue:
    """The segments of each horizon for the Dagster UI."""
    texts, counts = ("segment_column", "segment", "status", "reason"), ("known", "bads")
    sides = {"value": "", "reference": " reference", "gap": " gap"}
    numbers = {f"{name}{sides[side]}": (name, side) for name in SEGMENT_METRICS for side in sides}

    def record(horizon: int | None, one: "SegmentPerformance") -> dg.TableRecord:
        found = one.found
        return dg.TableRecord(
            {
                "segment_column": one.column,
                "segment": one.value,
                "status": str(found.status),
                "reason": found.reason,
                "horizon": horizon,
                **{name: getattr(found, name) for name in counts},
                **{
                    shown: _rounded(getattr(found.metric(name), side, None))
                    for shown, (name, side) in numbers.items()
                },
            }
        )

    records = [record(one.horizon, part) for one in report.cohorts for part in one.segments]
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


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _status(cohort: "CohortPerformance") -> str:
    return ": ".join(filter(None, (cohort.found.status, cohort.found.reason)))


def _bands_as_markdown(cohort: "CohortPerformance") -> str:
    """Bad rates by score band with bars, for a person who wants to see where the score fails."""
    from resources.markdown import as_markdown

    found = cohort.found
    of = ": ".join(filter(None, (f"**{as_markdown(cohort.title)}**", _status(cohort), found.shift)))
    if not found.bands:
        return of
    most = max(band.bad_rate or 0.0 for band in found.bands) or 1.0
    lines = [
        of,
        "",
        "| score | rows | expected | reference | bad rate | | |",
        "|---|---:|---:|---:|---:|:---|:---|",
    ]
    for band in found.bands:
        rates = [band.expected, band.reference_bad_rate, band.bad_rate]
        shown = " | ".join("" if rate is None else f"{rate:.1%}" for rate in rates)
        bar = "█" * round((band.bad_rate or 0.0) / most * SHOWN_BARS)
        note = "fewer bads than its safer neighbour" if band.breaks_rank_order else ""
        label = f"({band.low:.4g}, {band.high:.4g}]"
        lines.append(f"| {label} | {band.rows:,} | {shown} | {bar} | {note} |")
    return "\n".join(lines)
