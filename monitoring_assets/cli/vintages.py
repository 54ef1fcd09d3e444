"""``monitoring vintages``: the bad rate of each month's applicants as outcomes mature."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import format_option, range_options, stored_range
from monitoring_assets.periods.calendar import UNITS, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitoring_assets.periods.vintages import Vintage

PARTIAL = "*"


@click.command(
    epilog="""\b
Examples:
  monitoring vintages pd_cards.3
  monitoring vintages pd_cards.3 --from 2025-01-01 --to 2025-12-31 --by quarter
  monitoring vintages pd_cards.3 --format json
"""
)
@click.argument("model")
@range_options
@click.option(
    "--by", type=click.Choice(UNITS), default="month", show_default=True, help="Of the calendar."
)
@format_option
def vintages(
    model: str, first: dt.datetime | None, last: dt.datetime | None, by: Unit, output: str
) -> None:
    """Show the bad rate of MODEL's (name.version) applicants of each period as outcomes mature.

    One line a period, one column for each maturity of the manifest: the share of bads of the
    accepted applicants of the period whose outcome is known by then.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.periods.calendar import periods
    from monitoring_assets.periods.vintages import read_vintages
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    since, until = stored_range(store, model, first, last)
    manifest = store.landed(model).manifest
    horizons = manifest.maturities
    if manifest.outcome_kind == "continuous":
        raise click.BadParameter(
            f"{model} has numbers for outcomes (outcome.kind is continuous), and no bad rate; "
            "see `monitoring history` and `monitoring validate`",
            param_hint="MODEL",
        )
    if not horizons:
        raise click.BadParameter(
            f"{model} has no outcome.maturity in its manifest", param_hint="MODEL"
        )
    found = list(read_vintages(store, model, list(periods(since, until, by)), horizons))
    if output == "json":
        click.echo(json.dumps([_document(one) for one in found], indent=2))
    else:
        _print(model, found, horizons)


def _document(one: Vintage) -> dict[str, Any]:
    return {
        "period": one.period.name,
        "first": one.period.first.isoformat(),
        "last": one.period.last.isoformat(),
        "days": one.days,
        "horizons": [
            {
                "horizon": horizon,
                "days": cohort.days if cohort else 0,
                "complete": one.is_complete(horizon),
                "rows": cohort.rows if cohort else 0,
                "bads": cohort.bads if cohort else 0,
                "bad_rate": cohort.bads / cohort.rows if cohort and cohort.rows else None,
                "expected": cohort.expected if cohort else None,
            }
            for horizon, cohort in one.by_horizon.items()
        ],
    }


def _print(model: str, found: Sequence[Vintage], horizons: Sequence[int]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    click.echo(f"{model}: bad rate by maturity")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("applied in", no_wrap=True)
    for name in ("days", *(f"after {horizon} d" for horizon in horizons), "predicted", "rows"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        newest = next(filter(None, one.by_horizon.values()), None)
        table.add_row(
            one.period.name,
            str(one.days),
            *(_rate(one, horizon) for horizon in horizons),
            f"{newest.expected:.2%}" if newest and newest.expected is not None else "",
            f"{newest.rows:,}" if newest else "",
        )
    Console().print(table)
    if any(
        cohort and not one.is_complete(h) for one in found for h, cohort in one.by_horizon.items()
    ):
        click.echo(
            f"{PARTIAL} of the days whose outcomes have matured; others of the period have not"
        )


def _rate(one: Vintage, horizon: int) -> str:
    cohort = one.by_horizon[horizon]
    if cohort is None or not cohort.rows:
        return ""
    return f"{cohort.bads / cohort.rows:.2%}{'' if one.is_complete(horizon) else PARTIAL}"
