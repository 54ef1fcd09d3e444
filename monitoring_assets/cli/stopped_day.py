"""A day that a check has stopped, in a terminal."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from monitoring_assets.pages.stopped_day import StoppedDay


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
