"""``monitoring migrations``: how customers move between grades from one day to another."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import DAY, format_option, stored_range

if TYPE_CHECKING:
    from monitoring_assets.periods.migrations import Migrations


@click.command(
    epilog="""\b
Examples:
  monitoring migrations behaviour.2 --from 2025-12-31 --to 2026-12-31
  monitoring migrations behaviour.2 --from 2026-11-30 --to 2026-12-31 --format json
"""
)
@click.argument("model")
@click.option("--from", "before", type=DAY, required=True, help="The first day.")
@click.option("--to", "after", type=DAY, required=True, help="The second day.")
@format_option
def migrations(model: str, before: dt.datetime, after: dt.datetime, output: str) -> None:
    """Show how the customers of MODEL (name.version) move between grades from one day to another.

    For scores of existing customers, whose key is the same customer on both days. Grades are the
    manifest's, or else the bins of the score. Reads the scores that the store has kept of both
    days; customers of one day alone are counted.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.periods.migrations import read_migrations
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    first, last = stored_range(store, model, before, after)
    found = read_migrations(store, model, first, last)
    if output == "json":
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)


_KINDS = {1: ("riskier", "safer"), -1: ("safer", "riskier"), None: (None, None)}
"""What higher scores are and what lower ones are, by the direction of the score."""


def _document(found: Migrations) -> dict[str, Any]:
    from monitoring_assets.statistics.validation.migrations import (
        bandwidths,
        cell_tests,
        matrix_test,
    )

    cells = list(cell_tests(found.counts))
    whole = matrix_test(cells)
    return {
        "model": found.key,
        "before": found.before.isoformat(),
        "after": found.after.isoformat(),
        "bands": list(found.bands),
        "higher_scores_are": _KINDS[found.direction][0],
        "counts": found.counts.tolist(),
        "left": found.left,
        "new": found.new,
        "repeated": found.repeated,
        "unscored": found.unscored,
        "bandwidths": asdict(bandwidths(found.counts)),
        "test": asdict(whole) | {"light": whole.light},
        "cells": [
            {"before": one.before, "after": one.after}
            | {name: getattr(one.outcome, name) for name in ("statistic", "p_value", "reason")}
            for one in cells
        ],
    }


def _print(found: Migrations) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from monitoring_assets.statistics.validation.migrations import (
        bandwidths,
        cell_tests,
        matrix_test,
    )
    from monitoring_assets.statistics.validation.outcome import LIGHTS_IN_WORDS

    click.echo(
        f"{found.key}, {found.before} to {found.after}: {found.counts.sum():,} customers on both "
        f"days, {found.left:,} on the first alone, {found.new:,} on the second alone"
    )
    if found.repeated or found.unscored:
        click.echo(
            f"Left out: {found.repeated:,} scored more than once on a day, "
            f"{found.unscored:,} without a finite score"
        )
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("from", no_wrap=True)
    table.add_column("customers", justify="right", no_wrap=True)
    for number, _ in enumerate(found.bands, 1):
        table.add_column(f"to {number}", justify="right", min_width=5, no_wrap=True)
    for at, (label, row) in enumerate(zip(found.bands, found.counts, strict=True)):
        shares = (f"{count / row.sum():.1%}" if count else "" for count in row)
        cells = (Text(one, "bold" if to == at else "") for to, one in enumerate(shares))
        table.add_row(Text(f"{at + 1}: {label}"), f"{row.sum():,}", *cells)
    console = Console()
    # A matrix that is wider than the terminal is not cut off.
    needed = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    console.width = max(console.width, needed)
    console.print(table)
    widths = bandwidths(found.counts)
    for name, kind, width in zip(
        ("higher", "lower"), _KINDS[found.direction], (widths.upper, widths.lower), strict=True
    ):
        shown = "no customer migrates there" if width is None else f"{width:.3f}"
        which = f", which are {kind}" if kind else ""
        click.echo(f"Matrix-weighted bandwidth to {name} scores{which}: {shown}")
    if found.direction is None:
        click.echo(
            "Whether higher scores are riskier is not known: neither scoring.scale nor "
            "reference.outcome says so"
        )
    test = matrix_test(list(cell_tests(found.counts)))
    p_value = test.reason if test.p_value is None else f"p {test.p_value:.2g}, {test.light}"
    click.echo(f"H0: {test.null}: {p_value} ({LIGHTS_IN_WORDS})")
