"""Versions that have been watched for a week, and what happens on the way from a batch to a page.

Yesterday's batch is the one that a test delivers. Whatever a version needs before it (its
reference, its quiet days, for some an open incident) is made here, without a daemon.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from itertools import pairwise
from typing import Any

import dagster as dg
import pandas as pd

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.backfill import QUIET, backfill
from tests.conftest import YESTERDAY, Lender, days_ago, job, onboard, rows, seed_of
from tests.receivers.pagerduty import PagerDutyReceiver
from tests.receivers.server import Answer

FIRST_DAY = days_ago(10)  # so that a new version's first days are over
DRIFT_DAY = days_ago(3)
INCOME_SHIFT = 1.0  # two standard deviations: an index far over `at_once`, and no broken column
ROUTING_KEY = "r" * 32


class TimedPagerDuty(PagerDutyReceiver):
    """PagerDuty on loopback that also knows when it took each event."""

    def __init__(self) -> None:
        super().__init__(keys={ROUTING_KEY})
        self.heard: list[tuple[float, dict[str, Any]]] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = super().answer(method, path, headers, body)
        if answer.status == 202 and path == "/v2/enqueue":
            self.heard.append((time.time(), json.loads(body)))
        return answer

    def when(self, action: str, key: str) -> float | None:
        """When it first took such an event of a version; None if it has not."""
        return next(
            (
                at
                for at, event in self.heard
                if event["event_action"] == action and f"/{key}/" in event["dedup_key"]
            ),
            None,
        )


def drifted(day: dt.date) -> pd.DataFrame:
    """A day of other people."""
    return rows(seed_of(day), income_shift=INCOME_SHIFT)


def broken(day: dt.date) -> pd.DataFrame:
    """A day that says the same loan in every row, which a blocking check refuses."""
    return rows(seed_of(day)).assign(loan_id="the same")


def watch(
    lender: Lender, instance: dg.DagsterInstance, quiet: list[str], open_incident: list[str]
) -> None:
    """Bring versions to where only yesterday's batch is missing.

    Parameters
    ----------
    lender
        Where they land, each as version 1 with a feed of its own.
    instance
        Records their runs.
    quiet
        Models to which nothing has happened.
    open_incident
        Models that drifted on ``DRIFT_DAY`` and were good again since: yesterday's good batch is
        the one that resolves.
    """
    for name in (*quiet, *open_incident):
        # Due late, so that yesterday's is not overdue while the test makes up its mind.
        lender.publish(name, deployed_at=str(FIRST_DAY), schedule={"cron": "59 23 * * *"})
    onboard(lender, instance)
    landed = {
        key: item.model_copy(
            update={"landed_at": dt.datetime.combine(FIRST_DAY, dt.time(), dt.UTC)}
        )
        for key, item in lender.store.all_landed().items()
    }
    lender.store.land(landed, set(landed))
    monitor_day = job("monitor_day", lender)
    days = [FIRST_DAY + dt.timedelta(days=n) for n in range((YESTERDAY - FIRST_DAY).days)]
    for name in (*quiet, *open_incident):
        for day in days:
            is_other = name in open_incident and day == DRIFT_DAY
            lender.deliver(day, drifted(day) if is_other else None, feed=name)
        live = [day for day in days if name in open_incident and day >= DRIFT_DAY]
        past = [day for day in days if day not in live]
        assert not backfill(monitor_day, instance, f"{name}.1", past).failed
        for day in live:
            assert monitor_day.execute_in_process(
                instance=instance,
                partition_key=ModelDay(day, f"{name}.1").partition,
                run_config=QUIET | {"ops": {"alerts": {"config": {"as_if_on_the_day": True}}}},
            ).success


def batches_are_looked_for(instance: dg.DagsterInstance) -> bool:
    """Whether the daemon has ticked the batch sensor: it is up."""
    return any(
        instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        for state in instance.all_instigator_state()
        if state.instigator_name == "batch_sensor"
    )


def stages(
    instance: dg.DagsterInstance, key: str, arrived: float, heard: float
) -> dict[str, float]:
    """Where the seconds from yesterday's batch to the page went, in their order.

    Parameters
    ----------
    instance
        Of the daemon.
    key
        The version's partition key.
    arrived, heard
        When the batch was there, and when PagerDuty took the event: seconds since 1970.
    """
    partition = ModelDay(YESTERDAY, key).partition
    runs = instance.get_run_records(
        dg.RunsFilter(tags={"dagster/partition": partition}), ascending=True
    )
    marks = [("", arrived)]
    for record in runs:
        run = record.dagster_run
        sensor = run.tags["dagster/sensor_name"].replace("_", " ")
        named = {
            (dg.DagsterEventType.RUN_ENQUEUED, None): f"{sensor} asks for {run.job_name}",
            (dg.DagsterEventType.RUN_STARTING, None): f"{run.job_name} leaves the queue",
            (dg.DagsterEventType.STEP_START, "first"): f"{run.job_name}: the process is there",
            (dg.DagsterEventType.RUN_FAILURE, None): f"{run.job_name}: steps, and it fails",
            (dg.DagsterEventType.STEP_START, "alerts"): f"{run.job_name}: steps to the decision",
        }
        is_first = True
        for entry in instance.all_logs(run.run_id):
            event = entry.dagster_event
            if event is None:
                continue
            step = None
            if event.event_type == dg.DagsterEventType.STEP_START:
                if is_first:
                    marks.append((named[event.event_type, "first"], entry.timestamp))
                is_first, step = False, event.step_key
            if name := named.get((event.event_type, step)):
                marks.append((name, entry.timestamp))
    marks.append(("decision and send", heard))
    return {name: later - earlier for (_, earlier), (name, later) in pairwise(marks)}
