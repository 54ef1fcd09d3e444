"""Two years of a model's reports: read day by day, gathered by quarter, and by DuckDB.

The reports are those of a model of the demo (`make demo`), copied to 730 days. Beside `monitoring
history`, in the same run: merely decoding the columns that it needs of the gathered files.

    make bench-years
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from benchmarks.measure import arguments, publish, run
from monitoring_assets.alerting.decision_inputs import REPORTS, stored_facts
from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.cohorts import COHORTS
from monitoring_assets.periods.roll_up import DATASETS, DECISIONS, roll_up
from monitoring_assets.statistics.alerts.tuning import Choice, past_incidents
from resources import layout
from resources.gathered import gather
from resources.storage import LocalStorage
from resources.store import Store

KEY = "pd_cards.1"
FIRST, DAYS = dt.date(2024, 1, 1), 730
LAST = FIRST + dt.timedelta(days=DAYS - 1)
MODELS, MODELS_BY_DAY = 300, 10
QUERY = """
SELECT model, date_trunc('month', date) AS month, "column", max(value) AS worst,
       count(*) FILTER (WHERE status = 'fail') AS days_that_failed
FROM read_parquet('{}', hive_partitioning = true) GROUP BY ALL
"""


def seed(demo: Path, root: Path) -> None:
    """Copy the reports of the demo's days, in turn, to all days of two years."""
    for dataset in DATASETS:
        found = sorted((demo / layout.partitions(dataset, KEY)).glob("*/*.parquet"))
        for number in range(DAYS):
            path = root / layout.partition(dataset, KEY, FIRST + dt.timedelta(days=number))
            path.parent.mkdir(parents=True)
            shutil.copyfile(found[number % len(found)], path)
    manifest = root / layout.manifest(KEY)
    manifest.parent.mkdir()
    shutil.copyfile(demo / layout.manifest(KEY), manifest)


def measured(what: str, action: Callable[[], object]) -> dict[str, Any]:
    """CPU and wall seconds of an action, and the files that it reads."""
    reads = []
    read = LocalStorage.read

    def counted(self: LocalStorage, path: str) -> bytes:
        reads.append(path)
        return read(self, path)

    LocalStorage.read = counted  # type: ignore[method-assign]
    cpu, start = time.process_time(), time.perf_counter()
    action()
    return {
        "what": what,
        "CPU s": time.process_time() - cpu,
        "s": time.perf_counter() - start,
        "files read": len(reads),
    }


def history(store: Store) -> None:
    """What `monitoring history` makes of all months."""
    assert len(list(roll_up(store, KEY, list(periods(FIRST, LAST, "month")), 30))) == 24


def gather_all(store: Store) -> None:
    """What `monitoring store gather` does."""
    for dataset in DATASETS:
        assert all(is_new for _, is_new in gather(store, dataset, KEY))


def decide_again(store: Store) -> None:
    """A year under limits that are a tenth lower, as `monitoring thresholds suggest` tries them."""
    manifest = store.landed(KEY).manifest
    psi, csi = (
        replace(one, warn=0.9 * one.warn, fail=0.9 * one.fail)
        for one in (manifest.thresholds.psi, manifest.thresholds.csi)
    )
    facts = stored_facts(store, KEY, last_days=365)
    past_incidents(facts, Choice(psi, csi, manifest.alerts), FIRST)


def decode(store: Store) -> None:
    """The floor: the columns that a history needs."""
    for reader in (REPORTS, COHORTS, DECISIONS):
        folder = Path(store.root) / "gathered" / layout.partitions(reader.dataset, KEY)
        for path in folder.glob("*.parquet"):
            file = pq.ParquetFile(path)
            leaves = (file.schema.column(at).path for at in range(len(file.schema)))
            file.read([leaf for leaf in leaves if reader.is_wanted(leaf)], use_threads=False)


def step(name: str, root: str) -> dict[str, Any]:
    """One row, in a process that has just started."""
    store = Store(root=root)
    if name == "gather":
        return measured("gathering them", lambda: gather_all(store))
    if name == "decide":
        return measured("a year decided again", lambda: decide_again(store))
    if name == "decode":
        return measured("decoding the gathered columns, no more", lambda: decode(store))
    return measured(f"24 months of history, {name}", lambda: history(store))


def query(what: str, pattern: Path, days: int) -> dict[str, Any]:
    """One row: DuckDB over the drift reports of many models."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        cpu, start = time.process_time(), time.perf_counter()
        connection.execute(QUERY.format(pattern)).fetchall()
        seconds, used = time.perf_counter() - start, time.process_time() - cpu
        found = connection.execute(f"SELECT count(*) FROM glob('{pattern}')").fetchone()
    return {
        "what": f"{what}: {days:,} model-days",
        "CPU s": used,
        "s": seconds,
        "files read": found[0],
    }


def link(root: Path, folder: str, models: int) -> Path:
    """Other models that have the same files."""
    source = root / folder / f"model={KEY}"
    target = root / f"many-{folder.replace('/', '-')}"
    for number in range(models):
        shutil.copytree(source, target / f"model=model_{number}.1", copy_function=os.link)
    return target


def main() -> None:
    """Measure a model, then many."""
    parser = arguments(__doc__)
    parser.add_argument("--demo", type=Path, default=Path(".demo/store"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        seed(given.demo, root)
        names = ("day by day", "gather", "gathered", "decode", "decide")
        rows = [run("years.py", "--step", name, root) for name in names]
        days = link(root, "drift_report", MODELS_BY_DAY)
        quarters = link(root, "gathered/drift_report", MODELS)
        rows += [
            query("DuckDB, day by day", days / "*/*/*.parquet", MODELS_BY_DAY * DAYS),
            query("DuckDB, gathered", quarters / "*/*.parquet", MODELS * DAYS),
        ]
    publish("years", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        import json

        print(json.dumps(step(*sys.argv[2:])))
    else:
        main()
