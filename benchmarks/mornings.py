"""What a morning of small models costs on one machine: CPU of all processes, for each model-day.

The real daemon with `dagster.yaml` as it is, registry, lake and store in local folders. The batches
of all models arrive at once. Beside it the same morning with the launcher that Dagster has by
default, which starts each run's process from nothing.

    make bench-mornings
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from benchmarks.measure import publish
from monitoring_assets.cli.init import TEMPLATES
from resources.asset_keys import asset_key
from tests.conftest import YESTERDAY, Lender
from tests.integration.test_daemon import process, wait_for
from tests.integration.watched import batches_are_looked_for, watch

# Fields of /proc/<id>/stat, after the name in brackets: the parent, and ticks of CPU in user and
# system mode, of the process and of its children that have ended.
PARENT, TICKS = 1, slice(11, 15)
RESIDENT = 21
PATIENCE_SECONDS = 3_600


def tree(root: int) -> tuple[float, float]:
    """CPU seconds of a process and all below it, living or ended, and their resident MB."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
    below = {root}
    while more := {one for one, stat in found.items() if int(stat[PARENT]) in below} - below:
        below |= more
    stats = [found[one] for one in below if one in found]
    ticks = sum(int(ticks) for stat in stats for ticks in stat[TICKS])
    pages = sum(int(stat[RESIDENT]) for stat in stats)
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def morning(launcher: str, models: int) -> dict[str, Any]:
    """One row: a morning with one of the two launchers."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["DAGSTER_HOME"] = folder
        settings = yaml.safe_load((TEMPLATES / "dagster.yaml").read_text())
        if launcher == "from nothing":
            del settings["run_launcher"]
        (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        lender = Lender(str(home / "lender"), home)
        names = [f"model_{number}" for number in range(models)]
        with dg.DagsterInstance.get() as instance:
            watch(lender, instance, names, [])
            before = len(instance.get_materialized_partitions(asset_key("alerts")))
            daemon = ("dagster-daemon", "run", "-w", str(TEMPLATES / "workspace.yaml"))
            with process(lender, home, *daemon) as running:

                def the_daemon_is_up() -> bool:
                    return batches_are_looked_for(instance)

                def all_days_are_decided() -> bool:
                    decided = instance.get_materialized_partitions(asset_key("alerts"))
                    open_runs = instance.get_runs_count(
                        dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED, *STARTED])
                    )
                    return len(decided) == before + models and not open_runs

                wait_for(the_daemon_is_up)
                cpu, _ = tree(running.pid)
                start = time.monotonic()
                for name in names:
                    lender.deliver(YESTERDAY, feed=name)
                wait_for(all_days_are_decided, PATIENCE_SECONDS)
                seconds = time.monotonic() - start
                after, memory = tree(running.pid)
            failed = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    return {
        "runs' processes": launcher,
        "models": models,
        "CPU s a model-day": (after - cpu) / models,
        "seconds": seconds,
        "failed runs": failed,
        "resident MB at the end": memory,
    }


STARTED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def main() -> None:
    """Measure both launchers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=8)
    models = parser.parse_args().models
    publish("mornings", [morning(launcher, models) for launcher in ("from nothing", "forked")])


if __name__ == "__main__":
    main()
