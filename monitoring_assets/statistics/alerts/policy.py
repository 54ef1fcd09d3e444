"""The alert policy of a model: what counts, what pages, and when no page is sent.

These are sections of a manifest as well: ``metadata`` has the bounds and the words of its JSON
Schema, and pydantic holds what a file says against them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from monitoring_assets.statistics.drift.thresholds import AtOddsError, Dependence

Family = Literal["data quality", "population", "characteristics", "performance", "pipeline"]
"""What an incident is about; the first four are about a version's data, the last about our runs."""

DAY = {"ge": dt.date(1970, 1, 1), "le": dt.date(2199, 12, 31)}
"""Bounds of a day: what calendars and time zones can count to and from."""

FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """How many breached days open an incident."""

    days: int = field(default=2, metadata={"ge": 1, "le": 14})
    of: int = field(
        default=3, metadata={"ge": 1, "le": 14, "description": "The last days with a report."}
    )

    def __post_init__(self) -> None:
        if self.days > self.of:
            raise AtOddsError(("days", self.days, f"at most `of`, {self.of}"))

    def __str__(self) -> str:
        return f"{self.days} of {self.of}"


@dataclass(frozen=True, slots=True)
class Mute:
    """Days on which no page is sent: a planned migration, say. What is still wrong after it pages.

    ``families`` are those that are muted; none for all.
    """

    first: dt.date = field(metadata=DAY)
    last: dt.date = field(metadata=DAY)
    why: str = field(metadata={"min_length": 1, "max_length": 1000})
    families: tuple[Family, ...] = field(default=(), metadata={"max_length": 5})

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise AtOddsError(("last", self.last, f"a day from `first` on, {self.first}"))

    def covers(self, day: dt.date, family: Family) -> bool:
        """Whether a family is muted on a day."""
        return self.first <= day <= self.last and (not self.families or family in self.families)


@dataclass(frozen=True, slots=True)
class SomeDays:
    """A number of calendar days in a row, at most ``MOST``."""

    MOST: ClassVar[int]

    first: dt.date = field(metadata=DAY)
    last: dt.date = field(metadata=DAY)

    def __post_init__(self) -> None:
        if not self.first <= self.last < self.first + dt.timedelta(days=self.MOST):
            allowed = f"one of {self.MOST} days from `first` on, {self.first}"
            raise AtOddsError(("last", self.last, allowed))

    def covers(self, day: dt.date) -> bool:
        """Whether a day is one of them."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class AcceptedShift(SomeDays):
    """Days of a lasting shift that a person has looked at and accepted as a new normal.

    From the day after ``last`` on, drift pages only if it is a move against these days too.
    """

    MOST = 92

    by: str = field(
        metadata={"min_length": 1, "max_length": 1000, "description": "Who has accepted it."}
    )
    why: str = field(metadata={"min_length": 1, "max_length": 1000})

    def __str__(self) -> str:
        return f"{self.first} to {self.last}, accepted by {self.by}: {self.why}"


@dataclass(frozen=True, slots=True)
class ExpectedDays(SomeDays):
    """Days that are expected to differ: a campaign, a pay day, a holiday.

    Drift is not judged on them, and they are not taken for what is usual. Data quality,
    performance and pipeline are.
    """

    MOST = 31

    why: str = field(metadata={"min_length": 1, "max_length": 1000})


@dataclass(frozen=True, slots=True)
class Policy:
    """When an incident opens, pages and resolves."""

    open: Opening = Opening()
    resolve: int = field(
        default=3,
        metadata={
            "ge": 1,
            "le": 14,
            "description": "Good days in a row that resolve an incident.",
        },
    )
    at_once: float = field(
        default=1.0,
        metadata={
            "gt": 0,
            "le": 1e6,
            "description": "Index from which a single day opens an incident.",
        },
    )
    pool_days: int = field(
        default=7,
        metadata={
            "ge": 1,
            "le": 28,
            "description": "Days whose counts are also judged together; whole weeks.",
        },
    )
    false_discovery_rate: float = field(
        default=1e-3,
        metadata={
            "gt": 0,
            "lt": 1,
            "description": "Share of false ones among characteristics in breach.",
        },
    )
    dependence: Dependence = field(
        default="positive",
        metadata={
            "description": "Of the characteristics: positive for Benjamini-Hochberg, any for "
            "Benjamini-Yekutieli."
        },
    )
    min_score_shift: float = field(
        default=0.05,
        metadata={
            "ge": 0,
            "le": 1e6,
            "description": "Standard deviations of the score; a characteristic that moves the "
            "mean score by less warns and does not page.",
        },
    )
    first_days: int = field(
        default=7,
        metadata={
            "ge": 0,
            "le": 60,
            "description": "Days after deployment on which drift does not page.",
        },
    )
    max_age_days: int = field(
        default=3,
        metadata={
            "ge": 1,
            "le": 60,
            "description": "Days after which a partition no longer pages.",
        },
    )
    mute: tuple[Mute, ...] = field(default=(), metadata={"max_length": 1000})
    accepted: tuple[AcceptedShift, ...] = field(default=(), metadata={"max_length": 1000})
    expected: tuple[ExpectedDays, ...] = field(default=(), metadata={"max_length": 1000})

    def good_days(self, family: Family) -> int:
        """Good days in a row after which an incident of a family resolves."""
        if family == "pipeline":
            return 1
        return min(2, self.resolve) if family == "data quality" else self.resolve
