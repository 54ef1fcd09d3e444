"""What is read of a day, from the store alone."""

import pytest

from monitoring_assets.pages.day_content import HISTORY_DAYS, read_day
from monitoring_assets.statistics.drift.report import DriftReport
from monitoring_assets.statistics.drift.thresholds import Status
from resources.store import NotMaterialisedError
from tests.conftest import days_ago
from tests.monitoring_assets.pages.conftest import KEY


def test_a_quiet_day(monitored):
    day = read_day(monitored.store, KEY, monitored.quiet)
    assert (day.status, day.outcome) == (Status.OK, "ok")
    assert day.verdict == "No index is over its limit."
    assert (day.previous, day.next) == (days_ago(3), monitored.drifted)
    assert len(day.history) == len(day.score.history) == HISTORY_DAYS
    assert day.history[-1] == monitored.quiet


def test_a_drift_is_told_with_its_past(monitored):
    day = read_day(monitored.store, KEY, monitored.drifted)
    assert day.status == Status.FAIL
    assert (day.characteristics[0].drift.column, day.score.drift.column) == ("income", "score")
    assert "income" in day.verdict or "score" in day.verdict
    assert "CSI" in day.verdict or "PSI" in day.verdict
    # Its history is what the reports of the days say.
    for at, past in ((-3, days_ago(3)), (-2, monitored.quiet), (-1, monitored.drifted)):
        table, _ = monitored.store.read_table("drift_report", KEY, past)
        (value,) = (
            one.drift.value
            for one in DriftReport.from_table(table).columns
            if one.drift.column == "income"
        )
        assert day.characteristics[0].history[at] == value
    assert day.characteristics[0].history[:-3] == (None,) * (HISTORY_DAYS - 3)
    assert day.characteristics[0].week.days == 3
    # What did most comes first.
    parts = [abs(one.moved_score_by) for one in day.characteristics]
    assert parts == sorted(parts, reverse=True)


def test_a_stopped_day_says_why_and_what_was_counted(monitored):
    day = read_day(monitored.store, KEY, monitored.stopped)
    assert day.report is None
    assert day.verdict.startswith("A check stopped this day: income: 33.")
    assert (day.outcome, day.status) == ("incident open", Status.ERROR)
    income = next(one for one in day.characteristics if one.drift.column == "income")
    assert income.drift.current_missing > 0.3
    assert income.history[-1] == income.drift.value


def test_a_day_of_which_nothing_is_known_is_refused(monitored):
    with pytest.raises(NotMaterialisedError, match="is not materialised"):
        read_day(monitored.store, KEY, days_ago(30))
