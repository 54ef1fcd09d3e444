"""The dashboards and monitors of two deployments, for tests that look at each."""

import pytest

from monitoring_assets.dashboards.definition import DashboardSettings
from monitoring_assets.dashboards.plan import definitions
from resources.delivery.metrics import DEPLOYMENT_TAGS, SUBJECT_TAGS

PLAIN = DashboardSettings()
FULL = DashboardSettings(
    notify=("@slack-models", "@teams-risk"),
    runbook="https://wiki.example.com/alerts",
    reports="https://dagster.example.com/assets/monitoring/drift_report?view=partitions",
    model_dashboard="https://app.datadoghq.com/dashboard/abc",
)
DASHBOARDS = [item for item in definitions(FULL) if item.kind == "dashboard"]
MONITORS = [item for item in definitions(FULL) if item.kind == "monitor"]
HOURS = {"day": 24, "hour": 1}


def by_slug(items):
    return pytest.mark.parametrize("item", items, ids=lambda item: item.slug)


def tags_of(metric):
    own = SUBJECT_TAGS if metric.scope == "version" else DEPLOYMENT_TAGS
    return {*own, *metric.tags}


def widgets_of(body):
    for widget in body["widgets"]:
        yield widget["definition"]
        yield from widgets_of(widget["definition"]) if "widgets" in widget["definition"] else ()
