"""`monitoring demo` as a person types it, on a short history."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.evidence.seal import verify

pytestmark = pytest.mark.slow
MONITORING = Path(sys.executable).with_name("monitoring")


def demo(*arguments, width=100):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MONITORING_", "DAGSTER_"))
    }
    return subprocess.run(
        [MONITORING, "demo", *arguments],
        env=environment | {"COLUMNS": str(width)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def detections(home):
    done = demo("--home", str(home), "--days", "8", "--format", "json")
    assert done.returncode == 0, done.stderr
    return {item["truth"]["key"]: item for item in json.loads(done.stdout)}


def test_what_happened_is_found_and_nothing_else(detections):
    assert {key: item["days"] for key, item in detections.items()} == {
        "pd_auto.1": 8,
        "pd_cards.1": 8,
        "pd_mortgage.1": 8,
        "pd_mortgage.2": 3,
        "pd_overdraft.1": 8,
        "pd_personal_loans.1": 8,
    }
    assert not any(item["false_alarms"] for item in detections.values())
    assert {key for key, item in detections.items() if item["first_alarm"]} == {
        "pd_auto.1",
        "pd_overdraft.1",
        "pd_personal_loans.1",
    }


def test_performance_sees_what_psi_and_csi_cannot(detections):
    found = detections["pd_overdraft.1"]
    # Outcomes are known after two days, and the first of them are enough.
    assert found["first_failure"]["delay"] in (2, 3)
    assert {alarm["check"] for alarm in found["first_failure"]["alarms"]} == {"performance"}
    assert found["worst_psi"] < 0.03
    assert found["worst_csi"][1] < 0.03


def test_the_broken_feed_is_stopped_on_its_day(detections):
    found = detections["pd_auto.1"]
    assert found["first_failure"]["delay"] == 0
    assert found["first_failure"]["is_blocked"]
    assert {alarm["subject"] for alarm in found["first_failure"]["alarms"]} == {
        "income",
        "bureau_score",
    }
    broken = found["first_failure"]["day"]
    assert [day for day, psi in found["psi"].items() if psi is None] == [broken]


def test_the_push_warns_before_it_fails(detections):
    found = detections["pd_personal_loans.1"]
    assert 0 < found["first_alarm"]["delay"] <= found["first_failure"]["delay"] < 4
    assert found["worst_csi"][0] == "channel"


def test_a_second_demo_reuses_the_first_and_prints_what_a_person_reads(home, detections):
    before = {path: path.stat().st_mtime_ns for path in (home / "store").rglob("*.parquet")}
    done = demo("--home", str(home))
    assert done.returncode == 0, done.stderr
    after = {path: path.stat().st_mtime_ns for path in (home / "store").rglob("*.parquet")}
    assert after == before
    for text in ("pd_mortgage.2", "bureau_score 4", "day stopped", "same day", "AUC after 2 days"):
        assert text in done.stdout
    assert f"MONITORING_STORE={home}/store" in done.stdout
    assert "demo --home" in done.stdout
    pack = home / "evidence" / "pd_overdraft.1"
    assert (pack / "evidence.html").absolute().as_uri() in done.stdout
    assert verify(pack) == []
    command = shlex.split(next(line for line in done.stdout.splitlines() if " compare " in line))
    variables = dict(one.split("=", 1) for one in command if one.startswith("MONITORING_"))
    arguments = command[command.index("compare") : command.index("--html")]
    compared = CliRunner().invoke(main, arguments, env=variables)
    assert compared.exit_code == 0, compared.output
    assert "pd_mortgage.1 and pd_mortgage.2 (shadow)" in compared.output
    assert "swapped in" in compared.output
    # The commands at its end are as long as the paths in them.
    report = done.stdout.partition("Next\n")[0]
    assert max(map(len, report.splitlines())) <= 100


def test_a_screen_that_is_narrow_gets_the_curves_whole(home, detections):
    done = demo("--home", str(home), width=26)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (curve,) = (line for line in lines if line.startswith("pd_cards.1 ") and "▁" in line)
    assert len(curve) <= 26


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seed", "8"], "holds a demo of 8 days"),
        (["--days", "7"], "7 is not in the range"),
        (["--end", "2999-01-01"], "2999-01-01 is not over yet"),
    ],
)
def test_bad_usage_is_named(home, detections, arguments, complaint):
    done = demo("--home", str(home), *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "lake").mkdir()
    done = demo("--home", str(tmp_path))
    assert done.returncode == 2
    assert "not the demo's" in done.stderr.replace("\n", " ")


def test_the_demo_without_its_libraries_is_no_lost_day(tmp_path, monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'sklearn'")

    monkeypatch.setattr("monitoring_assets.cli.demo._build", fail)
    done = CliRunner().invoke(main, ["demo", "--home", str(tmp_path / "lender")])
    assert done.exit_code == 2
    assert "No module named 'sklearn'; scikit-learn and skl2onnx are needed" in done.output
    assert "pip install scikit-learn skl2onnx" in done.output
