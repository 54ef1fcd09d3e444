"""The segment report of a day: what is stored of each segment, and how it is read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.drift import Index
from monitoring_assets.statistics.drift.report import slices
from monitoring_assets.statistics.drift.segments import MISSING, OTHER, Segment, SegmentDrift
from monitoring_assets.statistics.drift.thresholds import Status

_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
_BIN = pa.struct([("label", _TEXT), ("reference", _COUNT), ("current", _COUNT)])


LEVEL = 0.001
"""Probability, over all segments of a column, that chance alone lets one vanish."""


@dataclass(frozen=True, slots=True)
class UncountedSegments:
    """A segment column without segments on this day.

    Parameters
    ----------
    column
        Its name.
    status
        ``error``; ``warn`` if only a run of ours is missing.
    reason
        Why, in words.
    """

    column: str
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """The index of one column within one segment.

    Parameters
    ----------
    segment
        The rows.
    column, index
        Which column is compared, and by what.
    value, critical_value
        As in `ColumnDrift`.
    adjusted_p, status, reason
        As in `SegmentDrift`.
    reference_rows, rows
        Rows of the segment.
    bins
        Where its slots are in the report's; empty for a column with an error.
    """

    segment: Segment
    column: str
    index: Index
    value: float | None
    critical_value: float | None
    adjusted_p: float | None
    status: Status
    reason: str | None
    reference_rows: int
    rows: int
    bins: slice


@dataclass(frozen=True, slots=True)
class SegmentFigure:
    """What a segment is besides its indices, then and now, without a judgement.

    Parameters
    ----------
    segment
        The rows.
    column
        The column that the figure is about.
    metric
        Name of the figure.
    reference, value
        Of the reference and of the day; None if unknown.
    reference_rows, rows
        Rows of the segment.
    """

    segment: Segment
    column: str
    metric: str
    reference: float | None
    value: float | None
    reference_rows: int
    rows: int


@dataclass(frozen=True, eq=False, slots=True)
class SegmentReport:
    """What moved within each segment of a day.

    Parameters
    ----------
    uncounted
        Segment columns that have no segments.
    indices
        By segment and column.
    figures
        By segment and metric.
    labels
        B texts, the slots of all indices, one index after the other.
    reference, current
        int64[B], rows by slot.
    """

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            *[(name, _TEXT) for name in ("segment_column", "segment", "column", "metric")],
            *[(name, _NUMBER) for name in ("reference", "value", "critical_value", "adjusted_p")],
            *[(name, _TEXT) for name in ("status", "reason")],
            *[(name, _COUNT) for name in ("reference_rows", "rows")],
            ("bins", pa.list_(_BIN)),
        ]
    )
    """One row a segment column without segments, then one an index, then one a figure."""

    uncounted: tuple[UncountedSegments, ...]
    indices: tuple[SegmentIndex, ...]
    figures: tuple[SegmentFigure, ...]
    labels: Sequence[str]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]

    @classmethod
    def build(
        cls,
        uncounted: Sequence[UncountedSegments],
        drifts: Sequence[SegmentDrift],
        figures: Sequence[SegmentFigure],
    ) -> SegmentReport:
        """Put together what was found of the segments of a day.

        Parameters
        ----------
        uncounted
            Segment columns that could not be counted.
        drifts
            What `judge_segments` has found.
        figures
            What else is known of each segment.
        """
        bins = [one for found in drifts for one in found.drift.bins]
        return cls(
            tuple(uncounted),
            tuple(
                SegmentIndex(
                    found.segment,
                    found.drift.column,
                    found.drift.index,
                    found.drift.value,
                    found.drift.critical_value,
                    found.adjusted_p,
                    found.status,
                    found.reason,
                    found.reference_rows,
                    found.rows,
                    of_index,
                )
                for found, of_index in zip(
                    drifts, slices(len(found.drift.bins) for found in drifts), strict=True
                )
            ),
            tuple(figures),
            [one.label for one in bins],
            np.array([one.reference for one in bins], dtype=np.int64),
            np.array([one.current for one in bins], dtype=np.int64),
        )

    @classmethod
    def from_table(cls, table: pa.Table) -> SegmentReport:
        """Read a table of `SCHEMA`."""
        uncounted, indices, figures = [], [], []
        lists = table["bins"].combine_chunks()
        labels, reference, current = lists.flatten().flatten()
        places = slices(lists.value_lengths().to_pylist())
        columns = (table[name].to_pylist() for name in cls.SCHEMA.names[:-1])
        for of, value, column, metric, before, now, critical, p, status, reason, *rows, bins in zip(
            *columns, places, strict=True
        ):
            segment = Segment(of, value)
            if value is None:
                uncounted.append(UncountedSegments(of, Status(status), reason))
            elif status is None:
                figures.append(SegmentFigure(segment, column, metric, before, now, *rows))
            else:
                judged = critical, p, Status(status), reason, *rows, bins
                indices.append(SegmentIndex(segment, column, metric, now, *judged))
        return cls(
            tuple(uncounted),
            tuple(indices),
            tuple(figures),
            labels.to_pylist(),
            reference.to_numpy(),
            current.to_numpy(),
        )

    def to_table(self) -> pa.Table:
        """One row an uncounted column, an index or a figure, of `SCHEMA`."""
        blank = (None,) * 6
        rows = [
            *(
                (one.column, None, *blank, one.status, one.reason, None, None)
                for one in self.uncounted
            ),
            *(
                (
                    *one.segment,
                    one.column,
                    one.index,
                    None,
                    one.value,
                    one.critical_value,
                    one.adjusted_p,
                    one.status,
                    one.reason,
                    one.reference_rows,
                    one.rows,
                )
                for one in self.indices
            ),
            *(
                (
                    *one.segment,
                    one.column,
                    one.metric,
                    one.reference,
                    one.value,
                    *(None,) * 4,
                    one.reference_rows,
                    one.rows,
                )
                for one in self.figures
            ),
        ]
        arrays = [
            pa.array([row[at] for row in rows], field.type)
            for at, field in enumerate(list(self.SCHEMA)[:-1])
        ]
        bins = [
            pa.array(values, field.type)
            for field, values in zip(_BIN, (self.labels, self.reference, self.current), strict=True)
        ]
        ends = [
            *(0 for _ in self.uncounted),
            *(one.bins.stop for one in self.indices),
            *(len(self.labels) for _ in self.figures),
        ]
        lists = pa.ListArray.from_arrays([0, *ends], pa.StructArray.from_arrays(bins, fields=_BIN))
        return pa.Table.from_arrays([*arrays, lists], schema=self.SCHEMA)

    def vanished(self) -> dict[Segment, str]:
        """Segments without a row whose rows have gone to the pooled ones, and what is said of them.

        With ``n`` rows of the reference and ``m`` of the day, and ``r`` of a segment in both
        together, chance puts none on the day with probability ``(n / (n + m)) ** r``. A segment
        that no row has replaced, such as a branch that is closed, has not vanished.
        """
        rows = {one.segment: (one.reference_rows, one.rows) for one in self.indices}
        found = {}
        for column in {segment.column for segment in rows}:
            mine = {segment: both for segment, both in rows.items() if segment.column == column}
            before, now = (sum(both[side] for both in mine.values()) for side in (0, 1))
            if not before or not now:
                continue
            pooled = [mine.get(Segment(column, name), (0, 0)) for name in (OTHER, MISSING)]
            rise = sum(after / now - of_reference / before for of_reference, after in pooled)
            gone = {
                segment: of_reference
                for segment, (of_reference, after) in mine.items()
                if not after
                and segment.value not in (OTHER, MISSING)
                and (before / (before + now)) ** of_reference <= LEVEL / len(mine)
            }
            if gone and rise >= sum(gone.values()) / before / 2:
                to = " and ".join(
                    f"{name} has {after:,} of {now:,}"
                    for name, (_, after) in zip((OTHER, MISSING), pooled, strict=True)
                    if after
                )
                for segment, of_reference in gone.items():
                    found[segment] = (
                        f"no row, {of_reference / before * now:,.0f} expected, while {to}: "
                        "is the value spelled otherwise, or of another type?"
                    )
        return found

    @property
    def failed(self) -> frozenset[Segment]:
        """Segments with an index at fail."""
        return frozenset(one.segment for one in self.indices if one.status == Status.FAIL)
