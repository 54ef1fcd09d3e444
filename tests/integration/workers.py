"""Processes that run the product's jobs and sensors on a calendar of their own, and may be killed.

Each takes commands, one after another, and answers when one is done. Its `datetime.now` is the
command's; time goes on in it. What it sends goes to addresses that hold its process id, so that a
receiver knows whom to kill.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pandas as pd

from monitoring_assets.alerting import ledger
from monitoring_assets.assets import alerts
from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.partitions import ModelDay
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.runs.backfill import QUIET
from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.delivery import http_errors
from resources.scorers.base import SCORE
from resources.storage import LocalStorage
from sensors import delivery_sensor, failure_sensor
from tests.conftest import Lender, job

AS_IF = QUIET | {"ops": {"alerts": {"config": {"as_if_on_the_day": True}}}}
Death = tuple[str, str]
DEATHS: list[Death] = [
    ("publish", "incidents/"),
    ("publish", "evidence/deliveries/pagerduty"),
    ("publish", "evidence/deliveries/datadog"),
    ("delete", "outbox/pagerduty"),
    ("delete", "outbox/datadog"),
    ("publish", "outbox/datadog"),
]
"""Where a process kills itself: in the ledger, between a message and its record, ..."""

SLOW_SECONDS = 3.0
"""An answer that takes so long came too late for its caller."""


@dataclass(frozen=True)
class Command:
    """Something to do.

    Parameters
    ----------
    what
        Name of a method of `Worker`.
    now
        When.
    arguments
        Its arguments.
    dies_before
        Operation of the storage and start of the path before which the process kills itself.
    """

    what: str
    now: dt.datetime
    arguments: tuple[Any, ...] = ()
    dies_before: Death | None = None


class Worker:
    """What runs in the process."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._instance = dg.DagsterInstance.get()
        monitor_day = job("monitor_day", lender)
        counted = frozenset({drift_report.key, alerts.alerts.key})
        self._jobs = {
            "monitor_day": monitor_day,
            "decide_alerts": job("decide_alerts", lender),
            "from counts": monitor_day.get_subset(asset_selection=counted),
        }

    def decide(self, key: str, day: dt.date, frame: pd.DataFrame) -> None:
        """Run the last part of a day, from its rows counted: the report and the decision."""
        store, bins = self._lender.store, read_reference(self._lender.store, key).bins
        path = self._lender.scratch / f"{os.getpid()}.parquet"
        frame.to_parquet(path, index=False)
        source = ParquetSource([path])
        columns = {name: bins[name] for name in ("income", "region", SCORE)}
        profile = count(source, columns, scores=source, score_column=SCORE)
        notes = {"manifest_sha256": store.landed(key).manifest.sha256}
        store.write_table("scores_profile", key, day, profile.to_table(), notes)
        self._run("from counts", ModelDay(day, key).partition, {})

    def monitor(self, key: str, day: dt.date) -> None:
        """Run a day from the lake, whatever becomes of it."""
        self._run("monitor_day", ModelDay(day, key).partition, {})

    def look_for_failures(self) -> None:
        """Tick the failure sensor and make the runs that it asks for."""
        cursors, name = self._instance.daemon_cursor_storage, failure_sensor.NAME
        context = dg.build_sensor_context(
            self._instance,
            cursor=cursors.get_cursor_values({name}).get(name),
            resources={"store": self._lender.store},
        )
        result = failure_sensor.failure_sensor(context)
        for request in result.run_requests:
            self._run(request.job_name, str(request.partition_key), request.tags)
        cursors.set_cursor_values({name: result.cursor})

    def deliver(self) -> None:
        """Tick the delivery sensor."""
        delivery_sensor.delivery_sensor(
            dg.build_sensor_context(self._instance, resources={"store": self._lender.store})
        )

    def _run(self, name: str, partition: str, tags: dict[str, str]) -> None:
        self._jobs[name].execute_in_process(
            instance=self._instance,
            partition_key=partition,
            tags=tags,
            run_config=AS_IF,
            raise_on_error=False,
        )


@dataclass
class Process:
    """A worker, and what is known of it from outside; a new one takes the place of a killed one.

    Parameters
    ----------
    lender, environment
        Whom it works for; values of the environment with ``{pid}`` get its process id.
    died
        Where it killed itself.
    """

    lender: Lender
    environment: dict[str, str]
    died: list[Death] = field(default_factory=list)
    _process: Any = field(default=None, init=False)
    _pipe: Any = field(default=None, init=False)

    def start(self, command: Command) -> None:
        """Begin a command."""
        if self._process is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([__name__])
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(
                target=_work,
                args=(theirs, self.lender.root, self.lender.scratch, self.environment),
                daemon=True,
            )
            self._process.start()
            theirs.close()
        self._pipe.send(command)

    def finish(self, command: Command) -> None:
        """Wait for what was begun; again if the process is killed, as run monitoring does.

        Raises
        ------
        AssertionError
            If it ended in any other way.
        """
        while True:
            try:
                said = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                self._process.join()
                assert self._process.exitcode == -signal.SIGKILL, self._process.exitcode
                self._process = None
                self.start(command)
            else:
                if said is None:
                    return
                assert said in DEATHS, said
                self.died.append(said)
                command = replace(command, dies_before=None)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _work(pipe: Connection, root: str, scratch: Path, environment: dict[str, str]) -> None:
    os.environ |= {name: text.format(pid=os.getpid()) for name, text in environment.items()}
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    http_errors.TIMEOUT = (3.05, SLOW_SECONDS - 1)
    try:
        worker = Worker(Lender(root, scratch))
    except Exception as failure:
        pipe.send(repr(failure))
        raise
    with suppress(EOFError):
        while True:
            command = pipe.recv()
            _set_clock(command.now)
            if command.dies_before:
                _die_before(pipe, command.dies_before)
            error = None
            try:
                getattr(worker, command.what)(*command.arguments)
            except Exception as failure:
                error = repr(failure)
            pipe.send(error)


def _set_clock(now: dt.datetime) -> None:
    """Let it be ``now`` wherever the product asks for the time of a decision or a delivery."""
    start = time.monotonic()

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return now + dt.timedelta(seconds=time.monotonic() - start)

    known = {name: getattr(dt, name) for name in ("date", "timedelta", "UTC")}
    for module in (alerts, ledger, delivery_sensor):
        module.dt = SimpleNamespace(datetime=Clock, **known)


def _die_before(pipe: Connection, death: Death) -> None:
    """Be killed before the next operation of the storage on such a path."""
    operation, start = death
    original = getattr(LocalStorage, operation)

    def dying(self: LocalStorage, *arguments: str | Path) -> None:
        if str(arguments[-1]).startswith(start):
            pipe.send(death)
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, *arguments)

    setattr(LocalStorage, operation, dying)
