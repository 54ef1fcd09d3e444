"""`monitoring report` of a day that a check has stopped."""

import json

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from tests.conftest import YESTERDAY, job, onboard, rows

KEY = "pd_cards.1"


@pytest.fixture
def stopped(lender, instance, monkeypatch):
    """A day whose batch lost a third of its incomes, and the command on its store."""
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    lender.publish()
    onboard(lender, instance)
    frame = rows(1, income_shift=0.8)
    frame.loc[frame.index % 3 == 0, "income"] = None
    lender.deliver(YESTERDAY, frame)
    done = job("monitor_day", lender).execute_in_process(
        instance=instance,
        partition_key=ModelDay(YESTERDAY, KEY).partition,
        raise_on_error=False,
    )
    assert not done.success
    return lambda *options: CliRunner().invoke(
        main, ["report", KEY, "--date", str(YESTERDAY), *options]
    )


def test_it_says_why_and_what_was_counted_before(stopped):
    shown = stopped()
    assert shown.exit_code == 0, shown.output
    assert f"{KEY} on {YESTERDAY}: no drift report, as the day was stopped before" in shown.output
    assert "data quality: income: 33.5% missing" in shown.output
    line = next(line for line in shown.output.splitlines() if line.startswith(" income"))
    assert line.split()[-1] == "fail"


def test_the_same_for_programs(stopped):
    document = json.loads(stopped("--format", "json").stdout)
    assert [fault["family"] for fault in document["stopped_by"]] == ["data quality"]
    assert {one["column"]: one["status"] for one in document["columns"]}["income"] == "fail"
    assert document["rows"] == 400
