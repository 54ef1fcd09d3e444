"""Where a command's runs are recorded."""

import click
import pytest

from monitoring_assets.cli.instance import dagster_instance


def test_it_is_the_instance_of_dagster_home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dagster_instance() as instance:
        assert instance.root_directory == str(tmp_path)


def test_without_a_home_nothing_is_recorded_where_it_would_be_lost(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with (
        pytest.raises(click.UsageError, match=r"DAGSTER_HOME is not set.*monitoring init DIR"),
        dagster_instance(),
    ):
        pass
