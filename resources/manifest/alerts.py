"""Section ``alerts``: who hears of a breach, and when it is worth a page."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import (
    Field,
    model_validator,
)

from resources.manifest.faults import AtOddsError
from resources.manifest.fields import Section

Family = Literal["data quality", "population", "characteristics", "performance", "pipeline"]
"""What an incident is about; the first four are about a version's data, the last about our runs."""


class Opening(Section):
    """How many breached days open an incident."""

    days: int = Field(2, ge=1, le=14)
    of: int = Field(3, ge=1, le=14, description="The last days with a report.")

    @model_validator(mode="after")
    def _days_fit(self) -> Opening:
        if self.days > self.of:
            raise AtOddsError(("days", self.days, f"at most `of`, {self.of}"))
        return self


class Mute(Section):
    """Days on which nobody is paged: a planned migration, say. What is still wrong after it pages.

    ``families`` are those that are muted; none for all.
    """

    first: dt.date
    last: dt.date
    why: str = Field(min_length=1)
    families: list[Family] = Field([])

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Mute:
        if self.last < self.first:
            raise AtOddsError(("last", self.last, f"a day from `first` on, {self.first}"))
        return self


class Alerts(Section):
    """Who hears of a breach, and when it is worth a page."""

    service: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,60}$",
        description="The on-call service that owns this model.",
        examples=["card-models"],
    )
    team: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,60}$")
    open: Opening = Opening()  # type: ignore[call-arg]
    resolve: int = Field(3, ge=1, le=14, description="Good days in a row that resolve an incident.")
    at_once: float = Field(
        1.0, gt=0, description="Index from which a single day opens an incident."
    )
    pool_days: int = Field(
        7, ge=1, le=28, description="Days whose counts are also judged together; whole weeks."
    )
    false_discovery_rate: float = Field(
        1e-3, gt=0, lt=1, description="Share of false ones among characteristics in breach."
    )
    dependence: Literal["positive", "any"] = Field(
        "positive",
        description="Of the characteristics: positive for Benjamini-Hochberg, any for "
        "Benjamini-Yekutieli.",
    )
    min_score_shift: float = Field(
        0.05,
        ge=0,
        description="Standard deviations of the score; a characteristic that moves the mean score "
        "by less warns and does not page.",
    )
    first_days: int = Field(
        7, ge=0, le=60, description="Days after deployment on which drift does not page."
    )
    max_age_days: int = Field(
        3, ge=1, le=60, description="Days after which a partition no longer pages."
    )
    mute: list[Mute] = Field([])
