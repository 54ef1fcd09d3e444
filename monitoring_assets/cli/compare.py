"""``monitoring compare``: champion and challenger on the same rows and days."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import (
    chosen_horizon,
    estimate_shown,
    format_option,
    html_option,
    period_options,
    stored_range,
    write_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from monitoring_assets.periods.champion_challenger import Comparison
    from resources.store import Store


@click.command(
    epilog="""\b
Examples:
  monitoring compare pd_cards.3 pd_cards.4 --cut-off 0.08
  monitoring compare pd_cards.3 pd_cards.4 --from 2026-01-01 --to 2026-03-31
  monitoring compare pd_cards.3 pd_cards.4 --cut-off 0.08 --html comparison.html
"""
)
@click.argument("champion")
@click.argument("challenger")
@period_options
@click.option(
    "--cut-off",
    type=float,
    metavar="SCORE",
    help="Score from which on CHAMPION refuses.  [default: `outcome.cut_offs`, if that is one]",
)
@html_option
@format_option
def compare(
    champion: str,
    challenger: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    horizon: int | None,
    cut_off: float | None,
    html: Path | None,
    output: str,
) -> None:
    """Compare CHALLENGER with CHAMPION (name.version) on the rows that both have scored.

    AUC and its difference with an interval for scores of the same rows, correlation, agreement and
    swap set at the cut-off, calibration, and how long the difference takes to show. CHALLENGER's
    cut-off is the score at which it accepts as many rows.

    Reads the store and the lake that MONITORING_STORE and MONITORING_LAKE name. Exit code: 0, or 2
    for bad usage or input.
    """
    from monitoring_assets.periods.champion_challenger import compare_versions
    from resources.environment import resources_from_environment

    resources = resources_from_environment()
    store = resources["store"]
    if champion == challenger:
        raise click.BadParameter(f"{challenger} is compared with itself; name two versions")
    ranges = [stored_range(store, one, first, last) for one in (champion, challenger)]
    found = compare_versions(
        store,
        resources["lake"],
        champion,
        challenger,
        max(since for since, _ in ranges),
        min(until for _, until in ranges),
        chosen_horizon(store, champion, horizon),
        _cut_off(store, champion, cut_off),
    )
    if html:
        from monitoring_assets.pages.comparison_page import comparison_page

        write_page(html, comparison_page(found))
    if output == "json":
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)


def _cut_off(store: Store, champion: str, asked: float | None) -> float:
    """The cut-off that was asked for, or the only one of the champion's manifest."""
    if asked is not None:
        return asked
    named = store.landed(champion).manifest.cut_offs
    if len(named) != 1:
        has = f"names {', '.join(f'{one:g}' for one in named)}" if named else "names none"
        raise click.BadParameter(
            f"say at which score {champion} refuses: its manifest {has} in `outcome.cut_offs`",
            param_hint="--cut-off",
        )
    return named[0]


def _document(found: Comparison) -> dict[str, Any]:
    return asdict(found) | {
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "by_day": [
            {"day": day.isoformat()} | asdict(found.between(day, day)) for day in found.by_day
        ],
    }


def _print(found: Comparison) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for line in _lines(found):
        console.print(line, markup=False, highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("at the cut-off")
    for name in ("rows", "outcomes", "bads", "bad rate"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, cell in found.decisions:
        counts = (f"{one:,}" for one in (cell.rows, cell.known, cell.bads))
        table.add_row(name, *counts, estimate_shown(cell.bad_rate, ".2%") if cell.known else "")
    console.print(table)
    if found.swap.difference.value is not None:
        click.echo(
            f"Bad rate of swapped in less out: {estimate_shown(found.swap.difference, '+.2%')}"
        )
    if found.unknown is None:
        console.print(_bands(found))


def _bands(found: Comparison) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    bands = Table(box=SIMPLE_HEAD, pad_edge=False)
    bands.add_column("tenth by score")
    for one in (found.champion, found.challenger):
        bands.add_column(f"{one.key}\nexpected", justify="right")
        bands.add_column("\nbad rate", justify="right")
    for number, pair in enumerate(zip_longest(found.champion.bands, found.challenger.bands), 1):
        rates = [(band.expected, band.bad_rate.value) if band else (None, None) for band in pair]
        bands.add_row(str(number), *map(_rate, chain.from_iterable(rates)))
    return bands


def _lines(found: Comparison) -> Iterator[str]:
    from monitoring_assets.periods.champion_challenger import in_words

    one, other, counts = found.champion, found.challenger, found.counts
    shadow = " (shadow)" if other.is_shadow else ""
    yield f"{one.key} and {other.key}{shadow}, {found.first} to {found.last}"
    yield from in_words(found)
    yield ""
    if found.unknown is None:
        yield f"AUC of {one.key}: {estimate_shown(found.auc.first, '.4f')}"
        yield f"AUC of {other.key}: {estimate_shown(found.auc.second, '.4f')}"
        p_value = "" if found.auc.p_value is None else f", p-value {found.auc.p_value:.2g}"
        yield f"Difference: {estimate_shown(found.auc.difference, '+.4f')}{p_value}"
        for name, loss in (("Brier score", found.brier), ("Log loss", found.log_loss)):
            if loss.first is not None and loss.second is not None:
                difference = estimate_shown(loss.difference, "+.5f")
                yield f"{name}: {loss.first:.5f} and {loss.second:.5f}, difference {difference}"
    correlation = (found.correlation.pearson, found.correlation.spearman)
    shown = ("not defined" if value is None else f"{value:.3f}" for value in correlation)
    yield "Correlation of the scores: Pearson {}, Spearman {}".format(*shown)
    yield (
        f"Cut-offs {one.cut_off:.4g} and {other.cut_off:.4g} accept {one.accepted:,} and "
        f"{other.accepted:,} of {counts.common:,} rows"
    )
    yield (
        f"Decided alike: {estimate_shown(found.swap.agreement, '.2%')}; "
        f"Cohen's kappa {estimate_shown(found.swap.kappa, '.3f')}"
    )


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
