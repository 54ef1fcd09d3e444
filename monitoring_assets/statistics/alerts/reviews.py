"""What people say of past days: a real change, or a false alarm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring_assets.statistics.alerts.policy import SomeDays


@dataclass(frozen=True, slots=True)
class ReviewedDays(SomeDays):
    """Days of which a person says whether something had changed on them.

    Parameters
    ----------
    is_real
        True for a real change, which was or should have been paged; False for a false alarm.
    by, why
        Who says so, and for what reason.
    """

    MOST = 731

    is_real: bool
    by: str = field(metadata={"min_length": 1, "max_length": 1000})
    why: str = field(metadata={"min_length": 1, "max_length": 1000})

    def __str__(self) -> str:
        return f"{self.first} to {self.last}: {self.verdict}, says {self.by}: {self.why}"

    @property
    def verdict(self) -> str:
        """What is said, in words."""
        return "a real change" if self.is_real else "a false alarm"


def review_of(
    reviews: Sequence[ReviewedDays], first: dt.date, last: dt.date
) -> ReviewedDays | None:
    """Return the latest review that has a day in common with others; None if none has.

    Parameters
    ----------
    reviews
        In the order in which they were given: a later one replaces what an earlier one says.
    """
    common = (one for one in reversed(reviews) if one.first <= last and first <= one.last)
    return next(common, None)
