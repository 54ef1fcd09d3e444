"""An open incident swallows nothing that comes later: what is materially worse pages again, once.

Each case is a characteristic at a CSI of 0.5 from the first day, which opens an incident that never
resolves, and something else from day 60 on.
"""

import datetime as dt
from dataclasses import replace

import pytest

from monitoring_assets.alerting.incidents import Ledger, NoticeContext, reconcile
from monitoring_assets.statistics.alerts.breach import Fault
from monitoring_assets.statistics.alerts.decision import Policy
from monitoring_assets.statistics.alerts.decision import replay as decisions_of
from monitoring_assets.statistics.alerts.policy import Mute
from resources.delivery.messages import Subject
from tests.monitoring_assets.statistics.alerts.alert_days import MONDAY, column, facts

LATER, LAST = 60, 90
POLICY = Policy()
BROKEN = Fault("data quality", "key", "the key repeats")
AUC = Fault("performance", "AUC after 90 days", "AUC: 0.55 instead of 0.80")
MORE = [column(f"more_{n}", 0.4) for n in range(5)]


def notices(change, days=LAST, policy=POLICY):
    """(day, action, summary) of what people hear; ``change`` makes the facts of a day."""
    stream = [change(n, facts(n, column("income", 0.5), column("score"))) for n in range(days)]
    stream = [replace(day, performance_measured=True) for day in stream]
    ledger, heard = Ledger(), []
    every = decisions_of(stream, policy, MONDAY - dt.timedelta(days=100))
    for day, decisions in zip(stream, every, strict=True):
        context = NoticeContext(
            subject=Subject(key="pd_cards.1", model="pd_cards", version="1"),
            day=day.day,
            decided_at=dt.datetime(2026, 9, 8, tzinfo=dt.UTC),
        )
        ledger, new = reconcile(ledger, decisions, context)
        heard += [((one.day - MONDAY).days, one.action, one.summary) for one in new]
    return heard


def pages(change, **options):
    return [(n, action) for n, action, _ in notices(change, **options) if action != "update"]


def from_day(first, **more):
    def change(n, day):
        return replace(day, **more) if n >= first else day

    return change


def worse_columns(*columns, first=LATER):
    def change(n, day):
        if n < first:
            return day
        others = [one for one in day.columns if one.column not in {c.column for c in columns}]
        return replace(day, columns=(*others, *columns))

    return change


def test_a_shift_that_stays_as_it_is_pages_once():
    assert pages(lambda n, day: day) == [(1, "open")]


@pytest.mark.parametrize(
    ("change", "news"),
    [
        (from_day(LATER, faults=(BROKEN,)), "the data is broken"),
        (from_day(LATER, faults=(AUC,)), "the predictions have become worse"),
        (worse_columns(column("score", 3.0)), "the scores have shifted"),
        (worse_columns(column("income", 1.3)), "income at 1.30, 0.50 when last paged"),
        (worse_columns(*MORE), "5 more characteristics"),
    ],
)
def test_what_is_materially_worse_pages_again_once(change, news):
    (opened, again), told = pages(change), notices(change)
    assert opened == (1, "open")
    assert again in [(LATER, "escalate"), (LATER + 1, "escalate")]
    (text,) = [summary for _, action, summary in told if action == "escalate"]
    assert text.startswith(f"pd_cards.1: worse on {MONDAY + dt.timedelta(days=again[0])}: {news}")


def test_a_batch_that_breaks_a_second_time_pages_a_second_time():
    def change(n, day):
        return replace(day, faults=(BROKEN,)) if n in (20, 21, 60, 61) else day

    assert pages(change) == [(1, "open"), (20, "escalate"), (60, "escalate")]


@pytest.mark.parametrize("change", [worse_columns(column("income", 0.9)), worse_columns(*MORE[:2])])
def test_a_little_more_of_the_same_is_no_second_page(change):
    assert pages(change) == [(1, "open")]


def test_columns_that_follow_one_by_one_page_when_they_are_several():
    def change(n, day):
        return replace(day, columns=(*day.columns, *MORE[: max(0, (n - 30) // 10)]))

    assert pages(change) == [(1, "open"), (61, "escalate")]


def test_an_index_pages_again_each_time_it_has_doubled():
    def change(n, day):
        index = {0: 0.5, 1: 1.1, 2: 2.4}[min(n // 20, 2)]
        return replace(day, columns=(column("income", index), column("score")))

    assert pages(change) == [(1, "open"), (20, "escalate"), (40, "escalate")]


def test_chance_at_few_rows_does_not_double_an_index():
    def change(n, day):
        index = 0.3 if n < 30 else 0.65
        return replace(day, columns=(column("income", index, rows=40), column("score")))

    assert [action for _, action in pages(change)] == ["open"]


def test_what_begins_in_a_mute_window_pages_after_it():
    first, last = (MONDAY + dt.timedelta(days=n) for n in (50, 69))
    policy = Policy(mute=(Mute(first, last, "a migration"),))
    assert pages(from_day(LATER, faults=(BROKEN,)), policy=policy) == [
        (1, "open"),
        (70, "escalate"),
    ]


def segment(name):
    return Fault("performance", f"AUC, region {name}", f"{name}: 0.6", segment=f"region {name}")


def test_another_segment_pages_again_and_a_segment_of_what_was_told_does_not():
    def change(n, day):
        faults = [segment("north")] if n >= 10 else []
        faults += [segment("south")] if n >= 20 else []
        faults += [AUC] if n >= 30 else []
        faults += [segment("west")] if n >= 40 else []
        return replace(day, faults=tuple(faults))

    assert pages(change) == [(1, "open"), (10, "escalate"), (20, "escalate"), (30, "escalate")]


def test_a_page_is_not_repeated_after_a_mute_window():
    policy = Policy(mute=(Mute(*(MONDAY + dt.timedelta(days=n) for n in (70, 75)), "a migration"),))
    assert pages(from_day(LATER, faults=(BROKEN,)), policy=policy) == [
        (1, "open"),
        (LATER, "escalate"),
    ]


def test_what_follows_a_page_at_once_is_part_of_it():
    """The score jumps, its columns are over their limit on a second day, a pool fills."""

    def change(n, day):
        score = column("score", {30: 1.2, 31: 2.0}.get(n, 2.6) if n >= 30 else 0.0)
        return replace(day, columns=(score, *(MORE if n >= 30 else ())))

    assert pages(change) == [(30, "open")]


def test_a_family_that_makes_it_critical_pages_when_the_drift_has_settled():
    def change(n, day):
        score = column("score", 0.5 if n >= 2 else 0.0)
        return replace(day, columns=(column("income", 0.5), score))

    assert pages(change) == [(1, "open"), (4, "escalate")]
