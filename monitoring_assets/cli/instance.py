"""The Dagster instance of commands that record runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import dagster as dg


@contextmanager
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME; without it Dagster would record in a folder it throws away.

    Raises
    ------
    click.UsageError
        If DAGSTER_HOME is not set.
    """
    if "DAGSTER_HOME" not in os.environ:
        raise click.UsageError(
            "DAGSTER_HOME is not set: it says where runs are recorded; in each new shell run the "
            "env.sh that `monitoring init DIR` has written: . DIR/env.sh"
        )
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        yield instance
