"""Options that several commands have, and their defaults."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from monitoring_assets.statistics.performance.intervals import Estimate
    from resources.layout import Dataset
    from resources.store import Store

FC = TypeVar("FC", bound=Callable[..., Any] | click.Command)

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON for other programs.",
)


DAY = click.DateTime(["%Y-%m-%d"])


def period_options(command: FC) -> FC:
    """Add the options of a command about the stored days of a version, and their outcomes."""
    horizon = click.option(
        "--horizon",
        type=int,
        metavar="DAYS",
        help="Days after which outcomes count, one of the manifest's.  [default: the longest]",
    )
    return range_options(horizon(command))


def range_options(command: FC) -> FC:
    """Add the options of a command about the stored days of a version from one to another."""
    for option in (
        click.option(
            "--to", "last", type=DAY, help="Last day.  [default: the last that is stored]"
        ),
        click.option(
            "--from", "first", type=DAY, help="First day.  [default: the first that is stored]"
        ),
    ):
        command = option(command)
    return command


def statement_options(command: FC) -> FC:
    """Add the options of a command that keeps what a person says: why, and who it is."""
    for option in (
        click.option(
            "--by",
            default=getpass.getuser,
            callback=_not_empty,
            help="Who says so.  [default: the user of this machine]",
        ),
        click.option(
            "--why", required=True, callback=_not_empty, help="The reason; kept as evidence."
        ),
    ):
        command = option(command)
    return command


def _not_empty(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("must not be empty")
    return value


html_option = click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a page: one file, to look at in a browser or to send on.",
)


def write_page(file: Path, page: str) -> None:
    """Write a page, and say where.

    Raises
    ------
    click.BadParameter
        If it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(str(error), param_hint="--html") from error
    click.echo(f"Wrote {file.absolute().as_uri()}", err=True)


def stored_day(store: Store, dataset: Dataset, model: str, asked: dt.datetime | None) -> dt.date:
    """The day that was asked for, or the last day of a version that is stored.

    Raises
    ------
    click.BadParameter
        If no version has that name, or none of its days is stored.
    """
    _check_known(store, model)
    if asked is not None:
        return asked.date()
    return _stored_days(store, dataset, model)[-1]


def stored_range(
    store: Store, model: str, first: dt.datetime | None, last: dt.datetime | None
) -> tuple[dt.date, dt.date]:
    """The days that were asked for; without them, from the first drift report to the last.

    Raises
    ------
    click.BadParameter
        If no version has that name, none of its days is stored, or the range is empty.
    """
    _check_known(store, model)
    days = _stored_days(store, "drift_report", model)
    since, until = first.date() if first else days[0], last.date() if last else days[-1]
    if until < since:
        raise click.BadParameter(f"{until} is before {since}", param_hint="--to")
    return since, until


def chosen_horizon(store: Store, model: str, asked: int | None) -> int | None:
    """The horizon that was asked for, or the longest of a version; None if it has none.

    Raises
    ------
    click.BadParameter
        If the manifest does not have it.
    """
    horizons = store.landed(model).manifest.maturities
    if asked is not None and asked not in horizons:
        has = f"has {', '.join(map(str, horizons))}" if horizons else "names none"
        raise click.BadParameter(
            f"{asked} is no maturity of {model}; it {has}", param_hint="--horizon"
        )
    return asked if asked is not None else max(horizons, default=None)


def _check_known(store: Store, model: str) -> None:
    known = sorted({*store.all_landed(), *store.unreadable_keys()})
    if model not in known:
        close = get_close_matches(model, known, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        there = f"it has {', '.join(known)}" if known else "no version has landed there"
        unset = "" if os.environ.get("MONITORING_STORE") else "; MONITORING_STORE is not set"
        raise click.BadParameter(
            f"{store.root} has no model version {model!r}{meant}; {there}{unset}"
        )


def _stored_days(store: Store, dataset: Dataset, model: str) -> list[dt.date]:
    days = list(store.days(dataset, model))
    if not days:
        name = dataset.replace("_", " ")
        raise click.BadParameter(f"{model!r} has no {name} in {store.root}")
    return days


def require_columns(option: str, names: Iterable[str], file: str, columns: Sequence[str]) -> None:
    """Refuse names that are no column of a file.

    Raises
    ------
    click.BadParameter
        For the first of them; it names the option, the file and its columns.
    """
    for name in names:
        if name not in columns:
            close = get_close_matches(name, columns, n=1)
            meant = f" (did you mean {close[0]!r}?)" if close else ""
            raise click.BadParameter(
                f"{file} has no column {name!r}{meant}; it has {', '.join(columns)}",
                param_hint=option,
            )


def estimate_shown(one: Estimate, form: str) -> str:
    """A value in a format with its interval, or why there is none."""
    if one.value is None:
        return f"not known: {one.reason}"
    interval = "" if one.low is None else f" ({one.low:{form}} to {one.high:{form}})"
    return f"{one.value:{form}}{interval}"


def program() -> str:
    """The running command as a shell finds it, for commands to paste."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which(called.name)
    return called.name if found and Path(found).absolute() == called else shlex.quote(str(called))


def print_next(commands: Iterable[tuple[str, str]]) -> None:
    """Print commands to paste, each with what it is for."""
    click.secho("\nNext", bold=True)
    for command, purpose in commands:
        click.echo(f"  {command}")
        click.secho(f"      {purpose}", dim=True)
