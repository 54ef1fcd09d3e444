"""The nightly job deletes by the setting, as Dagster runs it."""

import datetime as dt

import dagster as dg
import pytest
import yaml

from monitoring_assets.definitions import defs
from monitoring_assets.runs.retention import RETENTION, ROW_RETENTION
from resources import layout
from resources.errors import InputError
from resources.manifest import parse_manifest
from resources.storage import LocalStorage
from resources.store import Landed, Store
from sensors import retention as module
from sensors.retention import retention

AGES = (2, 30, 31, 150, 151, 400)


def past(ago):
    """A day so many days before today."""
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=ago)


def rows(store, key):
    """How many days ago the rows are of that are there, in both data sets alike."""
    found = {ago for ago in AGES if store.has("features", key, past(ago))}
    assert found == {ago for ago in AGES if store.has("scores", key, past(ago))}
    return found


def test_the_code_location_has_the_job_and_its_schedule():
    repository = defs.get_repository_def()
    assert repository.get_job("retention").name == "retention"
    assert repository.get_schedule_def("retention_schedule").cron_schedule == "0 2 * * *"


@pytest.fixture
def store(tmp_path):
    return Store(root=str(tmp_path))


def night(store, **options):
    return retention.execute_in_process(resources={"store": store}, **options)


def test_a_night_deletes_what_is_older_than_the_setting(store, monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            failed = instance.add_run(dg.DagsterRun("monitor_day"))
            instance.report_run_failed(failed)
        assert night(store, instance=instance).success
        assert instance.get_runs_count() == 3
        monkeypatch.setattr(module, "retention_days", lambda: -1)
        assert night(store, instance=instance).success
        # The night's own run has not ended.
        assert instance.get_runs_count() == 1


def test_a_setting_that_is_none_fails_the_night(store, monkeypatch):
    monkeypatch.setenv(RETENTION, "7")
    with pytest.raises(InputError, match="found '7'; allowed: 90 or more"):
        night(store)


class TestRows:
    @pytest.fixture
    def scored(self, lender):
        """A version with days of rows: old ones, recent ones, and one in parts."""
        outcome = {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 90}
        now = dt.datetime.now(dt.UTC)
        landed = {}
        for name, changes in (("pd_cards", {}), ("pd_auto", {"outcome": outcome})):
            text = yaml.safe_dump(lender.manifest(name, "1", **changes))
            manifest = parse_manifest(text, "model.yaml")
            landed[f"{name}.1"] = Landed(manifest=manifest, folder=f"{name}/1", landed_at=now)
        lender.store.land(landed, set(landed))
        for key in landed:
            for ago in AGES:
                for dataset in ("features", "scores"):
                    lender.store.storage.write(layout.partition(dataset, key, past(ago)), b"rows")
            lender.store.storage.write(layout.part("features", key, past(400), 0), b"rows")
            lender.store.storage.write(layout.partition("drift_report", key, past(400)), b"counts")
        return lender.store

    def test_rows_stay_for_good_without_the_setting(self, scored):
        assert night(scored).success
        assert rows(scored, "pd_cards.1") == {*AGES}

    def test_rows_that_nothing_waits_for_go_and_counts_stay(self, scored, monkeypatch):
        monkeypatch.setenv(ROW_RETENTION, "30")
        assert night(scored).success
        assert rows(scored, "pd_cards.1") == {2, 30}
        # Outcomes of pd_auto come after 90 days, and are looked for 60 days more.
        assert rows(scored, "pd_auto.1") == {2, 30, 31, 150}
        assert not list(scored.storage.list(layout.parts("features", "pd_auto.1", past(400))))
        assert scored.has("drift_report", "pd_auto.1", past(400))

    def test_the_fault_of_one_version_keeps_no_rows_of_others(self, scored, monkeypatch):
        monkeypatch.setenv(ROW_RETENTION, "30")
        delete = LocalStorage.delete

        def refused(self, path):
            if "pd_auto" in path:
                raise PermissionError(path)
            delete(self, path)

        monkeypatch.setattr(LocalStorage, "delete", refused)
        done = night(scored, raise_on_error=False)
        assert not done.success
        assert rows(scored, "pd_cards.1") == {2, 30}

    @pytest.mark.parametrize("value", ["0", "-1", "a month"])
    def test_a_setting_that_is_none_deletes_nothing(self, scored, monkeypatch, value):
        monkeypatch.setenv(ROW_RETENTION, value)
        with pytest.raises(
            InputError, match=f"{ROW_RETENTION}: found '{value}'; allowed: 1 or more"
        ):
            night(scored)
        assert rows(scored, "pd_cards.1") == {*AGES}
