"""The monitors: breach, silence, pipeline failure, messages that are not delivered.

PagerDuty is told of incidents by this project itself. The monitors are the second pair of eyes:
they alert in Datadog, and notify only the handles given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitoring_assets.dashboards.definition import (
    AGE_LIMITS,
    INDEX_LIMITS,
    VERSION,
    DashboardSettings,
    Definition,
    Json,
    marks,
)
from resources.delivery.metrics import (
    DELIVERIES_WAITING,
    HEARTBEAT,
    INCIDENTS_OPEN,
    PIPELINE,
    PSI,
    REPORT_AGE,
    Metric,
)

INCIDENT_OPEN = "incident-open"
WHOSE = "{{model.name}}.{{version.name}} ({{env.name}})"


def monitors(settings: DashboardSettings) -> list[Definition]:
    """All of the monitors.

    The raw index notifies no one, whatever ``notify`` says: only the decision allows for chance.
    Windows are several times the rhythm of their metric, and what is missing keeps the status that
    it had: a day's value is not repeated until the next day's.
    """
    warn, fail = INDEX_LIMITS
    late, _ = AGE_LIMITS
    service_check = ",".join(f'"{tag}"' for tag in VERSION)
    return [
        _monitor(
            settings,
            INCIDENT_OPEN,
            "incident open",
            f"{WHOSE}: an incident of the family {{{{family.name}}}} is open. Its event says what "
            "happened and since when; the page has gone out already.",
            _query(INCIDENTS_OPEN, "max(last_1d)", [*VERSION, "family"], "> 0"),
            {"thresholds": {"critical": 0}},
            priority=2,
        ),
        _monitor(
            replace(settings, notify=()),
            "psi-at-fail",
            "PSI at fail",
            f"{WHOSE}: the PSI of the score was {{{{value}}}} on a day. By itself this is no "
            "incident: chance explains such a value on few rows, and a single day may be a broken "
            "batch.",
            _query(PSI, "max(last_1d)", VERSION, f">= {fail}"),
            {"thresholds": {"critical": fail, "warning": warn}},
            priority=4,
        ),
        _monitor(
            settings,
            "report-late",
            "report late",
            f"{WHOSE}: the newest report is {{{{value}}}} days old. The batch did not come, or its "
            "runs fail.",
            _query(REPORT_AGE, "min(last_4h)", VERSION, f"> {late}"),
            {"thresholds": {"critical": late}},
            priority=3,
        ),
        _monitor(
            settings,
            "silence",
            "silence",
            "{{env.name}}: no heartbeat. Monitoring itself is down: Dagster's daemon does not run, "
            "its sensors are stopped, or nothing of it reaches Datadog.",
            _query(HEARTBEAT, "max(last_3h)", ["env"], "< 1"),
            {"thresholds": {"critical": 1}, "on_missing_data": "show_and_notify_no_data"},
            priority=2,
        ),
        _monitor(
            settings,
            "pipeline-failure",
            "pipeline failure",
            f"{WHOSE}: a run failed, or a batch never came: {{{{check_message}}}}",
            f'"{PIPELINE.name}".over("*").by({service_check}).last(2).count_by_status()',
            {"thresholds": {"critical": 1, "warning": 1, "ok": 1}, "notify_no_data": False},
            priority=3,
        ),
        _monitor(
            settings,
            "messages-waiting",
            "messages not delivered",
            "{{env.name}}: {{value}} messages have waited for hours for {{channel.name}}. They are "
            "kept and tried again; `evidence/deliveries` in the store has what was delivered.",
            _query(DELIVERIES_WAITING, "min(last_3h)", ["env", "channel"], "> 0"),
            {"thresholds": {"critical": 0}},
            priority=2,
        ),
    ]


def _query(metric: Metric, window: str, by: Sequence[str], condition: str) -> str:
    return f"{window}:max:{metric.name}{{*}} by {{{','.join(by)}}} {condition}"


def _monitor(
    settings: DashboardSettings,
    slug: str,
    title: str,
    text: str,
    query: str,
    options: Json,
    *,
    priority: int,
) -> Definition:
    is_check = query.endswith(".count_by_status()")
    sparse = {} if is_check else {"require_full_window": False, "on_missing_data": "default"}
    links = [f"What to do: {settings.runbook}"]
    if settings.reports:
        links.append(f"Drift reports: {settings.reports}")
    parts = [text, "\n".join(links), " ".join(settings.notify)]
    body = {
        "name": f"Model monitoring: {title}",
        "type": "service check" if is_check else "query alert",
        "query": query,
        "message": "\n\n".join(part for part in parts if part),
        "tags": sorted(marks(slug)),
        "priority": priority,
        "options": {"include_tags": True} | sparse | options,
    }
    return Definition("monitor", slug, body)
