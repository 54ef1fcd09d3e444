"""``monitoring drift``: PSI and CSI of two tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import click
from rich.progress import Progress

from monitoring_assets.cli.columns_apart import columns_apart
from monitoring_assets.cli.drift_table import print_drift
from monitoring_assets.cli.options import (
    format_option,
    html_option,
    require_columns,
    write_page,
)
from monitoring_assets.cli.terminal import console_of_bars
from monitoring_assets.pages.drift_page import drift_page
from monitoring_assets.statistics.drift.additional import ADDITIONAL
from monitoring_assets.statistics.drift.drift import ColumnDrift, compare
from monitoring_assets.statistics.drift.stability import Smoothing, StabilityIndex
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds
from monitoring_assets.statistics.profiles.profile import ParquetSource, count, fit_profile
from resources.arrow_types import column_families
from resources.errors import InputError
from resources.file_formats import FORMATS, of_one_format
from resources.storage import DayFiles, LocalStorage, Storage, open_path, open_storage
from resources.table_files import belongs, refuse_table_formats
from resources.table_formats.rows import table_at
from resources.text_tables import as_parquet

BREACHES: dict[str, set[Status]] = {
    "never": set(),
    "warn": {Status.WARN, Status.FAIL, Status.ERROR},
    "fail": {Status.FAIL, Status.ERROR},
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
  monitoring drift ... --key loan_id --exclude region,branch
  monitoring drift ... --also jensen_shannon
  monitoring drift ... --html drift.html
"""
)
@click.option("--reference", required=True, help="Reference: a file, directory, glob or s3:// URL.")
@click.option("--current", required=True, help="Current data: the same.")
@click.option("--score", help="Column that is the score: its index is called PSI.")
@click.option("--columns", help="Columns to compare, separated by commas.  [default: all]")
@click.option("--exclude", help="Columns to leave out, separated by commas.")
@click.option("--key", help="Column that identifies a row; left out.")
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
@click.option(
    "--also",
    type=click.Choice([*ADDITIONAL]),
    multiple=True,
    help="A statistic beside the index, with its own thresholds; can be repeated.",
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
@html_option
@format_option
def drift(
    reference: str,
    current: str,
    score: str | None,
    columns: str | None,
    exclude: str | None,
    key: str | None,
    bins: int,
    smoothing: Smoothing,
    also: tuple[str, ...],
    warn: float,
    fail: float,
    level: float,
    fail_on: str,
    html: Path | None,
    output: Literal["table", "json"],
) -> None:
    """Compare two tables in Parquet, CSV or JSON lines, column by column.

    The index is the population stability index (PSI) of the score, and the same for a
    characteristic (CSI), over bins fixed by the reference. A value over a threshold that chance
    explains at this number of rows is "insufficient evidence", not a breach.

    Dates, running numbers, texts that no two rows share, the index that pandas has written and
    columns that are folders' names (day=2026-07-01) always differ. They are listed last and are no
    breach, unless --columns names them.

    A directory is read with all below it, but for what starts with a dot or an underscore. Of CSV
    and JSON lines the reference's values say what type a column has.

    Exit code: 0, 1 for a breach (see --fail-on), 2 for bad usage or input.
    """
    try:
        thresholds = Thresholds(warn, fail, level)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    base = _open("--reference", reference, None)
    batch = _open("--current", current, column_families(base.schema))
    every = base.schema.names

    def named(option: str, value: str | None) -> list[str]:
        """Split an option's columns, all of which the reference must have."""
        names = [name.strip() for name in value.split(",")] if value else []
        require_columns(option, names, reference, every)
        return names

    names = named("--columns", columns) or list(every)
    if score and score not in names:
        names += named("--score", score)
    left_out = {*named("--exclude", exclude), *named("--key", key)}
    if score in left_out:
        raise click.UsageError(f"--score {score} is left out by --exclude or --key")
    names = [name for name in names if name not in left_out]
    if not names:
        raise click.UsageError("no column is left to compare")
    apart = {} if columns else columns_apart(base, [name for name in names if name != score])
    with _progress() as step:
        expected = fit_profile(base, names, bins=bins, progress=step("Counting the reference"))
        actual = count(batch, expected.bins, progress=step("Counting the current data"))
    drifts = compare(
        expected,
        actual,
        score=score,
        thresholds=thresholds,
        index=StabilityIndex(smoothing),
        additional={ADDITIONAL[name]: ADDITIONAL[name].limits for name in also},
    )
    new = [name for name in batch.schema.names if name not in base.schema.names]

    if html:
        before, now = (place.rstrip("/").rpartition("/")[2] for place in (reference, current))
        write_page(html, drift_page(before, now, drifts, base.rows, batch.rows, apart, new))
    if output == "json":
        document = {
            "rows": {"reference": base.rows, "current": batch.rows},
            "smoothing": smoothing,
            "thresholds": {"warn": warn, "fail": fail, "level": level},
            "columns": {column.column: _as_json(column) for column in drifts},
            "apart": apart,
            "only_in_current": new,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print_drift(drifts, base.rows, batch.rows, new, apart=apart)
    if any(one.status in BREACHES[fail_on] for one in drifts if one.column not in apart):
        sys.exit(1)


def _open(option: str, location: str, types: Mapping[str, str] | None) -> ParquetSource:
    """Open the files at a file, directory, glob or URL until the command ends."""
    try:
        folder = None
        files: DayFiles | None = table_at(*_place(location))
        if files is None:
            files, folder = _found_at_url(location) if "://" in location else _found_at(location)
            folders = {str(PurePosixPath(path).parent) for path in files.paths}
            refuse_table_formats(files.storage, folders | ({folder} if folder else set()))
        readable = click.get_current_context().with_resource(as_parquet(files, types))
        place = readable.storage
        return ParquetSource(
            readable.locations, place.filesystem, place.location(folder) if folder else None
        )
    except Exception as error:  # of botocore, pyarrow or ours: all are about this location
        raise click.BadParameter(str(error), param_hint=option) from error


def _place(location: str) -> tuple[Storage, str]:
    if "://" in location:
        return open_path(location, open_storage("."))
    path = Path(location).absolute()
    return LocalStorage(path.anchor), path.relative_to(path.anchor).as_posix()


def _found_at(location: str) -> tuple[DayFiles, str | None]:
    """Find the files at a path of this machine, and the directory that they are all below."""
    path = Path(location).absolute()
    below = path.is_dir()
    if below:
        names = [file.relative_to(path).as_posix() for file in sorted(path.rglob("*"))]
        files = [path / name for name in of_one_format(filter(belongs, names))]
    elif path.exists():
        files = [path]
    else:
        found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        files = [file for file in found if belongs(file.as_posix(), path.as_posix())]
    if not files:
        raise InputError(f"{location}: {'no ' + FORMATS if below else 'no such'} file")
    paths = [file.relative_to(path.anchor).as_posix() for file in (*files, path)]
    return DayFiles(LocalStorage(path.anchor), tuple(paths[:-1])), paths[-1] if below else None


def _found_at_url(location: str) -> tuple[DayFiles, str | None]:
    """Find one file, or all below a prefix, on S3."""
    storage, path = open_path(location, open_storage("."))
    path = path.rstrip("/")
    files = of_one_format(
        file for file in storage.list(path) if belongs(file.removeprefix(f"{path}/"))
    )
    if not files and not storage.exists(path):
        raise InputError(f"{location}: no {FORMATS} file")
    return DayFiles(storage, tuple(files or [path])), path if files else None


@contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[float], None] | None]]:
    """Show progress on stderr, on a terminal only."""
    console = console_of_bars()
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
            # Without rows on both sides a bin is no part of the index.
            if item.reference or item.current
        ],
        "missing": {"reference": column.reference_missing, "current": column.current_missing},
        "unseen": column.unseen,
        "out_of_range": column.out_of_range,
        "infinite": column.infinite,
        "additional": {
            one.statistic: {
                "value": one.judgement.value,
                "status": one.judgement.status,
                "critical_value": one.judgement.critical_value,
                "thresholds": asdict(one.thresholds),
            }
            for one in column.additional
        },
        "error": column.error,
    }
