"""`monitoring review`: what a person says of past incidents and days."""

import datetime as dt
import json

import pytest
import yaml
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources import layout
from resources.manifest import parse_manifest
from resources.reviews import read_reviews
from resources.store import Landed
from tests.receivers.messages import DAY, NOW, notice

KEY = "pd_cards.1"


def later(days):
    return DAY + dt.timedelta(days=days)


@pytest.fixture
def run(lender, monkeypatch):
    """Two incidents of pd_cards.1, the second of which is open, and reports until a week later."""
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    manifest = parse_manifest(yaml.safe_dump(lender.manifest("pd_cards", "1")), "model.yaml")
    landed = Landed(manifest=manifest, folder="pd_cards/1", landed_at=NOW)
    lender.store.land({KEY: landed}, {KEY})
    storage = lender.store.storage
    second = f"{KEY}/performance/1"
    for one in (
        notice(1, "open"),
        notice(2, "resolve", day=later(4)),
        notice(1, "open", incident=second, since=later(5), day=later(6)),
    ):
        storage.write(layout.alert_log(one.day, one.path), one.model_dump_json().encode())
    for number in range(8):
        storage.write(layout.partition("drift_report", KEY, later(number)), b"")

    def run(*arguments):
        return CliRunner().invoke(main, ["review", *arguments])

    return run


@pytest.mark.parametrize("name", ["population/1", f"{KEY}/population/1"])
def test_an_incident_has_its_own_days(run, lender, name):
    done = run(
        "record", KEY, "--incident", name, "--false-alarm", "--why", "campaign", "--by", "jo"
    )
    assert done.exit_code == 0, done.output
    assert f"2026-03-02 to {later(4)}: a false alarm, says jo: campaign" in done.output
    (found,) = read_reviews(lender.store.storage, KEY)
    assert (found.incident, found.days.is_real) == (f"{KEY}/population/1", False)


def test_an_open_incident_lasts_until_the_last_report(run):
    done = run("record", KEY, "--incident", "performance/1", "--real", "--why", "new broker")
    assert f"{later(5)} to {later(7)}: a real change" in done.output


def test_days_without_an_incident_may_be_a_real_change(run):
    assert "nothing was said" in run("list", KEY).output
    done = run("record", KEY, "--from", str(later(2)), "--real", "--why", "broker", "--by", "jo")
    assert done.exit_code == 0, done.output
    assert run("list", KEY).output == (
        f"{KEY}: {later(2)} to {later(7)}: a real change, says jo: broker\n"
    )
    (said,) = json.loads(run("list", KEY, "--format", "json").output)
    assert said["days"]["is_real"] is True
    assert said["incident"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2026-03-03", "--why", "x"], "--real"),
        (["--real", "--why", "x"], "either --incident, or --from"),
        (["--real", "--why", "x", "--incident", "a/1", "--from", "2026-03-03"], "either"),
        (["--real", "--why", "x", "--incident", "population/1", "--to", "2026-03-03"], "own days"),
        (["--real", "--why", "x", "--incident", "population/9"], f"it has {KEY}/population/1, "),
        (["--real", "--why", " ", "--from", "2026-03-03"], "must not be empty"),
        (["--real", "--why", "x", "--from", "2020-03-03"], "one of 731 days"),
        (["--real", "--why", "x", "--from", "2026-03-05", "--to", "2026-03-03"], "is before"),
    ],
)
def test_bad_usage_is_named(run, lender, arguments, said):
    done = run("record", KEY, *arguments)
    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert read_reviews(lender.store.storage, KEY) == []


def test_an_unknown_version_is_named(run):
    for arguments in (["record", "--real", "--why", "x", "--from", "2026-03-03"], ["list"]):
        done = run(*arguments, "pd_gone.1")
        assert (done.exit_code, "'pd_gone.1'" in done.output) == (2, True), done.output
