"""The nightly job deletes by the setting, as Dagster runs it."""

import dagster as dg
import pytest

from monitoring_assets.definitions import defs
from monitoring_assets.runs.retention import RETENTION
from resources.errors import InputError
from sensors import retention as module
from sensors.retention import retention


def test_the_code_location_has_the_job_and_its_schedule():
    repository = defs.get_repository_def()
    assert repository.get_job("retention").name == "retention"
    assert repository.get_schedule_def("retention_schedule").cron_schedule == "0 2 * * *"


def test_a_night_deletes_what_is_older_than_the_setting(monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            failed = instance.add_run(dg.DagsterRun("monitor_day"))
            instance.report_run_failed(failed)
        night = retention.execute_in_process(instance=instance)
        assert night.success
        assert instance.get_runs_count() == 3
        monkeypatch.setattr(module, "retention_days", lambda: -1)
        assert retention.execute_in_process(instance=instance).success
        # The night's own run has not ended.
        assert instance.get_runs_count() == 1


def test_a_setting_that_is_none_fails_the_night(monkeypatch):
    monkeypatch.setenv(RETENTION, "7")
    with pytest.raises(InputError, match="found '7'; allowed: 90 or more"):
        retention.execute_in_process()
