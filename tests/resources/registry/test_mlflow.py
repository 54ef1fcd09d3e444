"""The contract of a registry, for a real MLflow tracking server on SQLite."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests

from resources.registry.mlflow import MlflowRegistry
from tests.conftest import days_ago, job, onboard, rows, sigmoid_of_log_income
from tests.resources.registry.contract import Landing, RegistryContract

MLFLOW = Path(__file__).parents[3] / ".mlflow" / "bin" / "mlflow"
START_SECONDS = 240.0

pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.skipif(
        not MLFLOW.exists(),
        reason="no MLflow server in .mlflow: make mlflow",
    ),
]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A tracking server, and where it is."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [MLFLOW, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = (
        "false"  # seven processes that nothing needs
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                requests.get(f"{url}/health", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                said = (folder / "log").read_text()
                assert process.poll() is None, said
                assert time.monotonic() < end, said
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


class MlflowLanding(Landing):
    """Versions of registered models, each of a run of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(f"mlflow+{url}")
        self._url = url
        self._artefacts: dict[str, str] = {}

    def post(self, call, **content):
        answer = requests.post(f"{self._url}/api/2.0/mlflow/{call}", json=content, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def clear(self):
        """Take the versions of this landing away, for the next one."""
        for name in {folder.split("/")[0] for folder in self._artefacts}:
            requests.delete(
                f"{self._url}/api/2.0/mlflow/registered-models/delete",
                json={"name": name},
                timeout=60,
            ).raise_for_status()

    def _folder(self, folder):
        if folder not in self._artefacts:
            name, number = folder.split("/")
            run = self.post("runs/create", experiment_id="0")["run"]["info"]
            if number == "1":
                self.post("registered-models/create", name=name)
            source = f"{run['artifact_uri']}/model"
            version = self.post(
                "model-versions/create", name=name, source=source, run_id=run["run_id"]
            )["model_version"]["version"]
            assert version == number
            tag = {"key": "monitoring", "value": "monitoring"}
            self.post("model-versions/set-tag", name=name, version=number, **tag)
            place = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
            self._artefacts[folder] = f"{self._url}/api/2.0/mlflow-artifacts/artifacts/{place}"
        return self._artefacts[folder]

    def put(self, folder, path, content, place="monitoring"):
        url = f"{self._folder(folder)}/{place}/{path}"
        requests.put(url, data=content, timeout=60).raise_for_status()

    def remove(self, folder, path):
        url = f"{self._folder(folder)}/monitoring/{path}"
        requests.delete(url, timeout=60).raise_for_status()


@pytest.fixture
def landing(server):
    one = MlflowLanding(server)
    yield one
    one.clear()


class TestMlflow(RegistryContract):
    kind = MlflowRegistry


def test_versions_without_the_tag_are_nobodys(landing):
    landing.put("pd_cards/1", "model.yaml", b"[")
    tag = {"name": "pd_cards", "version": "1", "key": "monitoring"}
    requests.delete(
        f"{landing._url}/api/2.0/mlflow/model-versions/delete-tag", json=tag, timeout=60
    ).raise_for_status()
    assert landing.registry.candidates() == []


def test_a_server_that_is_not_there_is_not_an_empty_registry():
    with pytest.raises(OSError, match="refused"):
        MlflowRegistry(root="mlflow+http://127.0.0.1:9").candidates()


def test_a_version_is_onboarded_and_scored_with_the_model_that_its_run_logged(
    landing, lender, instance
):
    import yaml

    sample = lender.scratch / "sample.parquet"
    rows(0, 2000).to_parquet(sample, index=False)
    query = b"SELECT loan_id, income, region FROM batch"
    columns = {"columns": ["income", "region"], "sql": "sql/features.sql"}
    manifest = lender.manifest("pd_cards", "1", features=columns)
    landing.put("pd_cards/1", "model.onnx", sigmoid_of_log_income(), place="model")
    landing.put("pd_cards/1", "reference.parquet", sample.read_bytes())
    landing.put("pd_cards/1", "sql/features.sql", query)
    landing.put("pd_cards/1", "model.yaml", yaml.safe_dump(manifest).encode())
    lender.resources["registry"] = landing.registry
    day = days_ago(0)
    lender.deliver(day)

    onboard(lender, instance)
    done = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=f"{day}|pd_cards.1"
    )

    assert done.success
    assert lender.store.profiled_keys() == {"pd_cards.1"}
    assert lender.store.has("scores", "pd_cards.1", day)
