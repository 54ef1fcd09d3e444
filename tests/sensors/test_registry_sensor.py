"""Onboarding: from a folder that lands to the runs that are due, killed anywhere and resumed."""

import contextlib
import datetime as dt
import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml

from resources import layout
from resources.asset_keys import asset_key
from resources.errors import StorageError
from resources.layout import VERDICTS
from resources.registry import open_registry
from resources.storage import LocalStorage, open_storage
from sensors.registry_sensor import accept, registry_sensor
from sensors.run_requests import MAX_OPEN_RUNS
from tests.conftest import YESTERDAY, Lender, days_ago, rows
from tests.s3_requests import recorded_requests
from tests.sensors.daemon import Daemon, KilledError


@pytest.fixture
def daemon(lender, instance):
    return Daemon(registry_sensor, lender, instance)


def registry_files(lender):
    return open_storage(lender.registry.root)


def profile(lender, key):
    """Leave a reference profile as the run that was requested would."""
    path = layout.partition("reference_profile", key)
    lender.store.storage.write(path, b"the sensor looks only whether it is there")


def partitions(daemon):
    return sorted(daemon.instance.get_dynamic_partitions("model"))


def lines(daemon):
    """What the model_registry asset said last: status and reason by folder."""
    event = daemon.instance.get_latest_materialization_event(asset_key("model_registry"))
    records = event.asset_materialization.metadata["versions"].records
    return {
        record.data["folder"]: (record.data["status"], record.data["why"]) for record in records
    }


def days_of(requests):
    return [
        str(request.partition_key)
        for request in requests or []
        if request.job_name == "monitor_day"
    ]


def test_a_version_that_lands_gets_its_partition_and_its_reference_profile(daemon):
    daemon.lender.publish()
    result = daemon.tick()
    assert partitions(daemon) == ["pd_cards.1"]
    (request,) = result.run_requests
    assert (request.job_name, request.partition_key) == ("onboard_model", "pd_cards.1")
    assert request.tags["monitoring/model"] == "pd_cards"
    assert daemon.lender.store.landed("pd_cards.1").manifest.name == "pd_cards"
    why = "has no reference profile yet: see the runs of onboard_model"
    assert lines(daemon) == {"pd_cards/1": ("onboarding", why)}
    profile(daemon.lender, "pd_cards.1")
    daemon.tick()
    assert lines(daemon) == {"pd_cards/1": ("monitored", "")}


def test_a_reference_that_could_not_be_profiled_is_asked_for_again_once_it_is_mended(daemon):
    sample = registry_files(daemon.lender).root + "/pd_cards/1/reference.parquet"
    daemon.lender.publish()
    (first,) = daemon.tick().run_requests
    daemon.finish_runs()
    assert not daemon.tick().run_requests

    rows(1, size=99).to_parquet(sample)
    (second,) = daemon.tick().run_requests

    assert first.run_key != second.run_key
    assert second.job_name == "onboard_model"


def test_a_sample_that_is_replaced_after_it_was_profiled_is_flagged(daemon):
    sample = registry_files(daemon.lender).root + "/pd_cards/1/reference.parquet"
    profile(daemon.lender, daemon.lender.publish(deployed_at=YESTERDAY.isoformat()))
    daemon.tick()
    before = daemon.lender.store.landed("pd_cards.1")
    rows(1, size=99).to_parquet(sample)
    daemon.tick()
    status, why = lines(daemon)["pd_cards/1"]
    assert status == "changed"
    assert "reference.path" in why
    assert daemon.lender.store.landed("pd_cards.1") == before


def test_a_registry_that_is_not_there_is_an_error_not_an_empty_one(daemon):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        daemon.tick()


def test_a_profile_that_dagster_was_not_told_of_is_made_known_to_it(daemon):
    asset = asset_key("reference_profile")
    daemon.lender.publish()
    daemon.tick()
    profile(daemon.lender, "pd_cards.1")
    assert not daemon.instance.get_materialized_partitions(asset)
    daemon.tick()
    assert daemon.instance.get_materialized_partitions(asset) == {"pd_cards.1"}
    assert not daemon.tick().asset_events


