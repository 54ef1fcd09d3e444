"""The catalogue of what is sent to Datadog: metrics and service checks, with units and tags.

`docs/metrics.md` shows it to people; nothing that is not here is sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from monitoring_assets.statistics.alerts.policy import FAMILIES
from monitoring_assets.statistics.drift.thresholds import ALARMING, Status
from resources.delivery.messages import CheckStatus, Gauge, ServiceCheck, Subject

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.report import DriftReport, ReportedColumn

PREFIX = "model_monitoring."
SUBJECT_TAGS = ("model", "version", "env", "service", "team")
DEPLOYMENT_TAGS = ("env",)
DEPLOYMENT = "deployment"
"""Key of the subject that is no model version."""

Scope = Literal["version", "deployment"]
Rhythm = Literal["day", "hour"]
FREE: tuple[str, ...] = ()
"""Values of a tag that cannot be listed beforehand."""


@dataclass(frozen=True)
class Metric:
    """A gauge.

    Parameters
    ----------
    name, unit, description
        For people; the unit is "" for a pure number.
    scope
        Whose it is; a version's has `SUBJECT_TAGS`, the deployment's `DEPLOYMENT_TAGS`.
    sent
        How often at least one point of each series is sent, as a rule.
    tags
        Further tags, with their values, or `FREE`.
    """

    name: str
    unit: str
    description: str
    scope: Scope = "version"
    sent: Rhythm = "day"
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def gauge(self, value: float, **tags: str) -> Gauge:
        """A value of this metric.

        Raises
        ------
        ValueError
            If ``tags`` are not the metric's, or one has a value that it cannot have.
        """
        self.verify(tags)
        return Gauge(metric=self.name, value=value, tags=tags)

    def verify(self, tags: Mapping[str, str]) -> None:
        """Refuse tags that are not this metric's; a ``ValueError`` names them."""
        if tags.keys() != self.tags.keys():
            raise ValueError(f"{self.name} has the tags {sorted(self.tags)}, not {sorted(tags)}")
        for tag, value in tags.items():
            if (allowed := self.tags[tag]) and value not in allowed:
                raise ValueError(f"{self.name}: found {tag} {value!r}; allowed: {allowed}")


@dataclass(frozen=True)
class ServiceCheckDefinition:
    """A service check."""

    name: str
    description: str
    scope: Scope = "version"

    def status(self, status: CheckStatus, message: str = "") -> ServiceCheck:
        """A status of this check."""
        return ServiceCheck(check=self.name, status=status, message=message)


PSI = Metric(f"{PREFIX}psi", "", "Population stability index of the score against the reference.")
CSI = Metric(
    f"{PREFIX}csi",
    "",
    "Stability index of a characteristic; only of those that matter most on the day.",
    tags={"characteristic": FREE},
)
CSI_MAX = Metric(f"{PREFIX}csi.max", "", "Largest CSI of the day, over all characteristics.")
ROWS = Metric(f"{PREFIX}rows", "row", "Rows of the day's batch.")
MISSING_MAX = Metric(
    f"{PREFIX}missing.max", "fraction", "Largest share of missing values of a column, 0 to 1."
)
MEAN_SCORE_SHIFT = Metric(
    f"{PREFIX}mean_score_shift",
    "",
    "Mean score of the day less that of the reference, in units of the score.",
)
COLUMNS = Metric(
    f"{PREFIX}columns",
    "column",
    "Columns, the score among them, that the day's report has at this status.",
    tags={"status": (Status.WARN, Status.FAIL, Status.ERROR)},
)
INCIDENTS_OPEN = Metric(
    f"{PREFIX}incidents.open",
    "incident",
    "Incidents of the version that are open after the day's decision: 0 or 1 for each family.",
    tags={"family": FAMILIES},
)
REPORT_AGE = Metric(
    f"{PREFIX}report.age",
    "day",
    "Days since a version's newest day that has a report; 1 is what a daily batch should have. Not "
    "sent of shadow versions.",
    # One message of the deployment for all versions: one that has fallen silent sends nothing.
    scope="deployment",
    sent="hour",
    tags={"model": FREE, "version": FREE},
)
DELIVERIES_WAITING = Metric(
    f"{PREFIX}deliveries.waiting",
    "message",
    "Messages that a channel has not taken yet.",
    scope="deployment",
    sent="hour",
    # Names of the classes in `resources.delivery.channels`, which stand above this catalogue.
    tags={"channel": FREE},
)
HEARTBEAT = Metric(
    f"{PREFIX}heartbeat",
    "",
    "1 whenever the daemon looks; silence means that monitoring itself is down.",
    scope="deployment",
    sent="hour",
)
HORIZON = {"horizon": FREE}
"""Days after which an outcome counts; ``none`` where the manifest does not say."""
AUC_REALISED = Metric(
    f"{PREFIX}auc.realised",
    "",
    "Area under the ROC curve of the newest cohort whose outcomes are known.",
    tags=HORIZON,
)
AUC_ESTIMATED = Metric(
    f"{PREFIX}auc.estimated",
    "",
    "The same of the day's scores, estimated before their outcomes are known.",
    tags=HORIZON,
)
AUC_GAP = Metric(
    f"{PREFIX}auc.gap",
    "",
    "Realised less estimated, of the same rows of the newest cohort whose outcomes are known.",
    tags=HORIZON,
)
BAD_RATE_REALISED = Metric(
    f"{PREFIX}bad_rate.realised",
    "fraction",
    "Share of bads in the newest cohort whose outcomes are known, 0 to 1.",
    tags=HORIZON,
)
BAD_RATE_ESTIMATED = Metric(
    f"{PREFIX}bad_rate.estimated",
    "fraction",
    "Share of bads to be expected of the day's scores, 0 to 1.",
    tags=HORIZON,
)
BAD_RATE_GAP = Metric(
    f"{PREFIX}bad_rate.gap",
    "fraction",
    "Realised less estimated bad rate, of the same rows of the newest cohort whose outcomes are "
    "known.",
    tags=HORIZON,
)
PERFORMANCE = {
    ("realised", "auc"): AUC_REALISED,
    ("estimated", "auc"): AUC_ESTIMATED,
    ("gap", "auc"): AUC_GAP,
    ("realised", "bad_rate"): BAD_RATE_REALISED,
    ("estimated", "bad_rate"): BAD_RATE_ESTIMATED,
    ("gap", "bad_rate"): BAD_RATE_GAP,
}
"""By kind and metric of a performance point."""

