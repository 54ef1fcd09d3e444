"""Where people look further: this deployment's pages, from the environment, and commands."""

from __future__ import annotations

import datetime as dt
import os
from urllib.parse import quote

from monitoring_assets.statistics.alerts.policy import Family
from resources.asset_keys import asset_path
from resources.delivery.messages import Link
from resources.delivery.metrics import DEPLOYMENT

PAGES_URL = "MONITORING_PAGES_URL"
FLEET = "/index.html"


def look_further(key: str, day: dt.date) -> list[str]:
    """Commands that show what is behind a day of a version."""
    if key == DEPLOYMENT:
        return []
    return [
        f"monitoring report {key} --date {day}",
        f"monitoring alerts {key} --date {day}",
        f"monitoring thresholds suggest {key}",
    ]


def links(key: str, day: dt.date, family: Family) -> list[Link]:
    """Pages about a family of a day of a version, or of the deployment.

    ``MONITORING_PAGES_URL`` is where the store's folder ``pages`` can be looked at,
    ``MONITORING_DAGSTER_URL`` is the Dagster UI, ``MONITORING_DATADOG_DASHBOARD_URL`` the models'
    dashboard, ``MONITORING_RUNBOOK_URL`` the page ``docs/alerts.md``, wherever it is published.
    What is not set is left out.
    """
    model, _, version = key.partition(".")
    report, dagster, dashboard = FLEET, "/automation", ""
    if key != DEPLOYMENT:
        report = _page(key, day)
        partition = quote(f"{day}|{key}")
        dagster = f"/assets/{asset_path('drift_report')}?view=partitions&partition={partition}"
        dashboard = f"?tpl_var_model={quote(model)}&tpl_var_version={quote(version)}"
    pages = (
        (PAGES_URL, "The report of the day", report),
        ("MONITORING_DAGSTER_URL", "The day in Dagster", dagster),
        ("MONITORING_DATADOG_DASHBOARD_URL", "The last weeks in Datadog", dashboard),
        ("MONITORING_RUNBOOK_URL", "What to do", f"#{family.replace(' ', '-')}"),
    )
    return [
        Link(text=text, href=f"{root.rstrip('/')}{path}")
        for variable, text, path in pages
        if (root := os.environ.get(variable))
    ]


def page_link(key: str, day: dt.date) -> str | None:
    """Address of the page of a day; None where ``MONITORING_PAGES_URL`` is not set."""
    return _at(_page(key, day))


def fleet_link() -> str | None:
    """Address of the page of all models; None where ``MONITORING_PAGES_URL`` is not set."""
    return _at(FLEET)


def _at(page: str) -> str | None:
    root = os.environ.get(PAGES_URL)
    return f"{root.rstrip('/')}{page}" if root else None


def _page(key: str, day: dt.date) -> str:
    return f"/{quote(key)}/{day}.html"
