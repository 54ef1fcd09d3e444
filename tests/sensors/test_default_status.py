"""Sensors run on a new instance, or wait there, as the deployment says."""

import subprocess
import sys

import pytest

CODE = """
from monitoring_assets.definitions import defs
repository = defs.get_repository_def()
for one in (*repository.sensor_defs, *repository.schedule_defs):
    print(one.default_status.value)
"""


@pytest.mark.parametrize(
    ("value", "status"), [(None, "RUNNING"), ("running", "RUNNING"), ("stopped", "STOPPED")]
)
def test_the_deployment_decides_what_runs_on_a_new_instance(value, status, monkeypatch):
    if value is not None:
        monkeypatch.setenv("MONITORING_SENSORS", value)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {status}


def test_another_word_is_refused(monkeypatch):
    monkeypatch.setenv("MONITORING_SENSORS", "off")
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode != 0
    assert "MONITORING_SENSORS: found 'off'; allowed: running, stopped" in done.stderr
