"""Where a command's runs are recorded."""

import resource
import subprocess
import sys

import click
import dagster as dg
import pytest

from monitoring_assets.cli.instance import dagster_instance


def test_it_is_the_instance_of_dagster_home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dagster_instance() as instance:
        assert instance.root_directory == str(tmp_path)


def test_without_a_home_nothing_is_recorded_where_it_would_be_lost(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with (
        pytest.raises(click.UsageError, match=r"DAGSTER_HOME is not set.*monitoring init DIR"),
        dagster_instance(),
    ):
        pass


@pytest.mark.parametrize("home", ["absent", "file", "relative"])
def test_a_home_that_is_none_is_named_in_one_line(tmp_path, monkeypatch, home):
    (tmp_path / "file").touch()
    path = home if home == "relative" else str(tmp_path / home)
    monkeypatch.setenv("DAGSTER_HOME", path)
    with pytest.raises(click.UsageError) as raised, dagster_instance():
        pass
    assert raised.value.message.startswith(f"DAGSTER_HOME: {path}: no runs can be recorded there: ")
    assert "\n" not in raised.value.message


def test_a_full_disk_of_the_home_is_named_in_one_line(tmp_path, monkeypatch):
    """A limit on the size of files stands in for the disk: SQLite says the same of both."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "from monitoring_assets.cli.main import main\n"
        "main(['onboard'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"DAGSTER_HOME: {tmp_path}: no runs can be recorded there: " in done.stderr


def test_a_disk_that_fills_up_meanwhile_is_named_too(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def record():
        with dagster_instance() as instance:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
            instance.add_run(dg.DagsterRun("monitor_day"))

    try:
        with pytest.raises(click.UsageError, match=f"DAGSTER_HOME: {tmp_path}: no runs can be"):
            record()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
