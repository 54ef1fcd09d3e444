"""Realised performance by segment: outcomes that come late, and one segment that rots."""

import datetime as dt

import numpy as np
import pytest
from scipy.special import expit, logit

from monitoring_assets.partitions import ModelDay
from monitoring_assets.performance.history import performance_points
from monitoring_assets.statistics.drift.segments import Segment
from resources import layout
from resources.storage import open_storage
from tests.conftest import days_ago, job, onboard, rows, sigmoid_of_log_income

KEY = "pd_cards.1"
DAY = days_ago(40)
OUTCOME = {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30}


def with_outcomes(frame, seed):
    """Bad with the chance that the score says, but the other way round where ``rots``."""
    slope = np.where(frame["rots"], -1.0, 1.0) if "rots" in frame else 1.0
    chance = expit(slope * logit(frame["score"]))
    return frame.assign(bad=(np.random.default_rng(seed).random(len(frame)) < chance).astype(int))


def with_branch(frame):
    """A column that is no characteristic, with a branch of a few rows."""
    few = np.arange(len(frame)) % 100 == 0
    return frame.assign(branch=np.where(few, "isle", "city"))


@pytest.fixture
def reference():
    return with_outcomes(with_branch(rows(0, 6000)), 1)


@pytest.fixture
def cohort(lender, instance, reference):
    """What becomes of the rows of a day that has been scored."""
    lender.publish_manifest(
        "pd_cards",
        "1",
        reference={"path": "reference.parquet", "outcome": "bad"},
        outcome=OUTCOME,
        segments=["region", "branch", "income"],
        deployed_at=days_ago(60).isoformat(),
    )
    storage = open_storage(lender.registry.root)
    lender.put(storage, "pd_cards/1/reference.parquet", reference)
    storage.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    onboard(lender, instance)
    frame = with_branch(rows(7, 4000))
    lender.deliver(DAY, frame)
    make(lender, instance, "monitor_day")
    return with_outcomes(frame.assign(rots=frame["region"] == "south"), 8)


def make(lender, instance, name):
    result = job(name, lender).execute_in_process(
        instance=instance, partition_key=ModelDay(DAY, KEY).partition
    )
    assert result.success


def tell(lender, frame):
    told = frame[["loan_id", "bad"]]
    lender.put(open_storage(lender.lake.root), f"outcomes/{DAY}.parquet", told)


def realised(lender):
    table, _ = lender.store.read_table("performance_report", KEY, DAY)
    return next(row for row in table.to_pylist() if row["kind"] == "realised")


def by_segment(row):
    return {(one["segment_column"], one["segment"]): one for one in row["segments"]}


def metrics(row):
    return {one["metric"]: one for one in row["metrics"]}


def auc(frame):
    score, bad = frame["score"].to_numpy(), frame["bad"].to_numpy() == 1
    return (score[bad][:, None] > score[~bad]).mean()


