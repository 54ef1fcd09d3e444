"""Events of OpenLineage, as a receiver gets them from real runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.backfill import backfill
from tests.conftest import YESTERDAY, days_ago, job, onboard
from tests.receivers.openlineage import OpenLineageReceiver, edges
from tests.receivers.server import Answer

KEY = "pd_cards.1"
OURS = "dagster://model-monitoring"
READS = {
    "features": {"reference_profile"},
    "scores": {"features"},
    "drift_report": {"scores"},
    "performance_report": {"scores"},
    "segment_report": {"scores"},
    "alerts": {"drift_report", "performance_report", "segment_report"},
    "report_page": {"alerts"},
}


@pytest.fixture(autouse=True)
def nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenLineageReceiver]:
    with OpenLineageReceiver() as one:
        for name, value in one.environment.items():
            monkeypatch.setenv(name, value)
        yield one
        assert not one.violations


def run_day(lender, instance):
    partition = ModelDay(YESTERDAY, KEY).partition
    return job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=partition, raise_on_error=False
    )


def test_each_asset_of_a_day_is_a_run_from_its_inputs_to_its_output(lender, instance, receiver):
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)

    result = run_day(lender, instance)

    assert result.success
    jobs = [one["job"]["name"] for one in receiver.events if one["eventType"] == "START"]
    assert sorted(jobs) == sorted(f"{asset}/{KEY}" for asset in READS)
    ended = receiver.ended()
    assert len(ended) == len(READS)
    started = {one["run"]["runId"] for one in receiver.events if one["eventType"] == "START"}
    assert started == ended.keys()
    for event in ended.values():
        assert event["eventType"] == "COMPLETE"
        asset = event["job"]["name"].removesuffix(f"/{KEY}")
        assert edges(event) == (
            {f"{OURS}/{name}/{KEY}" for name in READS[asset]},
            {f"{OURS}/{asset}/{KEY}"},
        )
        facets = event["run"]["facets"]
        assert facets["nominalTime"]["nominalStartTime"] == f"{YESTERDAY}T00:00:00Z"
        assert facets["nominalTime"]["nominalEndTime"] == f"{days_ago(-1)}T00:00:00Z"
        assert facets["parent"]["run"]["runId"] == result.run_id
        assert facets["parent"]["job"]["namespace"] == "dagster"
        assert facets["parent"]["job"]["name"] == "monitor_day"


def test_a_day_that_fails_says_why_and_without_a_secret(lender, instance, receiver, monkeypatch):
    monkeypatch.setenv("LENDER_TOKEN", "s3cret-of-the-lender")
    lender.publish(batch={"path": "s3cret-of-the-lender/{date}/", "key": "loan_id"})
    onboard(lender, instance)

    assert not run_day(lender, instance).success

    (event,) = receiver.ended().values()
    assert event["eventType"] == "FAIL"
    assert event["job"]["name"] == f"features/{KEY}"
    message = event["run"]["facets"]["errorMessage"]["message"]
    assert "NotArrivedError" in message
    assert "s3cret" not in message


def test_each_day_of_a_range_is_a_run(lender, instance, receiver):
    lender.publish()
    days = [days_ago(number) for number in range(3)]
    for day in days[1:]:
        lender.deliver(day)
    onboard(lender, instance)

    backfill(job("monitor_day", lender), instance, KEY, days)

    ended = {
        event["run"]["facets"]["nominalTime"]["nominalStartTime"][:10]: event["eventType"]
        for event in receiver.ended().values()
        if event["job"]["name"] == f"features/{KEY}"
    }
    assert ended == {str(days[0]): "FAIL", str(days[1]): "COMPLETE", str(days[2]): "COMPLETE"}


def test_the_namespace_of_jobs_and_the_environments_prefix(
    lender, instance, receiver, monkeypatch, tmp_path
):
    (tmp_path / "airflow.yaml").write_text("dag_id_prefix: staging.\n")
    monkeypatch.setenv("MONITORING_AIRFLOW", str(tmp_path / "airflow.yaml"))
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "credit-risk")
    lender.publish()
    onboard(lender, instance)

    run_day(lender, instance)

    (event,) = receiver.ended().values()
    assert event["job"] == event["job"] | {
        "namespace": "credit-risk",
        "name": f"staging.features/{KEY}",
    }
    assert edges(event) == (
        {f"{OURS}/staging.reference_profile/{KEY}"},
        {f"{OURS}/staging.features/{KEY}"},
    )


def test_a_receiver_that_refuses_keeps_no_day_from_being_made(lender, instance, receiver, capfd):
    receiver.fail_if = lambda _: Answer(403)
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)

    assert run_day(lender, instance).success

    assert not receiver.events
    assert len(receiver.requests) == len(READS), "a step asks once, not for each of its events"
    assert "no more events of this step" in capfd.readouterr().err


def test_a_missing_client_keeps_no_day_from_being_made(
    lender, instance, receiver, monkeypatch, capfd
):
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)

    assert run_day(lender, instance).success

    assert not receiver.requests
    assert "openlineage" in capfd.readouterr().err


def test_without_a_switch_nothing_is_imported_or_sent(lender, instance, monkeypatch):
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)
    assert run_day(lender, instance).success
