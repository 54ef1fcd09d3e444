"""One tick of every sensor: seconds, S3 calls and queries, by number of versions.

Every answer of S3 is 20 ms late; Dagster's database is PostgreSQL. A fleet has a year of days
behind it. *morning*: yesterday's batches have all arrived and none has been run. *dead feeds*: of
fifty versions no batch has come for a fortnight. *outage*: nothing has run for a week, the batches
and outcomes are there, and PagerDuty has taken nothing. Each sensor ticks three times, the first
without its cursor; the slowest counts.

    python -m benchmarks.ticks
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import os
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from benchmarks.fleet_database import copy_run, fleet_instance, run_one_day
from benchmarks.measure import publish
from benchmarks.object_store import CALLS, SEED
from monitoring_assets.partitions import ModelDay
from tests.queries import recorded_queries

LATENCY = 0.02
SIZES = (30, 100, 300, 1000)
SCENES = ("morning", "dead feeds", "outage")
HISTORY, DEAD, SILENT_DAYS, OUTAGE_DAYS = 330, 50, 14, 7
OUTCOME = {"path": "outcomes/{}/{{date}}/", "column": "bad_{horizon}", "maturity": [30, 90]}
BUCKET = "fleet"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    # PagerDuty is down: nothing listens there.
    "PAGERDUTY_EVENTS_URL": "http://127.0.0.1:9/v2/enqueue",
    "PAGERDUTY_ROUTING_KEY": "0" * 32,
}
TODAY = dt.datetime.now(dt.UTC).date()


class Lake:
    """S3 in a process of its own."""

    def __enter__(self) -> Lake:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.object_store", str(LATENCY)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def seed(self, content: Mapping[str, str]) -> None:
        """Have objects, by their path in the bucket."""
        text = json.dumps({f"{BUCKET}/{path}": one for path, one in content.items()})
        request = urllib.request.Request(self.url + SEED, text.encode(), method="PUT")
        urllib.request.urlopen(request).close()

    def calls(self) -> int:
        """Requests since it was last asked."""
        with urllib.request.urlopen(self.url + CALLS) as answer:
            return int(answer.read())


def day(number: int) -> dt.date:
    """The day that many days ago; 1 is yesterday, the last whole one."""
    return TODAY - dt.timedelta(days=number)


def fleet(versions: int) -> dict[str, Any]:
    """Versions that landed a year ago, by key."""
    from resources.manifest import Manifest
    from resources.store import Landed

    since = day(HISTORY)
    found = {}
    for number in range(versions):
        name = f"model_{number:04}"
        manifest = Manifest.model_validate(
            {
                "name": name,
                "version": "1",
                "owner": "risk@lender.example",
                "deployed_at": str(since),
                "reference": {"path": "reference.parquet"},
                "batch": {"path": f"batches/{name}/{{date}}.parquet", "key": "id"},
                "features": {"columns": [f"x{column:02}" for column in range(20)]},
                "scoring": {"flavour": "onnx", "artefact": "model.onnx", "sha256": "0" * 64},
                "outcome": OUTCOME | {"path": OUTCOME["path"].format(name)},
            }
        )
        found[manifest.key] = Landed(
            manifest=manifest,
            folder=f"{name}/1",
            landed_at=dt.datetime.combine(since, dt.time(), dt.UTC),
        )
    return found


def seed(lake: Lake, landed: Mapping[str, Any], scene: str) -> set[ModelDay]:
    """Have what production and the product have written; return the days that were run."""
    from resources import layout
    from resources.delivery.messages import Notice, Subject
    from resources.delivery.outbox import Envelope

    dead = set(list(landed)[:DEAD]) if scene == "dead feeds" else set()
    done = set()
    content = {
        f"store/{layout.ALL_MANIFESTS}": json.dumps(
            {key: one.model_dump(mode="json") for key, one in landed.items()}
        )
    }
    for key, one in landed.items():
        name = one.manifest.name
        content[f"registry/{one.folder}/model.yaml"] = "?"
        content[f"store/{layout.manifest(key)}"] = one.model_dump_json()
        content[f"store/{layout.partition('reference_profile', key)}"] = "there"
        for number in range(1, HISTORY + 1):
            is_silent = key in dead and number <= SILENT_DAYS
            if not is_silent:
                content[f"lake/batches/{name}/{day(number)}.parquet"] = "rows"
            if number >= 30:
                for part in range(2):
                    content[f"lake/outcomes/{name}/{day(number)}/part-{part}.parquet"] = "rows"
            if not is_silent and number > (OUTAGE_DAYS if scene == "outage" else 1):
                done.add(ModelDay(day(number), key))
                content[f"store/{layout.partition('scores_profile', key, day(number))}"] = "there"
                content[f"store/{layout.partition('drift_report', key, day(number))}"] = "there"
        if scene == "outage":
            notice = Notice(
                subject=Subject.of(one.manifest),
                incident=layout.incident(key, "population", 1),
                number=1,
                action="open",
                day=day(8),
                decided_at=one.landed_at,
                family="population",
                severity="error",
                summary="drift",
                since=day(8),
            )
            parcel = layout.Parcel("pagerduty", notice.path)
            content[f"store/{layout.outbox(parcel)}"] = Envelope(message=notice).model_dump_json()
    lake.seed(content)
    return done


def fail_days(instance: dg.DagsterInstance, days: list[ModelDay]) -> None:
    """Record runs that failed, newest day last."""
    for one in sorted(days):
        run = dg.DagsterRun("monitor_day", tags={"dagster/partition": one.partition})
        instance.add_run(run)
        instance.report_run_failed(run)


def measure(lake: Lake, name: str, evaluate: Any) -> Iterator[dict[str, Any]]:
    """Tick a sensor three times and say what each took."""
    cursor = None
    for _ in range(3):
        with recorded_queries() as queries:
            lake.calls()
            start, cpu = time.perf_counter(), time.process_time()
            result = evaluate(cursor)
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        cursor = getattr(result, "cursor", None)
        requests = getattr(result, "run_requests", None) or []
        yield {
            "sensor": name,
            "s": seconds,
            "CPU s": cpu,
            "S3 calls": lake.calls(),
            "queries": len(queries),
            "runs requested": len(requests),
            "cursor, kB": len(cursor or "") / 1000,
        }


def run_case(versions: int, scene: str, only: str) -> list[dict[str, Any]]:
    """Seed a fleet and tick every sensor of the product in this process."""
    logging.disable(logging.ERROR)
    with Lake() as lake, fleet_instance() as (instance, server):
        os.environ.update(ENVIRONMENT | {"AWS_ENDPOINT_URL": lake.url})
        landed = fleet(versions)
        done = seed(lake, landed, scene)
        run_id, template = run_one_day(instance)
        copy_run(
            server,
            run_id,
            template,
            done,
            "e.step_key = 'drift_report' AND e.dagster_event_type = 'ASSET_MATERIALIZATION'",
        )
        instance.add_dynamic_partitions("model", list(landed))
        if scene == "dead feeds":
            fail_days(
                instance,
                [ModelDay(day(n), key) for key in list(landed)[:DEAD] for n in range(2, 9)],
            )
        rows = []
        for name, evaluate in ticks(instance):
            if only in name:
                found = list(measure(lake, name, evaluate))
                slowest = max(found, key=lambda one: one["s"])
                rows.append({"versions": versions, "scene": scene} | slowest)
        return rows


def ticks(instance: dg.DagsterInstance) -> Iterator[tuple[str, Any]]:
    """Every sensor of the product by name, and the tick of it with a cursor."""
    from resources.lake import Lake as LakeResource
    from resources.registry import open_registry
    from resources.store import Store
    from sensors.batch_sensor import batch_sensor
    from sensors.delivery_sensor import delivery_sensor
    from sensors.failure_sensor import failure_sensor
    from sensors.fleet_page_sensor import fleet_page_sensor
    from sensors.missing_batches import missing_batches
    from sensors.outcome_sensor import outcome_sensor
    from sensors.pipeline_sensor import pipeline_sensor

    root = f"s3://{BUCKET}"
    resources = {
        "registry": open_registry(f"{root}/registry"),
        "lake": LakeResource(root=f"{root}/lake"),
        "store": Store(root=f"{root}/store"),
    }
    resources["store"].storage.exists("nothing")  # a client is made once a process

    def evaluated(sensor: Any) -> Any:
        return lambda cursor: sensor(
            dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
        )

    def missing(_: object) -> dg.SensorResult:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=dt.datetime.now(dt.UTC).replace(hour=23),
            resources=resources,
        )
        found = [one for one in missing_batches(context) if isinstance(one, dg.RunRequest)]
        return dg.SensorResult(run_requests=found)

    for sensor in (
        batch_sensor,
        outcome_sensor,
        failure_sensor,
        delivery_sensor,
        fleet_page_sensor,
        pipeline_sensor,
    ):
        yield sensor.name, evaluated(sensor)
    yield "missing_batches", missing


def main() -> None:
    """Run every case in a process of its own and publish the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, nargs="*", default=SIZES)
    parser.add_argument("--scenes", nargs="*", default=SCENES, choices=SCENES)
    parser.add_argument("--only", default="", help="sensors whose name has this")
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        print(json.dumps(run_case(int(arguments.case[0]), arguments.case[1], arguments.only)))
        return
    rows = []
    for scene in arguments.scenes:
        for versions in arguments.versions:
            words = ["--case", str(versions), scene, "--only", arguments.only]
            command = [sys.executable, "-m", "benchmarks.ticks", *words]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            for row in found:
                print(row, file=sys.stderr, flush=True)
            rows += found
    publish("ticks", rows)


if __name__ == "__main__":
    main()
