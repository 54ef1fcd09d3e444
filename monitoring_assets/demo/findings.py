"""What the checks and the alerts of every day said, read from a Dagster instance and the store."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from resources.manifest import CHECKS
from resources.store import Store

ALARMING = ("error", "fail", "warn")
"""Statuses of a finding that make an alarm, the worst first."""
EVALUATION = dg.DagsterEventType.ASSET_CHECK_EVALUATION


OF_SHARES = {
    "ExpectMissingShareToBeAtMost": "missing",
    "ExpectValuesToBeSpread": "in one bin",
    "ExpectCategoriesToKeepTheirSpelling": "unseen",
}
"""Expectations that observe a share of the rows, and what it is the share of."""


@dataclass(frozen=True)
class Alarm:
    """An expectation that was not met, or a breach.

    Parameters
    ----------
    check
        The Dagster check that it belongs to; ``performance`` for a breach of that family.
    expectation
        Name of the expectation.
    subject
        The characteristic, the score, or what else it is about.
    status
        ``warn``, ``fail`` or ``error``.
    observed
        The value; None where it could not be computed.
    """

    check: str
    expectation: str
    subject: str
    status: str
    observed: float | None

    def __str__(self) -> str:
        if self.check == "performance":
            return self.subject
        if self.observed is None:
            return f"{self.subject}: {self.check} not computed"
        if self.check in ("csi", "psi"):
            return f"{self.subject} {self.check.upper()} {self.observed:.2f}"
        if self.check == "segments":
            return f"{self.subject} {self.observed:.2f}"
        if self.expectation in OF_SHARES:
            return f"{self.subject} {self.observed:.0%} {OF_SHARES[self.expectation]}"
        return f"{self.subject}: {self.check} {self.observed:g}"


@dataclass
class DayFindings:
    """All that the checks of one day of a version said.

    Parameters
    ----------
    psi
        Index of the score; None when the day did not get that far.
    csi
        Index by characteristic.
    alarms
        What was not met.
    is_blocked
        Whether a check kept the day from going further.
    """

    psi: float | None = None
    csi: dict[str, float] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    is_blocked: bool = False


def read_findings(instance: dg.DagsterInstance) -> dict[str, dict[dt.date, DayFindings]]:
    """The last word of every check on every day, by version and day.

    A check of performance is about a cohort, and speaks when its outcomes are there: what was known
    on a day is in the alerts, see `add_performance`.
    """
    found: defaultdict[str, defaultdict[dt.date, DayFindings]] = defaultdict(
        lambda: defaultdict(DayFindings)
    )
    checks = {
        dg.AssetCheckKey(asset_key(check.asset), check.name)
        for check in CHECKS.values()
        if check.family != "performance"
    }
    judged: set[tuple[dg.AssetCheckKey, str]] = set()
    for run in instance.get_runs():  # the latest comes first
        for entry in instance.all_logs(run.run_id, of_type=EVALUATION):
            assert entry.dagster_event is not None  # as asked for
            evaluation = entry.dagster_event.asset_check_evaluation_data
            partition, check = evaluated_partition(evaluation), evaluation.asset_check_key
            if partition is None or check not in checks or (check, partition) in judged:
                continue
            judged.add((check, partition))
            day = ModelDay.parse(partition)
            _add(found[day.key][day.day], evaluation)
    return {key: dict(days) for key, days in found.items()}


def add_performance(found: Mapping[str, Mapping[dt.date, DayFindings]], store: Store) -> None:
    """Add what the decision of each day knew of performance."""
    for key, days in found.items():
        for day in days.keys() & store.days("alerts", key).keys():
            for row in store.read_table("alerts", key, day)[0].to_pylist():
                if row["family"] == "performance":
                    days[day].alarms += [
                        Alarm(
                            "performance",
                            "",
                            breach["subject"],
                            "fail" if breach["pages"] else "warn",
                            None,
                        )
                        for breach in row["breaches"]
                    ]


def _add(day: DayFindings, evaluation: dg.AssetCheckEvaluation) -> None:
    name = evaluation.check_name
    for row in _rows(evaluation.metadata):
        if row["observed"] is not None and name == "csi":
            day.csi[row["characteristic"]] = row["observed"]
        elif row["observed"] is not None and name == "psi":
            day.psi = row["observed"]
        if row["status"] in ALARMING:
            day.alarms.append(
                Alarm(
                    name, row["expectation"], row["characteristic"], row["status"], row["observed"]
                )
            )
    if not evaluation.passed and not _rows(evaluation.metadata):
        day.alarms.append(Alarm(name, "", str(evaluation.description), "error", None))
    failed = not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
    day.is_blocked |= failed and bool(evaluation.blocking)


def _rows(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    table = metadata.get("findings")
    return [dict(record.data) for record in table.records] if table is not None else []
