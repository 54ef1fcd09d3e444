"""Decisions that a day's batch does not have as the manifest says."""

import pytest

from monitoring_assets.alerting.acceptance import stored_acceptance
from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_key
from resources.faults import read_faults
from tests.conftest import YESTERDAY, job, onboard, rows

KEY = "pd_cards.1"


def scored(lender, instance, frame):
    """The metadata of a day's scores."""
    lender.publish(decisions={"column": "approved", "amount": "asked"})
    lender.deliver(YESTERDAY, frame)
    onboard(lender, instance)
    done = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=ModelDay(YESTERDAY, KEY).partition
    )
    assert done.success
    return instance.get_latest_materialization_event(
        asset_key("scores")
    ).asset_materialization.metadata


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({}, "batch: column 'approved' (decisions.column): the column is missing"),
        (
            {"approved": "accept", "asked": 1.0},
            "batch: column 'approved' (decisions.column): found other values",
        ),
    ],
)
def test_a_day_without_readable_decisions_is_monitored_and_says_why(lender, instance, columns, why):
    found = scored(lender, instance, rows(1).assign(**columns))
    assert found["decisions"].value.startswith(why)
    table, notes = lender.store.read_table("decisions", KEY, YESTERDAY)
    assert (len(table), notes["left_out"]) == (0, None)
    manifest = lender.store.landed(KEY).manifest
    assert why in str(stored_acceptance(lender.store, manifest, YESTERDAY))
    assert not read_faults(lender.store.storage, KEY, YESTERDAY, YESTERDAY)


def test_the_rates_of_a_day_are_curves_in_dagster(lender, instance):
    frame = rows(1).assign(asked=10.0)
    found = scored(lender, instance, frame.assign(approved=frame["score"] < 0.5))
    assert found["approved_rate"].value == (frame["score"] < 0.5).mean()
    assert found["undecided"].value == 0
    assert "low_side_rate" not in found
