"""`monitoring report`: what is shown of a day, and of a day that has no report."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pandas as pd
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.faults import RecordedFault, record_faults
from tests.conftest import YESTERDAY, days_ago, rows
from tests.monitoring_assets.conftest import KEY


@pytest.mark.slow
def test_days_that_were_backfilled_are_shown(onboarded, monitoring):
    onboarded.deliver(days_ago(1))
    onboarded.deliver(YESTERDAY, rows(1, income_shift=-0.7))
    done = monitoring("backfill", "pd_cards", "--from", str(days_ago(1)))
    assert done.returncode == 0, done.stderr
    assert "pd_cards.1: 2 days done, 0 failed" in done.stdout

    shown = CliRunner().invoke(main, ["report", "pd_cards.1"])
    assert shown.exit_code == 0, shown.output
    assert f"pd_cards.1 on {YESTERDAY}" in shown.output
    assert "income" in shown.output
    assert "Mean score moved by +" in shown.output
    assert "Moved score by: additive surrogate of the score, R2 0." in shown.output
    # Two days of history: nothing, then the drift at full height.
    lines = shown.output.splitlines()
    assert any(line.split()[:1] == ["income"] and line.split()[-1] == "fail" for line in lines)
    assert any("▁█" in line and "full height" in line for line in lines)

    asked = ["report", "pd_cards.1", "--date", str(days_ago(1)), "--format", "json"]
    document = json.loads(CliRunner().invoke(main, asked).stdout)
    assert document["date"] == str(days_ago(1))
    assert {column["column"] for column in document["columns"]} == {"income", "region", "score"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_report_of_a_hundred_aborts_at_its_end(onboarded, monitoring):
    """Arrow's threads once outlived the interpreter in 7 processes of 220, which ended with 134."""
    onboarded.deliver(days_ago(1))
    onboarded.deliver(YESTERDAY)
    done = monitoring("backfill", "pd_cards", "--from", str(days_ago(1)))
    assert done.returncode == 0, done.stderr
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: monitoring("report", "pd_cards.1"), range(100)))
    assert [one.stderr for one in ended if one.returncode] == []
    assert {one.stdout for one in ended} == {ended[0].stdout}
    assert "income" in ended[0].stdout


def test_an_unknown_model_is_named(onboarded):
    shown = CliRunner().invoke(main, ["report", "pd_cards.2"])
    assert shown.exit_code == 2
    assert "pd_cards.2" in shown.output


def test_a_report_that_was_not_made_says_where_it_looked(onboarded):
    day = str(YESTERDAY - timedelta(days=400))
    shown = CliRunner().invoke(main, ["report", "pd_cards.1", "--date", day])
    assert shown.exit_code == 2
    assert f"drift_report of {day}|pd_cards.1 is not materialised" in shown.output


def test_a_change_of_performance_is_shown_by_band(scored, copy, monkeypatch):
    monkeypatch.setenv("MONITORING_STORE", copy.root)
    table, notes = copy.read_table("drift_report", KEY, scored.days[-1])
    copy.write_table("drift_report", KEY, YESTERDAY, table, notes)
    fault = RecordedFault(
        family="performance",
        subject="AUC after 30 days",
        text="AUC has fallen",
        first_cohort=scored.days[1],
        horizon=30,
    )
    record_faults(copy.storage, KEY, YESTERDAY, "performance", [fault])
    found = CliRunner().invoke(main, ["report", KEY, "--date", str(YESTERDAY)])
    assert found.exit_code == 0, found.output
    rows = pd.concat([scored.frames[day] for day in scored.days[1:3]])
    predicted = f"{rows['score'].sum():,.0f}"
    line = f"known outcome: {len(rows):,}; bad: {rows['bad'].sum():,}, where the scores predicted"
    assert f"{line} {predicted}" in " ".join(found.stdout.split())


def test_a_day_of_which_nothing_was_counted_is_refused_with_what_is_wrong(
    scored, copy, monkeypatch
):
    monkeypatch.setenv("MONITORING_STORE", copy.root)
    fault = RecordedFault(family="pipeline", subject="features", text="the batch has no columns")
    record_faults(copy.storage, KEY, YESTERDAY, "run", [fault])
    for output in ("table", "json"):
        asked = ["report", KEY, "--date", str(YESTERDAY), "--format", output]
        found = CliRunner().invoke(main, asked)
        assert found.exit_code == 2, found.exception
        said = " ".join(found.output.split())
        assert f"drift_report of {YESTERDAY}|{KEY} is not materialised" in said
        assert "the batch has no columns" in said
