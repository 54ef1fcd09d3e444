"""Seconds from a batch's arrival to the page, and where they go.

The real daemon with `dagster.yaml` as it is and every sensor at its default; registry, lake and
store in local folders, then on moto's S3 server; PagerDuty on loopback. Each repetition is another
model version, whose batch of yesterday arrives at a random moment after the last page. Four things
arrive: a sudden drift, a broken batch (a check stops the run, and the failure sensor asks for the
decision), the good day that resolves an incident, and four drifts at once.

    make bench-batch-to-page
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from monitoring_assets.cli.init import TEMPLATES
from tests.conftest import YESTERDAY, Lender
from tests.integration.test_daemon import process, wait_for
from tests.integration.watched import (
    TimedPagerDuty,
    batches_are_looked_for,
    broken,
    drifted,
    stages,
    watch,
)

RESULTS = Path(__file__).parent / "results"
MAKE = {"drift": drifted, "broken batch": broken, "recovery": lambda day: None}
AT_ONCE = "4 drifts at once"
# A sensor looks every 30 s: as long, so that batches come at any phase of it.
PAUSE_SECONDS = 30.0
PATIENCE_SECONDS = 600.0


@contextmanager
def storage(kind: str, home: Path) -> Iterator[Lender]:
    """A lender in local folders, or on an S3 server in a process of its own."""
    if kind == "local files":
        yield Lender(str(home / "lender"), home)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = subprocess.Popen(
        [Path(sys.executable).with_name("moto_server"), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        import boto3

        boto3.client("s3").create_bucket(Bucket="lender")
        yield Lender("s3://lender", home)
    finally:
        server.terminate()
        server.wait()


def measure(kind: str, repeats: int) -> list[dict[str, Any]]:
    """One row for each batch that became a page, or ended one."""
    names = {what: [f"{what.split()[0]}_{n}" for n in range(repeats)] for what in MAKE}
    names[AT_ONCE] = [f"together_{n}" for n in range(4)]
    found = []
    with tempfile.TemporaryDirectory() as folder, TimedPagerDuty() as pagerduty:
        home = Path(folder)
        os.environ |= {"DAGSTER_HOME": folder, **pagerduty.environment}
        (home / "dagster.yaml").write_text((TEMPLATES / "dagster.yaml").read_text())
        with storage(kind, home) as lender, dg.DagsterInstance.get() as instance:
            quiet = [name for what, each in names.items() if what != "recovery" for name in each]
            watch(lender, instance, quiet, names["recovery"])
            with process(
                lender, home, "dagster-daemon", "run", "-w", str(TEMPLATES / "workspace.yaml")
            ):

                def the_daemon_is_up() -> bool:
                    return batches_are_looked_for(instance)

                wait_for(the_daemon_is_up)
                for number in range(repeats):
                    for what, make in MAKE.items():
                        time.sleep(random.uniform(0, PAUSE_SECONDS))
                        one = names[what][number : number + 1]
                        found += arrive(kind, what, make, one, lender, instance, pagerduty)
                time.sleep(random.uniform(0, PAUSE_SECONDS))
                found += arrive(kind, AT_ONCE, drifted, names[AT_ONCE], lender, instance, pagerduty)
        assert not pagerduty.violations, pagerduty.violations
    return found


def arrive(
    kind: str,
    what: str,
    make: Any,
    names: list[str],
    lender: Lender,
    instance: dg.DagsterInstance,
    pagerduty: TimedPagerDuty,
) -> Iterator[dict[str, Any]]:
    """Deliver yesterday's batch of models; wait for what PagerDuty hears of each."""
    action = "resolve" if what == "recovery" else "trigger"
    arrived = {}
    for name in names:
        lender.deliver(YESTERDAY, make(YESTERDAY), feed=name)
        arrived[name] = time.time()
    end = time.monotonic() + PATIENCE_SECONDS
    for name in names:
        while (heard := pagerduty.when(action, f"{name}.1")) is None:
            if time.monotonic() > end:
                raise SystemExit(f"{kind}: nothing was heard of {name}")
            time.sleep(0.1)
        yield {
            "where": kind,
            "what": what,
            "total": heard - arrived[name],
            "load": os.getloadavg()[0],
            "stages": stages(instance, f"{name}.1", arrived[name], heard),
        }
        print(json.dumps({"name": name, "total": heard - arrived[name]}), flush=True)


def report(found: list[dict[str, Any]]) -> str:
    """Results as Markdown: totals by what arrived and where, then where the seconds go."""
    loads = [one["load"] for one in found]
    lines = [
        "# From a batch to the page",
        "",
        "`make bench-batch-to-page`; Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, load between {min(loads):.1f} and "
        f"{max(loads):.1f} (other work). Seconds from the batch's arrival until PagerDuty has the "
        "event.",
        "",
        "| what arrives | where | batches | median | worst |",
        "|---|---|---:|---:|---:|",
    ]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in found:
        groups.setdefault((one["what"], one["where"]), []).append(one)
    for (what, where), each in groups.items():
        totals = [one["total"] for one in each]
        lines.append(
            f"| {what} | {where} | {len(each)} | {statistics.median(totals):.0f} | "
            f"{max(totals):.0f} |"
        )
    for (what, where), each in groups.items():
        lines += ["", f"## {what}, {where}", "", "| stage | median | worst |", "|---|---:|---:|"]
        for stage in each[0]["stages"]:
            spent = [one["stages"].get(stage, 0.0) for one in each]
            lines.append(f"| {stage} | {statistics.median(spent):.1f} | {max(spent):.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="of each of drift, broken, recovery")
    repeats = parser.parse_args().repeats
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    found: list[dict[str, Any]] = []
    RESULTS.mkdir(exist_ok=True)
    for kind in ("local files", "S3 (moto)"):
        found += measure(kind, repeats)
        (RESULTS / "batch_to_page.json").write_text(json.dumps(found, indent=2) + "\n")
        (RESULTS / "batch_to_page.md").write_text(report(found))
    print(report(found))


if __name__ == "__main__":
    main()
