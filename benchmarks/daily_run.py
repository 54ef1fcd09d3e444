"""Where the seconds of one day of one model go: 100,000 rows x 100 characteristics.

Beside it, in the same run: a Dagster run of three empty assets, in one process and with a process
for each step (Dagster's default), and merely decoding the same batch.

    python benchmarks/daily_run.py
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tables
import yaml

from monitoring_assets.cli.init import TEMPLATES

ROWS, CHARACTERISTICS, REPEATS = 100_000, 100, 5
DAY = "2026-01-15"
RESULTS = Path(__file__).parent / "results"

EMPTY = """
import dagster as dg
@dg.asset
def one() -> None: ...
@dg.asset(deps=[one])
def two() -> None: ...
@dg.asset(deps=[two])
def three() -> None: ...
defs = dg.Definitions(
    [one, two, three],
    jobs=[dg.define_asset_job("empty")],
    executor=dg.{executor},
)
"""

TIMED = """
import json, sys, time
start = time.perf_counter()
import dagster as dg
imported_dagster = time.perf_counter()
from monitoring_assets.definitions import defs
job = defs.get_repository_def().get_job("monitor_day")
loaded = time.perf_counter()
with dg.DagsterInstance.get() as instance:
    result = job.execute_in_process(
        instance=instance,
        partition_key=sys.argv[1],
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
assert result.success
done = time.perf_counter()
steps = {
    event.step_key: event.event_specific_data.duration_ms / 1000
    for event in result.all_events
    if event.is_step_success
}
parts = {
    "import dagster": imported_dagster - start,
    "load the code location": loaded - imported_dagster,
    **steps,
    "Dagster around the steps": done - loaded - sum(steps.values()),
}
print(json.dumps(parts))
"""


def onnx_mean(names: list[str]) -> bytes:
    """A model that takes one tensor and costs next to nothing."""
    from onnx import TensorProto, helper

    tensor = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, len(names)])
    score = helper.make_tensor_value_info("pd", TensorProto.FLOAT, [None, 1])
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sigmoid", ["mean"], ["pd"]),
    ]
    graph = helper.make_graph(nodes, "mean", [tensor], [score])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def build(home: Path) -> Path:
    """A registry with one version, a lake with one batch; returns the batch."""
    random = np.random.default_rng(1)
    names = [f"x{number:03}" for number in range(CHARACTERISTICS)]

    def table(rows: int) -> pa.Table:
        columns = {name: random.normal(size=rows) for name in names}
        return pa.table({"id": np.arange(rows)} | columns)

    version = home / "registry" / "wide" / "1"
    version.mkdir(parents=True)
    pq.write_table(table(50_000), version / "reference.parquet")
    model = onnx_mean(names)
    (version / "model.onnx").write_bytes(model)
    batch = home / "lake" / "wide" / f"{DAY}.parquet"
    batch.parent.mkdir(parents=True)
    pq.write_table(table(ROWS), batch)
    manifest = {
        "name": "wide",
        "version": "1",
        "owner": "benchmark",
        "deployed_at": DAY,
        "reference": {"path": "reference.parquet"},
        "batch": {"path": "wide/{date}.parquet", "key": "id"},
        "features": {"columns": names},
        "scoring": {
            "flavour": "onnx",
            "artefact": "model.onnx",
            "sha256": hashlib.sha256(model).hexdigest(),
        },
    }
    (version / "model.yaml").write_text(yaml.safe_dump(manifest))
    return batch


def onboard() -> None:
    """Let the registry sensor accept the version, and make its reference profile."""
    import dagster as dg

    from monitoring_assets.definitions import defs
    from resources.environment import resources_from_environment
    from sensors.registry_sensor import registry_sensor

    with dg.DagsterInstance.get() as instance:
        context = dg.build_sensor_context(instance, resources=dict(resources_from_environment()))
        for request in registry_sensor(context).dynamic_partitions_requests:
            instance.add_dynamic_partitions("model", list(request.partition_keys))
        job = defs.get_repository_def().get_job("onboard_model")
        assert job.execute_in_process(instance=instance, partition_key="wide.1").success


def seconds(command: list[str]) -> tuple[float, str]:
    """Wall-clock of a command, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def main() -> None:
    """Measure, print, and write the results."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "dagster").mkdir()
        shutil.copy(TEMPLATES / "dagster.yaml", home / "dagster")
        os.environ |= {"DAGSTER_HOME": str(home / "dagster"), "MONITORING_START_DATE": "2026-01-01"}
        os.environ |= {f"MONITORING_{n.upper()}": str(home / n) for n in ("registry", "lake")}
        os.environ["MONITORING_STORE"] = str(home / "store")
        batch = build(home)
        onboard()
        dagster = str(Path(sys.executable).with_name("dagster"))
        empty: dict[str, list[str]] = {}
        for executor in ("in_process_executor", "multiprocess_executor"):
            file = home / f"{executor}.py"
            file.write_text(EMPTY.format(executor=executor))
            empty[executor] = [dagster, "job", "execute", "-f", str(file), "-j", "empty"]
        ours = [sys.executable, "-c", TIMED, f"{DAY}|wide.1"]
        walls: dict[str, list[float]] = {"ours": [], "decode": [], **{name: [] for name in empty}}
        parts: dict[str, list[float]] = {}
        for _ in range(REPEATS):  # interleaved, so that a busy machine slows all alike
            wall, printed = seconds(ours)
            walls["ours"].append(wall)
            for name, value in json.loads(printed.splitlines()[-1]).items():
                parts.setdefault(name, []).append(value)
            for name, command in empty.items():
                walls[name].append(seconds(command)[0])
            start = time.perf_counter()
            tables.decode(batch)
            walls["decode"].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in walls.items()}
    print(write(median, {name: statistics.median(values) for name, values in parts.items()}))


def write(walls: dict[str, float], parts: dict[str, float]) -> str:
    """Results as JSON and as Markdown, which is returned."""
    lines = [
        f"# One day of one model: {ROWS:,} rows x {CHARACTERISTICS} characteristics",
        "",
        f"`make bench-daily-run`; medians of {REPEATS} interleaved repeats, seconds.",
        "",
        "| what | s |",
        "|---|---:|",
        *(f"| {name} | {value:.2f} |" for name, value in parts.items()),
        f"| the interpreter's own start and end | {walls['ours'] - sum(parts.values()):.2f} |",
        f"| **whole process** | **{walls['ours']:.2f}** |",
        "",
        "| beside it | s | ours / (it + decoding) |",
        "|---|---:|---:|",
    ]
    for name, label in (
        ("multiprocess_executor", "three empty assets, a process for each (Dagster's default)"),
        ("in_process_executor", "three empty assets, in one process"),
    ):
        ratio = walls["ours"] / (walls[name] + walls["decode"])
        lines.append(f"| {label} | {walls[name]:.2f} | {ratio:.2f} |")
    lines += [f"| decoding the batch alone | {walls['decode']:.2f} | |"]
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "daily_run.md").write_text(text)
    (RESULTS / "daily_run.json").write_text(json.dumps({"walls": walls, "parts": parts}, indent=2))
    return text


if __name__ == "__main__":
    main()
