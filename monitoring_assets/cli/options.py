"""Options that several commands have, and their defaults."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from resources.layout import Dataset
    from resources.store import Store

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON for other programs.",
)


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
    known = sorted({*store.all_landed(), *store.unreadable_keys()})
    if model not in known:
        close = get_close_matches(model, known, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        there = f"it has {', '.join(known)}" if known else "no version has landed there"
        unset = "" if os.environ.get("MONITORING_STORE") else "; MONITORING_STORE is not set"
        raise click.BadParameter(
            f"{store.root} has no model version {model!r}{meant}; {there}{unset}"
        )
    if asked is not None:
        return asked.date()
    days = list(store.days(dataset, model))
    if not days:
        name = dataset.replace("_", " ")
        raise click.BadParameter(f"{model!r} has no {name} in {store.root}")
    return days[-1]


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
