"""The `monitoring` command as a process of its own, in a deployment."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from tests.conftest import onboard
from tests.monitoring_assets.cli.drafts import Newcomer, applications

MONITORING = Path(sys.executable).with_name("monitoring")


@pytest.fixture
def deployment(lender, tmp_path, monkeypatch):
    """A lender, and the environment of a process that works for it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.delenv("MONITORING_AIRFLOW", raising=False)
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    return lender


@pytest.fixture
def monitoring(deployment):
    """Run the command; the code location reads the environment when it is loaded."""

    def run(*arguments):
        return subprocess.run(
            [MONITORING, *arguments], capture_output=True, text=True, check=False, env=os.environ
        )

    return run


@pytest.fixture
def onboarded(deployment):
    """The same with a version onboarded."""
    deployment.publish()
    with dg.DagsterInstance.get() as instance:
        onboard(deployment, instance)
    return deployment


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """A folder with a sample of one's own, as the working directory."""
    for name in ("REGISTRY", "LAKE", "STORE", "START_DATE"):
        monkeypatch.delenv(f"MONITORING_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    one = Newcomer(tmp_path)
    one.write("sample.parquet", applications())
    return one
