"""Realised performance of 10M scored rows, beside scikit-learn's metrics of the same rows.

Each row of the table is a process of its own, so that peak memory is its own. scikit-learn gives
three numbers (AUC, Brier score, log loss) from arrays in memory; ours, all that a report has.

Run: python benchmarks/realised_performance.py
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import measure
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tables

ROWS = 10_000_000
MANY_ROWS = 30_000_000
EDGES = [0.02, 0.04, 0.06, 0.08, 0.1, 0.14, 0.18, 0.25, 0.35]
CUT_OFFS = [0.1, 0.2, 0.3]
METRICS = ("auc", "brier", "log_loss")
MEMORY = "256MB"
"""What DuckDB may use for its sort; beyond it goes to disk."""


def scored(rng: np.random.Generator, rows: int) -> pa.Table:
    """Return scores in no order, without ties, and outcomes that they foretell."""
    score = 1 / (1 + np.exp(-rng.normal(-2.5, 1.2, rows)))
    return pa.table({"score": score, "bad": (rng.random(rows) < score).astype(np.int8)})


def arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of the table."""
    table = pq.read_table(path)
    return table["score"].to_numpy(), table["bad"].to_numpy()


def scikit_learn(path: Path) -> Callable[[], dict[str, float]]:
    """Three metrics, from arrays."""
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    scores, outcomes = arrays(path)
    return lambda: {
        "auc": float(roc_auc_score(outcomes, scores)),
        "brier": float(brier_score_loss(outcomes, scores)),
        "log_loss": float(log_loss(outcomes, scores)),
    }


def in_memory(path: Path) -> Callable[[], dict[str, float]]:
    """Everything, from arrays that are sorted in memory."""
    from monitoring_assets.statistics.performance.realised import realised

    scores, outcomes = arrays(path)
    return lambda: figures(realised(scores, outcomes, EDGES, CUT_OFFS))


def one_pass(path: Path) -> Callable[[], dict[str, float]]:
    """Everything, from arrays that are in order already: the pass alone."""
    from monitoring_assets.statistics.performance.realised import RealisedPerformance

    scores, outcomes = arrays(path)
    order = np.argsort(scores)
    scores, outcomes = scores[order], outcomes[order]
    bads = int(outcomes.sum())

    def run() -> dict[str, float]:
        performance = RealisedPerformance(len(scores) - bads, bads, EDGES, CUT_OFFS)
        performance.add(scores, outcomes)
        return figures(performance.result())

    return run


def duckdb_sort(path: Path) -> Callable[[], dict[str, float]]:
    """Everything, from Parquet, which DuckDB sorts within a limit of memory."""
    import duckdb

    from monitoring_assets.statistics.performance.realised import RealisedPerformance

    def run() -> dict[str, float]:
        with duckdb.connect() as connection:
            connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = 2")
            connection.execute(f"SET temp_directory = '{path.parent / 'spill'}'")
            table = connection.from_parquet(str(path))
            ((rows, bads),) = table.aggregate("count(*), sum(bad)").fetchall()
            performance = RealisedPerformance(rows - int(bads), int(bads), EDGES, CUT_OFFS)
            for batch in table.order("score").to_arrow_reader(100_000):
                performance.add(batch["score"].to_numpy(), batch["bad"].to_numpy())
            return figures(performance.result())

    return run


def figures(result: object) -> dict[str, float]:
    """Return the three numbers that scikit-learn has too."""
    return {
        "auc": result.discrimination.auc.value,
        "brier": result.proper_scores.brier.value,
        "log_loss": result.proper_scores.log_loss.value,
    }


WAYS = {
    "scikit-learn: AUC, Brier, log loss": scikit_learn,
    "ours, everything: arrays": in_memory,
    "ours, everything: sorted arrays": one_pass,
    "ours, everything: Parquet, DuckDB's sort": duckdb_sort,
}


def measure_one(name: str, path: Path) -> None:
    """Print what one way costs, after its imports and its arrays are there."""
    step = WAYS[name](path)
    wall, cpu = time.perf_counter(), time.process_time()
    found = step()
    seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    print(json.dumps({**seconds, "peak_rss_mb": measure.peak_rss_mb(), **found}))


def main() -> None:
    """Measure each way in turn, and check that they agree."""
    options = measure.arguments(__doc__).parse_args()
    path = tables.write(options.data / "scored_10m.parquet", ROWS, scored)
    rows = [
        {"way": name, "rows": f"{ROWS:,}", **measure.run("realised_performance.py", name, path)}
        for name in WAYS
    ]
    for metric in METRICS:
        values = [row[metric] for row in rows]
        if max(values) - min(values) > 1e-9:
            raise SystemExit(f"{metric} differs: {values}")
    name = list(WAYS)[-1]
    path = tables.write(options.data / "scored_30m.parquet", MANY_ROWS, scored)
    rows.append(
        {
            "way": name,
            "rows": f"{MANY_ROWS:,}",
            **measure.run("realised_performance.py", name, path),
        }
    )
    rows = [{head: row[head] for head in row if head not in METRICS} for row in rows]
    measure.publish("realised_performance", rows)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in WAYS:
        measure_one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
