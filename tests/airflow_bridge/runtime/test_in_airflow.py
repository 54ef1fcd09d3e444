"""The runtime inside real Airflow environments: `make airflows` makes them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from airflow_bridge.export.export import export_bundle
from airflow_bridge.export.settings import read_settings
from tests.airflow_bridge.runtime.bundles import (
    bundle,
    hostile_model,
    model,
    publish_hostile,
    write,
)
from tests.airflow_bridge.runtime.dagster_api import ScriptedDagster
from tests.conftest import Lender, job, tick

INSIDE = Path(__file__).parent / "inside"
ENVIRONMENTS = Path(__file__).parents[3] / ".airflow"

NAMES_OF_OURS = ("dags", "day", "tags", "compat", "runtime")
OTHER = """\
import datetime as dt
import {module}
from airflow import DAG

with DAG(
    "other_{n:02}",
    start_date=dt.datetime(2026, 1, 1),
    schedule=None,
    tags=[{module}.OWNER],
):
    pass
"""


def export_hostile(root: Path) -> None:
    """Take hostile manifests from the registry to bundles, as the sensor and the exporter do."""
    lender = Lender(str(root / "lender"), root)
    publish_hostile(lender)
    with dg.instance_for_test() as instance:
        tick(lender, instance)
    kubernetes = {"image": "monitoring:1", "namespace": "monitoring"}
    for mode in ("dagster", "kubernetes"):
        settings = read_settings({"mode": mode, "kubernetes": kubernetes}, "airflow.yaml")
        export_bundle(job("monitor_day", lender), lender.store, settings, str(root / mode))


def run_inside(airflow: str, checks: str, folder: Path, **variables: str) -> None:
    """Run tests with the Python of an Airflow environment, which has nothing of ours."""
    python = ENVIRONMENTS / airflow / "bin" / "python"
    assert python.exists(), "run `make airflows`"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{INSIDE}:{folder}",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    done = subprocess.run(
        [python, "-W", "ignore", "-m", "pytest", "-q", f"{checks}.py"],
        cwd=INSIDE,
        env=environment | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles of two versions: one for each mode, and one with every setting."""
    root = tmp_path_factory.mktemp("bundles")
    for mode in ("dagster", "kubernetes"):
        write(bundle([model(1), model(2)], mode), root / mode)
    settings = {
        "pool": "monitoring",
        "on_failure": "lender_oncall:page",
        "on_success": "lender_oncall:rejoice",
    }
    write(bundle([model(1)], **settings), root / "settings")
    # Two environments of one Airflow, with the same versions.
    for name in ("production", "staging"):
        version = model(1, dag_id=f"{name}.monitor_day.pd_cards.1")
        write(bundle([version], dag_id_prefix=f"{name}."), root / "environments" / name)
    for mode in ("dagster", "kubernetes"):
        write(bundle([hostile_model()], mode), root / "hostile" / mode)
    export_hostile(root / "landed")
    # The same beside forty DAGs of others, who have modules of the names that ours have.
    neighbours = root / "neighbours"
    for name in ("production", "staging"):
        version = model(1, dag_id=f"{name}.monitor_day.pd_cards.1")
        write(bundle([version], dag_id_prefix=f"{name}."), neighbours / name)
    for module in NAMES_OF_OURS:
        (neighbours / f"{module}.py").write_text(f"OWNER = {module!r}\n")
    for number in range(40):
        module = NAMES_OF_OURS[number % len(NAMES_OF_OURS)]
        (neighbours / f"other_{number:02}.py").write_text(OTHER.format(module=module, n=number))
    # Ahead of UTC by 12 and 13 hours, 9.5 and 10.5, 9.
    zones = ("Pacific/Auckland", "Australia/Adelaide", "Asia/Tokyo")
    east = [model(number, timezone=zone) for number, zone in enumerate(zones, 1)]
    east.append(model(4, timezone="Pacific/Auckland", cron="0 13 * * *"))
    write(bundle(east, "kubernetes"), root / "east")
    return root


@pytest.fixture(scope="module")
def dagster():
    with ScriptedDagster() as api:
        yield api


@pytest.mark.in_airflow
@pytest.mark.parametrize("airflow", ["2.11", "2.11-dagster", "3"])
@pytest.mark.parametrize("checks", sorted(path.stem for path in INSIDE.glob("*_checks.py")))
def test_inside(airflow: str, checks: str, bundles: Path, dagster: ScriptedDagster, tmp_path: Path):
    (tmp_path / "lender_oncall.py").write_text("page = print\nrejoice = repr\n")
    dagster.reset()
    run_inside(
        airflow,
        checks,
        tmp_path,
        BUNDLES=str(bundles),
        DAGSTER_API=dagster.url,
        DAGSTER_API_EMPTY=json.dumps(dagster.state),
        DAGSTER_AIRFLOW=str(airflow == "2.11-dagster"),
    )
