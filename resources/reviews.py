"""Reviews of past days and incidents, kept in the store."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from resources import layout

if TYPE_CHECKING:
    from resources.storage import Storage


class Review(BaseModel):
    """A review, when it was given, and the incident that it is of if it is of one."""

    model_config = ConfigDict(frozen=True)

    days: ReviewedDays
    incident: str | None = None
    at: AwareDatetime


def record_review(storage: Storage, key: str, days: ReviewedDays, incident: str | None) -> None:
    """Write down a review of days of a version."""
    review = Review(days=days, incident=incident, at=dt.datetime.now(dt.UTC))
    storage.write(layout.review(key, review.at), review.model_dump_json(indent=2).encode())


def read_reviews(storage: Storage, key: str) -> list[Review]:
    """Those of a version, in the order in which they were given."""
    paths = sorted(storage.list(layout.reviews(key)))
    return [Review.model_validate_json(storage.read(path)) for path in paths]
