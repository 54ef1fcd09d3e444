"""Model versions for the schedulers, and what Dagster has run of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import sys

import dagster as dg

from monitoring_assets.partitions import ModelDay
from resources.storage import Storage, open_storage
from tests.conftest import days_ago
from tests.integration.airflow.conftest import Bridge, dag_id

ASSETS = {
    *("features", "scores", "drift_report", "segment_report", "performance_report", "alerts"),
    "report_page",
}
# Due at midnight, so that yesterday is due at any time of the day.
SCHEDULE = {"cron": "0 0 * * *", "timezone": "UTC"}
PROGRAM = """
import sys, time
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
from resources.storage import open_storage

source, target, root, name = sys.argv[1:]
while open_storage(root).exists(name):
    time.sleep(0.5)
rows = pq.read_table(source)
logit = pc.subtract(pc.ln(rows["income"]), 10.0)
score = pc.divide(1.0, pc.add(1.0, pc.exp(logit)))
pq.write_table(pa.table({"loan_id": rows["loan_id"], "score": score}), target)
"""


def land_held(bridge: Bridge, name: str) -> None:
    """Land a version with one day, whose program does not score it before it is released."""
    lender = bridge.dagster.lender
    holds = held(bridge)
    holds.write(name, b"")
    program = PROGRAM.encode()
    open_storage(lender.registry.root).write(f"{name}/1/model.py", program)
    lender.deliver(days_ago(0), feed=name)
    command = [sys.executable, "{artefact}", "{input}", "{output}", holds.root, name]
    lender.publish(
        name,
        deployed_at=str(days_ago(0)),
        schedule=SCHEDULE,
        reference={"path": "reference.parquet", "score": "score"},
        scoring={
            "flavour": "command",
            "artefact": "model.py",
            "sha256": hashlib.sha256(program).hexdigest(),
            "command": command,
        },
    )


def held(bridge: Bridge) -> Storage:
    """Names of the models that are not released."""
    return open_storage(f"{bridge.dagster.lender.root}/held")


def scoring(bridge: Bridge, key: str) -> list[dg.DagsterRun]:
    """Runs of Dagster's that score a version at the moment."""
    runs = launched(bridge, key, "scores")
    return [run for run in runs if run.status is dg.DagsterRunStatus.STARTED]


def partition(day: dt.date, key: str) -> str:
    return ModelDay(day, key).partition


def launched(bridge: Bridge, key: str, task: str) -> list[dg.DagsterRun]:
    """Dagster's runs of a task of a version, over all its days."""
    return bridge.dagster.runs(airflow__dag_id=dag_id(key), airflow__task_id=task)
