"""Breaches: which columns, checks and runs are over their limit on each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.alerts.day_windows import pooled
from monitoring_assets.statistics.alerts.policy import FAMILIES, Family, Policy
from monitoring_assets.statistics.alerts.usual_days import (
    BASELINE_DAYS,
    BEYOND_CHANCE,
    RESTLESS_LEVEL,
    Restlessness,
    precedents,
    restless_p,
    same_places,
    settled,
)
from monitoring_assets.statistics.drift.drift import Index
from monitoring_assets.statistics.drift.last_days import WEEK, LastDays, last_days
from monitoring_assets.statistics.drift.multiple_testing import (
    adjusted,
    chance_law,
    indices,
    minimum_effect_p,
)
from monitoring_assets.statistics.drift.significance import critical_value
from monitoring_assets.statistics.drift.stability import Smoothing
from monitoring_assets.statistics.drift.thresholds import Thresholds, is_beyond
from monitoring_assets.statistics.profiles.bins import NEW_CATEGORY

FOLD_DAYS = 35
"""Days over which a streak of breaches is followed back."""

BinsKey = tuple[tuple[str, ...], bytes, Smoothing]
Window = Literal["day", "pool"]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnDay:
    """One column of a stored drift report.

    Parameters
    ----------
    column
        Name of the column.
    index
        ``"PSI"`` for the score, ``"CSI"`` for a characteristic.
    labels
        The bins, as text.
    reference, current
        int64[B], rows by bin.
    thresholds, smoothing
        Limits in force on the day, and the smoothing of the index that they hold for.
    moved_score_by
        Shift of the mean score that follows from the column's shares, in units of the score;
        None if unknown.
    error
        Why the column could not be compared; None if it was.
    accepted
        int64[B] each, rows by bin of the days of each accepted shift that lies before the day, in
        one order on all days.
    new
        The day's own label of the bin of new categories, with their names; None without any.
    """

    column: str
    index: Index
    labels: tuple[str, ...]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    thresholds: Thresholds
    moved_score_by: float | None = None
    error: str | None = None
    smoothing: Smoothing = "jeffreys"
    accepted: tuple[NDArray[np.int64], ...] = ()
    new: str | None = None

    @property
    def baselines(self) -> tuple[NDArray[np.int64], ...]:
        """What the day is judged against: the reference, then the accepted days."""
        return self.reference, *self.accepted

    @property
    def bins_key(self) -> BinsKey:
        """What two days of a column must have in common for their counts to add."""
        return self.labels, self.reference.tobytes(), self.smoothing

    def together(self, earlier: Iterable[ColumnDay], at_once: float, baseline: int = 0) -> LastDays:
        """Judge the day with those of some earlier days that were counted in the same bins.

        Parameters
        ----------
        earlier
            The column on days before.
        at_once
            Index from which a single day opens an incident.
        baseline
            Position of what it is judged against.
        """
        against = self.baselines[baseline]
        return last_days(
            against,
            self.current,
            np.array(
                [one.current for one in earlier if one.bins_key == self.bins_key], np.int64
            ).reshape(-1, len(against)),
            self.thresholds,
            self.smoothing,
            at_once,
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong that was found by other means than counts.

    Parameters
    ----------
    family
        The family it belongs to.
    subject
        The check, run or measure.
    text
        What is wrong, in words.
    pages
        Whether it is worth a page.
    segment
        The segment that it is about; None for all rows.
    """

    family: Family
    subject: str
    text: str
    pages: bool = True
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What is known of one day of a model version.

    Parameters
    ----------
    day
        The day of the batch.
    columns
        The drift report; empty if there is none.
    faults
        Failed checks and runs.
    score_sd
        Standard deviation of the reference's score; None if unknown.
    score_shift
        Mean score of the day minus the reference's; None if unknown.
    is_additive
        Whether the columns' parts of it are those of an additive surrogate, which a column has
        beside all others; a marginal mix holds what is correlated as well.
    performance_measured
        Whether the performance of some cohort is known by then, realised or estimated.
    """

    day: dt.date
    columns: tuple[ColumnDay, ...] = ()
    faults: tuple[Fault, ...] = ()
    score_sd: float | None = None
    score_shift: float | None = None
    is_additive: bool = False
    performance_measured: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """One subject over its limit on a day.

    Parameters
    ----------
    family, subject
        What is in breach: the score, a characteristic, a check, a run.
    text
        In words, from what to what.
    since
        First day of the current streak.
    pages
        Whether it is worth a page.
    window
        ``"day"``, or ``"pool"`` if only several days together are over the limit.
    value, limit, critical_value
        The index, its threshold, and what chance alone seldom exceeds; None for what has none.
    moved_score_by
        What it did to the mean score, in units of the score; None if unknown.
    segment
        The segment that it is about; None for all rows.
    opens
        Whether it pages and would open an incident by itself.
    """

    family: Family
    subject: str
    text: str
    since: dt.date
    pages: bool
    window: Window = "day"
    value: float | None = None
    limit: float | None = None
    critical_value: float | None = None
    moved_score_by: float | None = None
    segment: str | None = None
    opens: bool = False


@dataclass(frozen=True, eq=False)
class Track:
    """A family's breaches over days.

    Parameters
    ----------
    days
        The N days.
    subjects
        The S columns, checks or runs.
    known
        bool[N], whether the day tells anything about the family.
    measured
        bool[N, S], whether it tells anything about the subject.
    breach
        bool[N, S], subjects in breach.
    unresolved
        bool[N, S], subjects that are not well yet: in breach, or with an index at or over the
        middle of ``warn`` and ``fail`` and beyond chance. Without that margin a drift that stays
        near its limit would be resolved and opened again and again.
    pages
        bool[N, S], breaches that are worth a page.
    opens_alone
        bool[N, S], breaches that need no second day.
    why_alone
        Why they do not, in words.
    describe
        Makes the breach of a day and a subject, both by position, and its first day.
    held_back
        Says of a day, by position, what reaches its limit and yet is no breach, and why.
    """

    days: Sequence[dt.date]
    subjects: Sequence[str]
    known: Flags
    measured: Flags
    breach: Flags
    unresolved: Flags
    pages: Flags
    opens_alone: Flags
    why_alone: str
    describe: Callable[[int, int, dt.date], Breach] = field(repr=False)
    held_back: Callable[[int], tuple[str, ...]] = field(default=lambda _: (), repr=False)

    def opening(self, at: int, policy: Policy, *, paging: bool) -> str | None:
        """Return why what is in breach on a day opens an incident; None if it does not."""
        counted = self.breach & self.pages if paging else self.breach
        if (counted[at] & self.opens_alone[at]).any():
            return self.why_alone
        if self._repeated(counted, at, policy).any():
            return f"over the limit on {policy.open} days"
        return None

    def _repeated(self, counted: Flags, at: int, policy: Policy) -> Flags:
        """Return the subjects that are over the limit on enough of the last days."""
        last = np.flatnonzero(self.known[: at + 1])[-policy.open.of :]
        repeated: Flags = counted[at] & (counted[last].sum(0) >= policy.open.days)
        return repeated

    def good_days(self, at: int, since: dt.date | None = None, told: Collection[str] = ()) -> int:
        """Return how many of the last known days in a row all was well.

        Parameters
        ----------
        at
            Position of the day.
        since
            Look only at subjects that were worth a page on this day or later: who was paged for
            a column waits for that column, whatever it still does to the score.
        told
            Subjects that a page was sent for, whatever today's policy says of them. A day
            on which one of them was not measured is neither good nor bad.
        """
        paged = np.array([subject in told for subject in self.subjects], bool)
        watched = np.ones(len(self.subjects), bool)
        if since is not None:
            first = sum(day < since for day in self.days[: at + 1])
            watched = self.pages[first : at + 1].any(0) | paged
        good = 0
        for day in np.flatnonzero(self.known[: at + 1])[::-1]:
            if self.unresolved[day, watched].any():
                break
            good += bool(self.measured[day, paged].all())
        return good

    def breaches(self, at: int, policy: Policy) -> tuple[Breach, ...]:
        """Return a day's breaches: those worth a page first, the largest first."""
        counted = self.breach & self.pages
        opens = (counted[at] & self.opens_alone[at]) | self._repeated(counted, at, policy)
        found = [
            replace(
                self.describe(at, subject, self._since(at, subject, policy.open.of)),
                opens=bool(opens[subject]),
            )
            for subject in map(int, np.flatnonzero(self.breach[at]))
        ]
        return tuple(sorted(found, key=lambda b: (not b.pages, -(b.value or 0.0), b.subject)))

    def _since(self, at: int, subject: int, gap: int) -> dt.date:
        """Return the first day of a streak, in which fewer than ``gap`` good days are skipped."""
        first, good = at, 0
        for day in np.flatnonzero(self.measured[:at, subject])[::-1]:
            if (self.days[at] - self.days[day]).days >= FOLD_DAYS:
                break
            good = 0 if self.breach[day, subject] else good + 1
            if good >= gap:
                break
            if not good:
                first = int(day)
        return self.days[first]


