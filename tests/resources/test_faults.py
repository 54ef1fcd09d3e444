"""Faults of a day: kept by source, as long as they are there."""

import datetime as dt

import pytest
from pydantic import ValidationError

from resources.faults import RecordedFault, forget_faults, read_faults, record_faults, run_of
from resources.storage import open_storage

DAY = dt.date(2026, 3, 2)
NEXT = DAY + dt.timedelta(days=1)
LOST = RecordedFault(family="pipeline", subject="run", text="lost")
BROKEN = RecordedFault(family="data quality", subject="income", text="40 % missing", pages=False)


@pytest.fixture
def storage(tmp_path):
    return open_storage(str(tmp_path / "store"))


def test_sources_are_kept_apart_and_read_together(storage):
    record_faults(storage, "pd.1", DAY, "features", [BROKEN])
    record_faults(storage, "pd.1", DAY, run_of("scores"), [LOST])
    record_faults(storage, "pd.2", DAY, "features", [LOST])
    ((day, found),) = read_faults(storage, "pd.1", DAY, DAY).items()
    assert day == DAY
    assert sorted(found, key=lambda one: one.subject) == [BROKEN, LOST]


def test_a_source_replaces_what_it_said_and_takes_it_back(storage):
    record_faults(storage, "pd.1", DAY, "features", [BROKEN, LOST])
    record_faults(storage, "pd.1", DAY, "features", [LOST])
    assert read_faults(storage, "pd.1", DAY, DAY) == {DAY: [LOST]}
    record_faults(storage, "pd.1", DAY, "features", [])
    record_faults(storage, "pd.1", DAY, "features", [])
    assert read_faults(storage, "pd.1", DAY, DAY) == {}


def test_days_outside_the_span_are_left_out(storage):
    for day in (DAY, NEXT):
        record_faults(storage, "pd.1", day, "features", [BROKEN])
    assert list(read_faults(storage, "pd.1", NEXT, NEXT)) == [NEXT]
    assert list(read_faults(storage, "pd.1", DAY, NEXT)) == [DAY, NEXT]


def test_a_source_is_forgotten_on_every_day_and_no_other_source_is(storage):
    for day in (DAY, NEXT):
        record_faults(storage, "pd.1", day, "run", [LOST])
    record_faults(storage, "pd.1", DAY, run_of("scores"), [LOST])
    forget_faults(storage, "pd.1", "run")
    assert read_faults(storage, "pd.1", DAY, NEXT) == {DAY: [LOST]}


def test_a_family_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="family"):
        RecordedFault(family="weather", subject="x", text="y")
