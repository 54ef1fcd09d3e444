"""A tiny lender: model versions and batches that a test can break on purpose."""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import yaml
from alembic.config import Config
from alembic.script import ScriptDirectory
from botocore.loaders import create_loader
from botocore.retries.standard import ExponentialBackoff
from dagster._core.storage.defs_state.base import DefsStateStorage

from monitoring_assets.demo.event_log import PooledSqliteEventLogStorage
from resources.lake import Lake
from resources.registry import open_registry
from resources.storage import Storage, open_storage
from resources.store import Store
from tests.s3_faults import FaultyS3

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
OTHER_ROUTING_KEY = "f" * 32
YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


def days_ago(number: int) -> dt.date:
    """The day that many days before yesterday."""
    return YESTERDAY - dt.timedelta(days=number)


def seed_of(day: dt.date) -> int:
    """The seed of a day's rows: by its place before yesterday, so no calendar changes them."""
    return 2000 + (day - YESTERDAY).days


def rows(seed: int, size: int = 400, income_shift: float = 0.0) -> pd.DataFrame:
    """Applications: a key, two characteristics, and a score that follows from them."""
    random = np.random.default_rng(seed)
    income = random.lognormal(10 + income_shift, 0.5, size).round(2)
    region = random.choice(["north", "south", "west"], size, p=[0.5, 0.3, 0.2])
    score = 1 / (1 + np.exp(np.log(income) - 10))
    keys = [f"{seed}-{number}" for number in range(size)]
    return pd.DataFrame({"loan_id": keys, "income": income, "region": region, "score": score})


