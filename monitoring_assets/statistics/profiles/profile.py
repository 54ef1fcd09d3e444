"""Profiles: the rows of a table as counts in bins.

A profile is made in one pass with bounded memory, whatever the number of rows: a task is a row
group and as many columns of it as fit in a few megabytes, and two threads work on tasks. Profiles
with the same bins add, over files, days, segments and machines.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.profiles.binning import (
    SAMPLE_ROWS,
    each_column,
    fit_bins,
    fit_columns,
    require_bins,
)
from monitoring_assets.statistics.profiles.bins import (
    Bins,
    CategoricalBins,
    ColumnError,
    NumericBins,
    value_kind,
)
from monitoring_assets.statistics.profiles.kernel import (
    CodedCategories,
    count_numeric,
    float_runs,
    sum_by_slot,
)
from monitoring_assets.statistics.profiles.new_categories import Tally, heaviest, least_rows
from monitoring_assets.statistics.profiles.score_scale import ScoreScale, predicted
from monitoring_assets.statistics.profiles.source import (
    SLICE_ROWS,
    THREADS,
    ParquetSource,
    Progress,
    isolate,
    together,
)

__all__ = [
    "ColumnProfile",
    "Counted",
    "ParquetSource",
    "Profile",
    "count",
    "count_part",
    "fit_bins",
    "fit_profile",
]


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """Counts of one column.

    Parameters
    ----------
    bins
        The bins; None for a column that could not be counted.
    counts
        int64[slots], rows by slot in the order of ``bins.slots``; empty without bins.
    below, above
        Finite values under and over the range of the reference (numbers and dates only).
    score_sums
        float64[slots], sum of the score by slot; None if no score was given.
    score_counts
        int64[slots], rows by slot that have a score; None if no score was given.
    error
        Why the column could not be counted; None if it was.
    new_categories
        What is counted in the slot ``new``, the most rows first; those of several parts in turn.
    """

    bins: Bins | None
    counts: NDArray[np.int64]
    below: int = 0
    above: int = 0
    score_sums: NDArray[np.float64] | None = None
    score_counts: NDArray[np.int64] | None = None
    error: str | None = None
    new_categories: tuple[str, ...] = ()

    @property
    def missing_share(self) -> float:
        """Share of rows that are null or NaN, 0 to 1; 1 for a column that could not be counted."""
        rows = self.counts.sum()
        return float(self.counts[self.bins.missing] / rows) if self.bins and rows else 1.0

    @property
    def mean_score(self) -> float | None:
        """Mean score of the rows that have one; None if there are none."""
        if self.score_sums is None or self.score_counts is None or not self.score_counts.any():
            return None
        return float(self.score_sums.sum() / self.score_counts.sum())

    @classmethod
    def failed(cls, reason: str) -> ColumnProfile:
        """Return the profile of a column that could not be counted.

        Parameters
        ----------
        reason
            Why, in words.
        """
        return cls(None, np.zeros(0, np.int64), error=reason)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ColumnProfile):
            return NotImplemented
        return (
            (self.bins, self.below, self.above, self.error, self.new_categories)
            == (other.bins, other.below, other.above, other.error, other.new_categories)
            and np.array_equal(self.counts, other.counts)
            and _same(self.score_sums, other.score_sums)
            and _same(self.score_counts, other.score_counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: ColumnProfile) -> ColumnProfile:
        """Add the counts of other rows; an error on either side stays one."""
        if self.error or other.error:
            return self if self.error else other
        if self.bins != other.bins:
            raise ValueError("the bins differ")
        if (self.score_sums is None) != (other.score_sums is None):
            raise ValueError("only one of them was counted with a score")
        return ColumnProfile(
            self.bins,
            self.counts + other.counts,
            self.below + other.below,
            self.above + other.above,
            _added(self.score_sums, other.score_sums),
            _added(self.score_counts, other.score_counts),
            new_categories=tuple(dict.fromkeys(self.new_categories + other.new_categories)),
        )

    def telling_new(self, tally: Tally) -> ColumnProfile:
        """Move what the reference does not have, and chance does not explain, to the slot ``new``.

        Parameters
        ----------
        tally
            The heaviest of the slot ``unseen``.
        """
        bins = self.bins
        if not isinstance(bins, CategoricalBins) or not bins.tells_new or not bins.reference_rows:
            return self
        rows = int(self.counts.sum() - self.counts[bins.missing])
        least = least_rows(bins.reference_rows, rows) if rows else 0
        new = {name: sums for name, sums in tally.items() if sums[0] >= least}
        if not new:
            return self

        def moved(values: NDArray[Any] | None, sums: float) -> NDArray[Any] | None:
            if values is None:
                return None
            values = values.copy()
            values[[bins.unseen, bins.new]] += np.array([-sums, sums]).astype(values.dtype)
            return values

        sums = np.sum([*new.values()], axis=0)
        counts = moved(self.counts, sums[0])
        assert counts is not None
        return replace(
            self,
            counts=counts,
            score_sums=moved(self.score_sums, sums[1]),
            score_counts=moved(self.score_counts, sums[2]),
            new_categories=tuple(sorted(new, key=lambda name: (-new[name][0], name))),
        )


@dataclass(frozen=True)
class Profile:
    """Counts of every column of a table.

    Parameters
    ----------
    rows
        Rows of the table.
    columns
        Profile by column.
    """

    rows: int
    columns: dict[str, ColumnProfile]

    def __add__(self, other: Profile) -> Profile:
        """Return the profile of the rows of both.

        Raises
        ------
        ValueError
            A column is in one of them only, or its bins differ.
        """
        columns = {}
        for name in self.columns | other.columns:
            if name not in self.columns or name not in other.columns:
                raise ValueError(f"column {name!r}: only one of the profiles has it")
            try:
                columns[name] = self.columns[name] + other.columns[name]
            except ValueError as error:
                raise ValueError(f"column {name!r}: profiles do not add: {error}") from None
        return Profile(self.rows + other.rows, columns)

    def missing_excess(self, reference: Profile) -> float:
        """Return how much more of a column is missing than in the reference, at most, -1 to 1.

        Parameters
        ----------
        reference
            Has every column of this profile, of which there is at least one.
        """
        return max(
            one.missing_share - reference.columns[name].missing_share
            for name, one in self.columns.items()
        )

    @property
    def bins(self) -> dict[str, Bins | ColumnError]:
        """Bins by column, to count other rows in."""
        return {
            name: profile.bins or ColumnError(profile.error or "no bins")
            for name, profile in self.columns.items()
        }

    def __or__(self, other: Profile) -> Profile:
        """Return the columns of two profiles of the same rows.

        Raises
        ------
        ValueError
            The numbers of rows differ.
        """
        if self.rows != other.rows:
            raise ValueError(f"profiles of {self.rows} and {other.rows} rows are not of one table")
        return Profile(self.rows, self.columns | other.columns)

    def to_table(self) -> pa.Table:
        """Return the profile in long form, one row by column and slot.

        Returns
        -------
        pyarrow.Table
            Columns of ``TABLE_SCHEMA``. A column that could not be counted is one row with its
            error. ``minimum`` and ``maximum`` are the range of the reference.
        """
        rows = []
        for name, profile in self.columns.items():
            shared = {"column": name, "rows": self.rows, "error": profile.error}
            bins = profile.bins
            if bins is None:
                rows.append(shared)
                continue
            shared |= {"kind": bins.kind, "arrow_type": bins.arrow_type}
            shared |= {"below": profile.below, "above": profile.above}
            if isinstance(bins, NumericBins):
                shared |= {"minimum": bins.low, "maximum": bins.high}
            else:
                shared[REFERENCE_ROWS] = bins.reference_rows
            for i, slot in enumerate(bins.slots):
                row = shared | {"slot": slot.kind, "bin": i, "label": slot.label}
                row |= {"low": slot.low, "high": slot.high, "values": slot.values}
                if slot.kind == "new":
                    row["values"] = profile.new_categories
                row["count"] = int(profile.counts[i])
                if profile.score_sums is not None and profile.score_counts is not None:
                    row["score_sum"] = float(profile.score_sums[i])
                    row["score_count"] = int(profile.score_counts[i])
                rows.append(row)
        return pa.Table.from_pylist(rows, TABLE_SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table) -> Profile:
        """Return the profile that ``to_table`` wrote.

        Parameters
        ----------
        table
            The rows, in any order; columns are in the order of their first row. Of a profile that
            was stored without ``reference_rows`` the bins have no slot ``new``.

        Returns
        -------
        Profile
            Equal to the one that was written.

        Raises
        ------
        ValueError
            Columns of the table or rows of a column are missing.
        """
        if REFERENCE_ROWS not in table.column_names:
            table = table.append_column(REFERENCE_ROWS, pa.nulls(len(table), pa.int64()))
        absent = sorted({*TABLE_SCHEMA.names} - {*table.column_names})
        if absent:
            raise ValueError(f"not the table of a profile: no column {', '.join(absent)}")
        by_column: dict[str, list[dict[str, Any]]] = {}
        for row in table.select(TABLE_SCHEMA.names).to_pylist():
            by_column.setdefault(row["column"], []).append(row)
        rows = next(iter(by_column.values()))[0]["rows"] if by_column else 0
        return cls(rows, {name: _from_rows(name, group) for name, group in by_column.items()})


@dataclass(frozen=True)
class Counted:
    """Counts of a part of a table, in which nothing is called a new category yet.

    Parameters
    ----------
    profile
        With all that the reference does not have in the slot ``unseen``.
    tallies
        The heaviest of it, by column.
    """

    profile: Profile
    tallies: Mapping[str, Tally]

    def __add__(self, other: Counted) -> Counted:
        """Return the counts of both parts."""
        tallies = {
            name: heaviest([self.tallies.get(name, {}), other.tallies.get(name, {})])
            for name in {**self.tallies, **other.tallies}
        }
        return Counted(self.profile + other.profile, tallies)

    def whole(self) -> Profile:
        """Return the profile, if the parts so far are all of the table."""
        columns = {
            name: one.telling_new(self.tallies.get(name, {}))
            for name, one in self.profile.columns.items()
        }
        return Profile(self.profile.rows, columns)


REFERENCE_ROWS = "reference_rows"
TABLE_SCHEMA = pa.schema(
    {
        "column": pa.string(),
        "kind": pa.string(),
        "arrow_type": pa.string(),
        "slot": pa.string(),
        "bin": pa.int32(),
        "label": pa.string(),
        "low": pa.float64(),
        "high": pa.float64(),
        "values": pa.list_(pa.string()),
        "count": pa.int64(),
        "score_sum": pa.float64(),
        "score_count": pa.int64(),
        "below": pa.int64(),
        "above": pa.int64(),
        "minimum": pa.float64(),
        "maximum": pa.float64(),
        REFERENCE_ROWS: pa.int64(),
        "error": pa.string(),
        "rows": pa.int64(),
    }
)
"""Columns of the long form of a profile."""


def count(
    source: ParquetSource,
    bins: Mapping[str, Bins | ColumnError],
    *,
    scores: ParquetSource | None = None,
    score_column: str | None = None,
    scale: ScoreScale | None = None,
    is_reference: bool = False,
    progress: Progress | None = None,
) -> Profile:
    """Count the rows of a table in bins.

    Parameters
    ----------
    source
        The table.
    bins
        Bins by column, from ``fit_bins`` on the reference.
    scores
        Table with the score of the same rows, in row groups of the same lengths; it may be
        ``source`` itself. If given, the score is summed by slot, for attribution.
    score_column
        The column of ``scores``; null, NaN and infinite scores are left out of sums.
    scale
        If given, what is summed is the probability that the score stands for.
    is_reference
        Whether the bins are fitted on these rows, which are then counted `CategoricalBins.as_new`.
    progress
        Called with the share of the values counted.

    Returns
    -------
    Profile
        A column that is missing, has another type than the reference, or cannot be read has an
        ``error``; the others are not affected.

    Raises
    ------
    ValueError
        ``scores`` does not fit ``source``, or has no numeric column ``score_column``.
    """
    counted = count_part(
        source,
        bins,
        scores=scores,
        score_column=score_column,
        scale=scale,
        is_reference=is_reference,
        progress=progress,
    )
    return counted.profile if is_reference else counted.whole()


def count_part(
    source: ParquetSource,
    bins: Mapping[str, Bins | ColumnError],
    *,
    scores: ParquetSource | None = None,
    score_column: str | None = None,
    scale: ScoreScale | None = None,
    is_reference: bool = False,
    progress: Progress | None = None,
) -> Counted:
    """Count some of the rows of a table, as `count` does all: the parts add."""
    score = None
    if scores is not None:
        if score_column is None:
            raise ValueError("scores are given without score_column")
        score = _Score(scores, score_column, source, scale)
    columns: dict[str, ColumnProfile] = {}
    tallies: dict[str, Tally] = {}
    wanted: dict[str, Bins] = {}
    for name, column_bins in bins.items():
        if isinstance(column_bins, ColumnError):
            columns[name] = ColumnProfile.failed(column_bins.reason)
        elif reason := source.unreadable(name) or _mismatch(source, name, column_bins):
            columns[name] = ColumnProfile.failed(reason)
        else:
            wanted[name] = column_bins.as_new() if is_reference else column_bins
            columns[name] = _zero(wanted[name], scored=score is not None)
    tasks = [
        (position, names)
        for position, group in enumerate(source.row_groups)
        for names in together(list(wanted), min(group.rows, SLICE_ROWS))
    ]

    def work(task: tuple[int, Sequence[str]]) -> dict[str, tuple[ColumnProfile, Tally]]:
        position, names = task
        values = None if score is None else score.values(position)
        return isolate(
            lambda group: _count(
                source.arrays(source.row_groups[position], group),
                {name: wanted[name] for name in group},
                values,
            ),
            names,
            lambda reason: (ColumnProfile.failed(reason), {}),
        )

    done = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for (position, names), counted in zip(tasks, pool.map(work, tasks), strict=True):
            for name, (profile, tally) in counted.items():
                columns[name] += profile
                tallies[name] = heaviest([tallies.get(name, {}), tally])
            if progress:
                done += source.row_groups[position].rows * len(names)
                progress(done / (source.rows * len(wanted)))
    for name, column_bins in bins.items():
        if not isinstance(column_bins, ColumnError) and columns[name].bins is not None:
            columns[name] = replace(columns[name], bins=column_bins)
    return Counted(Profile(source.rows, {name: columns[name] for name in bins}), tallies)


def fit_profile(
    source: ParquetSource,
    columns: Sequence[str] | None = None,
    *,
    bins: int = 10,
    progress: Progress | None = None,
) -> Profile:
    """Fix the bins of columns by a reference, and count it in them.

    As `fit_bins` and then `count` do, but numbers of up to a million rows are decoded once. Text is
    decoded twice, as it may be longer than memory.

    Parameters
    ----------
    source, columns, bins, progress
        As `fit_bins` takes them.

    Returns
    -------
    Profile
        A column without bins has an ``error``.

    Raises
    ------
    ValueError
        ``bins`` is out of range.
    """
    if source.rows > SAMPLE_ROWS:
        halves = [progress and partial(_half, progress, before) for before in (0, 1)]
        fitted = fit_bins(source, columns, bins=bins, progress=halves[0])
        return count(source, fitted, is_reference=True, progress=halves[1])
    require_bins(bins)

    def work(part: Sequence[str]) -> dict[str, ColumnProfile]:
        kinds = {value_kind(source.schema.field(name).type) for name in part}
        held = None if "categorical" in kinds else list(source.pieces(part))
        fitted = fit_columns(source, part, bins, held or source.pieces(part))
        found = {n: one for n, one in fitted.items() if not isinstance(one, ColumnError)}
        pieces = held or source.pieces([*found])
        counted = _count(
            (piece for piece in pieces if piece[0] in found),
            {name: one.as_new() for name, one in found.items()},
            None,
        )
        return {
            name: ColumnProfile.failed(one.reason)
            if isinstance(one, ColumnError)
            else replace(counted[name][0], bins=one)
            for name, one in fitted.items()
        }

    return Profile(source.rows, each_column(source, columns, work, ColumnProfile.failed, progress))


def _half(progress: Progress, before: int, done: float) -> None:
    """Tell the progress of the first or second of two steps as that of both."""
    progress((before + done) / 2)


class _Score:
    """The score of the rows of a source, by row group."""

    def __init__(
        self,
        scores: ParquetSource,
        column: str,
        source: ParquetSource,
        scale: ScoreScale | None = None,
    ) -> None:
        reason = scores.unreadable(column)
        if reason is None and value_kind(scores.schema.field(column).type) != "numeric":
            reason = f"the type is {scores.schema.field(column).type}, a score is a number"
        if reason:
            raise ValueError(f"score column {column!r} of {scores.paths[0]}: {reason}")
        lengths = [[group.rows for group in s.row_groups] for s in (scores, source)]
        if lengths[0] != lengths[1]:
            raise ValueError(
                f"the scores do not lie row by row beside the features: {scores.paths[0]} ... has "
                f"{scores.rows} rows in {len(lengths[0])} row groups, {source.paths[0]} ... has "
                f"{source.rows} rows in {len(lengths[1])}; write both with row groups of one size"
            )
        self._scores = scores
        self._column = column
        self._scale = scale
        self._local = threading.local()

    def values(self, position: int) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return what is summed of a row group's scores; each thread keeps its last ones.

        Returns
        -------
        values : ndarray
            float64[rows], 0 where there is no finite score.
        absent : ndarray or None
            float64[rows], 1 where there is no finite score; None if there is one in every row.
        """
        if getattr(self._local, "position", None) != position:
            arrays = self._scores.arrays(self._scores.row_groups[position], [self._column])
            runs = [run for _, _, array in arrays for run in float_runs(array, rows=len(array))]
            values = runs[0] if len(runs) == 1 else np.concatenate(runs)
            finite = np.isfinite(values)
            values = predicted(values, self._scale)
            self._local.values = (values, None)
            if not finite.all():
                self._local.values = (np.where(finite, values, 0.0), (~finite).astype(np.float64))
            self._local.position = position
        kept: tuple[NDArray[np.float64], NDArray[np.float64] | None] = self._local.values
        return kept


