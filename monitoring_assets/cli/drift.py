"""``monitoring drift``: PSI and CSI of two tables in Parquet."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from monitoring_assets.statistics.drift import ColumnDrift, Status, Thresholds, compare
from monitoring_assets.statistics.profile import ParquetSource, count, fit_bins
from monitoring_assets.statistics.stability import Smoothing

STYLES: dict[Status, str] = {
    "fail": "bold red",
    "error": "bold magenta",
    "warn": "yellow",
    "insufficient evidence": "cyan",
    "ok": "green",
}
"""Style of each status, the worst first."""
BREACHES: dict[str, set[Status]] = {
    "never": set(),
    "warn": {"warn", "fail", "error"},
    "fail": {"fail", "error"},
}
"""Statuses that make the exit code 1, by ``--fail-on``."""


def _smoothing(ctx: click.Context, param: click.Parameter, value: str) -> Smoothing:
    """Return the smoothing that a text stands for."""
    if value == "jeffreys":
        return "jeffreys"
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise click.BadParameter(f"{value!r} is neither 'jeffreys' nor a share such as 1e-4")
    return share


@click.command(
    epilog="""\b
Examples:
  monitoring drift --reference train.parquet --current today.parquet
  monitoring drift --reference train/ --current '2026-07-*.parquet' --score score
  monitoring drift ... --columns income,age --fail-on fail --format json
"""
)
@click.option("--reference", required=True, help="Reference: a file, directory or glob.")
@click.option("--current", required=True, help="Current data: a file, directory or glob.")
@click.option("--score", help="Column that is the score: its index is called PSI.")
@click.option("--columns", help="Columns to compare, separated by commas.  [default: all]")
@click.option(
    "--bins",
    type=click.IntRange(2, 100),
    default=10,
    show_default=True,
    help="Quantile bins of a number.",
)
@click.option(
    "--smoothing",
    callback=_smoothing,
    metavar="jeffreys|FLOAT",
    default="jeffreys",
    show_default=True,
    help="Add 0.5 to each count, or the share that replaces a share of 0.",
)
@click.option("--warn", default=0.1, show_default=True, help="Index from which on to warn.")
@click.option("--fail", default=0.25, show_default=True, help="Index from which on to fail.")
@click.option(
    "--level",
    default=0.001,
    show_default=True,
    help="Probability that chance alone counts as evidence.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "warn", "fail"]),
    default="never",
    show_default=True,
    help="Exit with 1 if a column is at this status or worse, or cannot be compared.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
def drift(
    reference: str,
    current: str,
    score: str | None,
    columns: str | None,
    bins: int,
    smoothing: Smoothing,
    warn: float,
    fail: float,
    level: float,
    fail_on: str,
    output: Literal["table", "json"],
) -> None:
    """Compare two tables in Parquet, column by column.

    The index is the population stability index (PSI) of the score, and the same for a
    characteristic (CSI), over bins fixed by the reference. A value over a threshold that chance
    explains at this number of rows is "insufficient evidence", not a breach.

    Exit code: 0, 1 for a breach (see --fail-on), 2 for bad usage or input.
    """
    try:
        thresholds = Thresholds(warn, fail, level)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    base, batch = _open("--reference", reference), _open("--current", current)
    names = columns.split(",") if columns else list(base.schema.names)
    if score and score not in names:
        names.append(score)
    for name in names:
        if name not in base.schema.names:
            option = "--score" if name == score else "--columns"
            raise click.BadParameter(
                f"{reference} has no column {name!r}; it has {', '.join(base.schema.names)}",
                param_hint=option,
            )
    with _progress() as step:
        fitted = fit_bins(base, names, bins=bins, progress=step("Binning the reference"))
        expected = count(base, fitted, progress=step("Counting the reference"))
        actual = count(batch, fitted, progress=step("Counting the current data"))
    drifts = compare(expected, actual, score=score, thresholds=thresholds, smoothing=smoothing)
    new = [name for name in batch.schema.names if name not in base.schema.names]

    if output == "json":
        document = {
            "rows": {"reference": base.rows, "current": batch.rows},
            "smoothing": smoothing,
            "thresholds": {"warn": warn, "fail": fail, "level": level},
            "columns": {column.column: _as_json(column) for column in drifts},
            "only_in_current": new,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print(drifts, base.rows, batch.rows, new)
    if any(column.status in BREACHES[fail_on] for column in drifts):
        sys.exit(1)


def _open(option: str, location: str) -> ParquetSource:
    """Open the Parquet files at a file, directory or glob."""
    path = Path(location)
    if path.is_dir():
        files = sorted(path.rglob("*.parquet"))
    elif path.exists():
        files = [path]
    else:
        files = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not files:
        problem = "the directory holds no *.parquet" if path.is_dir() else "no such file"
        raise click.BadParameter(f"{location}: {problem}", param_hint=option)
    try:
        return ParquetSource(files)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint=option) from error


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[float], None] | None]]:
    """Show progress on stderr, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as progress:

        def step(text: str) -> Callable[[float], None]:
            task = progress.add_task(text, total=1.0)
            return lambda done: progress.update(task, completed=done)

        yield step


