"""A whole day of a model of 49 characteristics, from batch to alerts, at 1M and at 10M rows.

``python -m benchmarks.large_day``: one process a size; CPU and peak memory are the process's own,
interpreter and libraries included, reading and writing local files.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import tables
from benchmarks.measure import arguments, peak_rss_mb, publish, run
from tests.conftest import YESTERDAY, Lender, job, onboard

SIZES = (1_000_000, 10_000_000)
CHARACTERISTICS = tables.mixed(np.random.default_rng(0), 1).column_names[:-1]


def keyed(names: list[str]) -> Callable[[np.random.Generator, int], pa.Table]:
    """A maker of some columns of the mixed table, with a key of 16 hexadecimal digits."""

    def make(rng: np.random.Generator, rows: int) -> pa.Table:
        table = tables.mixed(rng, rows).select(names)
        keys = rng.integers(1 << 62, size=rows, dtype=np.int64)
        return table.append_column("loan_id", pa.array(np.char.mod("%016x", keys)))

    return make


def make(data: Path, rows: int) -> Lender:
    """A lender whose version and batch are in place; what is there already is kept."""
    lender = Lender(str(data / f"day-{rows}"), data)
    root = Path(lender.root)
    everything = keyed([*CHARACTERISTICS, "score"])
    tables.write(root / "registry/pd_large/1/reference.parquet", 100_000, everything, seed=1)
    tables.write(root / f"lake/pd_large/{YESTERDAY}.parquet", rows, keyed(CHARACTERISTICS))
    # The same seed: the same keys.
    tables.write(root / f"lake/scores/{YESTERDAY}.parquet", rows, keyed(["score"]))
    publish_version(lender)
    return lender


def publish_version(lender: Lender, **changes: str) -> None:
    """Publish the version, whose scores production has written."""
    lender.publish_manifest(
        "pd_large",
        "1",
        deployed_at=YESTERDAY.isoformat(),
        reference={"path": "reference.parquet", "score": "score"},
        features={"columns": CHARACTERISTICS},
        scoring={"flavour": "scored", "path": "scores/{date}.parquet"},
        **changes,
    )


def measure(lender: Lender) -> dict[str, float]:
    """Run yesterday of a lender's version, which production has scored."""
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as instance:
        onboard(lender, instance)
        before = resource.getrusage(resource.RUSAGE_SELF)
        day = job("monitor_day", lender)
        key = dg.MultiPartitionKey({"date": YESTERDAY.isoformat(), "model": "pd_large.1"})
        assert day.execute_in_process(instance=instance, partition_key=key).success
    after = resource.getrusage(resource.RUSAGE_SELF)
    root = Path(lender.root)
    kept = [
        file.stat().st_size / 1e6
        for name in ("features", "scores")
        for file in (root / "store" / name).rglob("*.parquet")
    ]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = peak_rss_mb()
    batch = root / f"lake/pd_large/{YESTERDAY}.parquet"
    start = time.process_time()
    tables.decode(batch, use_threads=False)
    decoding = time.process_time() - start
    return {
        "CPU, s": cpu,
        "decoding the batch alone, s": decoding,
        "times": cpu / decoding,
        "peak memory, MB": peak,
        "batch, MB": batch.stat().st_size / 1e6,
        "features and scores kept, MB": sum(kept),
    }


def main() -> None:
    """Make each size, then measure it, in processes of their own; publish."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--measure", action="store_true")
    given = parser.parse_args()
    if given.rows:
        lender = make(given.data, given.rows)
        print(json.dumps(measure(lender) if given.measure else {}))
        return
    rows = []
    for size in SIZES:
        words = ["--data", str(given.data), "--rows", size]
        run("large_day.py", *words)
        rows.append({"rows": f"{size:,}"} | run("large_day.py", *words, "--measure"))
    publish("large_day", rows)


if __name__ == "__main__":
    main()
