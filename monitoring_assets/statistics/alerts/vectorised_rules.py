"""Openings of incidents in many simulated histories at once.

The rule of ``breach.tracks`` and ``decision.replay`` for counts in arrays, without the words; the
tests hold one against the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.alerts.day_windows import pooled
from monitoring_assets.statistics.alerts.policy import Policy
from monitoring_assets.statistics.alerts.usual_days import (
    BEYOND_CHANCE,
    RESTLESS_LEVEL,
    SETTLED_DAYS,
    SETTLED_WEEKS,
    Restlessness,
    precedents,
    restless_p,
    same_places,
)
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


FIRST_DAY = dt.date(2024, 1, 1)
"""The Monday on which histories begin."""


@dataclass(eq=False)
class Windows:
    """A column's days together with the days before them, in R histories of T calendar days.

    Parameters
    ----------
    stream
        The column.
    counts
        int64[T, R, B], rows by bin of the window that ends on each day.
    days
        Length of the windows.
    absent
        bool[T, R], days without a window.
    """

    stream: Stream
    counts: InitVar[NDArray[np.int64]]
    days: int
    absent: InitVar[Flags]
    # Choices share limits, and each of these is asked for once per choice.
    _effect_p: dict[Thresholds, Floats] = field(default_factory=dict, init=False, repr=False)
    _restless_p: dict[object, Floats] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, counts: NDArray[np.int64], absent: Flags) -> None:
        reference, smoothing = self.stream.reference, self.stream.smoothing
        self.value, self.p = indices(reference, counts, smoothing)
        self.value[absent] = self.p[absent] = np.nan
        self.law = chance_law(reference, counts)
        self.rows = counts.sum(-1)
        # (a - e) * effects; the reference's shares times the effects add to 0.
        with np.errstate(invalid="ignore"):
            self.moved = (counts @ self.stream.effects) / self.rows

    def effect_p(self, limits: Thresholds) -> Floats:
        """Return float64[T, R], how likely a true index at ``middle`` gives one as large."""
        if limits not in self._effect_p:
            where = is_beyond(self.value, self.p, limits.fail, limits.level)
            result = minimum_effect_p(self.value, *self.law, limits.middle, where)
            self._effect_p[limits] = result
        return self._effect_p[limits]

    def restless_p(self, over: Flags, limits: Thresholds, kept: Kept) -> Floats:
        """Return how likely restlessness explains a window.

        Parameters
        ----------
        over
            bool[T, R], windows over the limit; others have 1.
        limits
            Thresholds of the column.
        kept
            The column without broken days.

        Returns
        -------
        ndarray
            float64[T, R], NaN where there is no window.
        """
        key = (limits, kept, over.tobytes())
        if key not in self._restless_p:
            self._restless_p[key] = self._computed_restless_p(over, limits, kept)
        return self._restless_p[key]

    def _computed_restless_p(self, over: Flags, limits: Thresholds, kept: Kept) -> Floats:
        result = np.where(np.isnan(self.value), np.nan, 1.0)
        if not over.any():
            return result
        at = np.nonzero(over)
        usual = kept.restlessness(self.days).at(at)
        result[at] = 0.0
        at = tuple(positions[usual > 0] for positions in at)
        windows = self.stream.counts[at] if self.days == 1 else kept.summed(at, 0, self.days)
        before = kept.summed(at, SETTLED_DAYS, SETTLED_WEEKS)
        reference, smoothing = self.stream.reference, self.stream.smoothing
        explains = np.maximum(
            *(
                restless_p(windows, against, usual[usual > 0], smoothing)
                for against in (before, np.broadcast_to(reference, before.shape))
            )
        )
        lasts = is_beyond(*indices(reference, before, smoothing), limits.fail, limits.level)
        result[at] = np.where(lasts, 0.0, explains)
        return result


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
    _kept: dict[object, Kept] = field(default_factory=dict, init=False, repr=False)
    _usual: dict[Thresholds, Flags] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def days(self) -> Windows:
        """The days by themselves, none left out."""
        return Windows(self, self.counts, 1, self.counts.sum(-1) == 0)

    def usual(self, limits: Thresholds) -> Flags:
        """Return bool[T, R], days over the limit that have a precedent."""
        if limits not in self._usual:
            found = precedents(
                self.counts,
                self.days.value,
                self.days.p,
                same_places(FIRST_DAY, len(self.counts)),
                (limits.warn, limits.middle, limits.fail, limits.level),
                self.smoothing,
            )
            self._usual[limits] = found >= 0
        return self._usual[limits]

    def without(self, broken: Flags) -> Kept:
        """Return the column without some days, bool[T, R]; those left out before are reused."""
        key = broken.tobytes() if broken.any() else None
        if key not in self._kept:
            self._kept[key] = Kept(self, np.where(broken[..., None], 0, self.counts))
        return self._kept[key]


@dataclass(eq=False)
class Kept:
    """A column without the days that are left out.

    Parameters
    ----------
    stream
        The column.
    counts
        int64[T, R, B], zeros where there is no report or a day is left out.
    """

    stream: Stream
    counts: NDArray[np.int64]
    _windows: dict[object, Windows] = field(default_factory=dict, init=False, repr=False)
    _restless: dict[int, Restlessness] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _total(self) -> NDArray[np.int64]:
        return np.cumsum(self.counts, axis=0)

    def summed(self, at: tuple[NDArray[np.int64], ...], last: int, days: int) -> NDArray[np.int64]:
        """Return int64[N, B], the sums of some days, the last of them ``last`` days before."""
        t, *of = at

        def until(end: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.where((end >= 0)[:, None], self._total[np.maximum(end, 0), *of], 0)

        return until(t - last) - until(t - last - days)

    def restlessness(self, days: int) -> Restlessness:
        """Return that of windows of some days."""
        if days not in self._restless:
            windows = pooled(self.counts, days)
            self._restless[days] = Restlessness.of(windows, days, self.stream.smoothing)
        return self._restless[days]

    def windows(self, days: int, of: int) -> Windows:
        """Return windows of some days, where most of a longer window ``of`` days are known."""
        key = (days, of)
        if key not in self._windows:
            known = self.counts.sum(-1) > 0
            enough = 2 * pooled(known.astype(np.int64), of) > of
            counts = pooled(self.counts, days)
            self._windows[key] = Windows(self.stream, counts, days, ~(enough & known))
        return self._windows[key]


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
    characteristics = score_sd is not None
    pairs = list(zip(streams, limits, strict=True))
    usual = _stack([stream.usual(limit) for stream, limit in pairs])
    value, p = _stack([s.days.value for s in streams]), _stack([s.days.p for s in streams])
    effect_p = _stack([stream.days.effect_p(limit) for stream, limit in pairs])
    middle, fail, level = (
        np.array([getattr(x, name) for x in limits]) for name in ("middle", "fail", "level")
    )
    day = is_beyond(value, effect_p, fail, level) & ~usual
    unresolved = is_beyond(value, p, middle, level) & ~usual
    broken = is_beyond(value, effect_p, policy.at_once, level) & ~usual
    kept = [stream.without(broken[..., c]) for c, stream in enumerate(streams)]
    stands_out = _stack(
        [
            stream.days.restless_p(day[..., c], limit, kept[c])
            for c, (stream, limit) in enumerate(pairs)
        ]
    )
    if characteristics:
        day &= _discovered(day, p, quiet, policy.false_discovery_rate, policy)
    day &= _discovered(day, stands_out, quiet, RESTLESS_LEVEL, policy)
    moved, rows = _stack([s.days.moved for s in streams]), _stack([s.days.rows for s in streams])
    pool = np.zeros_like(day)
    if policy.pool_days > 1:
        recent = min(policy.resolve, policy.pool_days)
        pools = [one.windows(policy.pool_days, policy.pool_days) for one in kept]
        lasts = [one.windows(recent, policy.pool_days) for one in kept]
        pool_p = _stack([found.p for found in pools])
        # Both the window and its last days: the larger p-value and the smaller index decide.
        both_p, least, both_effect_p = (
            how(_stack(of_pools), _stack(of_lasts))
            for how, of_pools, of_lasts in (
                (np.maximum, [x.p for x in pools], [x.p for x in lasts]),
                (np.minimum, [x.value for x in pools], [x.value for x in lasts]),
                (
                    np.maximum,
                    [x.effect_p(limit) for x, limit in zip(pools, limits, strict=True)],
                    [x.effect_p(limit) for x, limit in zip(lasts, limits, strict=True)],
                ),
            )
        )
        pool = is_beyond(least, both_effect_p, fail, level)
        unresolved |= is_beyond(least, both_p, middle, level)
        stands_out = _stack(
            [
                np.maximum(*(x.restless_p(pool[..., c], limit, kept[c]) for x in windows))
                for c, (windows, limit) in enumerate(
                    zip(zip(pools, lasts, strict=True), limits, strict=True)
                )
            ]
        )
        if characteristics:
            pool &= _discovered(pool, pool_p, quiet, policy.false_discovery_rate, policy)
        pool &= _discovered(pool, stands_out, quiet, RESTLESS_LEVEL, policy)
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

    known = (streams[0].days.rows > 0).any(1)
    unresolved, pages, opens_alone = unresolved[known], pages[known], opens_alone[known]
    often = pooled(pages.astype(np.int64), policy.open.of) >= policy.open.days
    result = np.zeros(day.shape[:2], bool)
    result[known] = _first(
        (pages & (opens_alone | often)).any(-1), unresolved, pages, policy.good_days("population")
    )
    return result


def _stack(values: Sequence[NDArray]) -> NDArray:
    return np.stack(values, -1)


def _discovered(candidates: Flags, p: Floats, quiet: int, rate: float, policy: Policy) -> Flags:
    """Return which candidates a false-discovery rate allows, bool[T, R, C]."""
    days = candidates.any(-1)
    tests = np.pad(p[days], ((0, 0), (0, quiet)), constant_values=1.0)
    found = np.zeros_like(candidates)
    found[days] = adjusted(tests, policy.dependence)[:, : p.shape[-1]] <= rate
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
