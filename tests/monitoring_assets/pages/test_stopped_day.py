"""What is known of a day that a check has stopped."""

from monitoring_assets.pages.stopped_day import read_stopped_day
from tests.conftest import days_ago
from tests.monitoring_assets.pages.conftest import KEY


def test_faults_and_what_was_counted(monitored):
    found = read_stopped_day(monitored.store, KEY, monitored.stopped)
    assert any(fault.text.startswith("income: 33.") for fault in found.faults)
    assert (found.reference_rows, found.rows) == (2000, 400)
    assert {one.column for one in found.drifts} == {"income", "region"}


def test_nothing_was_counted(monitored):
    assert read_stopped_day(monitored.store, KEY, days_ago(30)) is None
