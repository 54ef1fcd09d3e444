"""What every dashboard has, whatever it shows."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_assets.dashboards import widgets
from monitoring_assets.dashboards.definition import DashboardSettings, Definition, Json, marks


def dashboard(
    slug: str,
    title: str,
    about: str,
    settings: DashboardSettings,
    variables: Sequence[str],
    shown: Sequence[Json],
) -> Definition:
    """A dashboard of the last 30 days.

    Parameters
    ----------
    slug, title
        Its names, for us and for people.
    about
        First line of its description.
    settings
        Of the deployment.
    variables
        Tags that the reader can choose by.
    shown
        Widgets, in their order.
    """
    description = [
        about,
        f"What to do about an incident: {settings.runbook}",
        " ".join(marks(slug)),
    ]
    body = {
        "title": title,
        "description": "\n".join(description),
        "layout_type": "ordered",
        "reflow_type": "fixed",
        "default_timeframe": {"type": "live", "unit": "day", "value": 30},
        "template_variables": widgets.variables(*variables),
        "widgets": widgets.arrange(list(shown)),
    }
    return Definition("dashboard", slug, body)
