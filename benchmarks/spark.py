"""A day on executors of Spark beside the same day on one machine: from where on it pays.

``make bench-spark``: a day of a model of 49 characteristics that production has scored, from batch
to alerts, in a process of its own for each engine, in turns. The cluster is two workers of one core
on the same machine. CPU is that of all processes, the JVMs and the executors' Python included.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.large_day import make, publish_version
from benchmarks.measure import arguments, peak_rss_mb, publish, run
from benchmarks.mornings import tree
from monitoring_assets.engines.cluster import Cluster
from tests.conftest import YESTERDAY, Lender, job, onboard
from tests.monitoring_assets.engines.executors import settings_in

SIZES = (1_000_000, 10_000_000)
ENGINES = ("one_machine", "spark")


def measure(lender: Lender, engine: str) -> dict[str, float]:
    """Run yesterday of a lender's version on an engine."""
    start_up = 0.0
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        publish_version(lender, engine=engine)
        onboard(lender, instance)
        start, (cpu, _) = time.monotonic(), tree(os.getpid())
        if engine == "spark":
            os.environ |= settings_in(Path(folder))
            Cluster.connected()
            start_up = time.monotonic() - start
        key = dg.MultiPartitionKey({"date": YESTERDAY.isoformat(), "model": "pd_large.1"})
        day = job("monitor_day", lender)
        assert day.execute_in_process(instance=instance, partition_key=key).success
        return {
            "CPU, s": tree(os.getpid())[0] - cpu,
            "seconds": time.monotonic() - start,
            "of them until the cluster is up": start_up,
            "peak memory of the run, MB": peak_rss_mb(),
        }


def main() -> None:
    """Measure each size on each engine, in processes of their own; publish."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--measure", action="store_true")
    given = parser.parse_args()
    if given.rows:
        lender = make(given.data / given.engine, given.rows)
        print(json.dumps(measure(lender, given.engine) if given.measure else {}))
        return
    rows: list[dict[str, Any]] = []
    for size in SIZES:
        found = {}
        for engine in ENGINES:
            words = ["--data", given.data, "--rows", size, "--engine", engine]
            run("spark.py", *words)  # the tables, which take more memory than the day
            found[engine] = run("spark.py", *words, "--measure")
        ratio = found["spark"]["CPU, s"] / found["one_machine"]["CPU, s"]
        rows += [
            {"rows": f"{size:,}", "engine": engine, **measured}
            | ({"CPU, ratio": ratio} if engine == "spark" else {})
            for engine, measured in found.items()
        ]
    publish("spark", rows)


if __name__ == "__main__":
    main()
