"""What Airflow pays to parse a fleet: the bundle, beside one hand-written DAG file for each model.

Run in the Airflow environments (`make airflows`). As by the DAG processor, each file is parsed in a
process of its own, forked from one that has imported Airflow, and its DAGs are serialised. A worker
parses the file as well before it runs a task: it is told which DAG it is about, and keeps none.

Of the hand-written files ten are parsed, and their time is multiplied.

    python benchmarks/airflow_parse.py [--models 300]
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, arguments, publish
from tests.airflow_bridge.runtime.bundles import bundle, model, write

REPEATS = 1
SAMPLE = 10
INSIDE = """
import json, os, resource, sys, time
from pathlib import Path
files, asked = sorted(Path(sys.argv[1]).glob("*.py")), sys.argv[2]
try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization as Serialized
    import airflow.sdk
    airflow.sdk.DAG, airflow.sdk.BaseSensorOperator
    options = {}
except ImportError:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serialized_objects import SerializedDAG as Serialized
    options = {"include_examples": False}
if asked:
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = asked
started, memory = time.monotonic(), 0
for file in files:
    child = os.fork()
    if not child:
        bag = DagBag(str(file), **options)
        failed = bool(bag.import_errors) or not bag.dags
        for dag in bag.dags.values() if not asked else ():
            Serialized.to_dict(dag)
        sys.stdout.flush()
        os._exit(failed)
    _, status, used = os.wait4(child, 0)
    assert status == 0, file
    memory = max(memory, used.ru_maxrss / 1024)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"cpu": spent.ru_utime + spent.ru_stime, "wall": time.monotonic() - started,
    "memory": memory}))
"""
HAND_WRITTEN = {
    "dagster": """
import datetime as dt

import requests
{imports}
from airflow.timetables.interval import CronDataIntervalTimetable


class Launch(BaseSensorOperator):
    def __init__(self, *, asset, key, **kwargs):
        super().__init__(mode="reschedule", poke_interval=15, timeout=14400, **kwargs)
        self.asset, self.key = asset, key

    def poke(self, context):
        raise NotImplementedError("launch the partition's run and ask for it")


with DAG(
    "{dag_id}",
    schedule=CronDataIntervalTimetable("{cron}", "{timezone}"),
    start_date=dt.datetime(2026, 9, 1, 18, tzinfo=dt.timezone.utc),
    max_active_runs=4,
    default_args={{"owner": "{owner}", "retries": 3, "retry_delay": dt.timedelta(minutes=2)}},
    tags=["model-monitoring"],
) as dag:
    features = Launch(task_id="features", asset="features", key="{key}")
    scores = Launch(task_id="scores", asset="scores", key="{key}")
    drift_report = Launch(task_id="drift_report", asset="drift_report", key="{key}")
    alerts = Launch(task_id="alerts", asset="alerts", key="{key}")
    features >> scores >> drift_report >> alerts
    features >> drift_report
""",
    "kubernetes": """
import datetime as dt

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
{imports}
from airflow.timetables.interval import CronDataIntervalTimetable


def make(asset):
    return KubernetesPodOperator(
        task_id=asset,
        namespace="monitoring",
        image="registry.example/monitoring:1",
        cmds=["monitoring"],
        arguments=["materialise", asset, "--model", "{key}", "--date", "{{{{ ds }}}}"],
        deferrable=True,
    )


with DAG(
    "{dag_id}",
    schedule=CronDataIntervalTimetable("{cron}", "{timezone}"),
    start_date=dt.datetime(2026, 9, 1, 18, tzinfo=dt.timezone.utc),
    max_active_runs=4,
    default_args={{"owner": "{owner}", "retries": 3, "retry_delay": dt.timedelta(minutes=2)}},
    tags=["model-monitoring"],
) as dag:
    features, scores = make("features"), make("scores")
    drift_report, alerts = make("drift_report"), make("alerts")
    features >> scores >> drift_report >> alerts
    features >> drift_report
""",
}
IMPORTS = {
    "2.11": "from airflow import DAG\nfrom airflow.sensors.base import BaseSensorOperator",
    "3": "from airflow.sdk import DAG, BaseSensorOperator",
}


def parse(airflow: str, folder: Path, home: Path, asked: str = "") -> dict[str, Any]:
    """Parse a folder's files; the least of `REPEATS` times by CPU."""
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(home / airflow),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # So that a busy machine ends it too; Airflow's own is 30 seconds a file.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
    }
    python = ROOT / ".airflow" / airflow / "bin" / "python"
    found = []
    for _ in range(REPEATS):
        done = subprocess.run(
            [python, "-W", "ignore", "-c", INSIDE, folder, asked],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            text=True,
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return min(found, key=lambda one: one["cpu"])


def main() -> None:
    """Measure bundles and hand-written files of a fleet, in both modes and Airflows."""
    parser = arguments(__doc__)
    parser.add_argument("--models", type=int, default=300)
    number = parser.parse_args().models
    fleet = [model(version) for version in range(1, number + 1)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for mode, source in HAND_WRITTEN.items():
            bundled = write(bundle(fleet, mode), place / mode)
            for airflow, imports in IMPORTS.items():
                many, one = place / f"{mode}-{airflow}", place / f"{mode}-{airflow}-one"
                many.mkdir()
                one.mkdir()
                for entry in fleet[:SAMPLE]:
                    text = source.format(imports=imports, **entry)
                    (many / f"{entry['dag_id']}.py").write_text(text)
                (one / "dag.py").write_text(text)
                for what, where, asked, times in (
                    ("bundle", bundled, "", 1),
                    (f"{number} files", many, "", number / SAMPLE),
                    ("bundle, before a task", bundled, fleet[0]["dag_id"], 1),
                    ("its file, before a task", one, fleet[0]["dag_id"], 1),
                ):
                    found = parse(airflow, where, place, asked)
                    rows.append(
                        {
                            "Airflow": airflow,
                            "mode": mode,
                            "parsed": what,
                            "s CPU": found["cpu"] * times,
                            "s": found["wall"] * times,
                            "MB": found["memory"],
                        }
                    )
    publish("airflow_parse", rows)


if __name__ == "__main__":
    main()