def _mismatch(source: ParquetSource, name: str, bins: Bins) -> str | None:
    """Return how the type of a column disagrees with its bins, None if it does not."""
    arrow_type = source.schema.field(name).type
    if "null" in (value_kind(arrow_type), bins.arrow_type) or value_kind(arrow_type) == bins.kind:
        return None
    return f"the type is {arrow_type}, in the reference it is {bins.arrow_type}"


def _zero(bins: Bins, *, scored: bool) -> ColumnProfile:
    """Return the profile of no rows."""
    slots = len(bins.slots)
    counts = np.zeros(slots, np.int64)
    if not scored:
        return ColumnProfile(bins, counts)
    return ColumnProfile(bins, counts, score_sums=np.zeros(slots), score_counts=counts)


def _count(
    pieces: Iterable[tuple[str, int, pa.Array]],
    bins: Mapping[str, Bins],
    score: tuple[NDArray[np.float64], NDArray[np.float64] | None] | None,
) -> dict[str, tuple[ColumnProfile, Tally]]:
    """Count pieces of the columns that have bins, and tally what is unseen in them."""
    profiles = {name: _zero(bins[name], scored=score is not None) for name in bins}
    tallies: dict[str, list[Tally]] = {name: [] for name in bins}
    for name, start, array in pieces:
        column_bins = bins[name]
        values, absent = score or (None, None)
        rows = slice(start, start + len(array))
        values, absent = (one if one is None else one[rows] for one in (values, absent))
        if isinstance(column_bins, NumericBins):
            profiles[name] += _count_numbers(array, column_bins, values, absent)
        else:
            profile, tally = _count_names(array, column_bins, values, absent)
            profiles[name] += profile
            tallies[name].append(tally)
    return {name: (profiles[name], heaviest(tallies[name])) for name in bins}


