"""Vintages: the bad rate of each period's accepted applicants as their outcomes mature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitoring_assets.periods.calendar import Period
from monitoring_assets.periods.cohorts import COHORTS, Cohort, together
from resources.store import Store


@dataclass(frozen=True, slots=True)
class Vintage:
    """The applicants of a period.

    Parameters
    ----------
    days
        Days of the period with a performance report.
    by_horizon
        Its mature cohorts of goods and bads together, by the days after which outcomes count; None
        where none is.
    """

    period: Period
    days: int
    by_horizon: dict[int, Cohort | None]

    def is_complete(self, horizon: int) -> bool:
        """Whether every day of it is mature after a horizon."""
        cohort = self.by_horizon[horizon]
        return cohort is not None and cohort.days == self.days


def read_vintages(
    store: Store, key: str, periods: Sequence[Period], horizons: Sequence[int]
) -> Iterator[Vintage]:
    """Read the vintages of some periods.

    Parameters
    ----------
    periods
        In order, one or more.
    horizons
        Days after which outcomes count.
    """
    files = store.days("performance_report", key, periods[0].first, periods[-1].last)
    cohorts = COHORTS.read(store, key, files)
    for period in periods:
        of_period = [found for day, found in cohorts.items() if day in period]
        yield Vintage(
            period,
            len(of_period),
            {
                horizon: together(
                    found[horizon]
                    for found in of_period
                    # Outcomes were numbers before a revision, say.
                    if horizon in found and found[horizon].is_binary
                )
                for horizon in horizons
            },
        )
