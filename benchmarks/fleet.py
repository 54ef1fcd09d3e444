"""Seconds that the pages of Dagster's UI wait for their queries, by size of the fleet.

A run of a day with its checks is copied to every day of every version, on PostgreSQL; the queries
are the UI's own, from the webserver's bundle, asked of a webserver with the product's definitions.
The first answer and the slowest of three later ones. Of more days than Dagster keeps runs for the
older ones are deleted first, as the job ``retention`` does.

    python -m benchmarks.fleet
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.fleet_database import copy_run, fleet_instance, run_one_day
from benchmarks.measure import publish
from benchmarks.ui_queries import document, ui_queries
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.retention import DEFAULT_DAYS, delete_old_runs
from tests.integration.airflow.processes import free_port

SIZES = ("50x400", "50x730")
BIN = Path(sys.executable).parent
ASSETS = ("features", "scores", "drift_report", "segment_report", "performance_report", "alerts")
TIMEOUT = 180.0


def key(asset: str) -> dict[str, list[str]]:
    """An asset's key, as GraphQL takes it."""
    return {"path": ["monitoring", asset]}


def pages(day: ModelDay) -> list[tuple[str, str, dict[str, Any]]]:
    """What a person opens, and the query and variables that it waits for."""
    features, every = {"assetKey": key("features")}, {"assetKeys": [key(one) for one in ASSETS]}
    check = features | {"checkName": "batch_quality"}
    days = [ModelDay(day.day - dt.timedelta(days=number), day.key) for number in range(90)]
    backfill = {"assetSelection": every["assetKeys"], "partitionNames": [d.partition for d in days]}
    return [
        ("lineage: live status", "AssetGraphLiveQuery", every),
        ("lineage: health", "AssetHealthQuery", every),
        ("checks of an asset", "AssetChecksQuery", features),
        ("a check", "AssetCheckDetailsQuery", check | {"limit": 25}),
        ("a check: partitions", "AssetCheckPartitionHealthQuery", check),
        ("partitions of an asset", "PartitionHealthQuery", features),
        ("a partition", "AssetPartitionEventsQuery", features | {"partitions": [day.partition]}),
        ("launch: assets", "LaunchAssetLoaderQuery", every),
        ("launch: 90 days of a version", "LaunchPartitionBackfill", {"backfillParams": backfill}),
    ]


@contextmanager
def webserver() -> Iterator[str]:
    """The product's webserver on the instance of ``DAGSTER_HOME``; its address."""
    port = free_port()
    command = [BIN / "dagster-webserver", "-m", "monitoring_assets.definitions", "-p", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/server_info", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def ask(url: str, query: str, variables: dict[str, Any]) -> float:
    """Seconds until an answer without errors; infinite if it took too long."""
    content = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Content-Type": "application/json"}
    start = time.perf_counter()
    try:
        request = urllib.request.Request(f"{url}/graphql", content, headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            said = json.load(answer)
    except TimeoutError:
        return float("inf")
    assert "errors" not in said, said["errors"]
    return time.perf_counter() - start


def run_case(versions: int, days: int) -> list[dict[str, Any]]:
    """Seed a fleet and ask what each page asks."""
    parts = ui_queries()
    with fleet_instance() as (instance, server):
        run_id, template = run_one_day(instance)
        keys = [f"model_{number:04}.1" for number in range(versions)]
        today = dt.datetime.now(dt.UTC).date()
        dates = [today - dt.timedelta(days=number + 1) for number in range(days)]
        copy_run(server, run_id, template, [ModelDay(one, key) for one in dates for key in keys])
        instance.add_dynamic_partitions("model", keys)
        rows = []
        if days > DEFAULT_DAYS:
            start = time.perf_counter()
            before = dt.datetime.now(dt.UTC) - dt.timedelta(days=DEFAULT_DAYS)
            deleted = delete_old_runs(instance, before, seconds=float("inf"))
            seconds = time.perf_counter() - start
            print(f"retention deleted {deleted:,} runs in {seconds:.0f} s", file=sys.stderr)
        with webserver() as url:
            for page, name, variables in pages(ModelDay(dates[0], keys[0])):
                query = document(name, parts)
                seconds = [ask(url, query, variables)]
                if seconds[0] < TIMEOUT:
                    seconds += [ask(url, query, variables) for _ in range(3)]
                rows.append(
                    {
                        "versions x days": f"{versions} x {days}",
                        "page": page,
                        "query": name,
                        "first, s": seconds[0],
                        "later, s": max(seconds[1:], default=float("inf")),
                    }
                )
                print(rows[-1], file=sys.stderr, flush=True)
        return rows


def main() -> None:
    """Run every case in a process of its own and publish the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, help="VERSIONSxDAYS")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(run_case(*map(int, arguments.case.split("x")))))
        return
    rows = []
    for size in arguments.sizes:
        command = [sys.executable, "-m", "benchmarks.fleet", "--case", size]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows += json.loads(done.stdout.splitlines()[-1])
    publish("fleet", rows)


if __name__ == "__main__":
    main()