def _count_numbers(
    array: pa.Array,
    bins: NumericBins,
    score: NDArray[np.float64] | None,
    absent: NDArray[np.float64] | None,
) -> ColumnProfile:
    counts, below, above = count_numeric(array, bins)
    if score is None:
        return ColumnProfile(bins, counts, below, above)
    scored = counts
    if absent is not None:
        scored = counts - sum_by_slot(array, bins, absent).astype(np.int64)
    return ColumnProfile(bins, counts, below, above, sum_by_slot(array, bins, score), scored)


def _count_names(
    array: pa.Array,
    bins: CategoricalBins,
    score: NDArray[np.float64] | None,
    absent: NDArray[np.float64] | None,
) -> tuple[ColumnProfile, Tally]:
    coded = CodedCategories.of(array, bins)
    rows = coded.by_code()
    profile = ColumnProfile(bins, coded.by_slot(rows, bins))
    sums = scored = None
    if score is not None:
        sums = coded.by_code(score)
        scored = rows if absent is None else rows - coded.by_code(absent).astype(np.int64)
        profile = replace(
            profile,
            score_sums=coded.by_slot(sums, bins),
            score_counts=coded.by_slot(scored, bins),
        )
    return profile, coded.tally(rows, sums, scored) if bins.tells_new else {}