def test_a_tick_without_news_does_nothing(daemon):
    daemon.lender.publish()
    daemon.tick()
    before = daemon.lender.store.storage.list()
    result = daemon.tick()
    assert not result.run_requests
    assert not result.dynamic_partitions_requests
    assert not result.asset_events
    assert result.skip_reason.skip_message == "1 onboarding"
    assert daemon.lender.store.storage.list() == before


def test_an_empty_registry_says_so(daemon):
    Path(daemon.lender.registry.root).mkdir(parents=True)
    assert daemon.tick().skip_reason.skip_message == "the registry is empty"


def test_a_version_asks_kubernetes_for_what_its_manifest_says(daemon):
    daemon.lender.publish(pod={"cpu": "500m", "memory": "2Gi", "node_selector": {"pool": "batch"}})
    (request,) = daemon.tick().run_requests
    config = yaml.safe_load(request.tags["dagster-k8s/config"])
    assert config["container_config"]["resources"] == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }
    assert config["pod_spec_config"]["node_selector"] == {"pool": "batch"}


def test_the_days_since_deployment_are_requested_the_oldest_first(daemon):
    for name, first in (("pd_cards", 3), ("pd_loans", 5)):
        profile(daemon.lender, daemon.lender.publish(name, deployed_at=days_ago(first).isoformat()))
    result = daemon.tick()
    assert days_of(result.run_requests) == [
        f"{days_ago(5)}|pd_loans.1",
        f"{days_ago(4)}|pd_loans.1",
        f"{days_ago(3)}|pd_cards.1",
        f"{days_ago(3)}|pd_loans.1",
        f"{days_ago(2)}|pd_cards.1",
        f"{days_ago(2)}|pd_loans.1",
        f"{days_ago(1)}|pd_cards.1",
        f"{days_ago(1)}|pd_loans.1",
        f"{YESTERDAY}|pd_cards.1",
        f"{YESTERDAY}|pd_loans.1",
    ]
    assert days_of(daemon.tick().run_requests) == []


def test_a_long_history_never_opens_more_runs_than_there_is_room_for(daemon):
    profile(daemon.lender, daemon.lender.publish(deployed_at=days_ago(29).isoformat()))
    requested = days_of(daemon.tick().run_requests)
    assert len(requested) == MAX_OPEN_RUNS
    assert days_of(daemon.tick().run_requests) == []
    daemon.finish_runs()
    requested += days_of(daemon.tick().run_requests)
    assert requested == [f"{days_ago(number)}|pd_cards.1" for number in reversed(range(30))]


def test_many_versions_at_once_never_open_more_runs_than_there_is_room_for(daemon):
    for number in range(MAX_OPEN_RUNS + 5):
        daemon.lender.publish(version=str(number))
    assert len(daemon.tick().run_requests) == MAX_OPEN_RUNS
    assert len(partitions(daemon)) == MAX_OPEN_RUNS + 5
    assert not daemon.tick().run_requests
    daemon.finish_runs()
    assert len(daemon.tick().run_requests) == 5


def test_versions_that_cannot_be_profiled_do_not_take_the_room_of_others(daemon):
    for number in range(MAX_OPEN_RUNS):
        daemon.lender.publish("pd_bad", str(number))
    daemon.tick()
    daemon.finish_runs()  # none left a profile
    profile(daemon.lender, daemon.lender.publish(deployed_at=days_ago(1).isoformat()))
    assert days_of(daemon.tick().run_requests) == [
        f"{days_ago(1)}|pd_cards.1",
        f"{YESTERDAY}|pd_cards.1",
    ]


def test_a_version_deployed_tomorrow_waits(daemon):
    tomorrow = YESTERDAY + dt.timedelta(days=2)
    profile(daemon.lender, daemon.lender.publish(deployed_at=tomorrow.isoformat()))
    assert not daemon.tick().run_requests
    assert partitions(daemon) == ["pd_cards.1"]


def test_a_lost_cursor_starts_no_run_twice(daemon):
    profile(daemon.lender, daemon.lender.publish())
    daemon.lender.publish("pd_loans")
    daemon.tick()
    before = daemon.run_keys()
    daemon.instance.daemon_cursor_storage.set_cursor_values({registry_sensor.name: "{}"})
    daemon.tick()
    assert daemon.run_keys() == before


