"""``monitoring dashboards``: files, what is printed, exit codes."""

import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.monitoring_assets.dashboards.published import faults
from tests.monitoring_assets.dashboards.receiver import AccountReceiver
from tests.receivers.server import Answer

DEFINED = 8


@pytest.fixture
def receiver(monkeypatch):
    """An account that is empty, and the environment that leads to it."""
    with AccountReceiver() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        yield receiver
        assert not receiver.violations


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch):
    for name in ("DAGSTER_URL", "RUNBOOK_URL", "DATADOG_DASHBOARD_URL", "DATADOG_NOTIFY"):
        monkeypatch.delenv(f"MONITORING_{name}", raising=False)


def run(*arguments):
    return CliRunner().invoke(main, ["dashboards", *arguments])


def test_render_writes_what_apply_would_send(tmp_path):
    done = run("render", "--out", str(tmp_path), "--notify", "@slack-models")
    assert done.exit_code == 0, done.output
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert len(files) == DEFINED
    for file in files:
        kind = "dashboard" if file.startswith("dashboards/") else "monitor"
        assert faults(kind, json.loads((tmp_path / file).read_text())) == []
    assert "Model monitoring: all models" in done.output
    assert "PSI of the score" in done.output
    assert "notifies @slack-models" in done.output
    assert "notifies no one" in done.output


def test_render_as_json(tmp_path):
    done = run("render", "--out", str(tmp_path), "--format", "json")
    assert done.exit_code == 0
    lines = json.loads(done.output)
    assert len(lines) == DEFINED
    assert all(line["shows"] and line["title"] for line in lines)
    assert {line["file"] for line in lines} == {str(path) for path in tmp_path.rglob("*.json")}


def test_addresses_and_handles_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MONITORING_DAGSTER_URL", "https://dagster.example.com/")
    monkeypatch.setenv("MONITORING_RUNBOOK_URL", "https://wiki.example.com/alerts")
    monkeypatch.setenv("MONITORING_DATADOG_DASHBOARD_URL", "https://dd.example.com/dashboard/abc")
    monkeypatch.setenv("MONITORING_DATADOG_NOTIFY", "@slack-models @teams-risk")
    assert run("render", "--out", str(tmp_path)).exit_code == 0
    message = json.loads((tmp_path / "monitors/silence.json").read_text())["message"]
    assert "https://dagster.example.com/assets/monitoring/drift_report" in message
    assert "https://wiki.example.com/alerts" in message
    assert message.endswith("@slack-models @teams-risk")
    overview = (tmp_path / "dashboards/overview.json").read_text()
    assert "https://dd.example.com/dashboard/abc?tpl_var_model={{model.value}}" in overview


@pytest.mark.parametrize("handle", ["slack-models", "@a b", ""])
def test_what_is_no_handle_is_refused(tmp_path, handle):
    done = run("render", "--out", str(tmp_path), "--notify", handle)
    assert done.exit_code == 2
    assert "is no handle such as @slack-models" in done.output
    assert not [*tmp_path.iterdir()]


def test_render_says_where_it_cannot_write(tmp_path):
    (tmp_path / "dashboards").write_text("a file")
    done = run("render", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "--out" in done.output


def test_apply_and_apply_again(receiver):
    done = run("apply")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "8 created"
    [first, *_] = receiver.dashboards.values()
    assert f"https://app.datadoghq.com{first['url']}" in done.output
    next(iter(receiver.monitors.values()))["message"] = "changed by hand"
    again = run("apply")
    assert (again.exit_code, again.output.splitlines()[-1]) == (0, "1 updated, 7 unchanged")
    assert len(receiver.writes) == DEFINED + 1


def test_a_dry_run_shows_and_writes_nothing(receiver):
    first = run("apply", "--dry-run")
    assert (first.exit_code, first.output.splitlines()[-1]) == (0, "8 to create")
    assert receiver.writes == []
    run("apply")
    receiver.writes.clear()
    assert run("apply", "--dry-run", "--fail-on-difference").exit_code == 0
    next(iter(receiver.monitors.values()))["message"] = "changed by hand"
    shown = run("apply", "--dry-run")
    assert shown.exit_code == 0
    assert '-  "message": "changed by hand",' in shown.output
    assert shown.output.splitlines()[-1] == "1 to update, 7 unchanged"
    assert run("apply", "--dry-run", "--fail-on-difference").exit_code == 1
    assert receiver.writes == []


def test_fail_on_difference_needs_a_dry_run(receiver):
    done = run("apply", "--fail-on-difference")
    assert done.exit_code == 2
    assert receiver.requests == []


def test_apply_as_json(receiver):
    done = run("apply", "--format", "json")
    document = json.loads(done.output)
    assert [line["action"] for line in document["definitions"]] == ["created"] * DEFINED
    assert document["not_touched"] == []
    assert document["stopped"] is None
    receiver.put("dashboard", next(iter(receiver.dashboards.values())) | {"title": "A copy"})
    [copy] = json.loads(run("apply", "--format", "json").output)["not_touched"]
    assert copy["title"] == "A copy"
    assert "A copy" in run("apply").output


def test_one_that_is_refused_does_not_stop_the_others(receiver):
    refusal = Answer(400, {"errors": ["Invalid query"]})
    listed = Answer(200, {"dashboards": []}), Answer(200, [])
    receiver.fail(*listed, refusal)
    done = run("apply")
    assert done.exit_code == 2
    assert "Invalid query" in done.output
    assert done.output.splitlines()[-1] == "7 created, 1 refused"
    assert run("apply").output.splitlines()[-1] == "1 created, 7 unchanged"


def test_what_was_done_before_datadog_failed_is_said(receiver):
    listed = Answer(200, {"dashboards": []}), Answer(200, [])
    receiver.fail(*listed, Answer(503, {"errors": ["Unavailable"]}))
    done = run("apply")
    assert done.exit_code == 2
    assert "Stopped after 0 of 8" in done.output
    assert "503" in done.output
    assert run("apply").exit_code == 0


def test_wrong_keys_are_not_shown(receiver, monkeypatch):
    monkeypatch.setenv("DD_API_KEY", "f00d" * 8)
    done = run("apply")
    assert done.exit_code == 2
    assert "403" in done.output
    assert "docs/datadog.md" in done.output
    assert "f00d" not in done.output
    assert AccountReceiver.APP_KEY not in done.output


def test_help_has_examples():
    for command in ("render", "apply"):
        assert "Examples:" in run(command, "--help").output
