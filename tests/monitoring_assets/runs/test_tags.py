"""Tags of runs."""

import datetime as dt

import pytest

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.tags import BACKFILL, is_backfill, range_tags, run_tags
from resources.manifest import Manifest

FIRST, LAST = (ModelDay(dt.date(2026, 3, day), "pd_cards.1") for day in (2, 5))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, False),
        ({"dagster/partition": "2026-03-02|pd_cards.1"}, False),
        ({BACKFILL: "true"}, True),
        ({"dagster/backfill": "abc"}, True),
        (range_tags(FIRST, LAST), True),
    ],
)
def test_a_backfill_is_told_by_its_tags(tags, expected):
    assert is_backfill(tags) is expected


def test_a_range_names_its_ends():
    assert sorted(range_tags(FIRST, LAST).values()) == [FIRST.partition, LAST.partition]


def test_every_run_of_a_version_names_its_model(lender):
    manifest = Manifest.model_validate(lender.manifest("pd_cards", "1"))
    assert run_tags(manifest) == {"monitoring/model": "pd_cards"}
