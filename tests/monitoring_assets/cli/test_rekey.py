"""`monitoring rekey`: a history under old keys is one under the keys of today."""

import hashlib
from pathlib import Path

import dagster as dg
import pytest

from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from resources.manifest import CHECKS
from tests.conftest import YESTERDAY, days_ago

PREFIX = "MONITORING_ASSET_PREFIX"
BEFORE = days_ago(1)
PARTITIONS = {f"{day}|pd_cards.1" for day in (BEFORE, YESTERDAY)}
DAY_ASSETS = ("features", "scores", "drift_report", "segment_report", "performance_report")


@pytest.fixture
def history(deployment, monitoring, monkeypatch):
    """Two days, monitored when keys had no prefix."""
    monkeypatch.setenv(PREFIX, "")
    deployment.publish()
    for day in (BEFORE, YESTERDAY):
        deployment.deliver(day)
    backfill = ("backfill", "pd_cards.1", "--from", str(BEFORE), "--run-a-day")
    for command in (("onboard",), backfill):
        done = monitoring(*command)
        assert done.returncode == 0, done.stderr
    monkeypatch.delenv(PREFIX)
    return deployment


def contents(root):
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(root).rglob("*")
        if path.is_file()
    }


def made(instance, name, prefix):
    """By partition: all that is known of its last materialisation."""
    records = instance.fetch_materializations(asset_key(name, prefix), limit=100).records
    return {
        one.partition_key: (
            one.run_id,
            one.timestamp,
            one.asset_materialization.metadata,
            one.asset_materialization.tags,
        )
        for one in reversed(records)
    }


def evaluated(instance, asset, check, prefix):
    """By partition: all that is known of the last evaluation, and whether it is out of date."""
    key = dg.AssetCheckKey(asset_key(asset, prefix), check)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    found = {}
    for one in reversed(records):
        partition = evaluated_partition(one.evaluation)
        said, target = one.evaluation, one.evaluation.target_materialization_data
        (last,) = instance.fetch_materializations(
            dg.AssetRecordsFilter(key.asset_key, asset_partitions=[partition]), limit=1
        ).records
        found[partition] = (
            one.run_id,
            one.event.timestamp,
            (said.passed, said.severity, said.description, said.blocking, said.metadata),
            target.storage_id == last.storage_id,
        )
    return found


def test_the_history_is_that_of_the_new_keys_and_the_store_is_as_it_was(history, monitoring):
    store = contents(history.store.root)
    done = monitoring("rekey", "--from", "")
    assert done.returncode == 0, done.stderr
    assert "monitoring/features: 2 materialisations and 6 evaluations of checks" in done.stdout
    assert contents(history.store.root) == store
    with dg.DagsterInstance.get() as instance:
        for name in ("model_registry", "reference_profile", *DAY_ASSETS, "alerts"):
            assert made(instance, name, "monitoring") == made(instance, name, "") != {}
        for name in DAY_ASSETS:
            assert instance.get_materialized_partitions(asset_key(name)) == PARTITIONS
        for check in (*CHECKS.values(), None):
            at = (check.asset, check.name) if check else ("alerts", "delivered")
            if at[1] not in ("realised_performance", "unmatched_outcomes"):  # not on the day
                found = evaluated(instance, *at, "monitoring")
                assert found == evaluated(instance, *at, "")
                assert found.keys() == PARTITIONS
                assert all(is_of_the_last for *_, is_of_the_last in found.values())


@pytest.mark.slow
def test_what_the_new_keys_have_stays_and_another_time_adds_nothing(history, monitoring):
    history.deliver(YESTERDAY)
    assert monitoring("backfill", "pd_cards.1", "--from", str(YESTERDAY)).returncode == 0
    with dg.DagsterInstance.get() as instance:
        before = (
            made(instance, "features", "monitoring"),
            evaluated(instance, "features", "csi", "monitoring"),
        )
    done = monitoring("rekey", "--from", "")
    assert done.returncode == 0, done.stderr
    assert "monitoring/features: 1 materialisations and 3 evaluations of checks" in done.stdout
    with dg.DagsterInstance.get() as instance:
        after = (
            made(instance, "features", "monitoring"),
            evaluated(instance, "features", "csi", "monitoring"),
        )
    for old, new in zip(before, after, strict=True):
        assert new.keys() == PARTITIONS
        assert new[f"{YESTERDAY}|pd_cards.1"] == old[f"{YESTERDAY}|pd_cards.1"]
    again = monitoring("rekey", "--from", "").stdout.splitlines()
    assert len(again) == 10
    assert all(": 0 materialisations and 0 evaluations of checks" in line for line in again)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("monitoring", "found 'monitoring', which is the prefix of today"),
        ("/old", "found '/old'; allowed: letters"),
    ],
)
def test_a_prefix_that_cannot_be_meant_is_refused(deployment, monitoring, value, words):
    done = monitoring("rekey", "--from", value)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_setting_that_is_no_prefix_is_refused_in_words(deployment, monitoring, monkeypatch):
    monkeypatch.setenv(PREFIX, "risk.models")
    done = monitoring("onboard")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{PREFIX}: found 'risk.models'; allowed: letters" in done.stderr
    assert "Traceback" not in done.stderr
