"""The page of protected groups: ``monitoring fairness --html``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from monitoring_assets.pages.render import render
from monitoring_assets.periods.fairness import ColumnFairness, FairnessReport
from monitoring_assets.statistics.validation.fairness import (
    COUNTS,
    FOUR_FIFTHS,
    POLICY,
    UNKNOWN,
    Figure,
)

WIDTH = 260
"""Of the drawing of an interval."""
MARKS = {
    "adverse-impact ratio": (FOUR_FIFTHS, 1.0),
    "standardised mean difference": (0.0,),
    "equal opportunity difference": (0.0,),
    "observed to expected": (1.0,),
}
"""Values that stand for no difference, and the limit of the policy."""


@dataclass(frozen=True)
class Measure:
    """One measure of all groups of a column, on one scale.

    Parameters
    ----------
    name
        With the cut-off, if it is about one.
    figures
        One a group.
    marks
        Values that the scale shows.
    """

    name: str
    figures: Sequence[Figure]
    marks: Sequence[float]

    def x(self, value: float) -> float:
        """Place of a value on the scale of the measure."""
        found = [one.found for one in self.figures if one.found.value is not None]
        ends = [end for one in found for end in (one.low, one.high) if end is not None]
        low, high = min([*ends, *self.marks]), max([*ends, *self.marks])
        return round(WIDTH * (value - low) / ((high - low) or 1.0), 1)


def fairness_page(found: FairnessReport) -> str:
    """Return the measures of protected groups as one file of HTML."""
    return render(
        "fairness.html.j2",
        found=found,
        columns=[(column, _counts(column), list(_measures(column))) for column in found.columns],
        read=[
            (column.column, one)
            for column in found.columns
            for one in column.figures
            if one.reading
        ],
        policy=POLICY,
        unknown=UNKNOWN,
        width=WIDTH,
    )


def _counts(column: ColumnFairness) -> list[tuple[str | None, list[Figure]]]:
    """The counts of each group, in the order of `COUNTS`."""
    counts = sorted(
        (one for one in column.figures if one.measure in COUNTS),
        key=lambda one: COUNTS.index(one.measure),
    )
    groups = dict.fromkeys(one.group for one in counts)
    return [(group, [one for one in counts if one.group == group]) for group in groups]


def _measures(column: ColumnFairness) -> Iterator[Measure]:
    figures = (one for one in column.figures if one.measure not in COUNTS)
    for (name, cut_off), group in groupby(figures, lambda one: (one.measure, one.cut_off)):
        at = "" if cut_off is None else f" at {cut_off:g}"
        yield Measure(name + at, list(group), MARKS.get(name, ()))
