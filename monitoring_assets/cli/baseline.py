"""``monitoring baseline``: lasting shifts that a person accepts as a new normal."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import DAY, format_option, statement_options, stored_day

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.policy import AcceptedShift
    from resources.store import Store


@click.group()
def baseline() -> None:
    """Accept a lasting shift of a model as its new normal, and list what was accepted.

    The approved reference stays: reports compare with it. Drift pages from then on only if it is a
    move against the accepted days too.
    """


@baseline.command(
    epilog="""\b
Examples:
  monitoring baseline accept pd_cards.3 --from 2026-09-01 --why "new broker channel, CR-1042"
  monitoring baseline accept pd_cards.3 --from 2026-09-01 --to 2026-09-14 --why "price cut" --by jo
"""
)
@click.argument("model")
@click.option("--from", "first", type=DAY, required=True, help="First day of the new normal.")
@click.option("--to", "last", type=DAY, help="Last day.  [default: the last with a report]")
@statement_options
def accept(model: str, first: dt.datetime, last: dt.datetime | None, why: str, by: str) -> None:
    """Accept the days of MODEL (name.version) as a new normal. Nothing that was recorded changes.

    Reads and writes the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage.
    """
    from monitoring_assets.statistics.alerts.policy import AcceptedShift
    from monitoring_assets.statistics.drift.thresholds import AtOddsError
    from resources.acceptances import record_acceptance
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    until = stored_day(store, "drift_report", model, last)
    try:
        shift = AcceptedShift(first.date(), until, by, why)
    except AtOddsError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    days = [day for day in store.days("drift_report", model) if shift.covers(day)]
    if not days:
        raise click.BadParameter(
            f"{model!r} has no drift report from {shift.first} to {shift.last} in {store.root}"
        )
    record_acceptance(store.storage, model, shift)
    click.echo(f"{model}: {shift} ({len(days)} days with a report)")
    for line in _moved(store, model, days[-1]):
        click.echo(f"  {line}")
    click.echo(
        f"From {until + dt.timedelta(days=1)} on a page needs a move against these days too."
    )


@baseline.command(
    "list",
    epilog="""\b
Examples:
  monitoring baseline list pd_cards.3
  monitoring baseline list pd_cards.3 --format json
""",
)
@click.argument("model")
@format_option
def list_(model: str, output: str) -> None:
    """List the shifts of MODEL (name.version) that were accepted, by its manifest or the command.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage.
    """
    from resources.acceptances import accepted_shifts
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    shifts = accepted_shifts(store, store.landed(model).manifest)
    if output == "json":
        click.echo(json.dumps(list(map(_fields, shifts)), indent=2))
        return
    for shift in shifts:
        click.echo(shift)
    if not shifts:
        click.echo(f"{model}: no shift was accepted; drift is judged against the reference alone")


def _fields(shift: AcceptedShift) -> dict[str, str]:
    return {
        "first": shift.first.isoformat(),
        "last": shift.last.isoformat(),
        "by": shift.by,
        "why": shift.why,
    }


def _moved(store: Store, model: str, day: dt.date) -> list[str]:
    """The columns that are at warn or more against the reference on a day, in words."""
    from monitoring_assets.statistics.drift.report import DriftReport

    report = DriftReport.from_table(store.read_table("drift_report", model, day)[0])
    return [
        f"{one.column}: {one.index} {one.value:.2f} against the reference on {day}"
        for one in report.drifts()
        if one.value is not None and one.status in ("warn", "fail")
    ]
