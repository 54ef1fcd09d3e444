"""The commands over a store and a registry: what they print, and how they say no."""

import hashlib
import json
import os
import tomllib
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.registry import ModelRegistry
from resources.storage import LocalStorage
from tests.conftest import YESTERDAY, days_ago, definitions, onboard, rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty(lender, tmp_path, monkeypatch):
    """A lender without versions, and the environment of a deployment."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    return lender


@pytest.fixture
def deployed(empty):
    """The same with a version onboarded."""
    lender = empty
    lender.publish()
    with dg.DagsterInstance.get() as instance:
        onboard(lender, instance)
    return lender


def run(*arguments):
    # The code location reads the environment when it is loaded.
    import subprocess
    import sys

    command = [Path(sys.executable).with_name("monitoring"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


def test_onboard_needs_no_daemon(empty):
    empty.publish()
    empty.deliver(YESTERDAY)
    unknown = run("backfill", "pd_cards")
    assert unknown.returncode == 2
    assert "none has landed yet; `monitoring onboard` takes over" in unknown.stderr

    done = run("onboard")
    assert (done.returncode, done.stdout) == (0, "pd_cards/1: monitored\n")
    assert run("backfill", "pd_cards", "--from", str(YESTERDAY)).returncode == 0


def test_onboard_says_what_it_could_not_take_over(empty):
    empty.publish()
    empty.publish(version="2", owner="")
    junk = b"no graph"
    digest = hashlib.sha256(junk).hexdigest()
    empty.publish(
        version="3", scoring={"flavour": "onnx", "artefact": "model.onnx", "sha256": digest}
    )
    Path(empty.registry.root, "pd_cards/3/model.onnx").write_bytes(junk)
    done = run("onboard", "--format", "json")
    assert done.returncode == 2
    lines = {line["folder"]: line for line in json.loads(done.stdout)}
    assert {folder: line["status"] for folder, line in lines.items()} == {
        "pd_cards/1": "monitored",
        "pd_cards/2": "rejected",
        "pd_cards/3": "failed",
    }
    assert "owner: found ''; allowed: text that is not empty" in lines["pd_cards/2"]["why"]
    assert "pd_cards.3 could not be onboarded: " in lines["pd_cards/3"]["why"]

    empty.publish(version="3")  # mended
    again = run("onboard")
    assert again.returncode == 2
    assert "pd_cards/3: monitored" in again.stdout


def test_onboard_ticks_until_every_version_had_its_turn(lender, instance, monkeypatch):
    from sensors.onboard import onboard

    # The first tick has no time to judge anything, and each has room for one run.
    scan, seconds = ModelRegistry.scan, iter([-1.0, 60.0, 60.0, 60.0])
    monkeypatch.setattr(
        ModelRegistry, "scan", lambda self, known, **_: scan(self, known, seconds=next(seconds))
    )
    monkeypatch.setattr("sensors.run_requests.MAX_OPEN_RUNS", 1)
    lender.publish()
    lender.publish(version="2")
    lines = onboard(definitions(lender), instance, lender.registry)
    assert [(line.folder, line.status) for line in lines] == [
        ("pd_cards/1", "monitored"),
        ("pd_cards/2", "monitored"),
    ]


def test_onboard_needs_a_registry_and_a_home(empty, monkeypatch):
    nothing = run("onboard")
    assert nothing.returncode == 2
    assert f"MONITORING_REGISTRY: {empty.registry.root}: " in nothing.stderr
    assert "Traceback" not in nothing.stderr
    monkeypatch.delenv("DAGSTER_HOME")
    homeless = run("onboard")
    assert homeless.returncode == 2
    assert "DAGSTER_HOME is not set" in homeless.stderr


def test_backfill_says_why_there_is_nothing_to_do(deployed):
    done = run("backfill", "pd_cards", "--from", "2020-01-01", "--to", "2020-02-01")
    assert (done.returncode, done.stdout) == (2, "")
    said = "pd_cards.1: nothing to do from 2020-01-01 to 2020-02-01: it is in production from "
    assert f"{said}{days_ago(2)}; days have partitions from " in done.stderr
    assert f"to {YESTERDAY}" in done.stderr


def test_the_demo_without_its_libraries_is_no_lost_day(tmp_path, monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'sklearn'")

    monkeypatch.setattr("monitoring_assets.cli.demo._build", fail)
    done = CliRunner().invoke(main, ["demo", "--home", str(tmp_path / "lender")])
    assert done.exit_code == 2
    assert "No module named 'sklearn'; scikit-learn and skl2onnx are needed" in done.output
    assert "pip install scikit-learn skl2onnx" in done.output


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    shown = CliRunner().invoke(main, ["--version"], prog_name="monitoring")
    assert (shown.exit_code, shown.output) == (0, f"monitoring, version {project['version']}\n")


def test_the_commands_are_listed_in_the_order_of_their_use():
    shown = CliRunner().invoke(main, ["--help"]).output.partition("Commands:\n")[2]
    names = [line.split()[0] for line in shown.splitlines() if line[2:3].strip()]
    assert names == [
        "demo",
        "drift",
        "registry",
        "onboard",
        "backfill",
        "report",
        "alerts",
        "thresholds",
        "airflow",
        "materialise",
        "dashboards",
    ]


def test_backfill_then_report(deployed):
    deployed.deliver(days_ago(1))
    deployed.deliver(YESTERDAY, rows(1, income_shift=-0.7))
    done = run("backfill", "pd_cards", "--from", str(days_ago(1)))
    assert done.returncode == 0, done.stderr
    assert "pd_cards.1: 2 days done, 0 failed" in done.stdout

    shown = CliRunner().invoke(main, ["report", "pd_cards.1"])
    assert shown.exit_code == 0, shown.output
    assert f"pd_cards.1 on {YESTERDAY}" in shown.output
    assert "income" in shown.output
    assert "Mean score moved by +" in shown.output
    # Two days of history: nothing, then the drift at full height.
    lines = shown.output.splitlines()
    assert any(line.split()[:1] == ["income"] and line.split()[-1] == "fail" for line in lines)
    assert any("▁█" in line and "full height" in line for line in lines)

    asked = ["report", "pd_cards.1", "--date", str(days_ago(1)), "--format", "json"]
    document = json.loads(CliRunner().invoke(main, asked).stdout)
    assert document["date"] == str(days_ago(1))
    assert {column["column"] for column in document["columns"]} == {"income", "region", "score"}


def test_backfill_names_the_days_that_failed(deployed):
    deployed.deliver(YESTERDAY)
    done = run("backfill", "pd_cards.1", "--from", str(days_ago(1)))
    assert done.returncode == 1
    assert f"{days_ago(1)}|pd_cards.1: " in done.stderr
    assert f"pd_cards/{days_ago(1)}.parquet" in done.stderr
    assert "1 days done, 1 failed" in done.stdout


def test_unknown_models_are_named_with_those_that_are_known(deployed):
    done = run("backfill", "pd_car")
    assert done.returncode == 2
    assert "'pd_car' is no model version; known: pd_cards.1" in done.stderr
    shown = CliRunner().invoke(main, ["report", "pd_cards.2"])
    assert shown.exit_code == 2
    assert "pd_cards.2" in shown.output


def test_a_report_that_was_not_made_says_where_it_looked(deployed):
    day = str(YESTERDAY - timedelta(days=400))
    shown = CliRunner().invoke(main, ["report", "pd_cards.1", "--date", day])
    assert shown.exit_code == 2
    assert f"drift_report of {day}|pd_cards.1 is not materialised" in shown.output


def validate(path, *options):
    return CliRunner().invoke(main, ["registry", "validate", str(path), *options])


def test_validate_takes_a_folder_a_manifest_or_a_registry(any_lender):
    any_lender.publish()
    root = any_lender.registry.root
    for path in (
        root,
        f"{root}/pd_cards/1",
        f"{root}/pd_cards/1/",
        f"{root}/pd_cards/1/model.yaml",
    ):
        done = validate(path)
        assert (done.exit_code, done.output) == (0, "pd_cards/1: valid\n")


def test_validate_looks_at_nothing_but_the_folder_it_is_given(lender, monkeypatch):
    lender.publish()
    lender.publish(version="2", owner="")
    listed = []
    original = LocalStorage.list

    def record(self, prefix=""):
        listed.append(self.url(prefix))
        return original(self, prefix)

    monkeypatch.setattr(LocalStorage, "list", record)
    folder = Path(lender.registry.root, "pd_cards", "1")
    monkeypatch.chdir(folder)
    for path in (folder, ".", "../1", "../../pd_cards/1/model.yaml"):
        assert validate(path).output == "pd_cards/1: valid\n"
    assert set(listed) == {str(folder)}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("s3://no-bucket-of-this-name", "NoSuchBucket"),
        ("s3://no-bucket-of-this-name/pd_cards/1", "NoSuchBucket"),
        ("{root}/registry/pd_cards/2/model.yaml", "no model version"),
        ("gs://models/pd_cards/1", "found scheme 'gs'; allowed: s3://"),
        ("nowhere", "no such file or folder"),
    ],
)
def test_validate_says_what_it_cannot_look_at(s3_lender, path, why):
    done = validate(path.format(root=s3_lender.root))
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: ")
    assert why in " ".join(done.stderr.replace("│", "").split())


def test_validate_names_every_fault(lender):
    lender.publish(owner="", schedule={"timezone": "Mars"}, surprise=1)
    done = CliRunner().invoke(main, ["registry", "validate", lender.registry.root])
    assert done.exit_code == 2
    assert len([line for line in done.output.splitlines() if "model.yaml: " in line]) == 3
    listed = ["registry", "validate", lender.registry.root, "--format", "json"]
    document = json.loads(CliRunner().invoke(main, listed).stdout)
    assert {fault["field"] for fault in document[0]["faults"]} == {
        "owner",
        "schedule.timezone",
        "surprise",
    }


def test_validate_says_when_there_is_nothing(tmp_path):
    done = CliRunner().invoke(main, ["registry", "validate", str(tmp_path)])
    assert done.exit_code == 2
    assert "no model version" in done.output
