"""An evaluation says which day it is about, without a partition of Dagster's."""

import datetime as dt

import dagster as dg

from monitoring_assets.checks.evaluated_day import (
    evaluated_partition,
    evaluated_words,
    evaluation_of,
)
from monitoring_assets.definitions import defs
from monitoring_assets.partitions import ModelDay

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
