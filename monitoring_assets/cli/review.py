"""``monitoring review``: what a person says of past incidents and days."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import (
    format_option,
    range_options,
    statement_options,
    stored_range,
)

if TYPE_CHECKING:
    from resources.store import Store


@click.group()
def review() -> None:
    """Say whether a past incident of a model was real or a false alarm, and list what was said.

    `monitoring thresholds suggest` keeps to it, and the evidence pack shows it. No alert changes.
    """


@review.command(
    epilog="""\b
Examples:
  monitoring review record pd_cards.3 --incident population/1 --false-alarm --why "campaign, CR-17"
  monitoring review record pd_loans.1 --from 2026-11-10 --real --why "new broker, seen too late"
"""
)
@click.argument("model")
@click.option(
    "--real/--false-alarm",
    "is_real",
    default=None,
    help="Whether something had changed that is worth a page.",
)
@click.option(
    "--incident",
    metavar="NAME",
    help="An incident, as pages and texts name it; without it, the days of --from and --to.",
)
@range_options
@statement_options
def record(
    model: str,
    is_real: bool | None,
    incident: str | None,
    first: dt.datetime | None,
    last: dt.datetime | None,
    why: str,
    by: str,
) -> None:
    """Record whether MODEL (name.version) had changed on the days of an incident, or on other days.

    Days without an incident may be a real change too: one that should have been paged. A later
    record replaces what an earlier one says of the same days.

    Reads and writes the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage.
    """
    from monitoring_assets.statistics.alerts.reviews import ReviewedDays
    from monitoring_assets.statistics.drift.thresholds import AtOddsError
    from resources.environment import resources_from_environment
    from resources.reviews import record_review

    store = resources_from_environment()["store"]
    if is_real is None:
        raise click.UsageError("say what it was: --real or --false-alarm")
    if (incident is None) == (first is None):
        raise click.UsageError("say which days: either --incident, or --from and perhaps --to")
    if incident is None:
        days = stored_range(store, model, first, last)
    else:
        if last is not None:
            raise click.UsageError("--to goes with --from; an incident has its own days")
        incident = f"{model}/{incident.removeprefix(f'{model}/')}"
        days = _days_of(store, model, incident)
    try:
        said = ReviewedDays(*days, is_real, by, why)
    except AtOddsError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    record_review(store.storage, model, said, incident)
    click.echo(f"{incident or model}: {said}")
    click.echo(f"Ask again: monitoring thresholds suggest {model}")


def _days_of(store: Store, model: str, incident: str) -> tuple[dt.date, dt.date]:
    """First day of an incident by the data, and its last: until now if it is open."""
    from monitoring_assets.evidence.incidents import read_notices

    _, until = stored_range(store, model, None, None)
    told = read_notices(store.storage, model, dt.date.max)
    notices = [one for one in told if one.incident == incident]
    if not notices:
        known = ", ".join(dict.fromkeys(one.incident for one in told)) or "none"
        raise click.BadParameter(
            f"{model} has no incident {incident!r}; it has {known}", param_hint="--incident"
        )
    end = notices[-1]
    return notices[0].since, end.day if end.action == "resolve" else max(until, end.day)


@review.command(
    "list",
    epilog="""\b
Examples:
  monitoring review list pd_cards.3
  monitoring review list pd_cards.3 --format json
""",
)
@click.argument("model")
@format_option
def list_(model: str, output: str) -> None:
    """List what was said of past incidents and days of MODEL (name.version), the latest last.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from resources.environment import resources_from_environment
    from resources.reviews import read_reviews

    store = resources_from_environment()["store"]
    store.landed(model)  # refuses a version that is not there
    said = read_reviews(store.storage, model)
    if output == "json":
        click.echo(json.dumps([one.model_dump(mode="json") for one in said], indent=2))
        return
    for one in said:
        click.echo(f"{one.incident or model}: {one.days}")
    if not said:
        click.echo(f"{model}: nothing was said of its past; say it with `monitoring review record`")
