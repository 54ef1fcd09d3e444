"""A dashboard or a monitor of ours, and the mark by which it is known again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

from monitoring_assets.statistics.drift.thresholds import Thresholds
from resources.asset_keys import asset_path

Json = dict[str, Any]
Kind = Literal["dashboard", "monitor"]

MANAGED_BY = "managed_by:model-monitoring"
"""Tag of every monitor of ours, and of the last line of a dashboard's description: tags of a
dashboard may be ``team:`` only, and a list of dashboards has descriptions but no tags."""

VERSION = ("env", "model", "version")
"""Tags that tell the series of one model version from another's."""


@dataclass(frozen=True)
class DashboardSettings:
    """What differs from one deployment to another.

    Parameters
    ----------
    notify
        Handles, such as ``@slack-models``, that the monitors tell.
    runbook
        Where ``docs/alerts.md`` can be read.
    reports
        Where Dagster shows the drift reports by day and version, if anywhere.
    model_dashboard
        Where the dashboard of one model is, if that is known.
    """

    notify: tuple[str, ...] = ()
    runbook: str = "docs/alerts.md"
    reports: str | None = None
    model_dashboard: str | None = None

    @classmethod
    def from_environment(cls, notify: tuple[str, ...]) -> DashboardSettings:
        """With the addresses that incidents link to as well: see `resources.delivery.links`."""
        dagster = os.environ.get("MONITORING_DAGSTER_URL", "").rstrip("/")
        return cls(
            notify,
            os.environ.get("MONITORING_RUNBOOK_URL") or cls.runbook,
            f"{dagster}/assets/{asset_path('drift_report')}?view=partitions" if dagster else None,
            os.environ.get("MONITORING_DATADOG_DASHBOARD_URL") or None,
        )


@dataclass(frozen=True)
class Definition:
    """A dashboard or a monitor.

    Parameters
    ----------
    slug
        Names it for good, among those of its kind.
    body
        What the API is sent, marked as ours.
    """

    kind: Kind
    slug: str
    body: Json

    @property
    def title(self) -> str:
        """As Datadog shows it."""
        title: str = self.body["title" if self.kind == "dashboard" else "name"]
        return title


def marks(slug: str) -> tuple[str, str]:
    """The two words that say: ours, and which."""
    return MANAGED_BY, f"definition:{slug}"


def slug_of(kind: Kind, theirs: Json) -> str | None:
    """Which definition's mark a dashboard or monitor of the account carries.

    Parameters
    ----------
    theirs
        A monitor, a dashboard, or a dashboard as a list shows it.

    Returns
    -------
    str or None
        None for what is not ours.
    """
    if kind == "monitor":
        words = theirs.get("tags") or []
    else:
        words = (theirs.get("description") or "").rpartition("\n")[2].split()
    if MANAGED_BY not in words:
        return None
    slugs = [word.removeprefix("definition:") for word in words if word.startswith("definition:")]
    return slugs[0] if len(slugs) == 1 else None


INDEX_LIMITS = (Thresholds().warn, Thresholds().fail)
"""PSI and CSI; a manifest's own thresholds are not known to Datadog."""


AGE_LIMITS = (2, 3)
"""Days since the newest report; that of yesterday's batch is 1 day old."""
