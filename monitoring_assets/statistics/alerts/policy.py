"""The alert policy of a model: what counts, what pages, and when nobody is to be paged."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

from monitoring_assets.statistics.drift.multiple_testing import Dependence
from monitoring_assets.statistics.drift.stability import Smoothing

Family = Literal["data quality", "population", "characteristics", "performance", "pipeline"]
"""What an incident is about; the first four are about a version's data, the last about our runs."""

FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True, slots=True)
class Mute:
    """Days on which nobody is paged.

    Parameters
    ----------
    first, last
        First and last day.
    why
        What is planned.
    families
        The families that are muted; empty for all.
    """

    first: dt.date
    last: dt.date
    why: str
    families: tuple[Family, ...] = ()

    def covers(self, day: dt.date, family: Family) -> bool:
        """Whether a family is muted on a day."""
        return self.first <= day <= self.last and (not self.families or family in self.families)


@dataclass(frozen=True, slots=True)
class Policy:
    """When an incident opens, pages and resolves.

    Parameters
    ----------
    open_days, open_of
        A column in breach on ``open_days`` of the last ``open_of`` days with a report opens.
    resolve
        Good days in a row that resolve an incident of drift or performance.
    at_once
        Index from which a single day opens.
    pool_days
        Calendar days whose counts are also judged together; 1 for none.
    false_discovery_rate
        Share of false ones among the characteristics in breach.
    dependence
        Of the characteristics, as ``discovery.adjusted`` takes it.
    min_score_shift
        Standard deviations of the score; a characteristic that moves the mean score by less
        warns and does not page.
    first_days
        Days after deployment on which drift and performance do not page.
    max_age_days
        A day that is decided later than this many days after it does not page.
    mute
        Days on which nobody is paged.
    smoothing
        As ``stability_index`` takes it.
    """

    open_days: int = 2
    open_of: int = 3
    resolve: int = 3
    at_once: float = 1.0
    pool_days: int = 7
    false_discovery_rate: float = 1e-3
    dependence: Dependence = "positive"
    min_score_shift: float = 0.05
    first_days: int = 7
    max_age_days: int = 3
    mute: tuple[Mute, ...] = ()
    smoothing: Smoothing = "jeffreys"

    def good_days(self, family: Family) -> int:
        """Good days in a row after which an incident of a family resolves."""
        if family == "pipeline":
            return 1
        return min(2, self.resolve) if family == "data quality" else self.resolve
