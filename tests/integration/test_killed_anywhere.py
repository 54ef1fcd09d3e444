"""Killed by SIGKILL at any write, a deployment ends as an undisturbed one, notices included."""

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
import pytest

from monitoring_assets.partitions import ModelDay
from tests.conftest import ROUTING_KEY, YESTERDAY, Lender, days_ago, rows
from tests.receivers.pagerduty import PagerDutyReceiver

pytestmark = pytest.mark.killed

KEY = "pd_cards.1"
DAY = ModelDay(YESTERDAY, KEY).partition
# What a run, a process and the clock call differently each time.
OWN = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"), "TIME"),
]
# Tags of the registry's files, which hold their time; work files; turns of processes that are gone.
PASSING = ("manifests/verdicts.json", ".unfinished/", "turns/")

POINTS = {
    "registry tick": [
        "before manifests/verdicts.json",
        "before manifests/history/*",
        "before manifests/pd_cards.1.json",
        "before manifests/all.json",
        "after manifests/all.json",
    ],
    "reference": [
        "before reference_grid/*",
        "before reference_profile/*",
        "after reference_profile/*",
    ],
    "announcement": [
        "after outbox/pagerduty/*",
        "before evidence/deliveries/pagerduty/*",
        "before delete outbox/pagerduty/*",
    ],
    "features": ["before features/*", "after features/*", "after features_profile/*"],
    "scores": ["before scores/*", "after scores/*", "after scores_profile/*"],
    "report": ["before drift_report/*", "after drift_report/*", "after performance_report/*"],
    "alerts": [
        "before alerts/*",
        "after alerts/*",
        "after telling/*",
        "after incidents/*",
        "before delete telling/*",
    ],
    "delivery": [
        "after outbox/pagerduty/*#2",
        "before evidence/deliveries/pagerduty/*#2",
        "before delete outbox/pagerduty/*#2",
    ],
    "page": ["before pages/pd_cards.1/*", "after pages/latest/*"],
    "export": [
        "before .airflowignore",
        "after model_monitoring_runtime_*#3",
        "before model_monitoring_*.json",
        "before model_monitoring_dags.py",
    ],
}


@dataclass
class Deployment:
    """A lender whose model drifted yesterday, with a home, a bundle and PagerDuty."""

    folder: Path
    pagerduty: PagerDutyReceiver

    def __post_init__(self) -> None:
        self.lender = Lender(str(self.folder / "lender"), self.folder)
        (self.folder / "home").mkdir(parents=True)
        (self.folder / "home/dagster.yaml").write_text("telemetry: {enabled: false}\n")
        one_day = {"open": {"days": 1, "of": 1}}
        self.lender.publish(deployed_at=str(days_ago(30)), alerts=one_day)
        self.lender.deliver(YESTERDAY, rows(1, size=2_000, income_shift=0.6))

    def work(self, point: str = "") -> int:
        """Onboard, make yesterday, send and export, in one process; its exit code."""
        out = str(self.folder / "dags")
        commands = ["onboard", "--", "day", DAY, "--", "alerts", "resend"]
        commands += ["--", "airflow", "export", "--out", out]
        environment = {
            **os.environ,
            **self.lender.environment,
            "DAGSTER_HOME": str(self.folder / "home"),
            "PAGERDUTY_EVENTS_URL": self.pagerduty.url,
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.killed", point, *commands],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, -9), done.stderr[-3_000:]
        return done.returncode

    @property
    def state(self) -> dict[str, object]:
        """All that is left, without what is called differently each time."""
        found: dict[str, object] = {}
        for root in ("lender/store", "dags"):
            top = self.folder / root
            for file in top.rglob("*"):
                path = file.relative_to(top).as_posix()
                if file.is_file() and not path.startswith(PASSING):
                    found[self._plain(path)] = self._content(file, path)
        with dg.DagsterInstance.from_config(str(self.folder / "home")) as instance:
            for key in instance.all_asset_keys():
                made = instance.get_materialized_partitions(key)
                found[f"Dagster: {key.to_user_string()}"] = sorted(made)
            runs = instance.get_runs()
            found["open runs"] = [run.job_name for run in runs if not run.is_finished]
        found["PagerDuty: incidents"] = [
            (one.dedup_key, one.triggers[0]["payload"]["summary"], one.resolved)
            for one in self.pagerduty.incidents
        ]
        found["PagerDuty: changes"] = sorted({one["summary"] for one in self.pagerduty.changes})
        return found

    def _content(self, file: Path, path: str) -> object:
        if path.startswith("evidence/") and file.suffix == ".parquet":
            return None  # a killed run's is kept beside that of the run that made up for it
        if file.suffix == ".parquet":
            table = pq.read_table(file)
            notes = {k: self._plain(v.decode()) for k, v in (table.schema.metadata or {}).items()}
            return self._plain(str(table.to_pydict())), notes
        text = self._plain(file.read_text())
        if path.startswith("incidents/"):
            # Of the last decision alone, until they are in the outbox: one that is made again finds
            # them there. What was told is compared in the log, the deliveries and at PagerDuty.
            return {**json.loads(text), "notices": []}
        return text

    def _plain(self, text: str) -> str:
        for pattern, name in OWN:
            text = pattern.sub(name, text)
        return text.replace(str(self.folder), "").replace(self.pagerduty.url, "")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with PagerDutyReceiver(keys={ROUTING_KEY}) as pagerduty:
        one = Deployment(tmp_path_factory.mktemp("undisturbed") / "deployment", pagerduty)
        assert one.work() == 0
        state = one.state
    assert len(state["PagerDuty: incidents"]) == 1
    assert state["PagerDuty: changes"] == [f"{KEY} is monitored, from {days_ago(30)} on"]
    assert state["open runs"] == []
    assert len(pagerduty.changes) == 1
    return state


@pytest.mark.parametrize(
    ("stage", "point"), [(stage, point) for stage, points in POINTS.items() for point in points]
)
def test_what_was_killed_is_made_up_for(tmp_path, undisturbed, stage, point):
    with PagerDutyReceiver(keys={ROUTING_KEY}) as pagerduty:
        one = Deployment(tmp_path / "deployment", pagerduty)
        assert one.work(point) == -9, f"{point} was not reached"
        assert one.work() == 0
        assert one.state == undisturbed
        # PagerDuty folds incidents by their key, and has no key for changes: one that was taken,
        # and not recorded before the kill, is sent again.
        assert len(pagerduty.changes) == 1 + (point == "before evidence/deliveries/pagerduty/*")