def sigmoid_of_log_income() -> bytes:
    """An ONNX graph with one input for each characteristic: 1 / (1 + exp(ln(income) - 10))."""
    import onnx
    from onnx import TensorProto, helper

    number = helper.make_tensor_value_info("income", TensorProto.FLOAT, [None, 1])
    text = helper.make_tensor_value_info("region", TensorProto.STRING, [None, 1])
    score = helper.make_tensor_value_info("pd", TensorProto.FLOAT, [None, 1])
    ten = helper.make_tensor("ten", TensorProto.FLOAT, [1], [10.0])
    nodes = [
        helper.make_node("Log", ["income"], ["log"]),
        helper.make_node("Sub", ["ten", "log"], ["minus"]),
        helper.make_node("Sigmoid", ["minus"], ["pd"]),
    ]
    graph = helper.make_graph(nodes, "scorecard", [number, text], [score], [ten])
    opset = [helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


@dataclass
class Lender:
    """A registry, a lake and a store, local or on S3, and the means to fill them."""

    root: str
    scratch: Path
    resources: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.registry = open_registry(f"{self.root}/registry")
        self.lake = Lake(root=f"{self.root}/lake")
        self.store = Store(root=f"{self.root}/store")
        self.resources = {"registry": self.registry, "lake": self.lake, "store": self.store}

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point a process of the product at this lender."""
        return {f"MONITORING_{name.upper()}": r.root for name, r in self.resources.items()}

    def put(self, storage: Storage, path: str, frame: pd.DataFrame) -> None:
        """Write a frame as Parquet."""
        with storage.writing(path) as local:
            frame.to_parquet(local, index=False)

    def manifest(self, name: str, version: str, **changes: Any) -> dict[str, Any]:
        """A valid manifest; ``changes`` replace its fields."""
        model = sigmoid_of_log_income()
        return {
            "name": name,
            "version": version,
            "owner": "risk@lender.example",
            "deployed_at": days_ago(2).isoformat(),
            "reference": {"path": "reference.parquet"},
            "batch": {"path": f"{name}/{{date}}.parquet", "key": "loan_id"},
            "features": {"columns": ["income", "region"]},
            "scoring": {
                "flavour": "onnx",
                "artefact": "model.onnx",
                "sha256": hashlib.sha256(model).hexdigest(),
            },
        } | changes

    def publish(self, name: str = "pd_cards", version: str = "1", **changes: Any) -> str:
        """Land a version, its manifest last; return its partition key."""
        storage = open_storage(self.registry.root)
        folder = f"{name}/{version}"
        self.put(storage, f"{folder}/reference.parquet", rows(0, 2000))
        storage.write(f"{folder}/model.onnx", sigmoid_of_log_income())
        self.publish_manifest(name, version, **changes)
        return f"{name}.{version}"

    def publish_manifest(self, name: str, version: str, **changes: Any) -> None:
        """Write the manifest of a version, again or for the first time."""
        text = yaml.safe_dump(self.manifest(name, version, **changes))
        open_storage(self.registry.root).write(f"{name}/{version}/model.yaml", text.encode())

    def deliver(self, day: dt.date, frame: pd.DataFrame | None = None, feed: str = "pd_cards"):
        """Put a day's batch into the lake."""
        frame = rows(seed_of(day)) if frame is None else frame
        self.put(open_storage(self.lake.root), f"{feed}/{day}.parquet", frame)


@pytest.fixture(scope="session", autouse=True)
def no_instance_of_another_test() -> Iterator[None]:
    """Load definitions without the state of an instance.

    Dagster takes the state from the instance that was opened last. An instance that a collected
    garbage context closes late puts an older one back, which may be gone by then.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(DefsStateStorage, "get", staticmethod(lambda: None))
        yield


def pytest_collection_finish() -> None:
    """Collect garbage more rarely, and none of what was imported: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_sessionfinish() -> None:
    """Let modules be taken down: what is frozen would be reported as a leak by DuckDB."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _what_is_always_the_same_is_read_once() -> Iterator[None]:
    """Keep botocore's descriptions of AWS, and the list of Dagster's migrations.

    The first are read for each client, the second when an instance on SQLite is opened.
    """
    kept: dict[str | None, ScriptDirectory] = {}

    def migrations(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in kept:
            kept[place] = ScriptDirectory.from_config(config)
        return kept[place]

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("botocore.session.create_loader", cache(create_loader))
        listed = SimpleNamespace(from_config=migrations)
        monkeypatch.setattr("dagster._core.storage.sql.ScriptDirectory", listed)
        yield


@contextmanager
def instance_in(folder: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance whose files lie in a folder.

    Its event log keeps its connections, so that a day of a model takes half the time.
    """
    event_log = {
        "module": PooledSqliteEventLogStorage.__module__,
        "class": PooledSqliteEventLogStorage.__name__,
        "config": {"base_dir": str(folder / "event_log")},
    }
    folder.mkdir(exist_ok=True)
    with dg.instance_for_test({"event_log_storage": event_log}, temp_dir=str(folder)) as one:
        yield one


@pytest.fixture(scope="session")
def blank_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an instance that knows nothing: to make them takes four times as long."""
    folder = tmp_path_factory.mktemp("instance")
    with instance_in(folder):
        return folder


@pytest.fixture
def instance(blank_instance: Path, tmp_path: Path):
    """A Dagster instance of its own."""
    folder = tmp_path / "dagster_home"
    shutil.copytree(blank_instance, folder)
    with instance_in(folder) as one:
        yield one


@pytest.fixture
def lender(tmp_path: Path) -> Lender:
    """A lender in local folders."""
    return Lender(str(tmp_path / "lender"), tmp_path)


@pytest.fixture(scope="session")
def s3_endpoint():
    """A real S3 API over HTTP, on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_environment(endpoint: str, key: str = "test") -> dict[str, str]:
    """Variables that point a process at a server of S3; ``key`` is the secret too."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


@cache
def _s3_client(endpoint: str, key: str) -> Any:
    """A client with the credentials of the environment, which are those of ``s3_environment``."""
    import boto3

    return boto3.Session().client("s3")


@contextmanager
def lender_on_s3(endpoint: str, folder: Path, key: str = "test") -> Iterator[Lender]:
    """A lender in a bucket of its own, named after a folder; ``key`` is the secret too."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in s3_environment(endpoint, key).items():
            patched.setenv(name, value)
        bucket = f"lender-{folder.name.replace('_', '-').lower()}-{threading.get_ident()}"[:60]
        _s3_client(endpoint, key).create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield Lender(f"s3://{bucket}", folder)


@pytest.fixture
def s3_lender(s3_endpoint: str, tmp_path: Path) -> Iterator[Lender]:
    """A lender in a bucket of moto's server."""
    with lender_on_s3(s3_endpoint, tmp_path) as one:
        yield one


@pytest.fixture
def s3_faults(s3_lender: Lender, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch):
    """A proxy between the lender on S3 and its server, which fails requests where it is told to."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    with FaultyS3(s3_endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def pagerduty(monkeypatch: pytest.MonkeyPatch):
    """PagerDuty on loopback, which takes only these keys and refuses what its API does."""
    from tests.receivers.pagerduty import PagerDutyReceiver

    with PagerDutyReceiver(keys={ROUTING_KEY, OTHER_ROUTING_KEY}) as receiver:
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", receiver.url)
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", ROUTING_KEY)
        yield receiver
        assert not receiver.violations


@pytest.fixture(params=["local", "s3"])
def any_lender(request: pytest.FixtureRequest) -> Lender:
    """A lender in local folders, then one on S3."""
    return request.getfixturevalue("lender" if request.param == "local" else "s3_lender")


def tick(lender: Lender, instance: dg.DagsterInstance, cursor: str | None = None):
    """Evaluate the registry sensor and add the partitions it asks for, as the daemon does."""
    from sensors.registry_sensor import registry_sensor

    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=lender.resources)
    result = registry_sensor(context)
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def definitions(lender: Lender) -> dg.Definitions:
    """The code location, bound to a lender."""
    from monitoring_assets.definitions import defs

    return dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        executor=defs.executor,
        resources=lender.resources,
    )


def job(name: str, lender: Lender) -> dg.JobDefinition:
    """A job of the product, bound to a lender."""
    return definitions(lender).get_repository_def().get_job(name)


def onboard(lender: Lender, instance: dg.DagsterInstance) -> None:
    """Land everything in the registry and make its reference profiles."""
    for request in tick(lender, instance).run_requests:
        assert (
            job(request.job_name, lender)
            .execute_in_process(instance=instance, partition_key=request.partition_key)
            .success
        )
