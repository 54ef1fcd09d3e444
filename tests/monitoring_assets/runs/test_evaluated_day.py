"""An evaluation says which day it is about, without a partition of Dagster's."""

import datetime as dt

import dagster as dg

from monitoring_assets.definitions import defs
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import (
    evaluated_partition,
    evaluated_words,
    evaluation_of,
)
from resources.asset_keys import asset_key
from tests.conftest import YESTERDAY, definitions, onboard

EVALUATION = dg.DagsterEventType.ASSET_CHECK_EVALUATION
DAY = ModelDay(dt.date(2026, 9, 12), "pd_cards.1")


def test_the_day_is_in_the_metadata_and_the_description_and_is_no_partition():
    evaluation = evaluation_of(
        DAY,
        "income: 99% missing",
        asset_key=dg.AssetKey("features"),
        check_name="batch_quality",
        passed=False,
        metadata={"checked": dg.MetadataValue.int(3)},
    )
    read = dg.deserialize_value(dg.serialize_value(evaluation))
    assert read.partition is None
    assert read.description == "2026-09-12|pd_cards.1: income: 99% missing"
    assert (evaluated_partition(read), evaluated_words(read)) == (
        DAY.partition,
        "income: 99% missing",
    )
    assert read.metadata["checked"].value == 3


def test_an_evaluation_of_before_says_it_in_its_field():
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("features"),
        check_name="batch_quality",
        passed=True,
        metadata={},
        description="8 expectations met",
        partition=DAY.partition,
    )
    assert evaluated_partition(evaluation) == DAY.partition
    assert evaluated_words(evaluation) == "8 expectations met"


def test_no_check_has_partitions():
    """The UI would build its state from every partition ever checked, for each request."""
    specs = [spec for checks in defs.asset_checks for spec in checks.check_specs]
    assert len(specs) > 9
    assert all(spec.partitions_def is None for spec in specs)


def test_a_check_of_no_day_is_a_failure_that_says_what_to_do(lender, instance):
    checks = dg.define_asset_job(
        "checks", selection=dg.AssetSelection.checks_for_assets(asset_key("features"))
    )
    bound = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=[checks],
        resources=lender.resources,
    )
    result = (
        bound.get_repository_def()
        .get_job("checks")
        .execute_in_process(instance=instance, raise_on_error=False)
    )
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data.description
    assert "this run is for none: materialize the asset of that day" in said


def test_assets_that_are_launched_without_a_job_of_ours_are_checked_too(lender, instance):
    """As the UI launches some assets of a day."""
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)
    day = ModelDay(YESTERDAY, "pd_cards.1")
    launched = definitions(lender).resolve_implicit_global_asset_job_def()
    result = launched.execute_in_process(
        instance=instance,
        partition_key=day.partition,
        asset_selection=[asset_key("features"), asset_key("scores")],
    )
    events = [one for one in result.all_events if one.event_type == EVALUATION]
    said = [event.asset_check_evaluation_data for event in events]
    assert len(said) > 4
    assert {evaluated_partition(one) for one in said} == {day.partition}
