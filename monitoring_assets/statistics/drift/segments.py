"""Segments: the rows of a table by the value of one column, each counted in the same bins.

A model can rot for some applicants while the counts of all look calm. A segment is compared with
the same segment of the reference, not with the reference as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.drift import ColumnDrift, compare
from monitoring_assets.statistics.drift.multiple_testing import adjusted, indices
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.drift.thresholds import (
    ALARMING,
    Dependence,
    Status,
    Thresholds,
    status_of,
)
from monitoring_assets.statistics.profiles.bins import Bins, NumericBins, value_kind
from monitoring_assets.statistics.profiles.kernel import category_codes, float_runs, slot_runs
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile
from monitoring_assets.statistics.profiles.score_scale import ScoreScale, predicted
from monitoring_assets.statistics.profiles.source import (
    SLICE_ROWS,
    ParquetSource,
    RowGroup,
    together,
)

MAX_VALUES = 20
"""Most values of a column that are segments of their own; all others are pooled."""
MIN_ROWS = 100
"""Fewest rows of a segment, in the reference and on the day, that anything is said about."""
OTHER, MISSING = "(other)", "(missing)"
"""Names of the segments of pooled values and of null."""


class Segment(NamedTuple):
    """Rows that have one value in a column."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class SegmentDrift:
    """What became of one column within one segment.

    Parameters
    ----------
    segment
        The rows.
    reference_rows, rows
        How many there are.
    drift
        Against the same segment of the reference, as if it were the only comparison.
    status
        That of ``drift``, but ``insufficient evidence`` if the segment is too small to say, or if
        among so many comparisons chance explains it.
    adjusted_p
        p-value of the index, adjusted for the number of comparisons; None where there was none.
    reason
        Why there is no status of its own, in words; None if there is one.
    """

    segment: Segment
    reference_rows: int
    rows: int
    drift: ColumnDrift
    status: Status
    adjusted_p: float | None = None
    reason: str | None = None


def segment_values(source: ParquetSource, column: str) -> tuple[str, ...]:
    """Return the values of a column that have most rows, at most ``MAX_VALUES``.

    Parameters
    ----------
    source
        The reference.
    column
        Text, booleans, dates or whole numbers.

    Returns
    -------
    tuple of str
        The largest first, of equal ones in the order of the alphabet.

    Raises
    ------
    ValueError
        The column is missing, or holds something else.
    """
    rows: dict[str, int] = {}
    for group in source.row_groups:
        for codes, names in _texts(source, group, column):
            for name, number in zip(names, np.bincount(codes, minlength=len(names)), strict=False):
                rows[name] = rows.get(name, 0) + int(number)
    named = sorted(rows.keys() - {OTHER, MISSING}, key=lambda name: (-rows[name], name))
    return tuple(named[:MAX_VALUES])


def segment_names(values: Sequence[str]) -> tuple[str, ...]:
    """Return the segments of a column, in the order of their codes: its values, others, null."""
    return (*values, OTHER, MISSING)


def segment_codes(source: ParquetSource, column: str, values: Sequence[str]) -> NDArray[np.uint8]:
    """Return the segment of each row: a byte a row, read from one column.

    Parameters
    ----------
    source
        The table.
    column
        Its segment column.
    values
        As ``segment_values`` found them in the reference.

    Returns
    -------
    ndarray
        uint8[N], positions in ``segment_names(values)``.

    Raises
    ------
    ValueError
        The column is missing, or holds something else than a segment column may.
    """
    groups = (_codes(source, group, column, values) for group in source.row_groups)
    return np.concatenate([np.empty(0, np.uint8), *groups])


