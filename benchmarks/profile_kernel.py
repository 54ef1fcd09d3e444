"""Counting against fixed bins, and the drift of two files, beside merely decoding the same Parquet.

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

from monitoring_assets.statistics.drift.drift import compare
from monitoring_assets.statistics.profiles.profile import ParquetSource, Profile, count, fit_profile

TURNS = 9


def store(path: Path) -> Path:
    """Write a profile of a table beside it, for its bins."""
    stored = path.with_suffix(".profile.parquet")
    if not stored.exists():
        source = ParquetSource(path)
        pq.write_table(fit_profile(source).to_table(), stored)
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


def drift(reference: Path, current: Path) -> Callable[[], object]:
    """Return a function that does what `monitoring drift` does with two files."""

    def compare_files() -> object:
        expected = fit_profile(ParquetSource(reference))
        return compare(expected, count(ParquetSource(current), expected.bins))

    return compare_files


def take_turns(decode: Callable[[], object], step: Callable[[], object]) -> dict[str, float]:
    """Decode and do something else in turns."""
    steps = {"decode": decode, "count": step}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, one in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            one()
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    found = {}
    for i, unit in enumerate(("wall_s", "cpu_s")):
        for name in steps:
            found[f"{name}_{unit}"] = statistics.median(turn[i] for turn in times[name])
        found[f"ratio_{unit[:-2]}"] = found[f"count_{unit}"] / found[f"decode_{unit}"]
    return found


def main(data: Path) -> None:
    """Measure the two tables and the drift of two files, then the memory from 1M to 100M rows."""
    rows = []
    floats = tables.write(data / "floats.parquet", 10_000_000, tables.floats(20))
    for name, path in {
        "1M x 50 mixed": tables.write(data / "mixed.parquet", 1_000_000, tables.mixed),
        "10M x 20 float64": floats,
    }.items():
        stored = store(path)
        found = measure.run(__file__, "turns", path, stored)
        memory = measure.run(__file__, "count", path, stored)
        rows.append({"table": name} | found | {"peak_rss_mb": memory})
    million = tables.write(data / "floats_1m.parquet", 1_000_000, tables.floats(20))
    for name, reference, current in (
        ("drift of 1M and 1M x 20 float64", million, million),
        ("drift of 1M and 10M x 20 float64", million, floats),
        ("drift of 10M and 10M x 20 float64", floats, floats),
    ):
        found = measure.run(__file__, "drift_turns", reference, current)
        memory = measure.run(__file__, "drift", reference, current)
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


def do(what: str, first: Path, second: Path) -> object:
    """One of the measurements, in a process of its own."""
    if what == "turns":
        return take_turns(decoding(first), counting(first, second))
    if what == "drift_turns":
        both = (decoding(first), decoding(second))
        return take_turns(lambda: [decode() for decode in both], drift(first, second))
    (counting if what == "count" else drift)(first, second)()
    return measure.peak_rss_mb()


if __name__ == "__main__":
    if sys.argv[1:2] and not sys.argv[1].startswith("-"):
        print(json.dumps(do(sys.argv[1], *map(Path, sys.argv[2:]))))
    else:
        main(measure.arguments(__doc__).parse_args().data)
