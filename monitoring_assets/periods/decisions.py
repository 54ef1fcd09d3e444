"""Decisions over periods: approval, booking and override rates, and what became of overrides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitoring_assets.alerting.acceptance import COUNTED, band_names, compared, decisions_of
from monitoring_assets.performance.history import POINTS, PerformancePoint
from monitoring_assets.periods.calendar import Period
from monitoring_assets.reference.decisions import read_reference_decisions
from monitoring_assets.statistics.decisions.acceptance import AcceptanceChange
from monitoring_assets.statistics.decisions.columns import DECISION, SIDES, Count
from monitoring_assets.statistics.decisions.counts import (
    COUNTS,
    RATES,
    DecisionCounts,
    rate,
    together,
)
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.performance.intervals import Estimate, proportion
from monitoring_assets.statistics.performance.report import PerformanceKind
from resources.errors import InputError
from resources.manifest import Manifest
from resources.store import Store


@dataclass(frozen=True, slots=True)
class DecidedRows:
    """Some rows, and what was decided of them.

    Parameters
    ----------
    counts
        Rows by name, as in `DecisionCounts`; those of columns that are not declared are left out.
    amount, approved_amount
        Sums; None where no amount is declared.
    """

    counts: dict[Count, int]
    amount: float | None
    approved_amount: float | None

    @property
    def rates(self) -> dict[Count, float | None]:
        """Rates of what is declared."""
        return {name: rate(self.counts, name) for name in RATES if name in self.counts}

    @property
    def figures(self) -> dict[str, float | None]:
        """Counts, rates and amounts by name; those of what is not declared are left out."""
        rates = {f"{name}_rate": one for name, one in self.rates.items()}
        amounts = {"amount": self.amount, "approved_amount": self.approved_amount}
        return {**dict(self.counts.items()), **rates, **amounts}

    @property
    def approved_by_amount(self) -> float | None:
        """The approved amount of the amount that is decided or waits; None without one."""
        if not self.amount or self.approved_amount is None:
            return None
        return self.approved_amount / self.amount


@dataclass(frozen=True, slots=True)
class SideOutcome:
    """What became of the rows of a decision whose outcome is known.

    Parameters
    ----------
    side
        One of ``SIDES``.
    days
        Cohorts that are mature.
    bad_rate
        With its interval.
    """

    side: str
    days: int
    rows: int
    bads: int
    bad_rate: Estimate


@dataclass(frozen=True, slots=True)
class PeriodDecisions:
    """The decisions of a period.

    Parameters
    ----------
    days
        Days whose decisions are counted.
    not_counted
        Why those of other days are not, by day.
    total
        None without such a day, as is all below but ``outcomes``.
    bands
        By name of the score band, in order.
    accepted_psi
        Stability index of the score of the approved against that of all scored; None without one.
    change
        The acceptance rule and the applicants against the reference, or the period before.
    text
        That in a sentence.
    outcomes
        By decision, where any is known.
    """

    period: Period
    days: int
    not_counted: dict[dt.date, str]
    total: DecidedRows | None
    bands: dict[str, DecidedRows]
    accepted_psi: float | None
    change: AcceptanceChange | None
    text: str | None
    outcomes: tuple[SideOutcome, ...]


def read_decisions(
    store: Store, manifest: Manifest, periods: Sequence[Period], horizon: int | None
) -> Iterator[PeriodDecisions]:
    """Read what was decided in some periods.

    Parameters
    ----------
    periods
        In order, one or more. A period is compared with the reference, if that has the decisions,
        else with the first of the periods.
    horizon
        Days after which outcomes count.

    Raises
    ------
    InputError
        The manifest has no section ``decisions``.
    """
    key = manifest.key
    if manifest.decisions is None:
        raise InputError(f"{key}: found no section decisions in its manifest; allowed: one")
    first, last = periods[0].first, periods[-1].last
    reports = COUNTED.read(store, key, store.days("decisions", key, first, last))
    counted = decisions_of(manifest, reports)
    errors = {
        day: notes["error"] or "counted for another decision, by an earlier revision"
        for day, (_, notes) in reports.items()
        if day not in counted
    }
    files = store.days("performance_report", key, first, last)
    points = [
        one
        for of_day in POINTS.read(store, key, files).values()
        for one in of_day
        if one.segment is not None and one.segment.column == DECISION and one.horizon == horizon
    ]
    before = read_reference_decisions(store, manifest)
    names = band_names(store, key)
    for period in periods:
        now = together(one for day, one in counted.items() if day in period)
        change = None
        if now is not None and before is not None and now.is_like(before):
            change = compared(manifest, before, now)
        yield PeriodDecisions(
            period,
            sum(day in period for day in counted),
            {day: why for day, why in errors.items() if day in period},
            _rows(now, slice(None)) if now else None,
            {name: _rows(now, slice(at, at + 1)) for at, name in enumerate(names)} if now else {},
            _accepted_psi(now, manifest) if now else None,
            change,
            None
            if change is None
            else change.in_words("" if change.band is None else names[change.band]),
            tuple(_outcomes(one for one in points if one.day in period)),
        )
        before = before or now


def _rows(counted: DecisionCounts, bands: slice) -> DecidedRows:
    amounts = (counted.amount_by_band(name) for name in ("amount", "approved_amount"))
    amount, approved = (None if one is None else float(one[bands].sum()) for one in amounts)
    by_name = {name: counted.counts[name] for name in COUNTS if name in counted.counts}
    return DecidedRows(
        {name: int(counted.by_band(cells)[bands].sum()) for name, cells in by_name.items()},
        amount,
        approved,
    )


def _accepted_psi(counted: DecisionCounts, manifest: Manifest) -> float | None:
    scored, approved = (counted.by_band(counted.counts[n]) for n in ("scored", "approved"))
    index = StabilityIndex(manifest.thresholds.smoothing)
    return float(index.value(scored, approved)) if scored.any() and approved.any() else None


def _outcomes(points: Iterable[PerformancePoint]) -> Iterator[SideOutcome]:
    realised = [
        one
        for one in points
        if one.kind == PerformanceKind.REALISED and one.metric == "bad_rate" and one.segment
    ]
    for side in SIDES:
        mine = [one for one in realised if one.segment and one.segment.value == side]
        rows, bads = sum(one.rows for one in mine), sum(one.bads for one in mine)
        if rows:
            yield SideOutcome(side, len(mine), rows, bads, proportion(bads, rows, ""))
