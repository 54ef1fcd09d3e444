"""``monitoring status``: all models, the worst first."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import format_option, html_option, write_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitoring_assets.pages.fleet_page import Line

STYLES = {"ok": "green", "warn": "yellow", "insufficient evidence": "cyan", "shadow": "cyan"}
"""Style of each outcome; of all others bold red."""
FAIL_ON = {"never": set[str](), "open": {"incident open"}}
"""Outcomes that make the exit code 1, by ``--fail-on``."""


@click.command(
    epilog="""\b
Examples:
  monitoring status
  monitoring status --html models.html
  monitoring status --format json --fail-on open
"""
)
@click.option(
    "--fail-on",
    type=click.Choice([*FAIL_ON]),
    default="never",
    show_default=True,
    help="Exit with 1 if a model has an open incident.",
)
@html_option
@format_option
def status(fail_on: str, html: Path | None, output: str) -> None:
    """Show the last day of every monitored version: what is open, what is silent, what has moved.

    Reads the store that MONITORING_STORE names. A version's line is written with the page of its
    day. Exit code: 0, 1 for an open incident (see --fail-on), 2 for bad usage or input.
    """
    from monitoring_assets.pages.fleet_page import fleet_lines, fleet_page
    from monitoring_assets.pages.summary import read_summaries
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    now = dt.datetime.now(dt.UTC)
    lines = fleet_lines(read_summaries(store), store.all_landed(), now.date())
    if html:
        write_page(html, fleet_page(lines, now))
    if output == "json":
        shown = [
            {"model": line.key, "status": line.outcome}
            | (
                line.summary.model_dump(mode="json", exclude={"key", "outcome"})
                if line.summary
                else {}
            )
            for line in lines
        ]
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif lines:
        _print(lines)
    else:
        click.echo(f"No model version has landed in {store.root}")
    if any(line.outcome in FAIL_ON[fail_on] for line in lines):
        sys.exit(1)


def _print(lines: Sequence[Line]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from monitoring_assets.cli.sparkline import curve
    from monitoring_assets.statistics.drift.last_days import WEEK

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model version", overflow="fold", min_width=14)
    for name in ("status", "day"):
        table.add_column(name, no_wrap=True)
    for name in ("PSI", "CSI", "AUC"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"PSI, {WEEK} days", no_wrap=True)
    for line in lines:
        state = Text(line.outcome, STYLES.get(line.outcome, "bold red"))
        one = line.summary
        if one is None:
            table.add_row(Text(line.key), state, "never")
            continue
        psi = one.psi[-1] if one.psi else None
        table.add_row(
            Text(line.key),
            state,
            f"{one.day:%-d %b}",
            *("" if value is None else f"{value:.3f}" for value in (psi, one.csi, one.auc)),
            curve(list(one.psi[-WEEK:]), one.fail) if one.psi else "",
        )
    console = Console()
    console.print(table)
    for line in lines:
        if line.outcome != "ok" and line.summary:
            console.print(Text(f"{line.key}: {line.summary.verdict}"))
