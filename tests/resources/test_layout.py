"""A path is read back as it was built, and docs/store.md shows each of them."""

import datetime as dt
import re
from pathlib import Path
from typing import get_args

import pytest

from resources import layout
from resources.layout import Dataset, Parcel, Ticket

KEY = "pd_cards.3"
DAY = dt.date(2026, 9, 12)
NOTICE = layout.notice(layout.incident(KEY, "population", 1), 1, "open")
PAGE = Path(__file__).parents[2] / "docs" / "store.md"


@pytest.mark.parametrize("dataset", get_args(Dataset))
def test_a_partition_is_read_back(dataset):
    path = layout.partition(dataset, KEY, DAY)
    assert (layout.partition_key(path), layout.partition_day(path)) == (KEY, DAY)
    assert path.startswith(f"{layout.partitions(dataset, KEY)}/")
    assert layout.partition_key(layout.partition(dataset, KEY)) == KEY


def test_a_path_without_a_day_has_none():
    with pytest.raises(ValueError, match="isoformat"):
        layout.partition_day(layout.partition("reference_profile", KEY))


@pytest.mark.parametrize("source", ["run", "run.scores", "features"])
def test_a_fault_is_read_back(source):
    path = layout.fault(KEY, DAY, source)
    assert layout.fault_parts(path) == (DAY, source)
    assert path.startswith(f"{layout.faults(KEY)}/")


def test_a_page_is_read_back():
    assert layout.page_day(layout.page(KEY, DAY)) == DAY
    assert layout.page_day(layout.model_page(KEY)) is None
    assert layout.page(KEY, DAY).startswith(f"{layout.pages(KEY)}/")


def test_a_mark_is_read_back():
    assert layout.pending_key(layout.pending(KEY)) == KEY
    assert layout.pending(KEY).startswith(f"{layout.PENDING}/")


@pytest.mark.parametrize("name", [KEY, layout.pending(KEY)])
def test_a_ticket_is_read_back(name):
    of = Ticket("a1b2", 1_789_000_000, 42, "a-host-of-many-words")
    path = layout.ticket(name, of)
    assert layout.ticket_parts(path) == of
    assert path.startswith(f"{layout.tickets(name)}/")


@pytest.mark.parametrize("name", [NOTICE, layout.landed(KEY), layout.measurements(KEY)])
def test_a_message_that_waits_is_read_back(name):
    parcel = Parcel("pagerduty", name)
    assert layout.outbox_parts(layout.outbox(parcel)) == parcel
    assert parcel.subject == KEY
    assert layout.outbox(parcel).startswith(f"{layout.outbox_of('pagerduty', KEY)}/")
    assert f"{KEY}/{layout.without_subject(name)}" == name


def test_a_message_that_was_taken_is_read_back():
    parcel = Parcel("pagerduty", NOTICE)
    assert layout.delivery_parts(layout.delivery(parcel)) == parcel
    assert layout.alert_log_parts(layout.alert_log(DAY, NOTICE)) == (DAY, NOTICE)


def test_the_page_shows_every_path():
    has_no_day = {one for one in get_args(Dataset) if one.startswith("reference_")}
    parcel = Parcel("pagerduty", NOTICE)
    built = {
        *(
            layout.partition(dataset, KEY, None if dataset in has_no_day else DAY)
            for dataset in get_args(Dataset)
        ),
        layout.part("features", KEY, DAY, 0),
        layout.gathered("drift_report", KEY, "2026-Q3"),
        layout.fault(KEY, DAY, "features"),
        layout.manifest(KEY),
        layout.manifest_revision(KEY, "5f0c"),
        layout.ALL_MANIFESTS,
        layout.VERDICTS,
        layout.ASKED_COHORTS,
        layout.WAITING_BATCHES,
        layout.acceptance(KEY, dt.datetime(2026, 9, 15, 8, 12, 3, tzinfo=dt.UTC)),
        layout.review(KEY, dt.datetime(2026, 9, 15, 8, 12, 3, tzinfo=dt.UTC)),
        layout.page(KEY, DAY),
        layout.model_page(KEY),
        layout.months(KEY),
        layout.summary(KEY),
        layout.FLEET_PAGE,
        layout.ledger(KEY),
        layout.pending(KEY),
        layout.ticket(KEY, Ticket("a1b2", 1_789_000_000, 42, "host")),
        layout.outbox(parcel),
        layout.delivery(parcel),
        layout.alert_log(DAY, NOTICE),
        layout.evidence("drift_report", KEY, DAY, "a-run"),
        layout.exchange(KEY, DAY, "a-run", "input"),
    }
    assert set(re.findall(r"^\| `([^`]+/[^`]+)` \|", PAGE.read_text(), re.M)) == built
