"""Section ``alerts``: who hears of a breach, and when it is worth a page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from monitoring_assets.statistics.alerts.policy import ExpectedDays, Policy
from monitoring_assets.statistics.drift.thresholds import AtOddsError

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,60}$"
_CALENDAR = r"^[A-Z]{2}(-[A-Z0-9]{1,4})?$"


@dataclass(frozen=True, slots=True)
class Alerts(Policy):
    """Who hears of a breach, and when it is worth a page."""

    service: str | None = field(
        default=None,
        metadata={
            "pattern": _NAME,
            "description": "The on-call service that owns this model.",
            "examples": ["card-models"],
        },
    )
    team: str | None = field(default=None, metadata={"pattern": _NAME})
    holidays: tuple[Annotated[str, Field(pattern=_CALENDAR)], ...] = field(
        default=(),
        metadata={
            "max_length": 50,
            "description": "Countries whose public holidays are expected to differ, or their "
            "regions, by ISO 3166.",
            "examples": [["DE", "US-NY"]],
        },
    )

    def __post_init__(self) -> None:
        for one in self.holidays:
            if not _is_known(one):
                raise AtOddsError(("holidays", one, "countries with a calendar: DE or DE-BY, say"))

    def expected_days(self, first: dt.date, last: dt.date) -> tuple[ExpectedDays, ...]:
        """The days that are expected to differ: those named, and the holidays in a range."""
        return (*self.expected, *_holidays(self.holidays, first, last))


def _is_known(calendar: str) -> bool:
    from holidays import list_supported_countries

    country, _, region = calendar.partition("-")
    regions = list_supported_countries().get(country)
    return regions is not None and (not region or region in regions)


def _holidays(calendars: Sequence[str], first: dt.date, last: dt.date) -> Iterator[ExpectedDays]:
    if not calendars:
        return
    from holidays import country_holidays

    years = range(first.year, last.year + 1)
    for calendar in calendars:
        country, _, region = calendar.partition("-")
        found = country_holidays(country, region or None, years=years, language="en_US")
        for day, name in sorted(found.items()):
            if first <= day <= last:
                yield ExpectedDays(day, day, f"{name} ({calendar})")
