"""A lender's master scale: PSI, bad rates and validation are by grade."""

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from monitoring_assets.partitions import ModelDay
from monitoring_assets.periods.validation import validation
from monitoring_assets.statistics.drift.report import DriftReport
from monitoring_assets.statistics.drift.stability import stability_index
from resources.storage import open_storage
from tests.conftest import days_ago, job, onboard, rows, sigmoid_of_log_income

KEY = "pd_cards.1"
DAY = days_ago(40)
GRADES = [{"name": "prime", "to": 0.3}, {"name": "near prime", "to": 0.6}, {"name": "sub prime"}]


def by_grade(frame):
    return pd.cut(frame["score"], [-np.inf, 0.3, 0.6, np.inf], labels=False)


def test_the_grades_of_the_manifest_are_the_bins_of_the_score(lender, instance):
    lender.publish_manifest(
        "pd_cards",
        "1",
        deployed_at=days_ago(60).isoformat(),
        reference={"path": "reference.parquet", "grades": GRADES},
        outcome={"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30},
    )
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)
    sample, frame = rows(0, 3000), rows(7, 2000, income_shift=0.2)
    lender.put(registry, "pd_cards/1/reference.parquet", sample)
    registry.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    onboard(lender, instance)
    lender.deliver(DAY, frame)
    bad = np.random.default_rng(1).random(len(frame)) < expit(0.3 + logit(frame["score"]))
    frame = frame.assign(bad=bad.astype(int))
    lender.put(lake, f"outcomes/{DAY}.parquet", frame[["loan_id", "bad"]])
    for name in ("monitor_day", "measure_performance"):
        done = job(name, lender).execute_in_process(
            instance=instance, partition_key=ModelDay(DAY, KEY).partition
        )
        assert done.success

    (score,) = (
        one
        for one in DriftReport.from_table(
            lender.store.read_table("drift_report", KEY, DAY)[0]
        ).drifts()
        if one.index == "PSI"
    )
    names = ["prime (-inf, 0.3]", "near prime (0.3, 0.6]", "sub prime (0.6, inf)"]
    assert [one.label for one in score.bins[:3]] == names
    before, now = (by_grade(one).value_counts().sort_index().to_numpy() for one in (sample, frame))
    assert [one.current for one in score.bins[:3]] == now.tolist()
    slots = np.zeros(3, np.int64)  # missing, and both infinities
    assert score.value == stability_index(np.append(before, slots), np.append(now, slots))

    bands = validation(lender.store, KEY, DAY, DAY, 30).bands
    assert [one.label for one in bands] == names
    bads = frame.groupby(by_grade(frame))["bad"].sum()
    assert [one.counts.bads for one in bands] == bads.tolist()
