"""A lender, a Dagster home, a bundle and PagerDuty, and all that processes leave behind there.

What two ways through the same days leave behind can be compared: `Deployment.state`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
)

from monitoring_assets.definitions import defs
from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.storage import Storage, open_storage
from resources.store import arrow_file
from tests.conftest import YESTERDAY, Lender, days_ago, rows
from tests.receivers.pagerduty import PagerDutyReceiver

KEY = "pd_cards.1"
# What a run, a process and the clock call differently each time.
OWN = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"), "TIME"),
]
PASSING = (
    "manifests/verdicts.json",  # tags of the registry's files, which hold their time
    "turns/",  # of processes that are gone
    "gathered/",  # made of the reports, whose tags hold their time
    "pages/index.html",  # as of the last tick of its sensor
)


@dataclass
class Deployment:
    """A deployment in a folder, whose lender may lie elsewhere."""

    folder: Path
    lender: Lender
    pagerduty: PagerDutyReceiver

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        (self.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    def drift(self) -> None:
        """Land a version whose model drifted yesterday."""
        one_day = {"open": {"days": 1, "of": 1}}
        self.lender.publish(deployed_at=str(days_ago(30)), alerts=one_day)
        self.lender.deliver(YESTERDAY, rows(1, size=2_000, income_shift=0.6))

    @property
    def environment(self) -> dict[str, str]:
        """Variables of every process."""
        return {
            **self.lender.environment,
            "DAGSTER_HOME": str(self.home),
            **self.pagerduty.environment,
        }

    def start(self, *commands: str, point: str = "") -> subprocess.Popen[str]:
        """Start a process of `tests.killed`."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.killed", point, *commands],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def state(self) -> dict[str, object]:
        """All that is left, without what is called differently each time."""
        found: dict[str, object] = {}
        for root in (self.lender.store.root, str(self.folder / "dags")):
            storage = open_storage(root)
            for path in storage.list():
                if not path.startswith(PASSING):
                    found[self._plain(path)] = self._content(storage, path)
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            for key in instance.all_asset_keys():
                made = instance.get_materialized_partitions(key)
                found[f"Dagster: {key.to_user_string()}"] = sorted(made)
            for check in defs.get_repository_def().asset_graph.asset_check_keys:
                found[f"Dagster: {check.to_user_string()}"] = self._said(instance, check)
            runs = instance.get_runs()
            found["open runs"] = [run.job_name for run in runs if not run.is_finished]
        found["PagerDuty: incidents"] = sorted(
            (one.dedup_key, one.triggers[0]["payload"]["summary"], one.resolved)
            for one in self.pagerduty.incidents
        )
        found["PagerDuty: changes"] = sorted({one["summary"] for one in self.pagerduty.changes})
        return found

    def _said(self, instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> dict[str, object]:
        """What a check said last of each day."""
        said: dict[str, object] = {}
        for record in instance.event_log_storage.get_asset_check_execution_history(
            check, limit=1_000, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
        ):
            if record.evaluation is not None:
                words = self._plain(record.evaluation.description or "")
                of = evaluated_partition(record.evaluation)
                said.setdefault(str(of), (record.evaluation.passed, words))
        return said

    def _content(self, storage: Storage, path: str) -> object:
        if path.startswith("evidence/") and path.endswith(".parquet"):
            return None  # a killed run's is kept beside that of the run that made up for it
        content = storage.read(path)
        if path.endswith(".parquet"):
            table = pq.read_table(arrow_file(content))
            notes = {k: self._plain(v.decode()) for k, v in (table.schema.metadata or {}).items()}
            return self._plain(str(table.to_pydict())), notes
        text = self._plain(content.decode())
        if path.startswith("incidents/"):
            # Of the last decision alone, until they are in the outbox: one that is made again finds
            # them there. What was told is compared in the log, the deliveries and at PagerDuty.
            return {**json.loads(text), "notices": []}
        return text

    def _plain(self, text: str) -> str:
        for pattern, name in OWN:
            text = pattern.sub(name, text)
        for own in (self.lender.root.removeprefix("s3://"), str(self.folder), self.pagerduty.url):
            text = text.replace(own, "")
        return text


def ended(process: subprocess.Popen[str]) -> int:
    """The exit code of a process: 0, or -9 if it was killed.

    Raises
    ------
    AssertionError
        If it failed, with what it said.
    """
    said, _ = process.communicate()
    assert process.returncode in (0, -9), said[-3_000:]
    return process.returncode
