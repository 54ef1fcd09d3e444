"""One schedule only: Dagster's own keeps a bundle from being written."""

import pytest

from airflow_bridge.export.overlap import OverlapError, refuse_overlap
from airflow_bridge.export.settings import BRIDGE_IS_ON
from resources.dagster_internals import InstigatorStatus, TickStatus
from tests.sensors.instigators import state, ticked


def runs(instance, name, *ticks, status=InstigatorStatus.DECLARED_IN_CODE, location="here"):
    """Have a sensor on the instance, which ticked so many seconds ago, each with a skip reason."""
    one = state(name, status, location)
    instance.add_instigator_state(one)
    for seconds_ago, said in ticks:
        ticked(instance, one, TickStatus.SKIPPED, seconds_ago, skip_reason=said)


def test_nothing_is_refused_where_nothing_runs(instance):
    refuse_overlap(instance)
    runs(instance, "batch_sensor", status=InstigatorStatus.STOPPED)
    runs(instance, "registry_sensor", (1, "3 monitored"))
    refuse_overlap(instance)


@pytest.mark.parametrize("name", ["batch_sensor", "missing_batches"])
@pytest.mark.parametrize("status", [InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE])
@pytest.mark.parametrize("ticks", [[], [(5, "no batch has arrived")]])
def test_whoever_requests_days_is_named_with_what_to_do(instance, name, status, ticks):
    runs(instance, name, *ticks, status=status)
    with pytest.raises(OverlapError) as error:
        refuse_overlap(instance)
    assert f"{name} of __repository__@here is running; stop it" in str(error.value)
    assert "set MONITORING_AIRFLOW" in str(error.value)


def test_a_sensor_of_before_the_bridge_was_on_is_no_overlap(instance):
    runs(instance, "batch_sensor", (90, "no batch has arrived"))
    runs(instance, "airflow_sensor", (10, "2 DAGs"))
    refuse_overlap(instance)


def test_a_bridge_that_was_turned_off_again_is_one(instance):
    runs(instance, "airflow_sensor", (90, "2 DAGs"))
    runs(instance, "batch_sensor", (10, "no batch has arrived"))
    with pytest.raises(OverlapError):
        refuse_overlap(instance)


def test_the_bridge_of_another_code_location_does_not_count(instance):
    runs(instance, "batch_sensor", (90, "no batch has arrived"))
    runs(instance, "airflow_sensor", (10, "2 DAGs"), location="there")
    with pytest.raises(OverlapError, match="batch_sensor of __repository__@here"):
        refuse_overlap(instance)


def test_a_sensor_that_says_why_it_requests_nothing_is_none(instance):
    runs(instance, "batch_sensor", (1, BRIDGE_IS_ON), status=InstigatorStatus.RUNNING)
    refuse_overlap(instance)
