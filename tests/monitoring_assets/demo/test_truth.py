"""What really happened at the made-up lender."""

import datetime as dt

import pytest

from monitoring_assets.demo.truth import Event, Truth, VersionTruth

END = dt.date(2026, 3, 10)
DAY = dt.timedelta(days=1)
PUSH = Event("a push", END - 2 * DAY, END - DAY, ("income",))
TRUTH = Truth(END, 4, 7, (VersionTruth("pd.1", END - 3 * DAY), VersionTruth("pd.2", END, PUSH)))


def test_an_event_touches_the_days_from_its_first_to_its_last():
    touched = [back for back in range(4) if PUSH.touches(END - back * DAY)]
    assert touched == [1, 2]
    endless = Event("a push", END - 2 * DAY, None, ())
    assert [back for back in range(4) if endless.touches(END - back * DAY)] == [0, 1, 2]


def test_the_days_end_with_the_last():
    assert TRUTH.dates == [END - back * DAY for back in (3, 2, 1, 0)]


def test_the_record_is_read_as_it_was_written(tmp_path):
    assert Truth.read(tmp_path) is None
    TRUTH.write(tmp_path)
    assert Truth.read(tmp_path) == TRUTH


def test_a_version_is_found_by_its_key():
    assert TRUTH.of("pd.2").event == PUSH
    with pytest.raises(KeyError):
        TRUTH.of("pd.3")
