"""Time and S3 calls of one tick of the registry sensor, by number of versions.

Each case is a process of its own. The first ticks judge every version, each for at most 20 seconds;
the steady one finds all as they were. On S3 the server is moto's, on loopback in a process of its
own; its concurrent answers wait for one another, so the first ticks take longer than on a real S3.

    python -m benchmarks.registry
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "registry.md"
SIZES = (30, 300, 3000)
REPEATS = 5
SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
from tests.s3_requests import recorded_requests
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
with recorded_requests() as requests:
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    for line in sys.stdin:
        print(len(requests), flush=True)
        requests.clear()
"""


class Server:
    """Moto's S3 in a process of its own, and how often it was asked."""

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._port = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead an AWS client here."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def calls(self) -> int:
        """Requests since it was last asked."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def mean_of(characteristics: int) -> bytes:
    """A graph that can score, of 100 kB."""
    from onnx import TensorProto, helper

    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, characteristics])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    node = helper.make_node("ReduceMean", ["rows"], ["score"], axes=[1])
    graph = helper.make_graph([node], "mean", [rows], [score], doc_string="x" * 100_000)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def publish(root: str, versions: int, characteristics: int = 20) -> None:
    """Land versions with a small reference sample and artefact each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import yaml

    from resources.storage import open_storage

    storage = open_storage(root)
    random = np.random.default_rng(0)
    names = [f"x{number:02}" for number in range(characteristics)]
    sample = io.BytesIO()
    pq.write_table(pa.table({name: random.normal(size=1000) for name in names}), sample)
    artefact = mean_of(characteristics)
    for number in range(versions):
        folder = f"model_{number:04}/1"
        storage.write(f"{folder}/reference.parquet", sample.getvalue())
        storage.write(f"{folder}/model.onnx", artefact)
        manifest = {
            "name": f"model_{number:04}",
            "version": "1",
            "owner": "risk@lender.example",
            "deployed_at": "2026-01-01",
            "reference": {"path": "reference.parquet"},
            "batch": {"path": f"model_{number:04}/{{date}}.parquet", "key": "id"},
            "features": {"columns": names},
            "scoring": {
                "flavour": "onnx",
                "artefact": "model.onnx",
                "sha256": hashlib.sha256(artefact).hexdigest(),
            },
        }
        storage.write(f"{folder}/model.yaml", yaml.safe_dump(manifest).encode())


def measure(root: str, versions: int, server: Server | None) -> dict[str, float]:
    """Tick the sensor until it has judged every version, then a few times more."""
    import dagster as dg

    from resources.registry import open_registry
    from resources.store import Store
    from sensors.registry_sensor import registry_sensor

    resources = {
        "registry": open_registry(f"{root}/registry"),
        "store": Store(root=f"{root}/store"),
    }
    if server:
        # What a process pays once, whatever the number of versions.
        resources["store"].storage.exists("nothing")
        resources["store"].storage.filesystem.get_file_info("nothing/here")
        server.calls()
    cursor, judged, first, steady = None, 0, [], []
    with dg.instance_for_test() as instance:
        while len(steady) < REPEATS:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
            start = time.perf_counter()
            result = registry_sensor(context)
            seconds = time.perf_counter() - start
            ticks = first if judged < versions else steady
            ticks.append((seconds, server.calls() if server else 0))
            cursor = result.cursor
            for request in result.dynamic_partitions_requests or []:
                instance.add_dynamic_partitions(
                    request.partitions_def_name, list(request.partition_keys)
                )
            judged = len(instance.get_dynamic_partitions("model"))
    return {
        "first_ticks": len(first),
        "first_seconds": sum(seconds for seconds, _ in first),
        "first_calls": sum(calls for _, calls in first),
        "steady_seconds": statistics.median(seconds for seconds, _ in steady),
        "steady_calls": max(calls for _, calls in steady),
    }


def run_case(place: str, versions: int) -> dict[str, float]:
    """Publish and measure in this process."""
    if place == "local":
        with tempfile.TemporaryDirectory() as folder:
            publish(f"{folder}/registry", versions)
            return measure(folder, versions, None)
    import boto3

    with Server() as server:
        os.environ.update(server.environment)
        boto3.client("s3").create_bucket(Bucket="benchmark")
        publish("s3://benchmark/registry", versions)
        return measure("s3://benchmark", versions, server)


def main() -> None:
    """Run every case in a process of its own and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs=2, metavar=("PLACE", "VERSIONS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(run_case(arguments.case[0], int(arguments.case[1]))))
        return
    lines = [
        "| where | versions | all judged after | S3 calls | steady tick | S3 calls |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    print("\n".join(lines), flush=True)
    for place in ("local", "s3"):
        for versions in SIZES:
            command = [sys.executable, "-m", "benchmarks.registry", "--case", place, str(versions)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            calls = [f"{found[f'{when}_calls']:,.0f}" for when in ("first", "steady")]
            calls = ["-", "-"] if place == "local" else calls
            lines.append(
                f"| {'local folders' if place == 'local' else 'S3 (moto)'} | {versions:,} "
                f"| {found['first_seconds']:.1f} s{_in_ticks(found['first_ticks'])} | {calls[0]} "
                f"| {found['steady_seconds']:.3f} s | {calls[1]} |"
            )
            print(lines[-1], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    about = (
        "# One tick of the registry sensor\n\n"
        "Made by `python -m benchmarks.registry` with Python "
        f"{platform.python_version()} on {os.cpu_count()} cores. {_explained()}\n\n"
    )
    RESULTS.write_text(about + "\n".join(lines) + "\n")


def _in_ticks(ticks: float) -> str:
    return f" in {ticks:.0f} ticks" if ticks > 1 else ""


def _explained() -> str:
    return " ".join(__doc__.split("\n\n")[1].split())


if __name__ == "__main__":
    main()
