"""Openings of incidents in many simulated histories at once.

The rule of ``breach.tracks`` and ``decision.replay`` for counts in arrays, without the words; the
tests hold one against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.alerts.breach import BEYOND_CHANCE
from monitoring_assets.statistics.alerts.day_windows import (
    is_an_exception,
    pooled,
    weekday_and_rest,
)
from monitoring_assets.statistics.alerts.policy import Policy
from monitoring_assets.statistics.drift.multiple_testing import (
    adjusted,
    chance_law,
    indices,
    minimum_effect_p,
)
from monitoring_assets.statistics.drift.stability import Smoothing
from monitoring_assets.statistics.drift.thresholds import Thresholds, is_beyond

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Law = tuple[NDArray[np.float64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class PooledIndices:
    """Indices of several days together, float64[T, R] each; NaN where there is none.

    Parameters
    ----------
    value, p
        Of the window, and how likely chance exceeds it.
    recent, recent_p
        The same of the window's last days.
    law, recent_law
        Of both, as ``chance_law`` returns them.
    moved
        Shift of the mean score over the window, in units of the score.
    rows
        Rows of the window.
    """

    value: Floats
    p: Floats
    recent: Floats
    recent_p: Floats
    law: Law
    recent_law: Law
    moved: Floats
    rows: NDArray[np.int64]


@dataclass(eq=False)
class Stream:
    """One column in R histories of T calendar days.

    Parameters
    ----------
    reference
        int64[B], rows by bin.
    counts
        int64[T, R, B], rows by bin on each day; zeros where there is no report.
    effects
        float64[B], mean score of a bin minus that of all, in units of the score; NaN if unknown.
    smoothing
        As ``stability_index`` takes it.
    """

    reference: NDArray[np.int64]
    counts: NDArray[np.int64]
    effects: Floats
    smoothing: Smoothing = "jeffreys"
    _pools: dict[object, PooledIndices] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.rows = self.counts.sum(-1)
        self.value, self.p = indices(self.reference, self.counts, self.smoothing)
        self.law = chance_law(self.reference, self.counts)
        # (a - e) * effects; the reference's shares times the effects add to 0.
        with np.errstate(invalid="ignore"):
            self.moved = (self.counts @ self.effects) / self.rows

    @cached_property
    def _weekdays(self) -> tuple[Floats, Floats, Floats, Floats]:
        weekday, rest = weekday_and_rest(self.counts)
        return (
            *indices(rest, weekday, self.smoothing),
            *indices(weekday, self.counts, self.smoothing),
        )

    def usual(self, limits: Thresholds) -> Flags:
        """Return bool[T, R], whether a day over the limit is what its weekday always looks like."""
        if not (self.value >= limits.fail).any():
            return np.zeros(self.value.shape, bool)
        contrast, contrast_p, unlike, unlike_p = self._weekdays
        seasonal = is_beyond(contrast, contrast_p, limits.warn, limits.level)
        usual = seasonal & ~is_beyond(unlike, unlike_p, limits.fail, limits.level)
        over = is_beyond(self.value, self.p, limits.fail, limits.level)
        return usual & is_an_exception(over, self.counts.sum(-1) > 0)

    def pool(self, days: int, recent: int, broken: Flags) -> PooledIndices:
        """Return the indices of windows of days; those of another choice are used again.

        Parameters
        ----------
        days, recent
            Length of the window and of its last part.
        broken
            bool[T, R], days that are left out.
        """
        key = (days, recent, broken.tobytes() if broken.any() else None)
        if key not in self._pools:
            rows = np.where(broken, 0, self.rows)
            kept = np.where(broken[..., None], 0, self.counts)
            enough = 2 * pooled((rows > 0).astype(np.int64), days) > days
            absent = ~(enough & (rows > 0))
            together, last = pooled(kept, days), pooled(kept, recent)
            measured = (
                *indices(self.reference, together, self.smoothing),
                *indices(self.reference, last, self.smoothing),
            )
            for values in measured:
                values[absent] = np.nan
            rows = pooled(rows, days)
            with np.errstate(invalid="ignore"):
                moved = (together @ self.effects) / rows
            laws = chance_law(self.reference, together), chance_law(self.reference, last)
            self._pools[key] = PooledIndices(*measured, *laws, moved, rows)
        return self._pools[key]


def openings(
    streams: Sequence[Stream],
    limits: Sequence[Thresholds],
    policy: Policy,
    *,
    score_sd: float | None = None,
    quiet: int = 0,
) -> Flags:
    """Return the days on which an incident that pages opens.

    Parameters
    ----------
    streams
        The columns of one family, C of them, over the same T days and R histories.
    limits
        Their thresholds.
    policy
        In force; what silences pages (mutes, first days, age) is not looked at.
    score_sd
        Standard deviation of the reference's score if the columns are characteristics: they then
        share false discoveries, and page by what they do to the score, which is taken to have
        moved as each alone moves it. None for the score itself.
    quiet
        Characteristics beside these, none of which ever shows anything (a p-value of 1).

    Returns
    -------
    ndarray
        bool[T, R].
    """
    usual = [stream.usual(limit) for stream, limit in zip(streams, limits, strict=True)]
    value, p = _stack([s.value for s in streams]), _stack([s.p for s in streams])
    middle, fail, level = (
        np.array([getattr(x, name) for x in limits]) for name in ("middle", "fail", "level")
    )
    characteristics = score_sd is not None
    effect_p = _stack(
        [
            _minimum_effect_p(stream.value, stream.p, stream.law, limit)
            for stream, limit in zip(streams, limits, strict=True)
        ]
    )
    day = is_beyond(value, effect_p, fail, level) & ~_stack(usual)
    unresolved = is_beyond(value, p, middle, level) & ~_stack(usual)
    if characteristics:
        day &= _discovered(day, p, quiet, policy)
    moved, rows = _stack([s.moved for s in streams]), _stack([s.rows for s in streams])
    pool = np.zeros_like(day)
    if policy.pool_days > 1:
        broken = is_beyond(value, effect_p, policy.at_once, level) & ~_stack(usual)
        recent = min(policy.resolve, policy.pool_days)
        pools = [
            stream.pool(policy.pool_days, recent, broken[..., c])
            for c, stream in enumerate(streams)
        ]
        pool_p = _stack([found.p for found in pools])
        # Both the window and its last days: the larger p-value and the smaller index decide.
        both_p = np.maximum(pool_p, _stack([found.recent_p for found in pools]))
        least = np.minimum(*(_stack([getattr(x, n) for x in pools]) for n in ("value", "recent")))
        both_effect_p = [
            np.maximum(
                _minimum_effect_p(found.value, found.p, found.law, limit),
                _minimum_effect_p(found.recent, found.recent_p, found.recent_law, limit),
            )
            for found, limit in zip(pools, limits, strict=True)
        ]
        pool = is_beyond(least, _stack(both_effect_p), fail, level)
        unresolved |= is_beyond(least, both_p, middle, level)
        if characteristics:
            pool &= _discovered(pool, pool_p, quiet, policy)
        moved = np.where(pool, _stack([found.moved for found in pools]), moved)
        rows = np.where(pool, _stack([found.rows for found in pools]), rows)
    breach = day | pool
    pages = breach
    if score_sd is not None:
        with np.errstate(divide="ignore"):
            noise = np.sqrt(1 / np.array([s.reference.sum() for s in streams]) + 1 / rows)
        least = np.fmax(policy.min_score_shift, BEYOND_CHANCE * noise)
        pages = breach & ~(np.abs(moved) / score_sd < least)
    opens_alone = pool | (day & (value >= policy.at_once))

    known = (streams[0].rows > 0).any(1)
    unresolved, pages, opens_alone = unresolved[known], pages[known], opens_alone[known]
    often = pooled(pages.astype(np.int64), policy.open.of) >= policy.open.days
    result = np.zeros(day.shape[:2], bool)
    result[known] = _first(
        (pages & (opens_alone | often)).any(-1), unresolved, pages, policy.good_days("population")
    )
    return result


def _minimum_effect_p(value: Floats, p: Floats, law: Law, limits: Thresholds) -> Floats:
    where = is_beyond(value, p, limits.fail, limits.level)
    return minimum_effect_p(value, *law, limits.middle, where)


def _stack(values: Sequence[NDArray]) -> NDArray:
    return np.stack(values, -1)


def _discovered(candidates: Flags, p: Floats, quiet: int, policy: Policy) -> Flags:
    """Return which candidates the false-discovery rate allows, bool[T, R, C]."""
    days = candidates.any(-1)
    tests = np.pad(p[days], ((0, 0), (0, quiet)), constant_values=1.0)
    found = np.zeros_like(candidates)
    found[days] = (
        adjusted(tests, policy.dependence)[:, : p.shape[-1]] <= policy.false_discovery_rate
    )
    return found


def _first(opens: Flags, unresolved: Flags, pages: Flags, resolve: int) -> Flags:
    """Return which openings, bool[T, R], find no incident open already.

    One that is open waits for the columns that were worth a page in it, bool[T, R, C].
    """
    result = np.zeros_like(opens)
    is_open, paged = np.zeros(opens.shape[1], bool), np.zeros(unresolved.shape[1:], bool)
    good = np.zeros(opens.shape[1], np.int64)
    for t in range(len(opens)):
        paged = (paged & is_open[:, None]) | pages[t]
        good = np.where((unresolved[t] & paged).any(1), 0, good + 1)
        is_open &= good < resolve
        result[t] = opens[t] & ~is_open
        is_open |= opens[t]
    return result