_INDEX: Mapping[Family, Index] = {"population": "PSI", "characteristics": "CSI"}


def tracks(days: Sequence[DayFacts], policy: Policy) -> dict[Family, Track]:
    """Find every family's breaches.

    Parameters
    ----------
    days
        In ascending order; gaps are allowed.
    policy
        The model's policy.

    Returns
    -------
    dict
        A track for each family. That of a day depends on the day and those before it alone.
    """
    found: dict[Family, Track] = {family: _faults(days, family) for family in FAMILIES}
    for family, index in _INDEX.items():
        found[family] = _either(_drift(days, family, index, policy), found[family])
    return found


def _either(drift: Track, faults: Track) -> Track:
    """Join what counts say with what a check said of days that it kept from having a report."""
    if not faults.subjects:
        return drift
    columns = drift.breach.shape[1]
    known = drift.known | faults.breach.any(1)

    def describe(day: int, subject: int, since: dt.date) -> Breach:
        if subject < columns:
            return drift.describe(day, subject, since)
        return faults.describe(day, subject - columns, since)

    return Track(
        drift.days,
        [*drift.subjects, *faults.subjects],
        known,
        np.hstack([drift.measured, np.broadcast_to(known[:, None], faults.breach.shape)]),
        np.hstack([drift.breach, faults.breach]),
        np.hstack([drift.unresolved, faults.unresolved]),
        np.hstack([drift.pages, faults.pages]),
        np.hstack([drift.opens_alone, faults.opens_alone]),
        f"stopped by a check, {drift.why_alone}",
        describe,
        drift.held_back,
    )


