"""What the checks of every day said, read from a Dagster instance."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
)

from monitoring_assets.checks.asset_checks import CHECKS
from monitoring_assets.partitions import ModelDay

ALARMING = ("error", "fail", "warn")
"""Statuses of a finding that make an alarm, the worst first."""
EVERYTHING = 1_000_000


@dataclass(frozen=True)
class Alarm:
    """An expectation that was not met.

    Parameters
    ----------
    check
        The Dagster check that it belongs to.
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
        if self.observed is None:
            return f"{self.subject}: {self.check} not computed"
        if self.check in ("csi", "psi"):
            return f"{self.subject} {self.check.upper()} {self.observed:.2f}"
        if self.expectation == "ExpectMissingShareToBeAtMost":
            return f"{self.subject} {self.observed:.0%} missing"
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
    """The last word of every check on every day, by version and day."""
    found: defaultdict[str, defaultdict[dt.date, DayFindings]] = defaultdict(
        lambda: defaultdict(DayFindings)
    )
    for name, (asset, _) in CHECKS.items():
        judged: set[str] = set()
        history = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(asset.key, name),
            limit=EVERYTHING,
            status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
        )
        for record in history:  # the latest comes first
            evaluation = record.evaluation
            if evaluation is None or evaluation.partition is None or evaluation.partition in judged:
                continue
            judged.add(evaluation.partition)
            day = ModelDay.parse(evaluation.partition)
            _add(found[day.key][day.day], evaluation)
    return {key: dict(days) for key, days in found.items()}


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
