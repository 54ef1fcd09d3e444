"""``monitoring decisions``: what the lender decided of the scored, period by period."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import (
    chosen_horizon,
    format_option,
    period_options,
    stored_range,
)
from monitoring_assets.periods.calendar import UNITS, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitoring_assets.periods.decisions import DecidedRows, PeriodDecisions


@click.command(
    epilog="""\b
Examples:
  monitoring decisions pd_cards.3
  monitoring decisions pd_cards.3 --from 2025-01-01 --to 2025-12-31 --by quarter
  monitoring decisions pd_cards.3 --horizon 360 --format json
"""
)
@click.argument("model")
@period_options
@click.option(
    "--by", type=click.Choice(UNITS), default="month", show_default=True, help="Of the calendar."
)
@format_option
def decisions(
    model: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    by: Unit,
    horizon: int | None,
    output: str,
) -> None:
    """Show what was decided of the applicants of MODEL (name.version) in each period.

    Approval rates are of the decided, booking rates of the approved. Low-side overrides were
    approved against the score, of those that it would decline; high-side ones were declined, of
    those that it would approve. Bad rates are of those whose outcome is known. PSI is that of the
    score of the approved against all scored. By score band: the last period; all of them, and
    amounts, with --format json.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.periods.calendar import periods
    from monitoring_assets.periods.decisions import read_decisions
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    since, until = stored_range(store, model, first, last)
    after = chosen_horizon(store, model, horizon)
    manifest = store.landed(model).manifest
    found = list(read_decisions(store, manifest, list(periods(since, until, by)), after))
    if output == "json":
        click.echo(json.dumps([_document(one, after) for one in found], indent=2))
    else:
        _print(found, model, after)


def _document(one: PeriodDecisions, horizon: int | None) -> dict[str, Any]:
    return {
        "period": one.period.name,
        "first": one.period.first.isoformat(),
        "last": one.period.last.isoformat(),
        "days": one.days,
        "not_counted": {day.isoformat(): why for day, why in one.not_counted.items()},
        "total": one.total.figures if one.total else None,
        "bands": [{"label": label, **band.figures} for label, band in one.bands.items()],
        "accepted_psi": one.accepted_psi,
        "change": asdict(one.change) | {"text": one.text} if one.change else None,
        "horizon": horizon,
        "outcomes": [asdict(side) for side in one.outcomes],
    }


def _print(found: Sequence[PeriodDecisions], model: str, horizon: int | None) -> None:
    from rich.console import Console
    from rich.text import Text

    after = "" if horizon is None else f"; bad rates after {horizon} days"
    click.echo(f"{model}: decisions{after}")
    for one in found:
        for day, why in one.not_counted.items():
            click.echo(f"{day}: {why}", err=True)
    counted = [(one, one.total) for one in found if one.total]
    if not counted:
        click.echo("No decisions are counted.")
        return
    console = Console()
    last, declared = counted[-1]
    table = _table("period", ["rows", "undecided", *_headings(declared)])
    for one, total in counted:
        rows = (f"{total.counts[name]:,}" for name in ("scored", "undecided"))
        table.add_row(one.period.name, *rows, *_cells(total, declared))
    console.print(table)
    if any(one.outcomes for one in found):
        console.print(_bad_rates(found))
    for one, _ in counted:
        said = [one.text] if one.text else []
        if one.accepted_psi is not None:
            said.append(f"Approved against scored: PSI {one.accepted_psi:.2f}")
        click.echo(f"{one.period.name}: {'. '.join(said)}.")
    click.echo(f"\nBy score band, {last.period.name}")
    bands = _table("score band", ["rows", *_headings(declared)])
    for label, band in last.bands.items():
        bands.add_row(Text(label), f"{band.counts['scored']:,}", *_cells(band, declared))
    console.print(bands)


def _table(of: str, numbers: Sequence[str]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(of, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")  # of a narrow terminal the headings wrap
    return table


def _headings(declared: DecidedRows) -> list[str]:
    """Rates of what is declared; that of approval also by amount."""
    by_amount = [] if declared.amount is None else ["by amount"]
    return [*(name.replace("_", " ") for name in declared.rates), *by_amount]


def _cells(rows: DecidedRows, declared: DecidedRows) -> list[str]:
    rates = [rows.rates.get(name) for name in declared.rates]
    if declared.amount is not None:
        rates.append(rows.approved_by_amount)
    return ["" if one is None else f"{one:.1%}" for one in rates]


def _bad_rates(found: Sequence[PeriodDecisions]) -> Any:
    """What became of the rows of each period, by what was decided of them."""
    table = _table("period", ["decided", "bad rate", "95 % interval", "known", "bads"])
    for one in found:
        for side in one.outcomes:
            rate = side.bad_rate
            table.add_row(
                one.period.name,
                side.side,
                f"{rate.value:.1%}",
                f"{rate.low:.1%} to {rate.high:.1%}",
                f"{side.rows:,}",
                f"{side.bads:,}",
            )
    return table
