"""Accepted shifts: written down in order, for good, beside those of the manifest."""

import datetime as dt

import yaml

from monitoring_assets.statistics.alerts.policy import AcceptedShift
from resources.acceptances import accepted_shifts, read_acceptances, record_acceptance
from resources.manifest import parse_manifest

FIRST, SECOND, THIRD = (
    AcceptedShift(dt.date(2026, 9, day), dt.date(2026, 9, day + 6), "jo", f"change {day}")
    for day in (1, 8, 15)
)


def test_they_are_read_back_in_order_with_when_they_were_accepted(lender):
    storage = lender.store.storage
    assert read_acceptances(storage, "pd_cards.1") == []
    before = dt.datetime.now(dt.UTC)
    written = [record_acceptance(storage, "pd_cards.1", shift) for shift in (SECOND, FIRST)]
    record_acceptance(storage, "pd_cards.10", THIRD)
    assert read_acceptances(storage, "pd_cards.1") == written
    assert before <= written[0].at <= written[1].at


def test_those_of_the_manifest_count_too(any_lender):
    alerts = {
        "accepted": [{"first": "2026-09-01", "last": "2026-09-07", "by": "jo", "why": "change 1"}]
    }
    text = yaml.safe_dump(any_lender.manifest("pd_cards", "1", alerts=alerts))
    record_acceptance(any_lender.store.storage, "pd_cards.1", SECOND)
    assert accepted_shifts(any_lender.store, parse_manifest(text, "model.yaml")) == (FIRST, SECOND)
