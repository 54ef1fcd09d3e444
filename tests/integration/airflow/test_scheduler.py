"""The scheduler runs model versions by itself, whatever happens on the way (mode dagster)."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from resources.storage import open_storage
from tests.conftest import Lender, days_ago, rows
from tests.integration.airflow.conftest import Bridge, dag_id, deployment
from tests.integration.airflow.dagster_side import ROOT
from tests.integration.airflow.models import (
    ASSETS,
    SCHEDULE,
    held,
    land_held,
    launched,
    partition,
    scoring,
)
from tests.integration.airflow.postgres import Postgres
from tests.integration.airflow.processes import wait_for
from tests.receivers.openlineage import OpenLineageReceiver, edges

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

EVERY_AIRFLOW = ["2.11", "2.11-dagster", "3"]
BOTH_AIRFLOWS = ["2.11", "3"]
CARDS = "pd_cards.1"
SETTINGS: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": 5,
    "max_retry_delay_seconds": 10,
    "timeout_seconds": 1200,
}
# A day takes longer than this deadline.
OF_AIRFLOW_3 = {
    "asset_partitions": True,
    "deadline_seconds": 5,
    "on_deadline": "lender_oncall:late",
}


@pytest.fixture(scope="module")
def bridge(
    request: pytest.FixtureRequest,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
    receiver: OpenLineageReceiver,
) -> Iterator[Bridge]:
    """A deployment with the Airflow that a test asks for."""
    folder = tmp_path_factory.mktemp("deployment")
    lender = Lender(str(folder / "lender"), folder)
    without = ("triggerer",)  # nothing is deferred in this mode
    version = request.param
    settings = SETTINGS | (OF_AIRFLOW_3 if version == "3" else {})
    receiver.events.clear()
    with pytest.MonkeyPatch.context() as environment:
        if version in BOTH_AIRFLOWS:
            page = (ROOT / "docs/openlineage.md").read_text()
            (configuration,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
            file = folder / "openlineage.yml"
            file.write_text(configuration.replace("https://lineage.lender.example", receiver.url))
            environment.setenv("OPENLINEAGE_CONFIG", str(file))
        with deployment(folder, version, lender, postgres, settings, without=without) as one:
            yield one


@pytest.fixture(scope="module")
def receiver() -> Iterator[OpenLineageReceiver]:
    """What lineage events are sent to, where a deployment has the page's configuration."""
    with OpenLineageReceiver() as one:
        yield one


@dataclass(frozen=True)
class Landing:
    """Seconds from a version's landing until ..."""

    dag_is_active: float
    first_run: float


@pytest.fixture(scope="module")
def cards(bridge: Bridge) -> Landing:
    """A version that landed beside a broken one, with two days to catch up: the second drifts."""
    lender = bridge.dagster.lender
    lender.deliver(days_ago(1))
    lender.deliver(days_ago(0), rows(5, income_shift=1.0))
    open_storage(lender.registry.root).write("pd_broken/1/model.yaml", b"name: pd_broken\n")
    landed = time.monotonic()
    lender.publish(deployed_at=str(days_ago(1)), schedule=SCHEDULE)

    def the_dag_is_active() -> bool:
        bridge.processes.check()
        return bridge.airflow.is_scheduled(dag_id(CARDS))

    def a_run_is_there() -> list[dict[str, Any]]:
        return bridge.airflow.runs(dag_id(CARDS))

    wait_for(the_dag_is_active)
    active = time.monotonic() - landed
    wait_for(a_run_is_there)
    landing = Landing(active, time.monotonic() - landed)
    print(f"Airflow {bridge.airflow.version}: {landing}")
    bridge.ended(CARDS, 2)
    return landing


def run_of(bridge: Bridge, key: str, day: dt.date) -> dict[str, Any]:
    """The DAG run of a day: the one whose interval ends on the day after."""
    end = day + dt.timedelta(days=1)
    (run,) = [r for r in bridge.airflow.runs(dag_id(key)) if r["data_interval_end"].date() == end]
    return run


