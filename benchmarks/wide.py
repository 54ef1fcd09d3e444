"""3 million rows of 1,000 columns: time and memory of `monitoring drift` on two cores.

One file serves as reference and as current data, so it is read three times: for the bins, and
for the counts of either side. A value is one of 256 levels, so that the file is 3 GB, not 24.

Run: python benchmarks/wide.py
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import measure
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from monitoring_assets.cli.main import main as monitoring

ROWS, COLUMNS, ROW_GROUP = 3_000_000, 1_000, 250_000


def write(path: Path) -> None:
    """Write the table, a row group at a time."""
    rng = np.random.default_rng(0)
    levels = pa.array(np.sort(rng.normal(size=256)))
    schema = pa.schema(
        {f"x{i:03}": pa.dictionary(pa.uint8(), pa.float64()) for i in range(COLUMNS)}
    )
    # Without the Arrow schema the columns are read as plain float64.
    with pq.ParquetWriter(path, schema, store_schema=False) as writer:
        for _ in range(0, ROWS, ROW_GROUP):
            codes = rng.integers(0, 256, (COLUMNS, ROW_GROUP), np.uint8)
            columns = [pa.DictionaryArray.from_arrays(pa.array(column), levels) for column in codes]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), ROW_GROUP)


def drift(path: Path) -> dict[str, float]:
    """Run the command in this process."""
    wall = time.perf_counter()
    words = ["drift", "--reference", str(path), "--current", str(path), "--format", "json"]
    result = CliRunner().invoke(monitoring, words, catch_exceptions=False)
    columns = json.loads(result.stdout)["columns"]
    assert len(columns) == COLUMNS
    assert all(column["status"] == "ok" for column in columns.values())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_rss_mb": measure.peak_rss_mb(),
    }


def main(data: Path) -> None:
    """Write the table, measure, delete it."""
    data.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(data).free < 8e9:
        sys.exit(f"{data} has less than 8 GB free")
    path = data / "wide.parquet"
    try:
        write(path)
        size = {"table": f"{ROWS:,} x {COLUMNS:,}", "file_gb": path.stat().st_size / 1e9}
        measure.publish("wide", [size | measure.run(__file__, "drift", path)])
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["drift"]:
        print(json.dumps(drift(Path(sys.argv[2]))))
    else:
        main(measure.arguments(__doc__).parse_args().data)
