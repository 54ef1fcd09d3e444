"""Performance on its way to a page: outcomes that change, an incident, and its end."""

import numpy as np
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from resources import layout
from resources.asset_keys import asset_key
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from resources.storage import open_storage
from tests.conftest import days_ago, job, onboard, rows, seed_of, sigmoid_of_log_income

KEY = "pd_cards.1"
MATURITY = 5
DAYS = [days_ago(back) for back in range(27, -1, -1)]
FLIPPED = DAYS[8:15]


@pytest.fixture
def decided(lender, instance):
    """Four weeks of a version whose outcomes are those of other people for one week."""

    def with_outcomes(frame, seed, flipped):
        chance = 1 - frame["score"] if flipped else frame["score"]
        return frame.assign(bad=np.random.default_rng(seed).random(len(frame)) < chance)

    outcome = {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": MATURITY}
    lender.publish_manifest(
        "pd_cards",
        "1",
        reference={"path": "reference.parquet", "outcome": "bad"},
        outcome=outcome,
        deployed_at=days_ago(60).isoformat(),
        alerts={"resolve": 2},
    )
    storage = open_storage(lender.registry.root)
    lender.put(storage, "pd_cards/1/reference.parquet", with_outcomes(rows(0, 5000), 1, False))
    storage.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    onboard(lender, instance)
    for day in DAYS:
        frame = rows(seed_of(day))
        lender.deliver(day, frame)
        told = with_outcomes(frame, seed_of(day), day in FLIPPED)[["loan_id", "bad"]]
        lender.put(open_storage(lender.lake.root), f"outcomes/{day}.parquet", told)
    span = {
        ASSET_PARTITION_RANGE_START_TAG: ModelDay(DAYS[0], KEY).partition,
        ASSET_PARTITION_RANGE_END_TAG: ModelDay(DAYS[-1], KEY).partition,
    }
    measured = ["features", "scores", "drift_report", "performance_report"]
    assert (
        job("monitor_day", lender)
        .execute_in_process(
            instance=instance, tags=span, asset_selection=[asset_key(name) for name in measured]
        )
        .success
    )
    as_if = {"ops": {"alerts": {"config": {"as_if_on_the_day": True}}}}
    assert (
        job("decide_alerts", lender)
        .execute_in_process(instance=instance, tags=span, run_config=as_if)
        .success
    )
    return lender


def decision(lender, day):
    table, notes = lender.store.read_table("alerts", KEY, day)
    (row,) = (row for row in table.to_pylist() if row["family"] == "performance")
    return row, notes["inputs"]


@pytest.mark.slow
def test_outcomes_that_change_open_one_incident_when_they_are_due_and_close_it(
    decided, monkeypatch
):
    rows_by_day = {day: decision(decided, day)[0] for day in DAYS}
    actions = [(day, row["action"]) for day, row in rows_by_day.items()]
    (opened,) = (day for day, action in actions if action == "open")
    assert MATURITY <= (opened - FLIPPED[0]).days <= MATURITY + 2
    (resolved,) = (day for day, action in actions if action == "resolve")
    assert 0 < (resolved - FLIPPED[-1]).days - MATURITY <= 4
    row = rows_by_day[opened]
    assert (row["pages"], row["severity"], row["since"]) == (True, "critical", opened)
    subjects = {breach["subject"] for breach in row["breaches"]}
    assert "AUC after 5 days against its estimate" in subjects
    text = " ".join(breach["text"] for breach in row["breaches"])
    assert f"since the applicants of {FLIPPED[0]}" in text
    assert "Concept shift" in text
    # PSI and CSI have seen nothing, on any day.
    table = [decided.store.read_table("alerts", KEY, day)[0].to_pylist() for day in DAYS]
    assert {one["action"] for day in table for one in day if one["family"] != "performance"} == {
        "none"
    }

    _, inputs = decision(decided, opened)
    assert inputs["performance_from"] == DAYS[0].isoformat()
    assert inputs["faults"][opened.isoformat()]
    # The outcomes of that time are no longer what the store has: the answer is recorded.
    decided.store.storage.delete(layout.partition("performance_report", KEY, FLIPPED[0]))
    monkeypatch.setenv("MONITORING_STORE", decided.store.root)
    shown = CliRunner().invoke(main, ["alerts", KEY, "--date", str(opened), "--replay"])
    assert shown.exit_code == 0, shown.output
    assert "the same answer" in shown.output
