"""A day that a check has stopped before it had a report: what was found, and what was counted."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.drift import ColumnDrift
    from resources.faults import RecordedFault
    from resources.layout import Dataset
    from resources.store import Store


@dataclass(frozen=True)
class StoppedDay:
    """What checks and runs found wrong, and the drift of what was counted before."""

    faults: list[RecordedFault]
    drifts: list[ColumnDrift]
    reference_rows: int
    rows: int


def read_stopped_day(store: Store, model: str, day: dt.date) -> StoppedDay | None:
    """What is known of a day without a report; None if nothing of it was counted."""
    from monitoring_assets.assets.drift_report import compare_with_reference
    from monitoring_assets.reference.profile import read_reference
    from monitoring_assets.statistics.profiles.profile import Profile
    from resources.faults import read_faults

    datasets: tuple[Dataset, ...] = ("scores_profile", "features_profile")
    counted = next((one for one in datasets if store.has(one, model, day)), None)
    if counted is None:
        return None
    current = Profile.from_table(store.read_table(counted, model, day)[0])
    reference = read_reference(store, model)
    thresholds = store.landed(model).manifest.thresholds
    return StoppedDay(
        read_faults(store.storage, model, day, day).get(day, []),
        compare_with_reference(reference, current, thresholds),
        reference.rows,
        current.rows,
    )


def show_stopped_day(stopped: StoppedDay, model: str, day: dt.date, output: str) -> None:
    """Print it, as a table to read or as JSON for other programs."""
    from monitoring_assets.cli.drift_table import print_drift

    if output == "json":
        shown = {
            "model": model,
            "date": day,
            "stopped_by": [fault.model_dump() for fault in stopped.faults],
            "rows": stopped.rows,
            "columns": [
                {
                    "column": one.column,
                    "index": one.index,
                    "value": one.value,
                    "critical_value": one.critical_value,
                    "status": one.status,
                    "missing": one.current_missing,
                    "unseen": one.unseen,
                    "out_of_range": one.out_of_range,
                    "error": one.error,
                }
                for one in stopped.drifts
            ],
        }
        click.echo(json.dumps(shown, indent=2, default=str))
        return
    click.echo(f"{model} on {day}: no drift report, as the day was stopped before")
    for fault in stopped.faults:
        click.echo(f"  {fault.family}: {fault.text}")
    click.echo("What was counted until then, against the reference:")
    print_drift(stopped.drifts, stopped.reference_rows, stopped.rows)
