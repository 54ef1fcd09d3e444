"""The commands over a store and a registry: what they print, and how they say no."""

import json
import os
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.storage import LocalStorage
from tests.conftest import YESTERDAY, days_ago, onboard, rows


@pytest.fixture
def deployed(lender, tmp_path, monkeypatch):
    """A lender with a version onboarded, and the environment of a deployment."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
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