def _as_json(column: ColumnDrift) -> dict[str, Any]:
    return {
        "index": column.index,
        "value": column.value,
        "status": column.status,
        "critical_value": column.critical_value,
        "bins": [
            {
                "bin": item.label,
                "slot": item.slot,
                "reference": item.reference,
                "current": item.current,
                "contribution": item.contribution,
            }
            for item in column.bins
        ],
        "missing": {"reference": column.reference_missing, "current": column.current_missing},
        "unseen": column.unseen,
        "out_of_range": column.out_of_range,
        "infinite": column.infinite,
        "error": column.error,
    }


def _print(drifts: list[ColumnDrift], reference: int, current: int, new: list[str]) -> None:
    """Print the columns, the worst first, then the bins of the worst."""
    console = Console()
    statuses = list(STYLES)
    ranked = sorted(drifts, key=lambda d: (statuses.index(d.status), -(d.value or 0.0)))
    table = Table(title=f"{reference:,} reference rows, {current:,} current rows", box=SIMPLE_HEAD)
    table.add_column("column", overflow="fold")
    table.add_column("index")
    for heading in ("value", "by chance", "missing", "unseen", "outside"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for column in ranked:
        table.add_row(
            Text(column.column),
            column.index,
            _number(column.value),
            _number(column.critical_value),
            _share(column.current_missing),
            _share(column.unseen),
            _share(column.out_of_range),
            Text(column.status, STYLES[column.status]),
        )
    console.print(table)
    worst = max(drifts, key=lambda d: d.value or 0.0, default=None)
    if worst and worst.value:
        console.print(_bars(worst))
    for column in ranked:
        if column.error:
            console.print(Text(f"{column.column}: {column.error}"))
        if column.infinite:
            console.print(Text(f"{column.column}: {column.infinite:,} infinite values"))
    if new:
        console.print(Text(f"Only in the current data, not compared: {', '.join(new)}"))
    console.print(_summary(drifts))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return f"{value:.1%}" if value else ""


def _bars(column: ColumnDrift) -> Table:
    """Return the shares of a column's bins side by side."""
    table = Table(title=Text(f"{column.column}: share of rows by bin"), box=SIMPLE_HEAD)
    table.add_column("bin", overflow="fold")
    table.add_column("reference", style="dim", no_wrap=True)
    table.add_column("current", no_wrap=True)
    table.add_column(column.index, justify="right", no_wrap=True)
    rows = [sum(getattr(item, side) for item in column.bins) for side in ("reference", "current")]
    shown = [item for item in column.bins if item.reference or item.current]
    shares = [(item.reference / rows[0], item.current / rows[1]) for item in shown]
    longest = max(max(pair) for pair in shares)
    for item, pair in zip(shown, shares, strict=True):
        bars = [f"{share:6.1%} {'█' * round(12 * share / longest)}" for share in pair]
        table.add_row(Text(item.label), *bars, f"{item.contribution:.4f}")
    return table


def _summary(drifts: list[ColumnDrift]) -> Text:
    """Return how many columns have each status."""
    text = Text()
    for status, style in STYLES.items():
        number = sum(column.status == status for column in drifts)
        if number:
            text.append(", " if text else "").append(f"{number} {status}", style)
    return text
