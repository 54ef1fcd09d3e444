"""Periods of the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

Unit = Literal["day", "week", "month", "quarter", "year", "all"]
UNITS: tuple[Unit, ...] = get_args(Unit)

_NAMES: Mapping[Unit, Callable[[dt.date], str]] = {
    "day": str,
    "week": lambda day: f"{day:%G-W%V}",
    "month": lambda day: f"{day:%Y-%m}",
    "quarter": lambda day: f"{day.year}-Q{(day.month + 2) // 3}",
    "year": lambda day: str(day.year),
    "all": lambda day: "all",
}


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``first`` to ``last``, both included; the ends of a range cut the first and last.

    Parameters
    ----------
    name
        ``2026-02``, ``2026-W07`` (ISO), ``2026-Q1``, ``2026`` or ``all``.
    """

    name: str
    first: dt.date
    last: dt.date

    def __contains__(self, day: dt.date) -> bool:
        """Whether a day is one of it."""
        return self.first <= day <= self.last


def periods(first: dt.date, last: dt.date, by: Unit) -> Iterator[Period]:
    """Split a range of days, both ends included, into periods.

    Yields
    ------
    Period
        In order, without gaps.

    Raises
    ------
    ValueError
        The range ends before it begins.
    """
    if last < first:
        raise ValueError(f"{last} is before {first}")
    days = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    for name, group in groupby(days, _NAMES[by]):
        found = list(group)
        yield Period(name, found[0], found[-1])
