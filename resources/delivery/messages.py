"""Messages to people and other systems, as they wait in the outbox and are sent."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from monitoring_assets.statistics.alerts.policy import Family
from resources import layout
from resources.manifest import Manifest
from resources.one_line import one_line

Severity = Literal["critical", "error"]
"""As PagerDuty names it. What is worth no more than a warning is no incident."""

NoticeAction = Literal["open", "update", "escalate", "resolve"]

CheckStatus = Literal["ok", "warning", "critical", "unknown"]
"""Status of a service check, as Datadog names it."""


Line = Annotated[str, AfterValidator(one_line)]
"""A text for people in one line: what it quotes moves no cursor and looks like no other line."""


class _Part(BaseModel):
    # Finite: messages are JSON, which has neither infinity nor NaN. Fields that are not known are
    # left out: a message that waits in the outbox must survive an upgrade.
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Subject(_Part):
    """What a message is about: a model version, or the deployment itself.

    ``key`` is the version's partition key, or ``deployment``.
    """

    key: str
    model: str
    version: str
    service: str | None = None
    team: str | None = None

    @classmethod
    def of(cls, manifest: Manifest) -> Subject:
        """The subject of a version's messages."""
        alerts = manifest.alerts
        return cls(
            key=manifest.key,
            model=manifest.name,
            version=manifest.version,
            service=alerts.service,
            team=alerts.team,
        )


class Link(_Part):
    """Where to look further."""

    text: str
    href: str


class BreachLine(_Part):
    """One subject over its limit, for a person to read.

    Parameters
    ----------
    family, subject
        What is in breach: a characteristic, the score, a check, a run.
    text
        In words: from what to what.
    value, limit
        The index and its threshold; None for what has none.
    since
        First day of the breach.
    moved_score_by
        What it did to the mean score, in units of the score.
    """

    family: Family
    subject: Line
    text: Line
    value: float | None = None
    limit: float | None = None
    since: dt.date
    moved_score_by: float | None = None


class Notice(_Part):
    """An incident was opened, got more evidence, became worse, or was resolved.

    Parameters
    ----------
    incident
        Names the incident for all its life: ``pd_cards.1/population/3``.
    number
        Position among the incident's notices, from 1; they are sent in this order.
    escalations
        How often it has become materially worse so far; each of them pages again.
    day
        The day that was decided.
    since
        First day of the incident.
    summary
        One line.
    reasons
        Why this was decided, in words.
    breaches
        The evidence, the worst first.
    commands
        To look further, in a terminal.
    links
        To look further, in a browser.
    """

    kind: Literal["notice"] = "notice"
    subject: Subject
    incident: str
    number: int = Field(ge=1)
    action: NoticeAction
    escalations: int = Field(default=0, ge=0)
    family: Family
    severity: Severity
    day: dt.date
    since: dt.date
    summary: Line
    reasons: list[Line] = []
    breaches: list[BreachLine] = []
    commands: list[str] = []
    links: list[Link] = []
    decided_at: dt.datetime

    @property
    def path(self) -> str:
        """Where it lies in the outbox: the same for the same decision, made again."""
        return layout.notice(self.incident, self.number, self.action)


class Change(_Part):
    """A new model version is monitored."""

    kind: Literal["change"] = "change"
    subject: Subject
    summary: str
    at: dt.datetime
    links: list[Link] = []

    @property
    def path(self) -> str:
        """Where it lies in the outbox."""
        return layout.landed(self.subject.key)


class Gauge(_Part):
    """A value of a metric of `resources.delivery.metrics`, with the tags that its subject lacks."""

    metric: str
    value: float
    tags: dict[str, str] = {}


class ServiceCheck(_Part):
    """A status of a service check of `resources.delivery.metrics`."""

    check: str
    status: CheckStatus
    message: str = ""


class Measurements(_Part):
    """The gauges and service checks of a day of a subject."""

    kind: Literal["measurements"] = "measurements"
    subject: Subject
    day: dt.date
    gauges: list[Gauge]
    checks: list[ServiceCheck] = []

    @property
    def path(self) -> str:
        """Where it lies in the outbox: a later day takes the place of one that still waits."""
        return layout.measurements(self.subject.key)


Message = Annotated[Notice | Change | Measurements, Field(discriminator="kind")]