def _faults(days: Sequence[DayFacts], family: Family) -> Track:
    """Track what others found; one is enough to open."""
    by_day = [
        # Of two faults of one subject the one that pages counts.
        {
            fault.subject: fault
            for fault in sorted(_all_faults(day), key=lambda fault: (fault.pages, fault.text))
            if fault.family == family
        }
        for day in days
    ]
    subjects = sorted({subject for found in by_day for subject in found})
    breach = np.array([[s in found for s in subjects] for found in by_day], bool)
    pages = np.array([[s in found and found[s].pages for s in subjects] for found in by_day], bool)
    known = [
        bool(found or _is_looked_at(family, day)) for day, found in zip(days, by_day, strict=True)
    ]

    def describe(day: int, subject: int, since: dt.date) -> Breach:
        fault = by_day[day][subjects[subject]]
        return Breach(family, fault.subject, fault.text, since, fault.pages, segment=fault.segment)

    shape = (len(days), len(subjects))
    breach, pages = breach.reshape(shape), pages.reshape(shape)
    return Track(
        [day.day for day in days],
        subjects,
        np.array(known, bool),
        np.broadcast_to(np.array(known, bool)[:, None], breach.shape),
        breach,
        breach,
        pages,
        breach,
        "found",
        describe,
    )


def _is_looked_at(family: Family, day: DayFacts) -> bool:
    """Whether no fault of a family means that there is none."""
    if family == "performance":
        return day.performance_measured
    return bool(day.columns or (family == "pipeline" and day.faults))


def _all_faults(day: DayFacts) -> list[Fault]:
    """Return a day's faults; a column that could not be compared is one of data quality."""
    broken = (
        Fault("data quality", column.column, f"{column.column} could not be compared: {reason}")
        for column in day.columns
        if (reason := column.error)
    )
    return [*day.faults, *broken]