def _added(a: NDArray[Any] | None, b: NDArray[Any] | None) -> NDArray[Any] | None:
    return None if a is None or b is None else a + b


def _same(a: NDArray[Any] | None, b: NDArray[Any] | None) -> bool:
    return a is b is None or (a is not None and b is not None and np.array_equal(a, b))


def _from_rows(name: str, rows: list[dict[str, Any]]) -> ColumnProfile:
    """Return the profile of a column from its rows of the long form."""
    first = rows[0]
    if first["error"] is not None:
        return ColumnProfile.failed(first["error"])
    rows = sorted(rows, key=lambda row: row["bin"])
    arrow_type = first["arrow_type"]
    bins: Bins
    if first["kind"] == "categorical":
        names = tuple(row["values"][0] for row in rows if row["slot"] == "category")
        rare = tuple(name for row in rows if row["slot"] == "rare" for name in row["values"])
        unseen = [row["values"] for row in rows if row["slot"] == "unseen"]
        once = tuple(name for values in unseen for name in values)
        bins = CategoricalBins(names, rare, arrow_type, once, bool(unseen), first[REFERENCE_ROWS])
    else:
        edges = tuple(row["high"] for row in rows if row["slot"] == "interval")[:-1]
        spikes = tuple(row["high"] for row in rows if row["slot"] == "interval" and row["values"])
        bins = NumericBins(
            edges, first["kind"], first["minimum"], first["maximum"], arrow_type, spikes
        )
        labels = [
            (row["label"], f" {bins.interval(i)}") for i, row in enumerate(rows[: len(edges) + 1])
        ]
        if all(label.endswith(interval) for label, interval in labels):
            names = tuple(label.removesuffix(interval) for label, interval in labels)
            bins = replace(bins, names=names)
    if [row["slot"] for row in rows] != [slot.kind for slot in bins.slots]:
        raise ValueError(f"column {name!r}: rows of the profile are missing or doubled")
    return ColumnProfile(
        bins,
        np.array([row["count"] for row in rows], np.int64),
        first["below"],
        first["above"],
        None if first["score_sum"] is None else np.array([row["score_sum"] for row in rows]),
        None
        if first["score_count"] is None
        else np.array([row["score_count"] for row in rows], np.int64),
        new_categories=tuple(
            name for row in rows if row["slot"] == "new" for name in row["values"]
        ),
    )