@pytest.mark.parametrize("bridge", EVERY_AIRFLOW, indirect=True)
def test_a_version_that_lands_is_scheduled_and_its_days_are_made(bridge: Bridge, cards: Landing):
    days = [days_ago(1), days_ago(0)]
    both = {partition(day, CARDS) for day in days}
    for asset in ASSETS:
        assert bridge.dagster.materialized(asset) == both
        assert len(launched(bridge, CARDS, asset)) == 2, f"{asset} was not made once a day"
    # Nothing of Dagster's own has run a day besides.
    assert len(bridge.dagster.runs()) == 2 * len(ASSETS)
    assert len(bridge.dagster.runs(monitoring__requested_by="airflow")) == 2 * len(ASSETS)
    for run in launched(bridge, CARDS, "scores"):
        day = run.tags["dagster/partition/date"]
        assert run.tags["dagster/partition"] == f"{day}|{CARDS}"
        of_airflow = run_of(bridge, CARDS, dt.date.fromisoformat(day))
        assert run.tags["airflow/run_id"] == of_airflow["run_id"]
        assert run.tags["monitoring/model"] == "pd_cards"
        returned = bridge.airflow.xcom(dag_id(CARDS), of_airflow["run_id"], "scores")
        assert returned["run_id"] == run.run_id
        assert returned["partition"] == f"{day}|{CARDS}"
    with bridge.dagster.instance() as instance:
        for asset, name in (("scores", "psi"), ("features", "csi"), ("features", "batch_quality")):
            check = dg.AssetCheckKey(asset_key(asset), name)
            history = instance.event_log_storage.get_asset_check_execution_history(check, limit=9)
            assert {evaluated_partition(record.evaluation) for record in history} == both
        event = instance.get_latest_materialization_event(asset_key("drift_report"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata
    assert not bridge.airflow.import_errors()
    assert bridge.airflow.dag("monitor_day.pd_broken.1") is None


@pytest.mark.parametrize("bridge", EVERY_AIRFLOW, indirect=True)
def test_a_drift_fails_the_checks_and_alerts_are_decided(bridge: Bridge, cards: Landing):
    good, drifted = (run_of(bridge, CARDS, day) for day in (days_ago(1), days_ago(0)))
    assert (good["state"], drifted["state"]) == ("success", "failed")
    states = {
        task: row["state"]
        for task, row in bridge.airflow.tasks(dag_id(CARDS), drifted["run_id"]).items()
    }
    assert states.pop("checks") == "failed"
    assert {states[asset] for asset in ASSETS} == {"success"}
    log = bridge.airflow.log(dag_id(CARDS), drifted["run_id"], "checks")
    for reason in ("psi", "csi", "income"):
        assert reason in log
    note = bridge.airflow.note(dag_id(CARDS), drifted["run_id"])
    assert note.startswith(f"Monitors {days_ago(0)}: check ")
    assert "psi" in note
    assert bridge.airflow.note(dag_id(CARDS), good["run_id"]) == f"Monitors {days_ago(1)}"
    assert "failed" not in bridge.airflow.tasks(dag_id(CARDS), good["run_id"])["checks"]["state"]


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_team_waits_for_the_scores(bridge: Bridge, cards: Landing):
    def the_team_has_reviewed() -> bool:
        runs = bridge.airflow.runs("credit_policy")
        return bool(runs) and {run["state"] for run in runs} == {"success"}

    wait_for(the_team_has_reviewed, 120)
    kinds = {run["run_type"] for run in bridge.airflow.runs("credit_policy")}
    assert kinds <= {"asset_triggered", "dataset_triggered"}


@pytest.mark.parametrize("bridge", ["3"], indirect=True)
def test_a_team_waits_for_a_day_of_the_scores(bridge: Bridge, cards: Landing):
    def each_day_is_reviewed() -> dict[str, str]:
        runs = bridge.airflow.runs("credit_policy_by_day")
        done = {run["partition_key"]: run["run_id"] for run in runs if run["state"] == "success"}
        return done if len(done) == 2 else {}

    reviews = wait_for(each_day_is_reviewed, 120)
    assert reviews.keys() == {str(days_ago(1)), str(days_ago(0))}
    for day, run_id in reviews.items():
        assert bridge.airflow.xcom("credit_policy_by_day", run_id, "review") == f"reviewed {day}"


@pytest.mark.parametrize("bridge", ["3"], indirect=True)
def test_a_day_that_is_late_is_told(bridge: Bridge, cards: Landing):
    told = bridge.airflow.folder / "late"

    def both_are_told() -> set[str]:
        lines = set(told.read_text().split()) if told.exists() else set()
        return lines if len(lines) == 2 else set()

    runs = {run["run_id"] for run in bridge.airflow.runs(dag_id(CARDS))}
    assert wait_for(both_are_told, 120) == runs


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_lineage_of_both_sides_joins(bridge: Bridge, cards: Landing, receiver: OpenLineageReceiver):
    def of(namespace: str, job: str) -> set[tuple[frozenset[str], ...]]:
        return {
            tuple(map(frozenset, edges(event)))
            for event in receiver.events
            if event["eventType"] == "COMPLETE"
            and event["job"]["namespace"] == namespace
            and event["job"]["name"] == job
        }

    for asset in ASSETS:
        (by_dagster,) = of("dagster", f"{asset}/{CARDS}")
        (by_airflow,) = of("default", f"{dag_id(CARDS)}.{asset}")
        assert by_airflow == by_dagster
        reads, makes = by_dagster
        assert makes == {f"dagster://model-monitoring/{asset}/{CARDS}"}
        assert reads
    assert not receiver.violations


@pytest.mark.parametrize("bridge", EVERY_AIRFLOW, indirect=True)
def test_a_cleared_task_makes_its_partition_again(bridge: Bridge, cards: Landing):
    day = partition(days_ago(1), CARDS)
    before = {run.run_id for run in bridge.dagster.runs()}
    cleared = run_of(bridge, CARDS, days_ago(1))

    bridge.airflow.clear(dag_id(CARDS), cleared, "scores")

    def it_was_made_again() -> list[dg.DagsterRun]:
        new = [run for run in bridge.dagster.runs() if run.run_id not in before]
        return new if new and all(run.is_finished for run in new) else []

    (again,) = wait_for(it_was_made_again)
    assert again.is_success
    assert again.tags["dagster/partition"] == day
    assert again.tags["airflow/task_id"] == "scores"
    assert again.asset_selection == {asset_key("scores")}
    assert run_of(bridge, CARDS, days_ago(1))["run_id"] == again.tags["airflow/run_id"]

    def the_run_is_over() -> bool:
        return run_of(bridge, CARDS, days_ago(1))["state"] == "success"

    wait_for(the_run_is_over)
    assert len({run.run_id for run in bridge.dagster.runs()} - before) == 1


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_backfill_makes_a_range_again(bridge: Bridge, cards: Landing):
    # The feed has been mended.
    bridge.dagster.lender.deliver(days_ago(0))
    before = {run.run_id for run in bridge.dagster.runs()}

    bridge.airflow.backfill(dag_id(CARDS), bridge.airflow.runs(dag_id(CARDS)))

    def every_asset_was_made_again() -> list[dg.DagsterRun]:
        bridge.processes.check()
        new = [run for run in bridge.dagster.runs() if run.run_id not in before]
        over = [run for run in new if run.is_success]
        return over if len(over) == 2 * len(ASSETS) else []

    again = wait_for(every_asset_was_made_again, 900)
    made = sorted((run.tags["airflow/task_id"], run.tags["dagster/partition"]) for run in again)
    days = [days_ago(1), days_ago(0)]
    assert made == sorted((asset, partition(day, CARDS)) for asset in ASSETS for day in days)

    def both_days_are_good() -> bool:
        return {run["state"] for run in bridge.airflow.runs(dag_id(CARDS))} == {"success"}

    wait_for(both_days_are_good)


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_killed_worker_starts_nothing_twice(bridge: Bridge):
    """It dies between Dagster's launch of the run and its answer."""
    gateway = bridge.dagster.gateway
    gateway.open.clear()
    land_held(bridge, "pd_killed")
    held(bridge).delete("pd_killed")
    assert gateway.kept_back.wait(300)
    os.kill(gateway.client(), signal.SIGKILL)
    gateway.open.set()

    (run,) = bridge.ended("pd_killed.1", 1)

    assert run["state"] == "success"
    for asset in ASSETS:
        assert len(launched(bridge, "pd_killed.1", asset)) == 1
    features = bridge.airflow.tasks(run["dag_id"], run["run_id"])["features"]
    assert features["state"] == "success"
    assert features["try_number"] == 2


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_the_webserver_may_be_down_for_a_while(bridge: Bridge):
    land_held(bridge, "pd_down")

    wait_for(lambda: scoring(bridge, "pd_down.1"))
    refused = bridge.dagster.gateway.refused
    bridge.dagster.stop_webserver()

    def it_asked_in_vain() -> bool:
        return bridge.dagster.gateway.refused >= refused + 2

    wait_for(it_asked_in_vain)
    held(bridge).delete("pd_down")
    bridge.dagster.start_webserver()

    (run,) = bridge.ended("pd_down.1", 1)
    assert run["state"] == "success"
    assert len(launched(bridge, "pd_down.1", "scores")) == 1
    # Waiting is no failure.
    assert bridge.airflow.tasks(run["dag_id"], run["run_id"])["scores"]["try_number"] == 1


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_task_that_is_marked_failed_takes_its_run_with_it(bridge: Bridge):
    land_held(bridge, "pd_stopped")

    wait_for(lambda: scoring(bridge, "pd_stopped.1"))
    (run,) = bridge.airflow.runs(dag_id("pd_stopped.1"))
    bridge.airflow.mark_failed(dag_id("pd_stopped.1"), run, "scores")

    def it_is_cancelled() -> bool:
        (scores,) = launched(bridge, "pd_stopped.1", "scores")
        return scores.status is dg.DagsterRunStatus.CANCELED

    wait_for(it_is_cancelled)
    held(bridge).delete("pd_stopped")
    (run,) = bridge.ended("pd_stopped.1", 1)
    assert run["state"] == "failed"
    assert partition(days_ago(0), "pd_stopped.1") not in bridge.dagster.materialized("scores")


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_retired_version_is_not_scheduled_and_its_history_stays(bridge: Bridge, cards: Landing):
    lender = bridge.dagster.lender
    history = [run["run_id"] for run in bridge.airflow.runs(dag_id(CARDS))]
    assert bridge.airflow.dag(dag_id(CARDS))["next_dagrun_create_after"] is not None
    lender.publish_manifest(
        "pd_cards",
        "1",
        deployed_at=str(days_ago(1)),
        schedule=SCHEDULE,
        retired_at=str(days_ago(-1)),
        revision=2,
    )

    def nothing_is_next() -> bool:
        row = bridge.airflow.dag(dag_id(CARDS))
        return row is not None and row["next_dagrun_create_after"] is None

    wait_for(nothing_is_next)
    assert [run["run_id"] for run in bridge.airflow.runs(dag_id(CARDS))] == history
    assert bridge.airflow.is_scheduled(dag_id(CARDS))
