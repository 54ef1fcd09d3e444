"""The runtime against a real Dagster webserver."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from tests.airflow_bridge.runtime.bundles import asset, bundle, model, write
from tests.airflow_bridge.runtime.test_in_airflow import run_inside

CODE = Path(__file__).parent / "day_by_day.py"


@pytest.fixture
def webserver(tmp_path_factory: pytest.TempPathFactory):
    """A webserver on SQLite; the reference profile is made."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        # There is no daemon.
        "run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n"
    )
    with dg.DagsterInstance.from_ref(dg.DagsterInstance.from_config(str(home)).get_ref()) as one:
        one.add_dynamic_partitions("model", ["pd_cards.1"])
        profile = dg.AssetMaterialization(
            ["monitoring", "reference_profile"], partition="pd_cards.1"
        )
        one.report_runless_asset_event(profile)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster_webserver", "-f", CODE, "-h", "127.0.0.1", "-p", str(port)],
        env=os.environ | {"DAGSTER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/server_info").close()
                break
            except urllib.error.URLError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.airflow  # six real runs: minutes on a busy machine
@pytest.mark.parametrize("airflow", ["2.11", "3"])
def test_against_a_webserver(airflow: str, webserver: str, tmp_path: Path):
    content = bundle([model(1)])
    content["settings"]["dagster"]["location"] = CODE.name
    content["assets"] = [asset("features", [], ["batch_quality", "csi"])]
    content["models"][0]["run_tags"] = {"tested/in": airflow}
    write(content, tmp_path / "bundles" / "webserver")
    run_inside(
        airflow,
        "against_webserver",
        tmp_path,
        BUNDLES=str(tmp_path / "bundles"),
        DAGSTER_WEBSERVER=webserver,
    )
