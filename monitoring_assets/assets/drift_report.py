"""Asset ``drift_report``: what moved, by how much, and what that did to the score.

Computed from counts alone: no row is read here.
"""

from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.scores import scores
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.code_version import code_version
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.comparison import compare_with_reference
from monitoring_assets.reference.profile import read_reference, read_surrogate
from monitoring_assets.runs.materialise import materialise_each
from monitoring_assets.runs.shown import four_digits
from resources.faults import RUN, record_faults
from resources.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitoring_assets.statistics.drift.drift import ColumnDrift
    from monitoring_assets.statistics.drift.report import DriftReport
    from monitoring_assets.statistics.profiles.profile import Profile

SHOWN_BARS = 20
SHOWN_COLUMNS = 3


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[scores],
            kinds={"parquet"},
            description="PSI of the score, CSI of every characteristic, what chance alone would "
            "give at this number of rows, and which characteristics moved the mean "
            "score.",
        )
    ],
)
def drift_report(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Compare the day's profile with the reference's."""
    from monitoring_assets.statistics.drift.report import MARGINAL_MIX, DriftReport
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.scorers.base import SCORE

    def compute(day: ModelDay) -> dict[str, object]:
        reference = read_reference(store, day.key)
        table, made = store.read_table("scores_profile", day.key, day.day)
        current = Profile.from_table(table)
        manifest = store.landed(day.key).manifest
        drifts = compare_with_reference(reference, current, manifest.thresholds)
        surrogate = read_surrogate(store, day.key)
        good = surrogate if surrogate is not None and surrogate.is_good else None
        report = DriftReport.build(drifts, reference, current, good)
        versions = made.get("versions", {})
        notes = {
            "rows": current.rows,
            "versions": versions,
            "scored_with_manifest_sha256": made["manifest_sha256"],
            "thresholds": manifest.thresholds.model_dump(mode="json"),
            "score_sd": _score_sd(reference),
            "attribution": str(surrogate or MARGINAL_MIX),
            "is_additive": good is not None,
        }
        store.write_report(
            "drift_report",
            day.key,
            day.day,
            report.to_table(),
            manifest,
            context.run_id,
            code_version(__name__),
            notes,
        )
        # Whatever kept an earlier run of this day from coming so far no longer does.
        record_faults(store.storage, day.key, day.day, RUN, [])
        psi = next(drift for drift in drifts if drift.column == SCORE)
        csi = [drift for drift in drifts if drift.column != SCORE]
        worst = max(csi, key=lambda drift: -1.0 if drift.value is None else drift.value)
        return {
            # One key for each curve: Dagster plots these over the partitions.
            **_floats(psi=psi.value, csi_max=worst.value),
            "rows": current.rows,
            "missing_excess_max": current.missing_excess(reference),
            **_floats(mean_score_shift=report.score.mean_score_shift if report.score else None),
            "worst_characteristic": worst.column,
            "characteristics": _characteristics_table(report),
            "worst_bins": dg.MetadataValue.md(
                "\n\n".join(map(bins_as_markdown, _most_moved(report, csi)))
            ),
            "score_bins": dg.MetadataValue.md(bins_as_markdown(psi)),
            **{f"{name}_version": dg.MetadataValue.json(one) for name, one in versions.items()},
            "path": store.url("drift_report", day.key, day.day),
        }

    return materialise_each(context, store, compute)


def _floats(**values: float | None) -> dict[str, float]:
    """The values without None: a curve has a gap where one could not be computed."""
    return {name: float(value) for name, value in values.items() if value is not None}


def _score_sd(reference: "Profile") -> float | None:
    """What a shift of the mean score is measured by; None where the sample has no scores."""
    from monitoring_assets.statistics.drift.attribution import score_spread
    from resources.scorers.base import SCORE

    try:
        return score_spread(reference.columns[SCORE])
    except ValueError:
        return None


def _most_moved(report: "DriftReport", drifts: "Sequence[ColumnDrift]") -> "Sequence[ColumnDrift]":
    """The characteristics to look at first: those that moved the mean score most."""
    table = report.to_table().select(["column", "moved_score_by"]).to_pylist()
    moved = {row["column"]: abs(row["moved_score_by"] or 0.0) for row in table}
    by_score = sorted(drifts, key=lambda one: (moved[one.column], one.value or 0.0), reverse=True)
    return by_score[:SHOWN_COLUMNS]


def _characteristics_table(report: "DriftReport") -> dg.TableMetadataValue:
    """The report for the Dagster UI: the largest index first."""
    texts = ("column", "index", "status")
    names = ("column", "index", "value", "critical_value", "status", "missing", "moved_score_by")
    rows = sorted(report.to_table().select(names).to_pylist(), key=lambda row: -(row["value"] or 0))
    return dg.MetadataValue.table(
        [dg.TableRecord({name: four_digits(value) for name, value in row.items()}) for row in rows],
        dg.TableSchema(
            [dg.TableColumn(name, "string" if name in texts else "float") for name in names]
        ),
    )


def bins_as_markdown(drift: "ColumnDrift") -> str:
    """The bins of a column as a table with bars, for a person who wants to see what moved."""
    from monitoring_assets.statistics.profiles.bins import short_label
    from resources.markdown import as_markdown

    title = f"**{as_markdown(drift.column)}**"
    if drift.error is not None:
        return f"{title}: {as_markdown(drift.error)}"
    before = sum(item.reference for item in drift.bins)
    after = sum(item.current for item in drift.bins)
    lines = [
        f"{title}: {drift.index} {drift.value:.3f} ({drift.status})",
        "",
        "| bin | reference | | today | | adds |",
        "|---|---:|:---|---:|:---|---:|",
    ]
    for item in drift.bins:
        was, now = item.reference / before, item.current / after
        if not item.reference and not item.current:
            continue
        label = as_markdown(short_label(item.label, item.slot))
        bars = ["█" * round(share * SHOWN_BARS) for share in (was, now)]
        lines.append(
            f"| {label} | {was:.1%} | {bars[0]} | {now:.1%} | {bars[1]} | {item.contribution:.3f} |"
        )
    return "\n".join(lines)
