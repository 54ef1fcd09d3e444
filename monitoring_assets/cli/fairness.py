"""``monitoring fairness``: how protected groups fare over a period."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import (
    chosen_horizon,
    format_option,
    html_option,
    period_options,
    stored_range,
    write_page,
)

if TYPE_CHECKING:
    from monitoring_assets.periods.fairness import ColumnFairness, FairnessReport
    from monitoring_assets.statistics.validation.fairness import Figure


@click.command(
    epilog="""\b
Examples:
  monitoring fairness pd_cards.3 --from 2025-01-01 --to 2025-12-31
  monitoring fairness pd_cards.3 --horizon 360 --format json
  monitoring fairness pd_cards.3 --html fairness.html
"""
)
@click.argument("model")
@period_options
@html_option
@format_option
def fairness(
    model: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    horizon: int | None,
    html: Path | None,
    output: str,
) -> None:
    """Measure how the protected groups of MODEL (name.version) fare in a period.

    The manifest's section fairness names their columns. Days that are not counted yet are counted
    from the batch (or fairness.path), scores and outcomes; only counts by group are kept, below
    fairness/ of the store. A measurement: no check fails by it, no message is sent, and it is no
    legal verdict.

    Reads the lake and the store that MONITORING_LAKE and MONITORING_STORE name. Exit code: 0, or 2
    for bad usage or input.
    """
    from monitoring_assets.pages.fairness_page import fairness_page
    from monitoring_assets.periods.fairness import fairness as measure
    from resources.environment import resources_from_environment

    resources = resources_from_environment()
    store, lake = resources["store"], resources["lake"]
    since, until = stored_range(store, model, first, last)
    after = chosen_horizon(store, model, horizon)
    found = measure(store, lake, model, since, until, after)
    if html:
        write_page(html, fairness_page(found))
    if output == "json":
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)


def _document(found: FairnessReport) -> dict[str, Any]:
    from monitoring_assets.statistics.validation.fairness import POLICY

    document = asdict(found)
    return {
        "model": document.pop("key"),
        **document,
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "not_counted": {day.isoformat(): why for day, why in found.not_counted.items()},
        "policy": POLICY,
    }


def _print(found: FairnessReport) -> None:
    from rich.console import Console

    from monitoring_assets.statistics.validation.fairness import POLICY

    after = "" if found.horizon is None else f" after {found.horizon} days"
    click.echo(
        f"{found.key}, {found.first} to {found.last}: {found.days} days are counted; outcomes"
        f"{after} are known of {found.mature_days}; {found.left_out:,} rows without a score in "
        "range are left out"
    )
    for day, why in found.not_counted.items():
        click.echo(f"{day}: {why}", err=True)
    if not found.cut_offs:
        click.echo("No approval rates: the manifest has no outcome.cut_offs.")
    console = Console()
    for column in found.columns:
        click.echo(f"\n{column.column}: {_reference(column, found.cut_offs)}")
        console.print(_table(column))
    click.echo(f"Policy: {POLICY}. Intervals are of 95 %. A measurement, no legal verdict.")


def _reference(column: ColumnFairness, cut_offs: Sequence[float]) -> str:
    if column.reference is None:
        return "no group is large enough to compare with"
    if column.declared:
        why = "as the manifest says"
    else:
        why = f"approved most at {cut_offs[0]:g}" if cut_offs else "the largest"
    return f"compared with {column.reference!r}, {why}"


def _table(column: ColumnFairness) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from monitoring_assets.statistics.validation.fairness import UNKNOWN

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("measure", overflow="fold")
    table.add_column("group", overflow="fold")
    for name in ("value", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    before = None
    for one in column.figures:
        at = "" if one.cut_off is None else f" at {one.cut_off:g}"
        measure = one.measure + at
        shown = "" if measure == before else measure
        before = measure
        group = UNKNOWN if one.group is None else one.group
        table.add_row(shown, Text(group), *_numbers(one), Text(_note(one)))
    return table


def _numbers(figure: Figure) -> tuple[str, str]:
    from monitoring_assets.statistics.validation.fairness import COUNTS

    found = figure.found
    if found.value is None:
        return "", ""
    if figure.measure in COUNTS:
        return f"{found.value:,}", ""
    interval = "" if found.low is None else f"{found.low:.3f} to {found.high:.3f}"
    return f"{found.value:.3f}", interval


def _note(figure: Figure) -> str:
    p_value = None if figure.p_value is None else f"p = {figure.p_value:.2g}"
    return "; ".join(filter(None, (figure.reading, p_value, figure.found.reason)))