def count_segments(
    source: ParquetSource,
    segments: Mapping[str, Sequence[str]],
    bins: Mapping[str, Bins],
    *,
    scores: ParquetSource,
    score_column: str,
    score_bins: Mapping[str, NumericBins],
    scales: Mapping[str, ScoreScale] = {},
    is_reference: bool = False,
) -> dict[Segment, Profile]:
    """Count the rows of a table in bins, by segment. One pass, a row group in memory at a time.

    Parameters
    ----------
    source
        The table.
    segments
        Values that are segments of their own, by column.
    bins
        Bins by column of ``source``.
    scores
        Table with the score of the same rows, in row groups of the same lengths.
    score_column
        Its column.
    score_bins
        Bins of the score by the name that the profile has them under.
    scales
        By such a name, for a score in points: what it predicts is summed instead.
    is_reference
        As `count` takes it.

    Returns
    -------
    dict
        Profile by segment, those of all other values and of null last. Columns of the score have
        its sums. Values out of the reference's range are not counted apart.

    Raises
    ------
    ValueError
        A segment column is missing or not of a kind that has segments, or the scores do not lie
        row by row beside the table.
    """
    lengths = [[group.rows for group in one.row_groups] for one in (source, scores)]
    if lengths[0] != lengths[1]:
        raise ValueError(f"the row groups of {scores.paths[0]} and {source.paths[0]} differ")
    names = {column: segment_names(values) for column, values in segments.items()}
    rows = {column: np.zeros(len(names[column]), np.int64) for column in segments}
    slots = {name: len(one.slots) for name, one in {**bins, **score_bins}.items()}
    counts = {
        (c, n): np.zeros((len(names[c]), slots[n]), np.int64) for c in segments for n in slots
    }
    sums = {(c, n): np.zeros((len(names[c]), slots[n])) for c in segments for n in score_bins}
    counted_by = {name: one.as_new() if is_reference else one for name, one in bins.items()}
    for position, group in enumerate(source.row_groups):
        codes = {column: _codes(source, group, column, segments[column]) for column in segments}
        for column in segments:
            rows[column] += np.bincount(codes[column], minlength=len(rows[column]))
        for together_read in together(list(bins), min(group.rows, SLICE_ROWS)):
            for name, start, array in source.arrays(group, together_read):
                for run, found in slot_runs(array, counted_by[name]):
                    for column in segments:
                        at = codes[column][start + run.start : start + run.stop]
                        total = counts[column, name]
                        total += _by_segment(at, found, total.shape)
        for _, start, array in scores.arrays(scores.row_groups[position], [score_column]):
            values = np.concatenate([np.zeros(0), *float_runs(array)])
            finite = np.isfinite(values)
            for name, grid in score_bins.items():
                weights = np.where(finite, predicted(values, scales.get(name)), 0.0)
                for run, found in slot_runs(array, grid):
                    for column in segments:
                        at = codes[column][start + run.start : start + run.stop]
                        total = counts[column, name]
                        total += _by_segment(at, found, total.shape)
                        sums[column, name] += _by_segment(at, found, total.shape, weights[run])
    return {
        Segment(column, value): Profile(
            int(rows[column][i]),
            {name: ColumnProfile(one, counts[column, name][i]) for name, one in bins.items()}
            | {
                name: _scored(one, counts[column, name][i], sums[column, name][i])
                for name, one in score_bins.items()
            },
        )
        for column in segments
        for i, value in enumerate(names[column])
    }


