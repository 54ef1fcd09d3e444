"""The tables that the benchmarks read, written as a stream of row groups by a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 1_000_000
SEED = 20260


def mixed(rng: np.random.Generator, rows: int, shift: float = 0.0) -> pa.Table:
    """Return 50 columns: 40 features, a score, 8 strings and a date."""
    columns: dict[str, pa.Array] = {}
    for i in range(40):
        values = rng.normal(shift, 1, rows)
        if i % 4 == 1:
            values = rng.standard_t(2, rows)
        elif i % 4 == 2:
            values = np.where(rng.random(rows) < 0.4, 0.0, rng.lognormal(shift, 2, rows))
        elif i % 4 == 3:
            values = np.round(rng.gamma(2, 20, rows))
        missing = rng.random(rows) < 0.03 if i % 3 == 0 else None
        columns[f"feature_{i:02}"] = pa.array(values, mask=missing)
    for i in range(8):
        names = np.array([f"category {j}" for j in range(3 * (i + 1))])
        share = 1 / np.arange(1, len(names) + 1)
        chosen = rng.choice(len(names), rows, p=share / share.sum())
        columns[f"category_{i}"] = pa.array(names[chosen])
    columns["opened"] = pa.array(rng.integers(15_000, 20_000, rows).astype(np.int32)).cast(
        pa.date32()
    )
    columns["score"] = pa.array(1 / (1 + np.exp(-rng.normal(shift, 1, rows))))
    return pa.table(columns)


def floats(columns: int) -> Callable[[np.random.Generator, int], pa.Table]:
    """Return a maker of float64 columns without nulls."""

    def make(rng: np.random.Generator, rows: int) -> pa.Table:
        return pa.table({f"x{i:02}": rng.normal(size=rows) for i in range(columns)})

    return make


def write(
    path: Path, rows: int, make: Callable[[np.random.Generator, int], pa.Table], seed: int = SEED
) -> Path:
    """Write a table of any length, a row group at a time; keep the file if it is there."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    partial = path.with_suffix(".partial")
    writer = None
    for start in range(0, rows, ROW_GROUP):
        table = make(rng, min(ROW_GROUP, rows - start))
        writer = writer or pq.ParquetWriter(partial, table.schema)
        writer.write_table(table, row_group_size=ROW_GROUP)
    if writer:
        writer.close()
    return partial.rename(path)


def decode(path: Path, *, use_threads: bool = True) -> None:
    """Decode a file and nothing more, a row group at a time."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            file.read_row_group(group, use_threads=use_threads)
