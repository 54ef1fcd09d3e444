"""What was not taken is sent again, and the check of its day then passes."""

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)
from dagster._core.events import StepMaterializationData

from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from resources.delivery.channels import channels_from_environment
from resources.delivery.outbox import Outbox
from sensors.delivery_sensor import delivery_sensor
from tests.conftest import ROUTING_KEY
from tests.receivers.messages import DAY, notice, subject
from tests.receivers.server import CUT, Answer


@pytest.fixture
def instance(instance):
    """One in which a run has decided on the day of the messages."""
    partition = ModelDay(DAY, "pd_cards.1").partition
    decided = dg.AssetMaterialization(asset_key("alerts"), partition=partition)
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name="decide_alerts",
        event_specific_data=StepMaterializationData(decided),
    )
    instance.report_dagster_event(event, run_id="the-run")
    return instance


def put(lender, *messages):
    for message in messages:
        Outbox(lender.store.storage).put(message, channels_from_environment(lender.store))


def tick(lender, instance):
    context = dg.build_sensor_context(instance=instance, resources=lender.resources)
    return delivery_sensor(context).skip_message


def checks(instance):
    """Evaluations of `delivered`, the last first: partition and whether it passed."""
    key = dg.AssetCheckKey(asset_key("alerts"), "delivered")
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    return [
        (evaluated_partition(record.evaluation), record.evaluation.passed) for record in history
    ]


def test_what_waits_is_sent_and_its_day_passes(lender, instance, pagerduty):
    put(lender, notice())
    assert tick(lender, instance) == "2 sent, 0 wait"
    assert len(pagerduty.incidents) == 1
    assert checks(instance) == [(ModelDay(DAY, "pd_cards.1").partition, True)]
    assert tick(lender, instance) == "nothing is due"
    assert len(checks(instance)) == 1


def test_what_is_not_taken_keeps_its_day_failed(lender, instance, pagerduty):
    put(lender, notice())
    pagerduty.fail(CUT)
    assert tick(lender, instance) == "1 sent, 1 wait"  # the alert log has taken its copy
    assert checks(instance) == [(ModelDay(DAY, "pd_cards.1").partition, False)]
    (waiting,) = Outbox(lender.store.storage).waiting()
    assert waiting.channel == "pagerduty"


def test_a_day_that_is_delivered_in_two_ticks_passes_at_the_second(lender, instance, pagerduty):
    put(lender, notice())
    pagerduty.fail(Answer(429, headers={"Retry-After": "0"}))
    tick(lender, instance)
    assert checks(instance) == [(ModelDay(DAY, "pd_cards.1").partition, False)]
    assert tick(lender, instance) == "1 sent, 0 wait"
    assert checks(instance) == [(ModelDay(DAY, "pd_cards.1").partition, True)]


def test_a_run_that_was_killed_before_its_check_does_not_stop_the_sensor(
    lender, instance, pagerduty
):
    day = ModelDay(DAY, "pd_cards.1").partition
    planned = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        job_name="decide_alerts",
        event_specific_data=AssetCheckEvaluationPlanned(
            asset_key=asset_key("alerts"),
            check_name="delivered",
            partitions_subset=MODEL_DAYS.subset_with_partition_keys([day]),
        ),
    )
    instance.report_dagster_event(planned, run_id="killed")
    put(lender, notice())
    assert tick(lender, instance) == "2 sent, 0 wait"
    key = dg.AssetCheckKey(asset_key("alerts"), "delivered")
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    assert {record.run_id: record.status.value for record in history} == {
        "killed": "PLANNED",
        "the-run": "SUCCEEDED",
    }


def test_one_version_s_refused_message_keeps_no_other_waiting(lender, instance, pagerduty):
    other = notice(subject=subject("pd_auto"))
    put(lender, other, notice())
    pagerduty.fail(Answer(400, {"status": "invalid event", "message": "no", "errors": ["no"]}))
    assert tick(lender, instance) == "3 sent, 1 wait"
    assert [one.dedup_key.split("/")[2] for one in pagerduty.incidents] == ["pd_cards.1"]


def test_a_message_of_the_deployment_has_no_day_of_a_version(lender, instance, pagerduty):
    put(lender, notice(subject=subject().model_copy(update={"key": "deployment"})))
    assert tick(lender, instance) == "2 sent, 0 wait"
    assert checks(instance) == []


def test_a_refusal_that_names_a_time_holds_up_no_other_version(lender, instance, pagerduty):
    put(lender, notice(subject=subject("pd_auto")), notice())
    refusal = {"status": "invalid event", "message": "no", "errors": ["no"]}
    pagerduty.fail(Answer(400, refusal, {"X-RateLimit-Reset": "600", "Retry-After": "600"}))
    assert tick(lender, instance) == "3 sent, 1 wait"
    assert len(pagerduty.incidents) == 1


def test_half_a_key_is_a_secret_too(lender, instance, pagerduty, caplog):
    put(lender, notice())
    pagerduty.fail(Answer(400, {"errors": ["x" * 288 + ROUTING_KEY]}))
    tick(lender, instance)
    (waiting,) = Outbox(lender.store.storage).waiting()
    assert ROUTING_KEY[:6] not in waiting.reason
    assert ROUTING_KEY[:6] not in caplog.text
