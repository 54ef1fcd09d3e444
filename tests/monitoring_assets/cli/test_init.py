"""`monitoring init`: the folder of a deployment on one machine."""

import os
import shlex
import subprocess
import sys

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner

from monitoring_assets.cli.init import TEMPLATES
from monitoring_assets.cli.main import main

ROOTS = ("registry", "lake", "store")


def init(folder):
    return CliRunner().invoke(main, ["init", str(folder)])


def files(folder):
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def commands(shown):
    """The lines to paste, which are those with an indent of two."""
    return [line.strip() for line in shown.splitlines() if line[:2] == "  " and line[2] != " "]


def in_shell(command, **options):
    clean = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, env=clean, **options
    ).stdout


@pytest.mark.parametrize("name", ["watch", "new/it's mine"])
def test_the_first_command_sets_what_the_product_reads(tmp_path, name):
    folder = tmp_path / name
    done = init(folder)
    assert done.exit_code == 0
    first = commands(done.stdout)[0]
    show = shlex.join([sys.executable, "-c", "import os; print(dict(os.environ))"])
    found = eval(in_shell(f"{first} && {show}", cwd="/"))
    assert found["PWD"] == str(folder)
    assert found["DAGSTER_HOME"] == str(folder / "dagster")
    assert {root: found[f"MONITORING_{root.upper()}"] for root in ROOTS} == {
        root: str(folder / root) for root in ROOTS
    }
    assert "MONITORING_START_DATE" not in found


def test_a_run_may_take_as_long_to_start_as_dagster_watches_it(tmp_path):
    """Its process loads the code location, which takes long on a busy machine."""
    init(tmp_path)
    code = "from dagster._grpc.client import DEFAULT_GRPC_TIMEOUT as one; print(one)"
    show = shlex.join([sys.executable, "-c", code])
    allowed = int(in_shell(f". ./env.sh && {show}", cwd=tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        assert allowed == instance.run_monitoring_start_timeout_seconds


def test_three_commands_come_next(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/elsewhere/monitoring"])
    _, draft, onboard = commands(init(tmp_path / "watch").stdout)
    assert draft.startswith("/elsewhere/monitoring registry draft MODEL --reference ")
    assert onboard == "/elsewhere/monitoring onboard"


def test_the_folder_has_the_settings_of_the_package(tmp_path):
    init(tmp_path)
    assert files(tmp_path) == {"env.sh", "workspace.yaml", "dagster/dagster.yaml"}
    for name in ("registry", "lake"):
        assert [*(tmp_path / name).iterdir()] == []
    copied = (tmp_path / "dagster" / "dagster.yaml").read_bytes()
    assert copied == (TEMPLATES / "dagster.yaml").read_bytes()
    (location,) = yaml.safe_load((tmp_path / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["module_name"] == "monitoring_assets.definitions"


def test_dagster_takes_the_settings(tmp_path):
    init(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        assert instance.run_retries_enabled
        assert not instance.telemetry_enabled


@pytest.mark.parametrize("name", ["env.sh", "workspace.yaml", "dagster/dagster.yaml"])
def test_nothing_is_overwritten(tmp_path, name):
    there = tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_text("mine")
    done = init(tmp_path)
    assert done.exit_code == 2
    assert f"{there} is there already" in done.stderr
    assert files(tmp_path) == {name}
    assert there.read_text() == "mine"


def test_files_of_the_user_stay(tmp_path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "mine.parquet").write_text("mine")
    assert init(tmp_path).exit_code == 0
    assert (tmp_path / "lake" / "mine.parquet").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "watch").write_text("mine")
    for place in ("watch", "watch/below"):
        done = init(tmp_path / place)
        assert done.exit_code == 2
        assert str(tmp_path / "watch") in done.stderr
        assert "Traceback" not in done.stderr


def test_help_has_examples():
    shown = CliRunner().invoke(main, ["init", "--help"]).output
    assert "monitoring init watch" in shown
