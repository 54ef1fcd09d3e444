"""Asset ``fleet_status``: the last day of every model, for people and for Dagster's UI."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.report_page import report_page
from monitoring_assets.assets.spec import owners
from monitoring_assets.code_version import code_version
from resources import layout
from resources.asset_keys import asset_key
from resources.delivery.links import fleet_link
from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.pages.fleet_page import Line

LAST_DAYS = dg.AssetCheckSpec(
    "last_days",
    asset=asset_key("fleet_status"),
    description="The last day of every model: without an open incident, not stopped, not silent "
    "and under its limits. Earlier days do not count.",
)
QUIET = ("ok", "warn", "insufficient evidence", "shadow")
"""Outcomes of a last day that call for no action."""
NAMED = 10
"""Models that the check's description names; the table has all."""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            asset_key("fleet_status"),
            deps=[report_page],
            group_name="fleet",
            owners=owners(),
            kinds={"html"},
            code_version=code_version(__name__),
            description="The page of all models, the worst first, and their last days as a "
            "table. Recorded by fleet_page_sensor whenever a day of a model has changed.",
        )
    ],
    check_specs=[LAST_DAYS],
)
def fleet_status(store: Store) -> dg.MaterializeResult:
    """Write the page of all models, and show what is on it."""
    materialisation, evaluation = record_fleet(store, dt.datetime.now(dt.UTC))
    return dg.MaterializeResult(
        metadata=materialisation.metadata,
        check_results=[
            dg.AssetCheckResult(
                passed=evaluation.passed,
                severity=evaluation.severity,
                description=evaluation.description,
                metadata=evaluation.metadata,
            )
        ],
    )


def record_fleet(
    store: Store, now: dt.datetime
) -> tuple[dg.AssetMaterialization, dg.AssetCheckEvaluation]:
    """Write the page of all models, and return what Dagster is told without a run."""
    from monitoring_assets.pages.fleet_page import write_fleet_page

    lines = write_fleet_page(store, now)
    calling = [line for line in lines if line.outcome not in QUIET]
    left = f"\nand {len(calling) - NAMED} more" if len(calling) > NAMED else ""
    return (
        dg.AssetMaterialization(asset_key("fleet_status"), metadata=_metadata(store, lines)),
        dg.AssetCheckEvaluation(
            asset_key=LAST_DAYS.asset_key,
            check_name=LAST_DAYS.name,
            passed=not calling,
            # `fail` without an incident: found, and not paged.
            severity=dg.AssetCheckSeverity.WARN
            if all(line.outcome == "fail" for line in calling)
            else dg.AssetCheckSeverity.ERROR,
            description="\n".join(map(_said, calling[:NAMED])) + left
            or f"the last days of {len(lines)} versions call for no action",
            metadata={"versions": len(lines), "calling_for_action": len(calling)},
        ),
    )


def _said(line: Line) -> str:
    if line.summary is None:
        return f"{line.key}: {line.outcome}, no day of it has been monitored yet"
    return f"{line.key} on {line.summary.day}: {line.outcome}. {line.summary.verdict}"


def _metadata(store: Store, lines: list[Line]) -> dict[str, dg.MetadataValue | int | str]:
    names = ("model version", "status", "last day", "open since", "PSI", "largest CSI")
    records = [dg.TableRecord(dict(zip(names, _cells(line), strict=True))) for line in lines]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in names])
    shown: dict[str, dg.MetadataValue | int | str] = {
        "versions": len(lines),
        "incidents_open": sum(line.outcome == "incident open" for line in lines),
        "silent": sum(line.outcome == "silent" for line in lines),
        "models": dg.MetadataValue.table(records, schema),
        "path": store.storage.url(layout.FLEET_PAGE),
    }
    link = fleet_link()
    return shown | ({"page": dg.MetadataValue.url(link)} if link else {})


def _cells(line: Line) -> tuple[str, ...]:
    one = line.summary
    if one is None:
        return (line.key, line.outcome, "never", "", "", "")
    return (
        line.key,
        line.outcome,
        str(one.day),
        str(one.since or ""),
        f"{one.psi[-1]:.4g}" if one.psi and one.psi[-1] is not None else "",
        f"{one.csi:.4g} ({one.column})" if one.csi is not None else "",
    )
