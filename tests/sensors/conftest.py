"""Sensors are ticked hundreds of times: their instance is in memory, unless a process is killed."""

import dagster as dg
import pytest


@pytest.fixture
def instance():
    """A Dagster instance of its own."""
    with dg.DagsterInstance.ephemeral() as one:
        yield one
