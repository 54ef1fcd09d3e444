"""A lender with 73 rows a day: the week says what no day can, wherever a person looks."""

import json

import dagster as dg
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.backfill import backfill
from monitoring_assets.runs.shown import four_digits
from monitoring_assets.statistics.drift.last_days import WEEK
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows
from tests.monitoring_assets.checks.test_asset_checks import evaluations, run_checks

KEY = "pd_cards.1"
ROWS = 73
DAY, OVER_WEEK = "0.35 over 1 day, 73 rows: insufficient evidence", "0.40 over 7 days, 511 rows"


def watched(lender, instance, seed, shift):
    """Monitor a week, its last day by itself, and return what the checks said of that day."""
    lender.publish(deployed_at=days_ago(60).isoformat())
    for number in range(WEEK):
        lender.deliver(days_ago(number), rows(seed + number, ROWS, shift))
    onboard(lender, instance)
    before = [days_ago(number) for number in range(1, WEEK)]
    backfill(job("monitor_day", lender), instance, KEY, before)
    return evaluations(
        job("monitor_day", lender).execute_in_process(
            instance=instance, partition_key=ModelDay(YESTERDAY, KEY).partition
        )
    )


def shown(command, *arguments):
    done = CliRunner().invoke(main, [command, KEY, *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def everywhere(lender, monkeypatch):
    """A lender that the command finds, and an instance in memory."""
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    with dg.DagsterInstance.ephemeral() as instance:
        yield lender, instance


@pytest.mark.slow
def test_a_drift_that_no_day_can_show_is_shown_by_the_week(everywhere, pagerduty):
    found = watched(*everywhere, seed=490, shift=0.27)
    for check in ("psi", "csi"):
        assert not found[check].passed
        assert f"0.3516 on 73 rows (insufficient evidence, critical value 0.3958); {OVER_WEEK}" in (
            found[check].description
        )
    document = json.loads(shown("report", "--format", "json"))
    columns = {column["column"]: column for column in document["columns"]}
    assert columns["income"]["status"] == "insufficient evidence"
    week = columns["income"]["week"]
    assert (week["days"], week["rows"], week["status"]) == (WEEK, WEEK * ROWS, "fail")
    assert found["csi"].metadata["csi_max_week"].value == four_digits(week["value"])
    assert f"0.35 on 73 rows (insufficient evidence); {OVER_WEEK}: fail" in shown("report")
    assert f"PSI {OVER_WEEK} (limit 0.25); {DAY}" in shown("alerts")
    (page,) = pagerduty.incidents
    assert f"{OVER_WEEK} (limit 0.25); {DAY}" in page.triggers[0]["payload"]["summary"]

    # Checked again, it is the same; a day that is no longer there is not pooled.
    lender, instance = everywhere
    again = run_checks(lender, instance, ("features", "csi"))["csi"]
    assert again.description == found["csi"].description
    for dataset in ("features_profile", "drift_report"):
        lender.store.remove(dataset, KEY, days_ago(3))
    fewer = run_checks(lender, instance, ("features", "csi"))["csi"]
    assert "over 6 days, 438 rows: fail" in fewer.description
    assert "over 6 days, 438 rows: fail" in shown("report")


@pytest.mark.slow
def test_a_quiet_one_stays_quiet(everywhere, pagerduty):
    found = watched(*everywhere, seed=10, shift=0.0)
    assert all(found[check].passed for check in ("psi", "csi"))
    assert "income (0.04 over 7 days, 511 rows: ok)" in found["csi"].description
    assert "fail" not in shown("report").partition("The 30 days")[0]
    assert pagerduty.incidents == []
