"""Why a score is what it is, as the scorer writes it: compared as a characteristic is."""

import numpy as np
import pytest

from monitoring_assets.statistics.drift.report import DriftReport
from monitoring_assets.statistics.drift.stability import stability_index
from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows

KEY = "pd_cards.1"
DAY = YESTERDAY
CODES = ["R01", "R02", "R03"]
SCORING = {
    "flavour": "scored",
    "path": "scores/{date}/",
    "reasons": ["reason", "of_income"],
}


def scored(frame, shares, seed):
    """Scores of rows with a code by shares, and the contribution of a characteristic."""
    random = np.random.default_rng(seed)
    return frame.assign(
        reason=random.choice(CODES, len(frame), p=shares), of_income=np.log(frame["income"]) - 10
    )


@pytest.fixture
def sample():
    frame = scored(rows(0, 3000), [0.5, 0.3, 0.2], 1)
    return frame.assign(bad=np.random.default_rng(3).random(3000) < frame["score"])


@pytest.fixture
def day():
    return scored(rows(1, 2000), [0.2, 0.3, 0.5], 2)


@pytest.fixture
def monitored(lender, instance, sample):
    lender.publish_manifest(
        "pd_cards",
        "1",
        deployed_at=days_ago(2).isoformat(),
        reference={"path": "reference.parquet", "score": "score", "outcome": "bad"},
        scoring=SCORING,
        segments=["region"],
        outcome={"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 1},
    )
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", sample)
    onboard(lender, instance)

    def monitor(frame, *files):
        lender.deliver(DAY, frame[["loan_id", "income", "region"]])
        for number, file in enumerate(files):
            lender.put(open_storage(lender.lake.root), f"scores/{DAY}/{number}.parquet", file)
        done = job("monitor_day", lender).execute_in_process(
            instance=instance, partition_key=f"{DAY}|{KEY}", raise_on_error=False
        )
        assert [one for one in done.all_events if one.is_step_failure] == []
        (psi,) = (one for one in done.get_asset_check_evaluations() if one.check_name == "psi")
        table, _ = lender.store.read_table("drift_report", KEY, DAY)
        columns = {one.column: one for one in DriftReport.from_table(table).drifts()}
        moved = {row["column"]: row["moved_score_by"] for row in table.to_pylist()}
        return psi, columns, moved

    return monitor


def test_a_reason_drifts_as_a_characteristic_does(monitored, sample, day):
    # In another order than the features, and in two files.
    shuffled = day.sample(frac=1, random_state=1).drop(columns=["income", "region"])
    psi, columns, moved = monitored(day, shuffled[:700], shuffled[700:])
    reason = columns["reason"]
    before, now = (one["reason"].value_counts()[CODES].to_numpy() for one in (sample, day))
    by_label = {one.label: one.current for one in reason.bins}
    assert [by_label[code] for code in CODES] == now.tolist()
    rest = np.zeros(len(reason.bins) - len(CODES), np.int64)
    assert reason.value == pytest.approx(
        stability_index(np.append(before, rest), np.append(now, rest)), abs=1e-12
    )
    assert (reason.index, str(reason.status)) == ("CSI", "fail")
    # A contribution is a number; it did not move.
    assert str(columns["of_income"].status) == "ok"
    assert sum(one.current for one in columns["of_income"].bins) == len(day)
    assert not psi.passed
    assert "reason: 0." in psi.description
    # A reason follows from the score: nothing of its shift is laid to it.
    assert moved["reason"] is None
    assert moved["income"] is not None


def test_a_reason_that_is_not_written_is_no_silent_pass_and_stops_nothing(monitored, day):
    psi, columns, _ = monitored(day, day[["loan_id", "score", "of_income"]])
    assert columns["reason"].error == "current: the column is missing"
    assert str(columns["score"].status) == str(columns["of_income"].status) == "ok"
    assert not psi.passed
    assert "reason: the column is missing" in psi.description


def test_a_reason_of_another_type_names_both(monitored, day):
    psi, columns, _ = monitored(day, day.assign(reason=7))
    assert "reference" in columns["reason"].error
    assert not psi.passed


def test_files_of_a_day_may_differ_in_what_they_have(monitored, day):
    first, second = day[:700], day[700:].drop(columns="reason")
    _, columns, _ = monitored(day, first, second)
    missing = {one.label: one.current for one in columns["reason"].bins}["missing"]
    assert missing == len(second)
