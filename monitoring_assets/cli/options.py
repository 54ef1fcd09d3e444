"""Options that several commands have, and their defaults."""

from __future__ import annotations

import datetime as dt
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


def stored_day(store: Store, dataset: Dataset, model: str) -> dt.date:
    """The last day of a version that is stored.

    Raises
    ------
    click.BadParameter
        If there is none.
    """
    days = list(store.days(dataset, model))
    if not days:
        name = dataset.replace("_", " ")
        raise click.BadParameter(f"{model!r} has no {name} in {store.root}")
    return days[-1]