def end_state(daemon):
    store = daemon.lender.store
    landed = store.all_landed()
    return {
        "partitions": partitions(daemon),
        "runs": sorted(daemon.run_keys()),
        "landed": {key: (item.folder, item.manifest) for key, item in landed.items()},
        "single": {key: store.landed(key).manifest for key in landed},
        "files": {path for path in store.storage.list("manifests") if path != VERDICTS},
        "lines": lines(daemon),
    }


def a_registry_with_everything(lender):
    profile(lender, lender.publish("pd_cards"))
    lender.publish("pd_loans")
    lender.publish("pd_loans", "2", owner=None)
    lender.publish("pd_old", retired_at=days_ago(1).isoformat())


@contextlib.contextmanager
def dying_at(number, daemon, monkeypatch):
    """End the process at its n-th step: before and after each write, and between the daemon's."""
    steps, lock, publish = itertools.count(), threading.Lock(), LocalStorage.publish

    def step():
        with lock:
            if next(steps) == number:
                raise KilledError

    def publish_or_die(self, local, path):
        step()
        publish(self, local, path)
        step()

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "publish", publish_or_die)
        patch.setattr(daemon, "step", step)
        yield


@pytest.mark.slow
def test_killed_between_any_two_steps_it_makes_up_for_it(tmp_path, monkeypatch):
    def one_that_dies_at(number):
        """Whether it died, and the state it comes to after that."""
        lender = Lender(f"{tmp_path}/{number}", tmp_path)
        a_registry_with_everything(lender)
        daemon = Daemon(registry_sensor, lender, dg.DagsterInstance.ephemeral())
        died = False
        with dying_at(number, daemon, monkeypatch):
            try:
                daemon.tick()
            except KilledError:
                died = True
        daemon.tick()
        daemon.tick()
        state = end_state(daemon)
        state["lines"] = {
            folder: (status, why.replace(lender.root, ""))
            for folder, (status, why) in state["lines"].items()
        }
        return died, state

    died, unharmed = one_that_dies_at(-1)
    assert not died
    assert unharmed["partitions"] == ["pd_cards.1", "pd_loans.1", "pd_old.1"]
    assert unharmed["runs"] == sorted({*unharmed["runs"]})
    assert len(unharmed["runs"]) == 4
    for number in itertools.count():
        died, state = one_that_dies_at(number)
        assert state == unharmed, f"killed at step {number}"
        if not died:
            break
    # Two writes a version, all of them, the verdicts; partitions, runs, events.
    assert number == 2 * (3 * 2 + 2) + 1 + 1 + 4 + 2


TICKING = """
import sys
import dagster as dg
from pathlib import Path
from sensors.registry_sensor import registry_sensor
from tests.conftest import Lender
from tests.sensors.daemon import Daemon

root, home = sys.argv[1:]
with dg.DagsterInstance.from_config(home) as instance:
    daemon = Daemon(registry_sensor, Lender(root, Path(root)), instance)
    while True:
        daemon.tick()
        print("ticked", flush=True)
"""


