"""Reviews: written down in order, for good."""

import datetime as dt

from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from resources.reviews import Review, read_reviews, record_review

FIRST, SECOND, THIRD = (
    ReviewedDays(dt.date(2026, 9, day), dt.date(2026, 9, day + 6), day > 5, "jo", f"change {day}")
    for day in (1, 8, 15)
)


def test_they_are_read_back_in_the_order_in_which_they_were_given(any_lender):
    storage = any_lender.store.storage
    assert read_reviews(storage, "pd_cards.1") == []
    before = dt.datetime.now(dt.UTC)
    record_review(storage, "pd_cards.1", SECOND, "pd_cards.1/population/1")
    record_review(storage, "pd_cards.1", FIRST, None)
    record_review(storage, "pd_cards.10", THIRD, None)
    found = read_reviews(storage, "pd_cards.1")
    assert [(one.days, one.incident) for one in found] == [
        (SECOND, "pd_cards.1/population/1"),
        (FIRST, None),
    ]
    assert before <= found[0].at <= found[1].at
    assert Review.model_validate_json(found[0].model_dump_json()) == found[0]
