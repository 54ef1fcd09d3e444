"""The drift report of a day: what is stored of each column, and how it is read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.attribution import MeanShift, additive_part, mean_shift
from monitoring_assets.statistics.drift.drift import (
    Additional,
    BinDrift,
    ColumnDrift,
    Judgement,
)
from monitoring_assets.statistics.drift.surrogate import Surrogate
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds
from monitoring_assets.statistics.profiles.bins import SlotKind
from monitoring_assets.statistics.profiles.profile import Profile

_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
_BIN = pa.struct(
    [
        ("label", _TEXT),
        ("slot", _TEXT),
        ("reference", _COUNT),
        ("current", _COUNT),
        ("contribution", _NUMBER),
        ("moved_score_by", _NUMBER),
    ]
)
_OF_DRIFT = (
    "column",
    "index",
    *("warn", "fail", "level"),
    "status",
    *("value", "critical_value"),
    *("reference_missing", "missing", "unseen", "out_of_range", "infinite", "error"),
)
"""Columns in the order of the fields of `ColumnDrift`, without its lists."""
MARGINAL_MIX = "marginal mix"
"""What columns did to the score without effects of bins; reports that say nothing have that."""
_OF_SCORE = ("mean_score_shift", "moved_score_by", "marginal_mix")
# The columns of a day have few of each, and making one costs more than finding it.
_thresholds, _status = lru_cache(Thresholds), lru_cache(Status)
_ADDITIONAL = pa.struct(
    [
        ("statistic", _TEXT),
        *[(name, _NUMBER) for name in ("warn", "fail", "level", "value", "critical_value")],
        ("status", _TEXT),
    ]
)


@dataclass(frozen=True, eq=False, slots=True)
class ReportedBins:
    """The slots of all columns on both sides, one column after the other.

    Parameters
    ----------
    labels, slots
        B texts, and what each bin holds.
    reference, current
        int64[B], rows.
    contribution
        float64[B], what each bin adds to its column's index.
    moved_score_by
        float64[B], the part of its column's of the same name; NaN if unknown.
    """

    labels: Sequence[str]
    slots: Sequence[SlotKind]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    contribution: NDArray[np.float64]
    moved_score_by: NDArray[np.float64]


class ReportedColumn(NamedTuple):
    """One column of a drift report.

    Parameters
    ----------
    drift
        As it was compared, but without its bins: they are the report's.
    mean_score_shift
        Current mean score less the reference's, in units of the score; None if unknown.
    moved_score_by
        The part of it that the column has: by the bins' effects where there is a good surrogate,
        else the marginal mix. None if unknown, and for the score, whose own bins say how it moved,
        not why.
    marginal_mix
        The shift that follows from the column's shares and the mean score of its bins, and so also
        from what is correlated with it; None as before.
    bins
        Where its slots are in the report's; empty for a column with an error.
    """

    drift: ColumnDrift
    mean_score_shift: float | None
    moved_score_by: float | None
    marginal_mix: float | None
    bins: slice


@dataclass(frozen=True, eq=False, slots=True)
class DriftReport:
    """The drift of every column of a day, with its evidence.

    Parameters
    ----------
    reference_rows, rows
        Rows of the reference and of the day.
    columns
        In the model's order.
    bins
        Of all columns; arrays, so that a report is read in a millisecond.
    """

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("column", _TEXT),
            ("index", _TEXT),
            ("value", _NUMBER),
            ("critical_value", _NUMBER),
            ("status", _TEXT),
            *[(name, _NUMBER) for name in ("warn", "fail", "level")],
            *[(name, _COUNT) for name in ("reference_rows", "rows")],
            *[(name, _NUMBER) for name in ("reference_missing", "missing")],
            *[(name, _NUMBER) for name in ("unseen", "out_of_range")],
            ("infinite", _COUNT),
            *[(name, _NUMBER) for name in _OF_SCORE],
            ("error", _TEXT),
            ("additional", pa.list_(_ADDITIONAL)),
            ("bins", pa.list_(_BIN)),
        ]
    )
    """One row a column, with its bins nested: all the evidence of a day in one file."""

    reference_rows: int
    rows: int
    columns: tuple[ReportedColumn, ...]
    bins: ReportedBins

    @classmethod
    def build(
        cls,
        drifts: Sequence[ColumnDrift],
        reference: Profile,
        current: Profile,
        surrogate: Surrogate | None = None,
    ) -> DriftReport:
        """Add to the drift of each column what it did to the mean score.

        Parameters
        ----------
        drifts
            What `compare` has found in these profiles.
        reference, current
            Profiles in the same bins.
        surrogate
            Additive model of the score, which says what each column did to it; None for the
            marginal mix.
        """
        shifts = [_shift(drift, reference, current) for drift in drifts]
        bins = [one for drift in drifts for one in drift.bins]
        effects = surrogate.effects if surrogate else {}
        by_bin = [
            np.full(len(drift.bins), np.nan)
            if moved is None
            else additive_part(
                effects[drift.column],
                reference.columns[drift.column],
                current.columns[drift.column],
            )
            if drift.column in effects
            else moved.by_bin
            for drift, moved in zip(drifts, shifts, strict=True)
        ]
        return cls(
            reference.rows,
            current.rows,
            tuple(
                ReportedColumn(
                    replace(drift, bins=()),
                    None if moved is None else moved.shift,
                    None if moved is None or drift.index == "PSI" else float(parts.sum()),
                    None if moved is None or drift.index == "PSI" else moved.mix,
                    of_column,
                )
                for drift, moved, parts, of_column in zip(
                    drifts,
                    shifts,
                    by_bin,
                    slices(len(drift.bins) for drift in drifts),
                    strict=True,
                )
            ),
            ReportedBins(
                [one.label for one in bins],
                [one.slot for one in bins],
                np.array([one.reference for one in bins], dtype=np.int64),
                np.array([one.current for one in bins], dtype=np.int64),
                np.array([one.contribution for one in bins], dtype=np.float64),
                np.concatenate([np.empty(0), *by_bin]),
            ),
        )

    @classmethod
    def from_table(cls, table: pa.Table) -> DriftReport:
        """Read a table of `SCHEMA`, or of an earlier release: what it lacks is not known."""
        for field in cls.SCHEMA:
            if field.name not in table.schema.names:
                table = table.append_column(field, pa.nulls(len(table), field.type))
        lists = table["bins"].combine_chunks()
        labels, slots, reference, current, contribution, moved = lists.flatten().flatten()
        rows: Iterator[tuple[Any, ...]] = zip(
            *(table[name].to_pylist() for name in _OF_DRIFT),
            (tuple(map(_additional, one or ())) for one in table["additional"].to_pylist()),
            *(table[name].to_pylist() for name in _OF_SCORE),
            slices(lists.value_lengths().to_pylist()),
            strict=True,
        )
        return cls(
            table["reference_rows"][0].as_py(),
            table["rows"][0].as_py(),
            tuple(
                ReportedColumn(
                    ColumnDrift(
                        *(*row[:2], _thresholds(*row[2:5]), _status(row[5])),
                        *(*row[6:8], (), *row[8:15]),
                    ),
                    *row[15:],
                )
                for row in rows
            ),
            ReportedBins(
                labels.to_pylist(),
                slots.to_pylist(),
                reference.to_numpy(),
                current.to_numpy(),
                contribution.to_numpy(),
                moved.to_numpy(zero_copy_only=False),  # it has nulls
            ),
        )

    def to_table(self) -> pa.Table:
        """One row a column, of `SCHEMA`."""
        bins = [
            pa.array(values, field.type, from_pandas=True)
            for field, values in zip(
                _BIN,
                (
                    self.bins.labels,
                    self.bins.slots,
                    self.bins.reference,
                    self.bins.current,
                    self.bins.contribution,
                    self.bins.moved_score_by,
                ),
                strict=True,
            )
        ]
        columns = [
            (
                one.drift.column,
                one.drift.index,
                one.drift.value,
                one.drift.critical_value,
                one.drift.status,
                *astuple(one.drift.thresholds),
                self.reference_rows,
                self.rows,
                one.drift.reference_missing,
                one.drift.current_missing,
                one.drift.unseen,
                one.drift.out_of_range,
                one.drift.infinite,
                one.mean_score_shift,
                one.moved_score_by,
                one.marginal_mix,
                one.drift.error,
                [
                    (other.statistic, *astuple(other.thresholds), *astuple(other.judgement))
                    for other in one.drift.additional
                ],
            )
            for one in self.columns
        ]
        arrays = [
            pa.array(values, field.type)
            for field, values in zip(self.SCHEMA, zip(*columns, strict=True), strict=False)
        ]
        offsets = [0, *(one.bins.stop for one in self.columns)]
        lists = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(bins, fields=_BIN))
        return pa.Table.from_arrays([*arrays, lists], schema=self.SCHEMA)

    @property
    def score(self) -> ReportedColumn | None:
        """The column that is the score; None if it was not compared."""
        return next((one for one in self.columns if one.drift.index == "PSI"), None)

    def drifts(self) -> list[ColumnDrift]:
        """The columns as they were compared."""
        bins = [
            BinDrift(*one)
            for one in zip(
                self.bins.labels,
                self.bins.slots,
                self.bins.reference.tolist(),
                self.bins.current.tolist(),
                self.bins.contribution.tolist(),
                strict=True,
            )
        ]
        return [replace(one.drift, bins=tuple(bins[one.bins])) for one in self.columns]


def _additional(found: dict[str, Any]) -> Additional:
    return Additional(
        found["statistic"],
        _thresholds(found["warn"], found["fail"], found["level"]),
        Judgement(found["value"], found["critical_value"], _status(found["status"])),
    )


def _shift(drift: ColumnDrift, reference: Profile, current: Profile) -> MeanShift | None:
    try:
        return mean_shift(reference.columns[drift.column], current.columns[drift.column])
    except ValueError:  # the column's error is in its drift; without scores nothing moved
        return None


def slices(lengths: Iterable[int]) -> Iterator[slice]:
    """Where each of several runs of values is, one after the other."""
    start = 0
    for length in lengths:
        yield slice(start, start := start + length)
