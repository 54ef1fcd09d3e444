"""The dashboard of all models: what is in breach, what is late, what is not delivered."""

from __future__ import annotations

from monitoring_assets.dashboards import widgets
from monitoring_assets.dashboards.definition import (
    AGE_LIMITS,
    INDEX_LIMITS,
    MANAGED_BY,
    VERSION,
    DashboardSettings,
    Definition,
    Json,
    marks,
)
from monitoring_assets.dashboards.layout import dashboard
from monitoring_assets.dashboards.monitors import INCIDENT_OPEN
from monitoring_assets.dashboards.versions import versions
from monitoring_assets.dashboards.widgets import Series
from resources.delivery.metrics import (
    COLUMNS,
    CSI_MAX,
    DELIVERIES_WAITING,
    HEARTBEAT,
    INCIDENTS_OPEN,
    PARTITION,
    PIPELINE,
    PSI,
    REPORT_AGE,
)

SLUG = "overview"
TITLE = "Model monitoring: all models"


def overview(settings: DashboardSettings) -> Definition:
    """The dashboard of all models."""
    names = ("env", "team", "service", "model")
    scope = [f"${name}" for name in names]
    return dashboard(
        SLUG,
        TITLE,
        "Drift of every model version in production, day by day.",
        settings,
        names,
        [_now(scope), _models(settings, scope), _over_time(scope), _monitoring_itself()],
    )


def _now(scope: list[str]) -> Json:
    return widgets.group(
        "Now",
        widgets.monitors("Incidents", marks(INCIDENT_OPEN)[1], count="groups", width=6),
        widgets.top_list(
            "Days since the newest report, all teams",
            # Sent for all versions at once: it has neither their team nor their service.
            Series("days", REPORT_AGE, ["$env", "$model"], VERSION, limits=AGE_LIMITS),
        ),
        widgets.check_status("Versions by outcome of the day", PARTITION, scope),
        widgets.check_status("Versions by state of the pipeline", PIPELINE, scope),
    )


def _models(settings: DashboardSettings, scope: list[str]) -> Json:
    return widgets.group(
        "Model versions",
        versions(settings, scope),
        widgets.top_list(
            "PSI of the score", Series("PSI", PSI, scope, VERSION, limits=INDEX_LIMITS)
        ),
        widgets.top_list(
            "Largest CSI", Series("CSI", CSI_MAX, scope, VERSION, limits=INDEX_LIMITS)
        ),
    )


def _over_time(scope: list[str]) -> Json:
    warn, fail = INDEX_LIMITS
    return widgets.group(
        "Over time",
        widgets.timeseries(
            "PSI of the score",
            [Series("PSI", PSI, scope, VERSION)],
            markers={"warning": warn, "error": fail},
            events=scope,
        ),
        widgets.timeseries(
            "Open incidents by family",
            [Series("incidents", INCIDENTS_OPEN, scope, ["family"], over="sum")],
            kind="bars",
        ),
        widgets.timeseries(
            "Columns by status",
            [Series("columns", COLUMNS, scope, ["status"], over="sum")],
            kind="bars",
        ),
        widgets.events_stream("Incidents and new versions", scope),
    )


def _monitoring_itself() -> Json:
    scope = ["$env"]
    return widgets.group(
        "Monitoring itself",
        widgets.timeseries(
            "Messages that wait to be delivered",
            [Series("waiting", DELIVERIES_WAITING, scope, ["env", "channel"])],
            kind="bars",
        ),
        widgets.monitors("Monitors", MANAGED_BY, count="monitors", width=6),
        widgets.timeseries(
            "Heartbeat of the daemon",
            [Series("heartbeat", HEARTBEAT, scope, ["env"])],
            kind="bars",
            width=12,
        ),
    )