@dataclass(eq=False)
class _Indices:
    """Indices of C columns on T calendar days; NaN where there is none.

    Each is that against the nearest baseline, of which ``baseline`` has the position. ``p`` is of
    no drift, ``effect_p`` of a true index at ``middle``: 1 for what is under ``fail`` or no drift
    explains. ``precedent`` is the position of an earlier day of the same place in the calendar
    that was like it, -1 if there is none. ``restless`` is what three of four quiet differences stay
    under, and ``restless_p`` how likely that gives a day over the limit such an index: 1 for one
    that is not over it. ``pool_...`` and ``recent_...`` are the same of windows.
    """

    value: Floats
    p: Floats
    effect_p: Floats
    pool_value: Floats
    pool_p: Floats
    pool_effect_p: Floats
    recent_value: Floats
    recent_p: Floats
    recent_effect_p: Floats
    baseline: NDArray[np.int64]
    pool_baseline: NDArray[np.int64]
    precedent: NDArray[np.int64]
    broken: Flags
    restless: Floats
    restless_p: Floats
    pool_restless: Floats
    pool_restless_p: Floats
    moved: Floats
    pool_moved: Floats
    pool_shift: Floats
    noise: Floats
    pool_noise: Floats
    warn: Floats
    middle: Floats
    fail: Floats
    level: Floats

    @classmethod
    def empty(cls, days: int, columns: int) -> _Indices:
        shape = (days, columns)
        empty = {
            "precedent": np.full(shape, -1),
            "broken": np.zeros(shape, bool),
            "baseline": np.zeros(shape, np.int64),
            "pool_baseline": np.zeros(shape, np.int64),
        }
        unknown = {one.name: np.full(shape, np.nan) for one in fields(cls)}
        return cls(**(unknown | empty))

    def in_breach(self) -> tuple[Flags, Flags]:
        """Return where days, and where pools, are at ``fail`` and surely over ``middle``."""
        return self._over(self.fail, self.effect_p, self.pool_effect_p, self.recent_effect_p)

    def unresolved(self) -> Flags:
        """Return where a day or a pool is at ``middle`` and beyond chance."""
        return np.logical_or(*self._over(self.middle, self.p, self.pool_p, self.recent_p))

    def _over(
        self, limit: Floats, p: Floats, pool_p: Floats, recent_p: Floats
    ) -> tuple[Flags, Flags]:
        day = is_beyond(self.value, p, limit, self.level) & (self.precedent < 0)
        pool = is_beyond(self.pool_value, pool_p, limit, self.level)
        return day, pool & is_beyond(self.recent_value, recent_p, limit, self.level)

    def reaching(self, t: int, column: int, policy: Policy) -> tuple[int, float, float] | None:
        """Return the window in which an index is at ``fail``: its days, value and ``effect_p``.

        Of a pool and its last days, which both must be, the less certain one; None if it is not.
        """
        of = t, column
        if self.value[of] >= self.fail[of]:
            return 1, self.value[of], self.effect_p[of]
        pool = policy.pool_days, self.pool_value[of], self.pool_effect_p[of]
        recent = _recent(policy), self.recent_value[of], self.recent_effect_p[of]
        if min(pool[1], recent[1]) >= self.fail[of]:
            return max(pool, recent, key=lambda window: window[2])
        return None


def _recent(policy: Policy) -> int:
    """Return how many last days of a pool must be over the limit as well."""
    return min(policy.resolve, policy.pool_days)


