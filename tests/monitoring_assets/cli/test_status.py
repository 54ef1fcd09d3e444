"""`monitoring status`: the last day of every version, the worst first."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.pages.summary import Summary
from resources import layout
from tests.conftest import onboard

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def status(lender, instance, monkeypatch):
    """The command on a store with two versions, of which one has an open incident."""
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    lender.publish()
    lender.publish("pd_auto")
    lender.publish("pd_boats")
    onboard(lender, instance)
    for key, outcome, since in (
        ("pd_cards.1", "ok", None),
        ("pd_auto.1", "incident open", dt.date(2026, 2, 1)),
    ):
        summary = Summary(
            key=key,
            owner="risk",
            day=TODAY,
            outcome=outcome,
            verdict=f"What became of {key}.",
            since=since,
            psi=(None, 0.01, 0.3),
            fail=0.25,
            csi=0.2,
        )
        lender.store.storage.write(layout.summary(key), summary.model_dump_json().encode())
    return lambda *options: CliRunner().invoke(main, ["status", *options], env={"COLUMNS": "80"})


def test_the_worst_is_first_and_says_why(status):
    shown = status()
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.output.splitlines() if line.startswith(" pd_")]
    assert [line[0] for line in lines] == ["pd_auto.1", "pd_boats.1", "pd_cards.1"]
    assert lines[0][1:3] == ["incident", "open"]
    assert lines[1][1:] == ["silent", "never"]
    assert lines[2][-3:] == ["0.300", "0.200", "▁█"]
    assert "What became of pd_auto.1." in shown.output
    assert "What became of pd_cards.1." not in shown.output


def test_json_has_all_of_it_and_an_open_incident_can_fail_a_script(status):
    shown = status("--format", "json", "--fail-on", "open")
    assert shown.exit_code == 1
    auto, boats, cards = json.loads(shown.stdout)
    assert (auto["model"], auto["status"], auto["since"]) == (
        "pd_auto.1",
        "incident open",
        "2026-02-01",
    )
    assert boats == {"model": "pd_boats.1", "status": "silent"}
    assert cards["psi"] == [None, 0.01, 0.3]


def test_the_page_is_written_beside_it(status, tmp_path):
    shown = status("--html", str(tmp_path / "models.html"))
    assert shown.exit_code == 0, shown.output
    assert "What became of pd_auto.1." in (tmp_path / "models.html").read_text()


def test_an_empty_store_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("MONITORING_STORE", str(tmp_path))
    shown = CliRunner().invoke(main, ["status"])
    assert (shown.exit_code, shown.output) == (0, f"No model version has landed in {tmp_path}\n")
