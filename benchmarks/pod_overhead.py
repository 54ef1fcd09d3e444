"""What a day of a model costs in pods, beside jobs that do nothing, on the same cluster.

Each run goes through the daemon's queue, alone; times are those of the instance's own events.
``python -m benchmarks.pod_overhead`` finds the cluster as the tests do (KRIG, or KUBECONFIG).
"""

from __future__ import annotations

import json
import os
import statistics
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import psycopg2
import yaml
from dagster import DagsterEventType as Kind
from kubernetes.stream import stream

from benchmarks.measure import arguments, publish
from tests.conftest import YESTERDAY, Lender
from tests.integration.kubernetes.cluster import find_cluster
from tests.integration.kubernetes.conftest import pod_environment, s3_server
from tests.integration.kubernetes.deployment import HOME, Deployment, wait_for

LOCATIONS = {"model_monitoring": "monitoring_assets.definitions", "empty": "benchmarks.empty_jobs"}
MODELS = {"pd_cards": {}, "pd_auto": {"pod": {"steps": True}}}


@contextmanager
def deployed(folder: Path):
    """A deployment with both code locations, and two versions onboarded."""
    cluster = find_cluster()
    name = f"pod-overhead-{os.getpid()}"
    database = name.replace("-", "_")
    server = psycopg2.connect(**cluster.postgres, dbname="postgres")
    server.autocommit = True
    server.cursor().execute(f"CREATE DATABASE {database}")
    server.close()
    with s3_server(cluster) as endpoint:
        environment = pod_environment(cluster, endpoint)
        os.environ.update({n: value for n, value in environment.items() if n.startswith("AWS")})
        boto3.client("s3").create_bucket(Bucket="lender")
        lender = Lender("s3://lender", folder)
        storage = cluster.storage(database, cluster.postgres["password"])
        (folder / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage}))
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            one = Deployment(
                cluster, name, instance, environment | lender.environment, database, LOCATIONS
            )
            one.start()
            try:
                yield one, lender
            finally:
                one.stop()


def launch(deployment: Deployment, location: str, job: str, tags: dict[str, str]) -> dg.DagsterRun:
    """Ask for a run in the daemon's pod, and wait until it has ended well."""
    label = {"benchmark": str(time.monotonic_ns())}
    command = ["dagster", "job", "launch", "-w", f"{HOME}/workspace.yaml"]
    command += ["-l", location, "-j", job, "--tags", json.dumps(tags | label)]
    (daemon,) = deployment.pods("app=daemon")
    said = stream(
        deployment.cluster.core.connect_get_namespaced_pod_exec,
        *(daemon.metadata.name, deployment.namespace),
        command=command,
        stdout=True,
        stderr=True,
    )

    def run_has_ended() -> list[dg.DagsterRun]:
        runs = deployment.instance.get_runs(dg.RunsFilter(tags=label))
        assert runs, said
        return [run for run in runs if run.is_finished]

    (run,) = wait_for(run_has_ended, 600)
    assert run.is_success, run
    return run


def times(deployment: Deployment, run: dg.DagsterRun) -> dict[str, float]:
    """Seconds of a run: until its first event, from there to its end, and until a step starts."""
    at: dict[tuple[Any, Any], float] = {}
    for record in deployment.instance.all_logs(run.run_id):
        if record.dagster_event is not None:
            at[record.dagster_event.event_type, record.step_key] = record.timestamp
    begun, ended = at[Kind.RUN_START, None], at[Kind.RUN_SUCCESS, None]
    waits = [
        at[Kind.STEP_START, step] - moment
        for (kind, step), moment in at.items()
        if kind == Kind.STEP_WORKER_STARTING
    ]
    return {
        "launch": begun - at[Kind.RUN_STARTING, None],
        "run": ended - begun,
        "whole": ended - at[Kind.RUN_STARTING, None],
        "step": statistics.median(waits) if waits else 0.0,
    }


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    folder = given.data / f"pod-overhead-{os.getpid()}"
    folder.mkdir(parents=True)
    with deployed(folder) as (deployment, lender):
        lender.deliver(YESTERDAY)
        for name, fields in MODELS.items():
            batch = {"path": "pd_cards/{date}.parquet", "key": "loan_id"}
            lender.publish(name, batch=batch, deployed_at=YESTERDAY.isoformat(), **fields)

        def every_day_is_done() -> bool:
            done = deployment.instance.get_runs(dg.RunsFilter(job_name="monitor_day"))
            return len(done) == len(MODELS) and all(run.is_success for run in done)

        wait_for(every_day_is_done, 600)
        kinds = {
            "nothing, one pod": ("empty", "one_process", {}),
            "nothing, a pod for each step": ("empty", "step_pods", {}),
        }
        for what, name in (("one pod", "pd_cards"), ("a pod for each step", "pd_auto")):
            account = {"service_account_name": "monitoring-run-steps"}
            config = {"pod_spec_config": account | {"automount_service_account_token": True}}
            tags = {
                "dagster/partition": f"{YESTERDAY}|{name}.1",
                "dagster/partition/date": YESTERDAY.isoformat(),
                "dagster/partition/model": f"{name}.1",
                "dagster-k8s/config": json.dumps(config),
            }
            kinds[f"a day, {what}"] = ("model_monitoring", "monitor_day", tags)
        measured: dict[str, list[dict[str, float]]] = {what: [] for what in kinds}
        for _ in range(given.repeats):
            for what, (location, job, tags) in kinds.items():
                run = launch(deployment, location, job, tags)
                measured[what].append(times(deployment, run))
    rows = []
    for what, found in measured.items():
        median = {name: statistics.median(one[name] for one in found) for name in found[0]}
        beside = measured[what.replace("a day", "nothing")]
        rows.append(
            {
                "run": what,
                "launch to first event, s": median["launch"],
                "first event to end, s": median["run"],
                "whole, s": median["whole"],
                "Job of a step to its start, s": median["step"] or None,
                "whole, times nothing": median["whole"]
                / statistics.median(one["whole"] for one in beside),
            }
        )
    publish("pod_overhead", rows)


if __name__ == "__main__":
    main()
