"""`monitoring baseline`: a lasting shift is accepted, and what comes on top of it still pages."""

import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows, seed_of

KEY = "pd_cards.1"


def run(*arguments):
    return CliRunner().invoke(main, ["baseline", *arguments])


def decide(lender, instance, ago, shift):
    """A day at this shift of income, decided as on the day after it; actions by family."""
    day = days_ago(ago)
    lender.deliver(day, rows(seed_of(day), size=2000, income_shift=shift))
    as_if = {"ops": {"alerts": {"config": {"as_if_on_the_day": True}}}}
    job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=ModelDay(day, KEY).partition, run_config=as_if
    )
    table, notes = lender.store.read_table("alerts", KEY, day)
    found = {row["family"]: row for row in table.to_pylist()}
    return found["population"]["action"], found["population"]["reasons"], notes["inputs"]


@pytest.fixture
def shifted(lender, instance, monkeypatch):
    """Two days of a shift, the second of which opens an incident."""
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    lender.publish(deployed_at=days_ago(30).isoformat(), checks={"blocking": []})
    onboard(lender, instance)
    actions = [decide(lender, instance, ago, 0.35)[0] for ago in (7, 6)]
    assert actions == ["none", "open"]
    return lender


@pytest.mark.slow
def test_an_accepted_shift_resolves_and_a_move_on_top_of_it_pages(shifted, instance):
    assert "no shift was accepted" in run("list", KEY).output
    accepted = run("accept", KEY, "--from", str(days_ago(7)), "--why", "new channel", "--by", "jo")
    assert accepted.exit_code == 0, accepted.output
    assert f"{days_ago(7)} to {days_ago(6)}, accepted by jo: new channel" in accepted.output
    assert "score: PSI 0." in accepted.output
    assert run("list", KEY).output.endswith("accepted by jo: new channel\n")
    assert json.loads(run("list", KEY, "--format", "json").output) == [
        {"first": str(days_ago(7)), "last": str(days_ago(6)), "by": "jo", "why": "new channel"}
    ]
    days = [decide(shifted, instance, ago, 0.35) for ago in (5, 4, 3)]
    assert [action for action, _, _ in days] == ["keep", "keep", "resolve"]
    _, _, inputs = days[0]
    assert list(inputs["accepted_reports"]) == [str(days_ago(7)), str(days_ago(6))]
    assert inputs["policy"]["accepted"][0]["why"] == "new channel"
    actions = [decide(shifted, instance, ago, 0.8) for ago in (2, 1)]
    assert [action for action, _, _ in actions] == ["none", "open"]
    assert any("against the accepted days" in reason for reason in actions[-1][1])
    again = CliRunner().invoke(main, ["alerts", KEY, "--date", str(days_ago(1)), "--replay"])
    assert "the same answer" in again.output
    report = CliRunner().invoke(main, ["report", KEY, "--date", str(days_ago(1))])
    assert "accepted by jo: new channel" in report.output.splitlines()[2]


def test_bad_usage_is_named(shifted):
    for arguments, said in (
        (["--from", "2020-01-01", "--to", "2020-01-05"], "no drift report from 2020-01-01"),
        (["--from", "2020-01-01", "--to", "2020-06-05"], "one of 92 days from `first` on"),
        (["--from", str(YESTERDAY), "--to", str(days_ago(6))], "one of 92 days"),
        (["--from", str(days_ago(7)), "--why", " "], "must not be empty"),
    ):
        done = run("accept", KEY, "--why", "new channel", *arguments)
        assert (done.exit_code, said in done.output) == (2, True), done.output
    assert "pd_gone.1" in run("list", "pd_gone.1").output
