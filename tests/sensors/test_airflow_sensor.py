"""The bundle follows the registry; and with the bridge on no sensor requests days."""

import subprocess
import sys

import dagster as dg
import pytest
import yaml

from airflow_bridge.export.overlap import OverlapError
from airflow_bridge.export.settings import BRIDGE_IS_ON
from resources import layout
from resources.dagster_internals import InstigatorStatus
from resources.errors import InputError
from resources.storage import open_storage
from sensors.airflow_sensor import airflow_sensor
from sensors.batch_sensor import batch_sensor
from sensors.missing_batches import missing_batches
from sensors.registry_sensor import registry_sensor
from tests.airflow_bridge.export.test_export import etags, keys
from tests.conftest import YESTERDAY, days_ago, definitions, tick
from tests.sensors.daemon import Daemon
from tests.sensors.instigators import state
from tests.sensors.test_batch_sensor import land


@pytest.fixture
def instance():
    """An instance on disk: it keeps what sensors are told."""
    with dg.instance_for_test() as one:
        yield one


@pytest.fixture
def bridge(lender, tmp_path, monkeypatch):
    """Turns the bridge on; its bundle's root."""
    root = f"{lender.root}/dags"
    settings = tmp_path / "airflow.yaml"
    settings.write_text(yaml.safe_dump({"bundle": root}))
    monkeypatch.setenv("MONITORING_AIRFLOW", str(settings))
    return root


def export(lender, instance):
    """A tick of the sensor, in the code location; what it says."""
    with dg.build_sensor_context(
        instance=instance, resources=lender.resources, definitions=definitions(lender)
    ) as context:
        return airflow_sensor(context).skip_message


def bundle(root):
    storage = open_storage(root)
    return {path: storage.read(path) for path in storage.list()}


def test_a_version_that_lands_changes_or_retires_has_its_dag_as_it_should_be(
    lender, instance, bridge
):
    assert export(lender, instance) == "no version has landed"
    assert keys(bundle(bridge)) == []  # a file that Airflow knows when the first version lands
    before = etags(bridge)
    assert export(lender, instance) == "no version has landed"
    assert etags(bridge) == before
    lender.publish()
    tick(lender, instance)
    assert export(lender, instance).startswith(f"1 DAGs in {bridge}: ")
    assert keys(bundle(bridge)) == ["pd_cards.1"]
    before = etags(bridge)
    assert export(lender, instance) == f"1 DAGs in {bridge}: 0 files written, 0 removed"
    assert etags(bridge) == before

    lender.publish("pd_auto")
    tick(lender, instance)
    export(lender, instance)
    assert keys(bundle(bridge)) == ["pd_auto.1", "pd_cards.1"]
    lender.publish_manifest("pd_cards", "1", retired_at=days_ago(-2).isoformat())
    tick(lender, instance)
    assert export(lender, instance) == f"2 DAGs in {bridge}: 2 files written, 1 removed"
    assert keys(bundle(bridge)) == ["pd_auto.1", "pd_cards.1"]


def test_nothing_is_exported_while_dagster_schedules_the_days(lender, instance, bridge):
    lender.publish()
    tick(lender, instance)
    instance.add_instigator_state(state(batch_sensor.name, InstigatorStatus.RUNNING))
    with pytest.raises(OverlapError, match="batch_sensor"):
        export(lender, instance)
    assert bundle(bridge) == {}


def test_settings_without_a_place_are_a_fault(lender, instance, bridge, tmp_path):
    (tmp_path / "airflow.yaml").write_text("mode: dagster")
    with pytest.raises(InputError, match=r"airflow\.yaml: bundle: found nothing"):
        export(lender, instance)


def test_with_the_bridge_on_no_sensor_requests_a_day(lender, instance, monkeypatch):
    land(lender)
    lender.deliver(YESTERDAY)
    daemon = Daemon(batch_sensor, lender, instance)
    monkeypatch.setenv("MONITORING_AIRFLOW", "airflow.yaml")
    daemon.instance.daemon_cursor_storage.set_cursor_values({batch_sensor.name: "{}"})
    result = daemon.tick()
    assert (result.run_requests, result.skip_reason.skip_message) == ([], BRIDGE_IS_ON)
    context = dg.build_schedule_context(instance=instance, resources=lender.resources)
    (skipped,) = missing_batches(context)
    assert skipped.skip_message == BRIDGE_IS_ON
    # Off again, what has arrived meanwhile is run.
    monkeypatch.delenv("MONITORING_AIRFLOW")
    assert len(daemon.tick().run_requests) == 1


def test_with_the_bridge_on_the_registry_requests_profiles_only(lender, instance, monkeypatch):
    monkeypatch.setenv("MONITORING_AIRFLOW", "airflow.yaml")
    lender.publish()
    daemon = Daemon(registry_sensor, lender, instance)
    (request,) = daemon.tick().run_requests
    assert request.job_name == "onboard_model"
    daemon.finish_runs()
    lender.store.storage.write(layout.partition("reference_profile", "pd_cards.1"), b"there")
    assert daemon.tick().run_requests == []
    monkeypatch.delenv("MONITORING_AIRFLOW")
    requests = daemon.tick().run_requests
    assert {request.job_name for request in requests} == {"monitor_day"}


@pytest.mark.parametrize("is_on", [False, True])
def test_the_bridge_decides_what_runs_by_default(is_on, monkeypatch, tmp_path):
    monkeypatch.setenv("MONITORING_AIRFLOW", str(tmp_path / "airflow.yaml") if is_on else "")
    code = (
        "from monitoring_assets.definitions import defs\n"
        "repository = defs.get_repository_def()\n"
        "for one in (*repository.sensor_defs, *repository.schedule_defs):\n"
        "    print(one.name, one.default_status.value)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    statuses = dict(line.split() for line in done.stdout.splitlines())
    own = "STOPPED" if is_on else "RUNNING"
    assert (statuses["batch_sensor"], statuses["missing_batches"]) == (own, own)
    assert statuses.get("airflow_sensor") == ("RUNNING" if is_on else None)
    others = statuses.keys() - {"batch_sensor", "missing_batches"}
    assert {statuses[name] for name in others} == {"RUNNING"}
