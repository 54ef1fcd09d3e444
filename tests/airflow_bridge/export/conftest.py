"""Versions that have landed, and settings."""

import datetime as dt

import pytest

from airflow_bridge.export.settings import read_settings
from resources.manifest import Manifest
from resources.store import Landed


@pytest.fixture
def job():
    """The job that the DAGs are made from."""
    from monitoring_assets.definitions import defs

    return defs.get_repository_def().get_job("monitor_day")


@pytest.fixture
def settings():
    """Settings in which everything has its default."""
    return read_settings({}, "airflow.yaml")


def land(lender, *names, **changes):
    """Have versions land, beside those that have."""
    items = {}
    for name in names:
        manifest = Manifest.model_validate(lender.manifest(name, "1", **changes))
        landed_at = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
        items[manifest.key] = Landed(manifest=manifest, folder=f"{name}/1", landed_at=landed_at)
    lender.store.land(lender.store.all_landed() | items, set(items))
