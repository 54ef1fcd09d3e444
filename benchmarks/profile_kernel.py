"""Counting against fixed bins, beside merely decoding the same Parquet.

Both run in one process, in turns; times are medians of the turns. Peak RSS is that of a process
that counts once and does nothing else.

Run: python benchmarks/profile_kernel.py
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measure
import pyarrow.parquet as pq
import tables

from monitoring_assets.statistics.profiles.profile import ParquetSource, Profile, count, fit_bins

TURNS = 9


def store(path: Path) -> Path:
    """Write a profile of a table beside it, for its bins."""
    stored = path.with_suffix(".profile.parquet")
    if not stored.exists():
        source = ParquetSource(path)
        pq.write_table(count(source, fit_bins(source)).to_table(), stored)
    return stored


def decoding(path: Path) -> Callable[[], object]:
    """Return a function that decodes every column, two of a row group at a time, on 2 threads."""
    footer = pq.read_metadata(path)
    names = pq.read_schema(path).names
    words = [name for name in names if name.startswith("category")]
    tasks = [
        (group, names[i : i + 2])
        for group in range(footer.num_row_groups)
        for i in range(0, len(names), 2)
    ]
    local = threading.local()

    def decode(task: tuple[int, list[str]]) -> None:
        if not hasattr(local, "file"):
            local.file = pq.ParquetFile(path, read_dictionary=words)
        local.file.read_row_group(*task, use_threads=False)

    def decode_all() -> None:
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(decode, tasks):
                pass

    return decode_all


def counting(path: Path, stored: Path) -> Callable[[], object]:
    """Return a function that counts the table in stored bins."""
    bins = Profile.from_table(pq.ParquetFile(stored).read()).bins
    return lambda: count(ParquetSource(path), bins)


def take_turns(path: Path, stored: Path) -> dict[str, float]:
    """Decode and count in turns."""
    steps = {"decode": decoding(path), "count": counting(path, stored)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    found = {}
    for i, unit in enumerate(("wall_s", "cpu_s")):
        for name in steps:
            found[f"{name}_{unit}"] = statistics.median(turn[i] for turn in times[name])
        found[f"ratio_{unit[:-2]}"] = found[f"count_{unit}"] / found[f"decode_{unit}"]
    return found


def main(data: Path) -> None:
    """Measure the two tables, then the memory from 1M to 100M rows."""
    rows = []
    for name, path in {
        "1M x 50 mixed": tables.write(data / "mixed.parquet", 1_000_000, tables.mixed),
        "10M x 20 float64": tables.write(data / "floats.parquet", 10_000_000, tables.floats(20)),
    }.items():
        stored = store(path)
        found = measure.run(__file__, "turns", path, stored)
        memory = measure.run(__file__, "count", path, stored)
        rows.append({"table": name} | found | {"peak_rss_mb": memory})
    for millions in (1, 10, 100):
        path = data / f"narrow_{millions}.parquet"
        tables.write(path, millions * 1_000_000, tables.floats(2))
        stored = store(path)
        memory = measure.run(__file__, "count", path, stored)
        rows.append({"table": f"{millions}M x 2 float64", "peak_rss_mb": memory})
        path.unlink()
        stored.unlink()
    measure.publish("profile_kernel", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["turns"]:
        print(json.dumps(take_turns(*map(Path, sys.argv[2:]))))
    elif sys.argv[1:2] == ["count"]:
        counting(*map(Path, sys.argv[2:]))()
        print(json.dumps(measure.peak_rss_mb()))
    else:
        main(measure.arguments(__doc__).parse_args().data)
