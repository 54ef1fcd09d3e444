"""Where the values of a chart lie: paths of SVG, which the templates draw in the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

Values = Sequence[float | None]
T = TypeVar("T")


@dataclass(frozen=True)
class Chart:
    """A chart over equally spaced days.

    Parameters
    ----------
    width, height
        Of its area, in units of the drawing.
    days
        How many days it has, the last at the right.
    low, high
        Values at the bottom and at the top.
    """

    width: float
    height: float
    days: int
    low: float
    high: float

    @classmethod
    def of_index(cls, size: tuple[float, float], values: Values, fail: float) -> Chart:
        """Chart of an index: never cut off, and never so high that noise alone fills it.

        Parameters
        ----------
        size
            Width and height.
        values
            By day.
        fail
            Its limit.
        """
        known = [value for value in values if value is not None]
        return cls(*size, len(values), 0.0, 1.1 * max([*known, fail]))

    def x(self, day: int) -> float:
        """Place of a day, counted from 0."""
        return round(self.width * (day + 0.5) / self.days, 1)

    def y(self, value: float) -> float:
        """Height of a value, from the top."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.height * (1 - min(max(share, 0.0), 1.0)), 1)

    def line(self, values: Values) -> str:
        """Path through the values; a day without one is a gap, one alone a dot."""
        return " ".join(
            "M"
            + "L".join(f"{self.x(day)} {self.y(value)}" for day, value in run)
            + ("h0.1" if len(run) == 1 else "")
            for run in _runs(values)
        )

    def band(self, lows: Values, highs: Values) -> str:
        """Closed path between two lines, where both have values."""
        both = [
            None if low is None or high is None else (low, high)
            for low, high in zip(lows, highs, strict=True)
        ]
        return " ".join(
            "M"
            + "L".join(
                [f"{self.x(day)} {self.y(pair[1])}" for day, pair in run]
                + [f"{self.x(day)} {self.y(pair[0])}" for day, pair in reversed(run)]
            )
            + "Z"
            for run in _runs(both)
        )


def _runs(values: Sequence[T | None]) -> list[list[tuple[int, T]]]:
    """Days and values of each stretch without a gap."""
    days = enumerate(values)
    return [
        [(day, value) for day, value in run if value is not None]
        for is_there, run in groupby(days, lambda one: one[1] is not None)
        if is_there
    ]
