"""Days of a range in this process."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from monitoring_assets.runs.backfill import backfill, consecutive
from resources.asset_keys import asset_key
from tests.conftest import days_ago

KEY = "pd_cards.1"


def test_days_are_split_where_one_is_missing():
    days = [dt.date(2026, 2, 27), dt.date(2026, 2, 28), dt.date(2026, 3, 1), dt.date(2026, 3, 3)]
    assert list(consecutive(days)) == [days[:3], days[3:]]
    assert list(consecutive([])) == []


@pytest.fixture
def job():
    """A job whose report fails on two days ago."""

    @dg.asset(key=asset_key("drift_report"), partitions_def=MODEL_DAYS)
    def drift_report(context: dg.AssetExecutionContext):
        if any(str(days_ago(2)) in key for key in context.partition_keys):
            raise RuntimeError("no such column")

    chosen = dg.define_asset_job("monitor_day", [drift_report])
    return dg.Definitions(assets=[drift_report], jobs=[chosen]).resolve_job_def("monitor_day")


def test_a_day_that_fails_is_named_and_the_others_are_done(job):
    seen = []
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("model", [KEY])
        days = [days_ago(3), days_ago(1), days_ago(2)]
        outcome = backfill(
            job, instance, KEY, days, single_run=False, progress=lambda so_far: seen.append(so_far)
        )
    assert outcome.done == {ModelDay(days_ago(back), KEY) for back in (1, 3)}
    assert list(outcome.failed) == [ModelDay(days_ago(2), KEY)]
    assert "no such column" in outcome.failed[ModelDay(days_ago(2), KEY)]
    assert len(seen) == 3