@pytest.mark.slow
def test_killed_by_the_system_while_versions_land_it_goes_on_where_it_was(lender, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    Path(lender.registry.root).mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    process = subprocess.Popen(
        [sys.executable, "-c", TICKING, lender.root, str(home)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout.readline() == b"ticked\n"
        for number in range(20):
            lender.publish(version=str(number))
        history = Path(lender.store.root) / "manifests" / "history"
        while not history.exists():
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        daemon = Daemon(registry_sensor, lender, instance)
        daemon.tick()
        daemon.tick()
        keys = sorted(f"pd_cards.{number}" for number in range(20))
        assert partitions(daemon) == keys
        assert sorted(lender.store.all_landed()) == keys
        assert sorted(key.partition("|")[0] for key in daemon.run_keys()) == keys


def test_broken_versions_are_seen_in_the_tick_and_in_the_asset_until_they_are_mended(daemon, capfd):
    lender = daemon.lender
    profile(lender, lender.publish("pd_cards"))
    lender.publish("pd_loans", owner=None)
    registry_files(lender).write("pd_autos/1/reference.parquet", b"still uploading")
    daemon.tick()
    said = capfd.readouterr().err
    assert "pd_loans/1 is rejected" in said
    assert "owner: found None" in said
    assert partitions(daemon) == ["pd_cards.1"]
    found = lines(daemon)
    assert found["pd_autos/1"] == ("incomplete", "waits for its model.yaml")
    status, why = found["pd_loans/1"]
    assert status == "rejected"
    assert "model.yaml: owner: found None" in why
    event = daemon.instance.get_latest_materialization_event(asset_key("model_registry"))
    assert event.asset_materialization.metadata["rejected"].value == 1
    assert event.asset_materialization.metadata["monitored"].value == 1
    assert list(found) == ["pd_loans/1", "pd_autos/1", "pd_cards/1"]

    lender.publish("pd_loans")
    assert daemon.tick().asset_events
    assert partitions(daemon) == ["pd_cards.1", "pd_loans.1"]
    assert lines(daemon)["pd_loans/1"][0] == "onboarding"


def test_a_tick_that_has_nothing_to_run_counts_what_it_saw(daemon):
    daemon.lender.publish("pd_cards")
    daemon.lender.publish("pd_loans", owner=None)
    daemon.tick()
    assert daemon.tick().skip_reason.skip_message == "1 onboarding; 1 rejected"


def test_a_manifest_that_changes_after_landing_is_flagged_and_the_old_one_stays(daemon):
    lender = daemon.lender
    profile(lender, lender.publish())
    daemon.tick()
    lender.publish_manifest("pd_cards", "1", features={"columns": ["income"]}, revision=2)
    assert daemon.tick().asset_events
    status, why = lines(daemon)["pd_cards/1"]
    assert status == "changed"
    assert "features.columns" in why
    assert "publish it as a new version" in why
    assert lender.store.landed("pd_cards.1").manifest.features.names == ["income", "region"]
    lender.publish_manifest("pd_cards", "1")
    daemon.tick()
    assert lines(daemon)["pd_cards/1"] == ("monitored", "")


def test_a_change_of_how_it_is_watched_is_taken_with_a_higher_revision(daemon):
    lender = daemon.lender
    profile(lender, lender.publish())
    daemon.tick()
    before = lender.store.landed("pd_cards.1")
    changes = {"checks": {"min_rows": 100}}
    lender.publish_manifest("pd_cards", "1", **changes)
    daemon.tick()
    assert "raise its revision" in lines(daemon)["pd_cards/1"][1]
    assert lender.store.landed("pd_cards.1") == before

    lender.publish_manifest("pd_cards", "1", **changes, revision=2)
    daemon.tick()

    assert lines(daemon)["pd_cards/1"] == ("monitored", "")
    after = lender.store.landed("pd_cards.1")
    assert after.manifest.checks.min_rows == 100
    assert after.landed_at == before.landed_at
    kept = lender.store.storage.list("manifests/history/pd_cards.1")
    assert {Path(path).stem for path in kept} == {before.manifest.sha256, after.manifest.sha256}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.onnx", "scoring.sha256"),
        ("reference.parquet", "reference.parquet"),
        ("model.yaml", "YAML"),
    ],
)
def test_a_file_that_changes_after_landing_is_flagged_and_the_version_is_still_monitored(
    daemon, name, said
):
    profile(daemon.lender, daemon.lender.publish(deployed_at=YESTERDAY.isoformat()))
    daemon.tick()
    registry_files(daemon.lender).write(f"pd_cards/1/{name}", b"[another")
    daemon.tick()
    status, why = lines(daemon)["pd_cards/1"]
    assert status == "changed"
    assert "monitored as it was" in why
    assert said in why
    assert list(daemon.lender.store.all_landed()) == ["pd_cards.1"]


def test_a_landed_version_that_loses_its_manifest_is_flagged(daemon):
    daemon.lender.publish()
    daemon.tick()
    registry_files(daemon.lender).delete("pd_cards/1/model.yaml")
    daemon.tick()
    status, why = lines(daemon)["pd_cards/1"]
    assert status == "changed"
    assert "waits for its model.yaml" in why


def test_a_retired_version_is_no_longer_scheduled_and_keeps_its_history(daemon):
    lender = daemon.lender
    profile(lender, lender.publish(deployed_at=days_ago(40).isoformat()))
    requested = days_of(daemon.tick().run_requests)
    lender.publish_manifest(
        "pd_cards", "1", deployed_at=days_ago(40).isoformat(), retired_at=days_ago(9).isoformat()
    )
    daemon.finish_runs()
    requested += days_of(daemon.tick().run_requests)
    assert requested[0] == f"{days_ago(40)}|pd_cards.1"
    assert requested[-1] == f"{days_ago(10)}|pd_cards.1"
    assert len(requested) == len({*requested}) == 31
    assert lines(daemon)["pd_cards/1"] == ("retired", "")
    assert partitions(daemon) == ["pd_cards.1"]
    assert len(lender.store.storage.list("manifests/history/pd_cards.1")) == 2
    daemon.finish_runs()
    assert not daemon.tick().run_requests


def test_a_version_that_lands_retired_is_not_profiled(daemon):
    daemon.lender.publish(retired_at=YESTERDAY.isoformat())
    assert not daemon.tick().run_requests
    assert partitions(daemon) == ["pd_cards.1"]
    status, why = lines(daemon)["pd_cards/1"]
    assert status == "retired"
    assert why.startswith(f"was retired on {YESTERDAY}, before it had a reference profile")
    daemon.lender.publish()  # what the words say to do
    (request,) = daemon.tick().run_requests
    assert request.job_name == "onboard_model"
    profile(daemon.lender, "pd_cards.1")
    daemon.lender.publish(retired_at=YESTERDAY.isoformat())
    daemon.tick()
    assert lines(daemon)["pd_cards/1"] == ("retired", "")


def test_what_is_worth_a_look_is_said_of_a_version_that_is_monitored(daemon):
    daemon.lender.publish()
    frame = rows(0, 50).assign(region=None)
    daemon.lender.put(registry_files(daemon.lender), "pd_cards/1/reference.parquet", frame)
    profile(daemon.lender, "pd_cards.1")
    for _ in range(2):  # judged, then remembered
        daemon.tick()
        status, why = lines(daemon)["pd_cards/1"]
        assert status == "monitored"
        assert why.endswith(
            "region (features.columns.region) has no value, so all of a day are new"
        )


def test_a_version_whose_folder_is_gone_is_said_to_be_and_is_still_monitored(daemon, capfd):
    profile(daemon.lender, daemon.lender.publish())
    daemon.lender.publish("pd_loans")
    daemon.tick()
    for path in registry_files(daemon.lender).list("pd_cards"):
        registry_files(daemon.lender).delete(path)
    daemon.tick()
    assert lines(daemon)["pd_cards/1"][0] == "gone"
    assert lines(daemon)["pd_loans/1"][0] == "onboarding"
    assert "pd_cards/1 is gone" in capfd.readouterr().err
    assert sorted(daemon.lender.store.all_landed()) == ["pd_cards.1", "pd_loans.1"]


def test_a_version_that_there_was_no_time_to_judge_is_not_gone(daemon):
    daemon.lender.publish()
    daemon.tick()
    _, found = accept(daemon.lender.store, {}, ["pd_cards/1"], [], now=dt.datetime.now(dt.UTC))
    assert found == []


def test_verdicts_by_other_rules_are_made_again(daemon):
    daemon.lender.publish()
    storage = daemon.lender.store.storage
    storage.write(
        VERDICTS, b'{"code_version": "0", "verdicts": {"pd_cards/1": {"form": "unknown"}}}'
    )
    daemon.tick()
    assert lines(daemon)["pd_cards/1"][0] == "onboarding"


@pytest.mark.parametrize("changes", [{"manifest": {"name": 1}}, {"faults": [{}]}, {"digests": ...}])
def test_a_verdict_that_cannot_be_read_is_made_again(daemon, changes):
    for name in ("pd_cards", "pd_loans"):
        daemon.lender.publish(name)
    daemon.tick()
    storage = daemon.lender.store.storage
    known = storage.read(VERDICTS)
    spoilt = json.loads(known)
    item = spoilt["verdicts"]["pd_cards/1"] | changes
    spoilt["verdicts"]["pd_cards/1"] = {k: v for k, v in item.items() if v is not ...}
    storage.write(VERDICTS, json.dumps(spoilt).encode())
    daemon.tick()
    assert json.loads(storage.read(VERDICTS)) == json.loads(known)


@pytest.mark.slow
def test_a_steady_tick_costs_a_few_s3_calls_whatever_the_number_of_versions(
    s3_lender, instance, tmp_path, monkeypatch
):
    monkeypatch.setenv("MONITORING_ALLOWED_PLACES", str(tmp_path))
    sample = tmp_path / "reference.parquet"
    rows(0, 50).to_parquet(sample)
    for number in range(300):
        s3_lender.publish_manifest(
            "pd_cards",
            str(number),
            reference={"path": str(sample), "score": "score"},
            scoring={"flavour": "scored", "path": "scores/{date}.parquet"},
        )
    daemon = Daemon(registry_sensor, s3_lender, instance)
    with recorded_requests() as first:
        daemon.tick()
    assert len(partitions(daemon)) == 300
    # For each: its manifest is read, what was accepted is written, once by hash and once by key.
    assert len(first) <= 3 * 300 + 10

    with recorded_requests() as steady:
        daemon.tick()

    # The registry's list, the verdicts, what has landed, the profiles' list.
    assert len(steady) == 4
    registry_files(s3_lender).write("pd_cards/7/model.yaml", b"[")
    with recorded_requests() as changed:
        daemon.tick()
    assert len(changed) <= 4 + 2
    assert lines(daemon)["pd_cards/7"][0] == "changed"


def test_it_onboards_over_s3(s3_lender, instance):
    daemon = Daemon(registry_sensor, s3_lender, instance)
    profile(s3_lender, s3_lender.publish())
    daemon.tick()
    assert partitions(daemon) == ["pd_cards.1"]
    assert len(daemon.run_keys()) == 3


@pytest.mark.parametrize("late", ["model.yaml", "reference.parquet", "model.onnx"])
def test_a_file_that_is_listed_late_changes_nothing_but_when(s3_lender, s3_faults, instance, late):
    daemon = Daemon(registry_sensor, s3_lender, instance)
    s3_lender.publish()
    s3_faults.unlisted = f"/{late}"
    asked = [daemon.tick().run_requests]
    s3_faults.unlisted = ""
    asked += [daemon.tick().run_requests, daemon.tick().run_requests]
    assert [one.partition_key for requests in asked for one in requests] == ["pd_cards.1"]
    assert lines(daemon)["pd_cards/1"][0] == "onboarding"


def test_a_registry_that_may_not_be_listed_says_so(s3_lender, s3_faults, instance):
    daemon = Daemon(registry_sensor, s3_lender, instance)
    s3_faults.fault = lambda method, path: "denied" if "list-type=2" in path else None
    said = rf"^{s3_lender.registry.root}: .*; no permission: allow the credentials s3:ListBucket"
    with pytest.raises(StorageError, match=said):
        daemon.tick()
    s3_faults.fault = lambda method, path: None
    s3_lender.publish()
    assert len(daemon.tick().run_requests) == 1


def test_one_registry_may_serve_two_stores(lender, instance, tmp_path):
    """A second deployment, such as one on trial, does not disturb the first."""
    lender.publish()
    other = Lender(str(tmp_path / "trial"), tmp_path)
    other.resources["registry"] = open_registry(lender.registry.root)
    Daemon(registry_sensor, lender, instance).tick()
    before = registry_files(lender).list()
    Daemon(registry_sensor, other, dg.DagsterInstance.ephemeral()).tick()
    assert list(other.store.all_landed()) == ["pd_cards.1"]
    assert registry_files(lender).list() == before


def test_a_new_model_and_a_new_day_come_before_a_history(lender, instance):
    lender.publish(deployed_at=days_ago(20).isoformat())
    daemon = Daemon(registry_sensor, lender, instance)
    (reference,) = daemon.tick().run_requests
    daemon.finish_runs()
    profile(lender, "pd_cards.1")
    history = daemon.tick().run_requests
    priorities = [request.tags.get("dagster/priority", "0") for request in history]
    assert priorities == ["0"] * 19 + ["1"] * 2
    assert reference.tags["dagster/priority"] == "2"
