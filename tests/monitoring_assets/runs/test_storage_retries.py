"""A step that fails for its storage is tried again, with an end; no other is."""

import pytest

from monitoring_assets.runs import storage_retries
from monitoring_assets.runs.failures import failure_in_words
from monitoring_assets.runs.storage_retries import FAILED_BY_STORAGE
from resources.asset_keys import asset_key
from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, job, onboard, tick

FEATURES = asset_key("features")
DAY = f"{YESTERDAY}|pd_cards.1"
TEXT = f"pd_cards/{YESTERDAY}.parquet"


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    monkeypatch.setattr(storage_retries, "WAITS_SECONDS", (0.0, 0.0))


@pytest.fixture
def ready(s3_lender, s3_faults, instance):
    """A version with a profile and a day's batch on S3."""
    s3_lender.publish(deployed_at=str(YESTERDAY))
    onboard(s3_lender, instance)
    s3_lender.deliver(YESTERDAY)
    return s3_lender


def run(lender, instance, name="monitor_day", key=DAY):
    return job(name, lender).execute_in_process(
        instance=instance, partition_key=key, raise_on_error=False
    )


def retried(result):
    return [event.step_key for event in result.all_events if event.is_step_up_for_retry]


def tags(result, instance):
    return instance.get_run_by_id(result.run_id).tags


class Failing:
    """Fails the first requests of a kind, or all."""

    def __init__(self, fault, named, times=None, method="GET"):
        self.fault, self.named, self.left, self.method = fault, named, times, method

    def __call__(self, method, path):
        if self.named not in path.partition("?")[0] or method != self.method or self.left == 0:
            return None
        if self.left is not None:
            self.left -= 1
        return self.fault


@pytest.mark.parametrize("fault", ["truncate", "503", "reset"])
def test_a_batch_that_breaks_off_is_read_again(ready, s3_faults, instance, fault):
    # Arrow tries thrice by itself, and a broken connection once more.
    s3_faults.fault = Failing(fault, TEXT, times=4)
    result = run(ready, instance)
    assert result.success
    assert retried(result) == ["features"]
    assert FAILED_BY_STORAGE not in tags(result, instance)


@pytest.mark.parametrize("dataset", ["features_profile", "scores_profile", "manifests/"])
def test_so_is_what_steps_and_checks_read_in_the_store(ready, s3_faults, instance, dataset):
    s3_faults.fault = Failing("truncate", dataset, times=1)
    result = run(ready, instance)
    assert result.success
    assert retried(result)


def test_so_is_the_sample_of_a_version(s3_lender, s3_faults, instance):
    s3_lender.publish()
    (request,) = tick(s3_lender, instance).run_requests
    s3_faults.fault = Failing("reset", "reference.parquet", times=8, method="HEAD")
    result = run(s3_lender, instance, request.job_name, request.partition_key)
    assert result.success
    assert retried(result)


def test_it_ends_with_the_bucket_and_the_key_and_a_tag(ready, s3_faults, instance):
    s3_faults.fault = Failing("truncate", TEXT)
    result = run(ready, instance)
    assert not result.success
    assert retried(result) == ["features", "features"]
    said = failure_in_words(result.all_events)
    assert said.startswith("features: ")
    assert f"batch {ready.lake.root}/{TEXT}: AWS Error NETWORK_CONNECTION" in said
    assert tags(result, instance)[FAILED_BY_STORAGE] == "true"


def test_what_is_the_batchs_fault_is_not_tried_again(ready, s3_faults, instance):
    lake = open_storage(ready.lake.root)
    whole = lake.read(TEXT)
    for content in (whole[: len(whole) // 2], whole[:-8] + b"\xff" * 8, b"", None):
        if content is None:
            lake.delete(TEXT)
        else:
            lake.write(TEXT, content)
        result = run(ready, instance)
        assert not result.success
        assert not retried(result)
        assert FAILED_BY_STORAGE not in tags(result, instance)


def test_other_days_of_a_range_are_made_again_with_the_one(s3_lender, s3_faults, instance):
    s3_lender.publish(deployed_at=str(days_ago(1)))
    onboard(s3_lender, instance)
    for day in (days_ago(1), YESTERDAY):
        s3_lender.deliver(day)
    s3_faults.fault = Failing("truncate", TEXT, times=3)
    result = job("monitor_day", s3_lender).execute_in_process(
        instance=instance,
        asset_selection=[FEATURES],
        tags={
            "dagster/asset_partition_range_start": f"{days_ago(1)}|pd_cards.1",
            "dagster/asset_partition_range_end": DAY,
        },
        raise_on_error=False,
    )
    assert result.success
    assert retried(result) == ["features"]
    made = instance.get_materialized_partitions(FEATURES)
    assert made == {f"{days_ago(1)}|pd_cards.1", DAY}


@pytest.mark.parametrize(("rows", "step"), [("features", "scores"), ("scores", "drift_report")])
def test_a_profile_that_another_run_replaces_is_waited_for(lender, instance, rows, step):
    lender.publish(deployed_at=str(YESTERDAY))
    onboard(lender, instance)
    lender.deliver(YESTERDAY)
    assert run(lender, instance).success
    lender.store.remove(f"{rows}_profile", "pd_cards.1", YESTERDAY)

    def alone():
        return job("monitor_day", lender).execute_in_process(
            instance=instance,
            partition_key=DAY,
            asset_selection=[asset_key(step)],
            raise_on_error=False,
        )

    result = alone()
    assert retried(result) == [step, step]
    assert "another run replaces" in failure_in_words(result.all_events)
    assert FAILED_BY_STORAGE not in tags(result, instance)
    lender.store.remove(rows, "pd_cards.1", YESTERDAY)
    assert not retried(alone())