def _drift(days: Sequence[DayFacts], family: Family, index: Index, policy: Policy) -> Track:
    """Track the columns of one index, from their counts."""
    first = days[0].day
    at = np.array([(day.day - first).days for day in days])
    expected = [
        next((one.why for one in policy.expected if one.covers(day.day)), None) for day in days
    ]
    reports = [
        {c.column: c for c in day.columns if why is None and c.index == index and c.error is None}
        for day, why in zip(days, expected, strict=True)
    ]
    columns = sorted({column for report in reports for column in report})
    found = _Indices.empty(int(at[-1]) + 1, len(columns))
    places = same_places(first, len(found.value))
    shift = np.full(len(found.value), np.nan)
    shift[at] = [np.nan if d.score_shift is None else d.score_shift for d in days]
    for position, column in enumerate(columns):
        of_column = [(int(t), r[column]) for t, r in zip(at, reports, strict=True) if column in r]
        by_bins: dict[BinsKey, list[tuple[int, ColumnDay]]] = {}
        for t, report in of_column:
            by_bins.setdefault(report.bins_key, []).append((t, report))
        for group in by_bins.values():
            _measure(found, position, group, shift, places, policy)

    day, pool = found.in_breach()
    unresolved = found.unresolved()[at]
    if index == "CSI" and columns:
        day &= adjusted(found.p, policy.dependence) <= policy.false_discovery_rate
        pool &= adjusted(found.pool_p, policy.dependence) <= policy.false_discovery_rate
    stands_out = adjusted(found.restless_p, policy.dependence) <= RESTLESS_LEVEL
    pool_stands_out = adjusted(found.pool_restless_p, policy.dependence) <= RESTLESS_LEVEL
    day, pool = (day & stands_out)[at], (pool & pool_stands_out)[at]
    # The pool, where it is in breach, knows best what became of the score.
    moved = np.where(pool, found.pool_moved[at], found.moved[at])
    shift = np.where(pool, found.pool_shift[at], shift[at, None])
    noise = np.where(pool, found.pool_noise[at], found.noise[at])
    sd = np.array([np.nan if d.score_sd is None else d.score_sd for d in days])[:, None]
    pages = day | pool
    if index == "CSI":
        least = policy.min_score_shift * sd
        additive = np.array([day.is_additive for day in days])[:, None]
        little = np.where(
            additive, np.abs(moved) < least, _moved_little(moved, shift, noise * sd, least)
        )
        pages &= ~little
    opens_alone = pool | (day & (found.value[at] >= policy.at_once))

    def week(n: int, subject: int, position: int) -> LastDays | None:
        column = columns[subject]
        earlier = [
            by_column[column]
            for t, by_column in zip(at, reports, strict=True)
            if at[n] - WEEK < t < at[n] and column in by_column
        ]
        last = reports[n][column].together(earlier, policy.at_once, position)
        return last if last.days > 1 else None  # else it is the day again

    def pooled_counts(n: int, subject: int, days: int) -> NDArray[np.int64]:
        report = reports[n][columns[subject]]
        parts = [
            other.current
            for t, by_column in zip(at, reports, strict=True)
            if at[n] - days < t <= at[n]
            and not found.broken[t, subject]
            and (other := by_column.get(report.column)) is not None
            and other.bins_key == report.bins_key
        ]
        return np.array(np.sum(parts, axis=0))

    def describe(n: int, subject: int, since: dt.date) -> Breach:
        report = reports[n][columns[subject]]
        window: Window = "day" if day[n, subject] else "pool"
        counts, value = report.current, found.value[at[n], subject]
        position = found.baseline[at[n], subject]
        beside = week(n, subject, position)
        if window == "pool":
            beside = report.together((), policy.at_once, position)
            value = found.pool_value[at[n], subject]
            position = found.pool_baseline[at[n], subject]
            counts = pooled_counts(n, subject, policy.pool_days)
        by = (found.moved if window == "day" else found.pool_moved)[at[n], subject]
        limits = report.thresholds
        baseline = report.baselines[position]
        used = int(np.count_nonzero(baseline + counts))
        critical = critical_value(int(baseline.sum()), int(counts.sum()), used - 1, limits.level)
        return Breach(
            family,
            report.column,
            _breach_text(report, baseline, counts, float(value), window, policy.pool_days, beside),
            since,
            bool(pages[n, subject]),
            window,
            float(value),
            limits.fail,
            critical,
            None if np.isnan(by) else float(by),
        )

    def held_back(n: int) -> tuple[str, ...]:
        if expected[n]:
            return (f"not judged, as this day is expected to differ: {expected[n]}",)
        t, texts = at[n], []
        for subject, column in enumerate(columns):
            if day[n, subject] or pool[n, subject] or column not in reports[n]:
                continue
            report, position = reports[n][column], found.baseline[t, subject]
            shown = found.reaching(t, subject, policy)
            if shown is None and found.value[t, subject] < report.thresholds.warn:
                continue
            alone = report.together((), policy.at_once, position)
            together = week(n, subject, position)
            if shown is None:
                if together and together.decides(alone.status):
                    texts.append(f"{column}: {index} {alone}; {together}")
                continue
            days, value, effect_p = shown
            beside = together if days == 1 else alone
            like = found.precedent[t, subject]
            restless = (found.restless if days == 1 else found.pool_restless)[t, subject]
            if days == 1 and like >= 0:
                why = (
                    f", as on {first + dt.timedelta(days=int(like))}, {_same_place(int(t - like))}"
                )
            elif effect_p > report.thresholds.level:
                rows = pooled_counts(n, subject, days).sum() if days > 1 else report.current.sum()
                why = (
                    f", but with {rows:,} rows it is not yet certain that the true value is over "
                    f"{report.thresholds.middle:.3g}"
                )
            elif not (stands_out if days == 1 else pool_stands_out)[t, subject]:
                why = f", but {_restless(restless, first, int(t), days)}"
            else:
                why = f", which chance explains among {len(reports[n])} characteristics"
            over = "" if days == 1 else f" over {days} days"
            texts.append(
                f"{column}: {index} {value:.2f}{over} reaches the limit of "
                f"{report.thresholds.fail:g}{why}{_and(beside)}"
            )
        return tuple(texts)

    known = np.array([bool(report) for report in reports])
    why = f"{policy.pool_days} days together over the limit, or one at {policy.at_once:g} or more"
    return Track(
        [d.day for d in days],
        columns,
        known,
        ~np.isnan(found.value[at]),
        day | pool,
        unresolved,
        pages,
        opens_alone,
        why,
        describe,
        held_back,
    )