def test_segments_mature_as_their_outcomes_come_and_the_one_that_rots_is_told(
    lender, instance, cohort, reference
):
    assert {one["segment"] for one in realised(lender)["segments"]} == {None}

    known = cohort["region"] == "north"
    tell(lender, cohort.assign(bad=cohort["bad"].where(known).astype("Int64")))
    make(lender, instance, "measure_performance")
    row = realised(lender)
    assert (row["status"], row["metrics"]) == ("immature", [])
    found = by_segment(row)
    assert found["region", "north"]["status"] == "mature"
    assert found["region", "south"]["status"] == "immature"
    assert found["region", "south"]["metrics"] == []

    tell(lender, cohort)
    make(lender, instance, "measure_performance")
    first = realised(lender)
    assert first["status"] == "mature"
    found = by_segment(first)
    for region, rows_of in cohort.groupby("region"):
        one, before = found["region", region], reference[reference["region"] == region]
        assert one["status"] == "mature"
        counts = (len(rows_of), len(rows_of), len(rows_of), rows_of["bad"].sum(), len(before))
        names = ("scored", "accepted", "known", "bads", "reference_rows")
        assert tuple(one[name] for name in names) == counts
        of = metrics(one)
        # The model computes in single precision.
        assert of["auc"]["value"] == pytest.approx(auc(rows_of), abs=1e-4)
        assert of["auc"]["reference"] == pytest.approx(auc(before), abs=1e-4)
        assert of["gini"]["value"] == pytest.approx(2 * of["auc"]["value"] - 1)
        assert of["bad_rate"]["value"] == pytest.approx(rows_of["bad"].mean())
        assert of["bad_rate"]["reference"] == pytest.approx(before["bad"].mean())
        brier = np.mean((rows_of["score"] - rows_of["bad"]) ** 2)
        assert of["brier"]["value"] == pytest.approx(brier, abs=1e-5)
        assert of["observed_to_expected"]["value"] == pytest.approx(
            rows_of["bad"].sum() / rows_of["score"].sum(), abs=1e-4
        )
        assert of["auc"]["estimated"] == pytest.approx(auc(before), abs=0.05)
        assert of["auc"]["gap"] == of["auc"]["value"] - of["auc"]["estimated"]
        assert one["shift"] == ("concept shift" if region == "south" else "no shift")

    isle = found["branch", "isle"]
    assert (isle["status"], isle["known"], isle["reference_rows"]) == ("too small", 40, 60)
    assert "60 rows of the reference" in isle["reason"]
    assert isle["metrics"]
    income = found["income", None]
    assert income["status"] == "not computed"
    assert "numbers that are not whole" in income["reason"]
    # A segment without rows on either side is not in the report.
    assert ("region", "(other)") not in found
    assert sum(found["region", r]["known"] for r in ("north", "south", "west")) == first["known"]

    make(lender, instance, "measure_performance")
    assert realised(lender) == first


def test_a_segment_that_the_reference_does_not_have_is_measured(lender, instance, cohort):
    """Its reference has no rows to tell by whether its scores have moved."""
    frame = cohort.assign(branch=np.where(np.arange(len(cohort)) % 3 == 0, None, "city"))
    lender.deliver(DAY, frame.drop(columns=["bad", "rots"]))
    make(lender, instance, "monitor_day")
    tell(lender, frame)
    make(lender, instance, "measure_performance")
    found = by_segment(realised(lender))
    new = found["branch", "(missing)"]
    assert (new["reference_rows"], new["known"]) == (0, frame["branch"].isna().sum())
    assert (new["status"], new["metrics"][0]["metric"]) == ("too small", "auc")
    assert "whether the scores moved is not known" in new["shift_reason"]


def test_the_points_of_a_segment_are_those_of_its_row(lender, instance, cohort):
    tell(lender, cohort)
    make(lender, instance, "measure_performance")
    total = performance_points(lender.store, KEY, DAY)
    assert len(total) == 6
    assert {point.segment for point in total} == {None}
    found = performance_points(lender.store, KEY, DAY, ["region", "branch"])
    of = {(p.kind, p.metric): p for p in found if p.segment == Segment("region", "south")}
    assert of.keys() == {(k, m) for k in ("realised", "gap") for m in ("auc", "bad_rate")}
    south = by_segment(realised(lender))["region", "south"]
    auc_of = metrics(south)["auc"]
    point = of["realised", "auc"]
    assert (point.value, point.rows, point.bads) == (auc_of["value"], south["known"], south["bads"])
    assert point.reference.value == auc_of["reference"]
    assert of["gap", "auc"].value == auc_of["gap"]
    # Too small alone, and in the pool of its days.
    assert Segment("branch", "isle") in {point.segment for point in found}
    assert [p for p in found if p.segment is None] == total
    earlier = performance_points(lender.store, KEY, DAY - dt.timedelta(days=1), ["region"])
    assert earlier == []


def test_segments_that_the_reference_has_not_counted_say_what_to_do(lender, instance, cohort):
    lender.store.storage.delete(layout.partition("reference_segments", KEY))
    tell(lender, cohort)
    make(lender, instance, "measure_performance")
    row = realised(lender)
    assert row["status"] == "mature"
    assert {one["segment_column"] for one in row["segments"]} == {"region", "branch", "income"}
    assert all("materialise reference_profile again" in one["reason"] for one in row["segments"])
