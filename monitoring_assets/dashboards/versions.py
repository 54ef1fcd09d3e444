"""The table of model versions, which both dashboards have."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_assets.dashboards import widgets
from monitoring_assets.dashboards.definition import INDEX_LIMITS, VERSION, DashboardSettings, Json
from monitoring_assets.dashboards.widgets import Series
from resources.delivery.metrics import (
    COLUMNS,
    CSI_MAX,
    INCIDENTS_OPEN,
    MISSING_MAX,
    PSI,
    ROWS,
)


def versions(settings: DashboardSettings, scope: Sequence[str]) -> Json:
    """One row for each version, the largest PSI first."""
    columns = [
        Series("PSI", PSI, scope, VERSION, limits=INDEX_LIMITS),
        Series("largest CSI", CSI_MAX, scope, VERSION),
        Series("columns at fail", COLUMNS, [*scope, "status:fail"], VERSION),
        Series("columns at warn", COLUMNS, [*scope, "status:warn"], VERSION),
        Series("open incidents", INCIDENTS_OPEN, scope, VERSION, over="sum", limits=(1, 1)),
        Series("largest missing share", MISSING_MAX, scope, VERSION),
        Series("rows", ROWS, scope, VERSION),
    ]
    chosen = "tpl_var_model={{model.value}}&tpl_var_version={{version.value}}"
    links = {}
    if settings.model_dashboard:
        links["This version alone"] = f"{settings.model_dashboard}?{chosen}"
    if settings.reports:
        links["Drift reports in Dagster"] = settings.reports
    return widgets.table("The last day of each version", columns, links)