def _measure(
    found: _Indices,
    column: int,
    group: list[tuple[int, ColumnDay]],
    shift: Floats,
    places: NDArray[np.int64],
    policy: Policy,
) -> None:
    """Fill in the indices of a column on the days that were counted in the same bins."""
    t = np.array([day for day, _ in group])
    reference, smoothing = group[0][1].reference, group[0][1].smoothing
    counts = np.zeros((len(found.value), len(reference)), np.int64)
    counts[t] = [report.current for _, report in group]
    limits = [report.thresholds for _, report in group]
    for name in ("warn", "middle", "fail", "level"):
        getattr(found, name)[t, column] = [getattr(limit, name) for limit in limits]
    middle, fail, level = (getattr(found, x)[:, column] for x in ("middle", "fail", "level"))
    baselines = max((report.baselines for _, report in group), key=len)
    has = np.zeros((len(baselines), len(counts)), bool)
    for day, report in group:
        has[: len(report.baselines), day] = True

    against = np.stack(baselines)

    def nearest(counts: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
        values, p_values = indices(against[:, None], counts, smoothing)
        position = np.where(has, values, np.inf).argmin(0)
        of = position, np.arange(len(counts))
        value, p = values[of], p_values[of]
        law = chance_law(against[position], counts)
        effect_p = minimum_effect_p(value, *law, middle, is_beyond(value, p, fail, level))
        return value, p, effect_p, position

    value, p, effect_p, baseline = nearest(counts)
    found.value[t, column], found.p[t, column] = value[t], p[t]
    found.effect_p[t, column], found.baseline[t, column] = effect_p[t], baseline[t]

    warn = found.warn[:, column]
    limits_in_force = (warn, middle, fail, level)
    precedent = precedents(counts, value, p, places, limits_in_force, smoothing)
    found.precedent[t, column] = precedent[t]

    # A day that opens an incident by itself is broken; it would outlive itself in a pool.
    broken = is_beyond(value, effect_p, policy.at_once, level) & (precedent < 0)
    kept = np.where(broken[:, None], 0, counts)
    before = settled(kept)

    def restless(
        windows: NDArray[np.int64], days: int, over: Flags, judged_by: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """Return the restlessness of windows that are over the limit, and how likely it explains.

        A move is one against the settled weeks and against what the window is judged by. A shift
        that has lasted for weeks is no restlessness.
        """
        usual, p = np.zeros(len(counts)), np.ones(len(counts))
        if not over.any():
            return usual, p
        at = np.nonzero(over)
        usual[at] = Restlessness.of(kept if days == 1 else windows, days, smoothing).at(at)
        p[at] = np.maximum(
            restless_p(windows[at], before[at], usual[at], smoothing),
            restless_p(windows[at], against[judged_by[at]], usual[at], smoothing),
        )
        lasting, lasting_p, *_ = nearest(before)
        p[over & is_beyond(lasting, lasting_p, fail, level)] = 0.0
        return usual, p

    day_over = is_beyond(value, effect_p, fail, level) & (precedent < 0)
    usual, usual_p = restless(counts, 1, day_over, baseline)
    found.restless[t, column], found.restless_p[t, column] = usual[t], usual_p[t]
    moved = np.zeros(len(counts))
    moved[t] = [np.nan if r.moved_score_by is None else r.moved_score_by for _, r in group]
    found.moved[t, column] = moved[t]
    found.noise[t, column] = np.sqrt(1 / reference.sum() + 1 / counts[t].sum(1))
    if policy.pool_days > 1:
        found.broken[t, column] = broken[t]
        rows = kept.sum(1)
        enough = 2 * pooled((rows > 0).astype(np.int64), policy.pool_days) > policy.pool_days
        together = pooled(kept, policy.pool_days)
        recent = pooled(kept, _recent(policy))
        here = t[enough[t] & (rows[t] > 0)]
        pool, pool_p, pool_effect_p, pool_baseline = nearest(together)
        now, now_p, now_effect_p, now_baseline = nearest(recent)
        found.pool_baseline[here, column] = pool_baseline[here]
        found.pool_value[here, column], found.pool_p[here, column] = pool[here], pool_p[here]
        found.pool_effect_p[here, column] = pool_effect_p[here]
        found.recent_value[here, column], found.recent_p[here, column] = now[here], now_p[here]
        found.recent_effect_p[here, column] = now_effect_p[here]
        pool_over = is_beyond(pool, pool_effect_p, fail, level)
        pool_over &= is_beyond(now, now_effect_p, fail, level)
        usual, usual_p = restless(together, policy.pool_days, pool_over, pool_baseline)
        now_usual, now_usual_p = restless(recent, _recent(policy), pool_over, now_baseline)
        found.pool_restless[here, column] = np.maximum(usual, now_usual)[here]
        found.pool_restless_p[here, column] = np.maximum(usual_p, now_usual_p)[here]
        pool_rows = together.sum(1)[here]
        found.pool_noise[here, column] = np.sqrt(1 / reference.sum() + 1 / pool_rows)
        for by_day, of_pool in ((moved, found.pool_moved), (shift, found.pool_shift)):
            weighted = np.where(rows > 0, rows * by_day, 0.0)
            sums = np.convolve(weighted, np.ones(policy.pool_days))[: len(rows)]
            of_pool[here, column] = sums[here] / pool_rows


def _moved_little(moved: Floats, shift: Floats, noise: Floats, least: Floats) -> Flags:
    """Say where a characteristic has not moved the score by what matters, by its marginal mix.

    Its part of the shift holds what it shares with others, so a characteristic without any weight
    has one, and it may even point the other way: the score itself must have moved too, beyond
    chance. What is unknown is not silenced.

    Parameters
    ----------
    moved, shift
        float64[...], the characteristic's part and the whole shift of the mean score, in units of
        the score; NaN if unknown.
    noise
        float64[...], standard error of the shift, in the same units.
    least
        float64[...], the shift that matters, in the same units.
    """
    sure = np.fmax(least, BEYOND_CHANCE * noise)
    return (np.abs(moved) < least) | (np.abs(shift) < sure)


def _breach_text(
    report: ColumnDay,
    baseline: NDArray[np.int64],
    counts: NDArray[np.int64],
    value: float,
    window: Window,
    days: int,
    beside: LastDays | None,
) -> str:
    """Say what moved, by the bin that gained most, and what the other window says."""
    was, now = baseline / baseline.sum(), counts / counts.sum()
    most = int(np.argmax(now - was))
    label = report.labels[most]
    if label == NEW_CATEGORY and report.new is not None:
        label = report.new
    over = f" on {counts.sum():,} rows"
    if window == "pool":
        over = f" over {days} days, {counts.sum():,} rows"
    over += "" if baseline is report.reference else " against the accepted days"
    return (
        f"{report.column}: {report.index} {value:.2f}{over} (limit {report.thresholds.fail:g})"
        f"{_and(beside)}; {label} from {was[most]:.1%} to {now[most]:.1%} of rows"
    )


def _same_place(lag: int) -> str:
    """Say what two days have in common."""
    return "the same weekday" if lag % WEEK == 0 else "the same place in the month"


def _restless(restless: float, first: dt.date, t: int, days: int) -> str:
    """Say how much a column changes without drift, and since when that is known."""
    since = first + dt.timedelta(days=max(t - BASELINE_DAYS, 0))
    windows = "days" if days == 1 else f"windows of {days} days"
    return (
        f"since {since} its {windows} differ from those a week before by up to {restless:.2g} "
        "in three of four cases"
    )


def _and(beside: LastDays | None) -> str:
    """Add what another window says, if it says anything else."""
    return f"; {beside}" if beside else ""