PARTITION = ServiceCheckDefinition(
    f"{PREFIX}partition",
    "Outcome of a version's day: critical while an incident that pages is open, warning while "
    "anything is at warn, ok otherwise.",
)
PIPELINE = ServiceCheckDefinition(
    f"{PREFIX}pipeline",
    "Whether runs, sensors and batches of a version do what they should.",
)

METRICS = {
    metric.name: metric
    for metric in (
        PSI,
        CSI,
        CSI_MAX,
        ROWS,
        MISSING_MAX,
        MEAN_SCORE_SHIFT,
        COLUMNS,
        INCIDENTS_OPEN,
        REPORT_AGE,
        DELIVERIES_WAITING,
        HEARTBEAT,
        *PERFORMANCE.values(),
    )
}
CHECKS = {check.name: check for check in (PARTITION, PIPELINE)}


def subject_tags(subject: Subject) -> dict[str, str]:
    """Tags that every metric, check and event of a subject has; they never multiply its series.

    ``env`` is ``DD_ENV``, ``prod`` by default.
    """
    env = {"env": environment_name()}
    if subject.key == DEPLOYMENT:
        return env
    owner = {"service": subject.service, "team": subject.team}
    return (
        {"model": subject.model, "version": subject.version}
        | env
        | {tag: value for tag, value in owner.items() if value is not None}
    )


def deployment() -> Subject:
    """The subject of what is about no model version."""
    return Subject(key=DEPLOYMENT, model=DEPLOYMENT, version="")


def environment_name() -> str:
    """Which deployment this is: ``DD_ENV``, as Datadog's own libraries have it; else ``prod``."""
    return os.environ.get("DD_ENV") or "prod"


def csi_series() -> int:
    """How many characteristics of a version have a series a day: ``MONITORING_CSI_SERIES``, or 10.

    Raises
    ------
    ValueError
        If the variable is not a whole number from 0 on.
    """
    text = os.environ.get("MONITORING_CSI_SERIES", "10")
    if not text.isdecimal():
        raise ValueError(f"MONITORING_CSI_SERIES: found {text!r}; allowed: a whole number from 0")
    return int(text)


def report_gauges(report: DriftReport | None) -> list[Gauge]:
    """Gauges of a drift report; of a day without one, that no column moved.

    Returns
    -------
    list of Gauge
        Without those that could not be computed. CSI only for the `csi_series` characteristics that
        matter most: in breach, then by what they did to the mean score, then by CSI.
    """
    columns = report.columns if report else ()
    score = report.score if report else None
    known = [
        (one, one.drift.value)
        for one in columns
        if one.drift.index == "CSI" and one.drift.value is not None
    ]
    statuses: list[str] = [one.drift.status for one in columns]

    def importance(known: tuple[ReportedColumn, float]) -> tuple[bool, float, float]:
        one, value = known
        return one.drift.status in ALARMING, abs(one.moved_score_by or 0.0), value

    gauges = []
    if score and score.drift.value is not None:
        gauges.append(PSI.gauge(score.drift.value))
    if score and score.mean_score_shift is not None:
        gauges.append(MEAN_SCORE_SHIFT.gauge(score.mean_score_shift))
    if known:
        gauges.append(CSI_MAX.gauge(max(value for _, value in known)))
    if report:
        gauges.append(ROWS.gauge(report.rows))
    missing = [one.drift.current_missing for one in columns]
    if known_missing := [share for share in missing if share is not None]:
        gauges.append(MISSING_MAX.gauge(max(known_missing)))
    gauges += [
        COLUMNS.gauge(statuses.count(status), status=status) for status in COLUMNS.tags["status"]
    ]
    return gauges + [
        CSI.gauge(value, characteristic=one.drift.column)
        for one, value in sorted(known, key=importance, reverse=True)[: csi_series()]
    ]
