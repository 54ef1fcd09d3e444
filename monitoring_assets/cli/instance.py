"""The Dagster instance of commands that record runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from resources.one_line import one_line

if TYPE_CHECKING:
    import dagster as dg


@contextmanager
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME; without it Dagster would record in a folder it throws away.

    Raises
    ------
    click.UsageError
        If DAGSTER_HOME is not set, or no instance can be opened there, or it fails in the block.
    """
    if "DAGSTER_HOME" not in os.environ:
        raise click.UsageError(
            "DAGSTER_HOME is not set: it says where runs are recorded; in each new shell run the "
            "env.sh that `monitoring init DIR` has written: . DIR/env.sh"
        )
    import dagster as dg
    from sqlalchemy.exc import DBAPIError, OperationalError

    try:
        opened = dg.DagsterInstance.get()
    except (dg.DagsterError, DBAPIError, OSError) as error:
        raise _no_record(error) from error
    try:
        with opened as instance:
            yield instance
    except OperationalError as error:  # its disk is full, say, or its server is gone
        raise _no_record(error) from error


def _no_record(error: Exception) -> click.UsageError:
    why = getattr(error, "orig", error)
    home = os.environ["DAGSTER_HOME"]
    return click.UsageError(
        f"DAGSTER_HOME: {home}: no runs can be recorded there: {one_line(str(why))}"
    )