def judge_segments(
    reference: Mapping[Segment, Profile],
    current: Mapping[Segment, Profile],
    *,
    score: str,
    thresholds: Thresholds,
    overrides: Mapping[str, Thresholds],
    index: StabilityIndex,
    false_discovery_rate: float,
    dependence: Dependence,
) -> list[SegmentDrift]:
    """Compare each segment with the same one of the reference.

    Parameters
    ----------
    reference, current
        Profiles by segment, counted in the same bins.
    score, thresholds, overrides, index
        As ``compare`` takes them.
    false_discovery_rate
        Share of false ones among the comparisons that warn or fail: what does not pass this over
        all segments and columns together is insufficient evidence.
    dependence
        As ``adjusted`` takes it.

    Returns
    -------
    list of SegmentDrift
        By segment that has rows on a side, in the order of the reference, and column. A segment's
        own column is left out: it is the same in all of its rows.
    """
    found: list[SegmentDrift] = []
    p_values: list[float] = []
    for segment, before in reference.items():
        after = current[segment]
        fewest = min(before.rows, after.rows)
        columns = {n: c for n, c in before.columns.items() if n in after.columns}
        columns.pop(segment.column, None)
        if not before.rows and not after.rows:
            continue
        for drift in compare(
            Profile(before.rows, columns),
            after,
            score=score,
            thresholds=thresholds,
            overrides=overrides,
            index=index,
        ):
            status, reason, p = drift.status, drift.error, np.nan
            if fewest < MIN_ROWS:
                status = Status.INSUFFICIENT
                reason = f"{fewest} rows; at least {MIN_ROWS} are wanted"
            elif drift.error is None:
                one, other = (side.columns[drift.column].counts for side in (before, after))
                p = float(indices(one, other, index.smoothing)[1])
            p_values.append(p)
            found.append(
                SegmentDrift(segment, before.rows, after.rows, drift, status, None, reason)
            )
    corrected = adjusted(np.array([p_values]), dependence)[0]
    return [
        one if np.isnan(p) else _adjusted(one, float(p), false_discovery_rate)
        for one, p in zip(found, corrected, strict=True)
    ]


def _adjusted(one: SegmentDrift, p: float, rate: float) -> SegmentDrift:
    drift = one.drift
    if one.status not in ALARMING or drift.value is None:
        return replace(one, adjusted_p=p)
    status = status_of(drift.value, p, drift.thresholds, rate)
    reason = None if status == one.status else "among so many comparisons chance explains it"
    return replace(one, status=status, adjusted_p=p, reason=reason)


def _texts(
    source: ParquetSource, group: RowGroup, column: str
) -> Iterator[tuple[NDArray[np.int32], list[str]]]:
    """Yield the rows of a segment column as codes, with the text of each code; null is the last."""
    if reason := source.unreadable(column):
        raise ValueError(f"segment column {column!r}: {reason}")
    for _, _, array in source.arrays(group, [column]):
        kind = array.type
        if value_kind(kind) == "numeric":
            # pandas makes whole numbers with a null floats.
            if pa.types.is_floating(kind):
                array = pc.if_else(pc.is_nan(array), None, array)
            try:
                array = array.cast(pa.int64()).cast(pa.string())
            except pa.ArrowInvalid:  # its own text shows the value of a row
                raise ValueError(
                    f"segment column {column!r} holds numbers that are not whole; allowed: text, "
                    "booleans, dates or whole numbers"
                ) from None
        elif value_kind(kind) in ("date", "timestamp"):
            array = array.cast(pa.string())
        codes, dictionary = category_codes(array)
        yield codes, dictionary.to_pylist()


def _codes(
    source: ParquetSource, group: RowGroup, column: str, values: Sequence[str]
) -> NDArray[np.uint8]:
    """Position of each row's segment: in ``values``, after them all others, then null."""
    position = {value: i for i, value in enumerate(values)}
    other = len(values)
    return np.concatenate(
        [
            np.array([*(position.get(name, other) for name in names), other + 1], np.uint8)[codes]
            for codes, names in _texts(source, group, column)
        ]
    )


def _by_segment(
    segments: NDArray[np.uint8],
    slots: NDArray[np.uint8],
    shape: tuple[int, ...],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Count, or sum, the rows of each segment and slot."""
    cells = segments.astype(np.int64) * shape[1] + slots
    return np.bincount(cells, weights, shape[0] * shape[1]).reshape(shape)


def _scored(
    bins: NumericBins, counts: NDArray[np.int64], sums: NDArray[np.float64]
) -> ColumnProfile:
    """Return the profile of the score; the slots after its intervals are rows without one."""
    scored = counts.copy()
    scored[bins.missing :] = 0
    return ColumnProfile(bins, counts, score_sums=sums, score_counts=scored)
