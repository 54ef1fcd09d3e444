"""Drift of each column between two profiles, with a status that chance alone does not set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.drift.statistic import Statistic
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds, status_of
from monitoring_assets.statistics.profiles.bins import NumericBins, SlotKind, new_label
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile

Index = Literal["PSI", "CSI"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What counts in the same bins say of drift.

    Parameters
    ----------
    value
        The statistic.
    critical_value
        What chance alone exceeds with probability ``Thresholds.level``.
    status
        As in `ColumnDrift`; never ``error``.
    """

    value: float
    critical_value: float
    status: Status


@dataclass(frozen=True, slots=True)
class Additional:
    """A column's statistic beside its index.

    Parameters
    ----------
    statistic
        `Statistic.name`.
    thresholds
        Limits that it was judged by.
    judgement
        Its value, and what that says.
    """

    statistic: str
    thresholds: Thresholds
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class BinDrift:
    """One bin of a column on both sides.

    Parameters
    ----------
    label, slot
        The bin as text, and what it holds; new categories by name.
    reference, current
        Rows.
    contribution
        What the bin adds to the index.
    """

    label: str
    slot: SlotKind
    reference: int
    current: int
    contribution: float


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """What became of one column.

    Parameters
    ----------
    column
        Name of the column.
    index
        ``"PSI"`` for the score, ``"CSI"`` for a characteristic.
    thresholds
        Limits that the status was decided by.
    status
        ``ok`` under ``warn``; at or over a threshold ``warn`` or ``fail``, but ``insufficient
        evidence`` if chance explains the value at this sample size; ``error`` without a value.
    value
        The stability index; None for an error.
    critical_value
        What chance alone exceeds with probability ``thresholds.level``; None for an error.
    bins
        Every slot of the column; empty for an error.
    reference_missing, current_missing
        Share of rows that are null or NaN, 0 to 1.
    unseen
        Share of current rows whose category the reference does not have; None for numbers.
    out_of_range
        Share of current rows that are finite and outside the range of the reference; None for
        categories, and where the reference has no range.
    infinite
        Current rows that are infinite.
    error
        Why there is no value, in words.
    additional
        Statistics beside the index, which do not touch the status; empty for an error.
    """

    column: str
    index: Index
    thresholds: Thresholds
    status: Status
    value: float | None = None
    critical_value: float | None = None
    bins: tuple[BinDrift, ...] = ()
    reference_missing: float | None = None
    current_missing: float | None = None
    unseen: float | None = None
    out_of_range: float | None = None
    infinite: int = 0
    error: str | None = None
    additional: tuple[Additional, ...] = ()


def compare(
    reference: Profile,
    current: Profile,
    *,
    score: str | None = None,
    thresholds: Thresholds | None = None,
    overrides: Mapping[str, Thresholds] | None = None,
    index: StabilityIndex | None = None,
    additional: Mapping[Statistic, Thresholds] | None = None,
) -> list[ColumnDrift]:
    """Compare every column of the reference with the same column of another profile.

    Parameters
    ----------
    reference, current
        Profiles, the current one counted in the bins of the reference.
    score
        The column that is the score: its index is called PSI.
    thresholds
        Limits of every column.
    overrides
        Other limits by column.
    index
        The index that statuses are decided by, with its smoothing.
    additional
        Statistics beside the index, each with its limits.

    Returns
    -------
    list of ColumnDrift
        In the order of the reference. A column that cannot be compared has status ``error``.
    """
    return [
        _column_drift(
            name,
            "PSI" if name == score else "CSI",
            profile,
            current.columns.get(name, ColumnProfile.failed("the column is missing")),
            (overrides or {}).get(name, thresholds or Thresholds()),
            index or StabilityIndex(),
            additional or {},
        )
        for name, profile in reference.columns.items()
    ]


def judge_counts(
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    thresholds: Thresholds,
    statistic: Statistic | None = None,
) -> Judgement:
    """Hold a statistic of counts against thresholds and against chance.

    Parameters
    ----------
    reference, current
        int64[B], rows by bin.
    thresholds
        Limits of the column.
    statistic
        What is computed; the stability index if not given.

    Raises
    ------
    ValueError
        A side has no rows, or the counts do not fit.
    """
    statistic = statistic or StabilityIndex()
    value = statistic.value(reference, current)
    law = statistic.null_law(reference, current)
    status = status_of(value, law.p_value(value), thresholds, thresholds.level)
    return Judgement(value, law.critical_value(thresholds.level), status)


def _column_drift(
    name: str,
    index: Index,
    reference: ColumnProfile,
    current: ColumnProfile,
    thresholds: Thresholds,
    statistic: StabilityIndex,
    additional: Mapping[Statistic, Thresholds],
) -> ColumnDrift:
    bins = reference.bins
    error = None
    if bins is None:
        error = f"reference: {reference.error}"
    elif current.bins is None:
        error = f"current: {current.error}"
    elif bins != current.bins:
        error = "the two profiles were counted in different bins"
    elif not reference.counts.any():
        error = "reference: no rows"
    elif not current.counts.any():
        error = "current: no rows"
    if bins is None or error:
        return ColumnDrift(name, index, thresholds, Status.ERROR, error=error)

    by_bin = statistic.contributions(reference.counts, current.counts)
    judged = judge_counts(reference.counts, current.counts, thresholds, statistic)
    n, m = int(reference.counts.sum()), int(current.counts.sum())
    unseen = out_of_range = None
    infinite = 0
    if isinstance(bins, NumericBins):
        infinite = int(current.counts[bins.infinite].sum())
        if bins.low is not None:
            out_of_range = (current.below + current.above) / m
    elif bins.tells_unseen:
        unseen = float(current.counts[bins.unseen : bins.missing].sum() / m)
    return ColumnDrift(
        name,
        index,
        thresholds,
        judged.status,
        judged.value,
        judged.critical_value,
        tuple(
            BinDrift(
                new_label(current.new_categories) if slot.kind == "new" else slot.label,
                slot.kind,
                int(e),
                int(a),
                float(part),
            )
            for slot, e, a, part in zip(
                bins.slots, reference.counts, current.counts, by_bin, strict=True
            )
        ),
        reference_missing=float(reference.counts[bins.missing] / n),
        current_missing=float(current.counts[bins.missing] / m),
        unseen=unseen,
        out_of_range=out_of_range,
        infinite=infinite,
        additional=tuple(
            Additional(
                other.name, limits, judge_counts(reference.counts, current.counts, limits, other)
            )
            for other, limits in additional.items()
        ),
    )
