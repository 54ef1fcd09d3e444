"""Days and versions as partitions."""

import datetime as dt

import pytest

from monitoring_assets.partitions import (
    MODEL_DAYS,
    ModelDay,
    first_date,
    last_whole_day,
    monitored_days,
)
from resources.manifest import Manifest
from tests.conftest import YESTERDAY, days_ago

TODAY = dt.date(2026, 3, 29)


def test_a_partitions_key_is_read_as_it_was_written():
    day = ModelDay(TODAY, "pd_cards.2026.1-b")
    assert day.partition == "2026-03-29|pd_cards.2026.1-b"
    assert ModelDay.parse(day.partition) == day
    assert MODEL_DAYS.get_partition_key_from_str(day.partition) == day.partition


@pytest.mark.parametrize("partition", ["pd_cards.1", "yesterday|pd_cards.1"])
def test_what_is_no_partition_is_refused(partition):
    with pytest.raises(ValueError, match=r"unpack|isoformat"):
        ModelDay.parse(partition)


def test_days_sort_before_versions():
    days = [ModelDay(TODAY, "a"), ModelDay(TODAY - dt.timedelta(days=1), "b")]
    assert sorted(days) == days[::-1]


def test_the_first_day_is_a_year_ago_at_a_months_beginning_or_as_is_said(monkeypatch):
    monkeypatch.delenv("MONITORING_START_DATE", raising=False)
    assert first_date(TODAY) == dt.date(2025, 3, 1)
    assert first_date(dt.date(2028, 2, 29)) == dt.date(2027, 2, 1)
    monkeypatch.setenv("MONITORING_START_DATE", "2026-01-15")
    assert first_date(TODAY) == dt.date(2026, 1, 15)
    monkeypatch.setenv("MONITORING_START_DATE", "soon")
    with pytest.raises(ValueError, match="soon"):
        first_date(TODAY)


def test_only_whole_days_in_production_are_monitored(lender):
    fields = lender.manifest("pd_cards", "1", retired_at=YESTERDAY.isoformat())
    manifest = Manifest.model_validate(fields | {"deployed_at": days_ago(3).isoformat()})
    assert monitored_days(manifest, days_ago(9), TODAY.replace(year=2999)) == [
        days_ago(3),
        days_ago(2),
        days_ago(1),
    ]
    assert monitored_days(manifest, YESTERDAY, days_ago(3)) == []
    assert last_whole_day() == YESTERDAY
