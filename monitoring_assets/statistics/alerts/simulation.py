"""What limits and a policy page without drift, and the smallest shift that they still catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, softmax

from monitoring_assets.statistics.alerts.breach import DayFacts
from monitoring_assets.statistics.alerts.no_drift_model import QuietColumn, draw_rows
from monitoring_assets.statistics.alerts.policy import Policy
from monitoring_assets.statistics.alerts.usual_days import BASELINE_DAYS
from monitoring_assets.statistics.alerts.vectorised_rules import Stream, openings
from monitoring_assets.statistics.drift.last_days import WEEK
from monitoring_assets.statistics.drift.stability import Smoothing
from monitoring_assets.statistics.drift.thresholds import Thresholds
from monitoring_assets.statistics.profiles.bins import short_label
from monitoring_assets.statistics.profiles.profile import ColumnProfile

MONTH_DAYS = 365.25 / 12
COUNTED_DAYS = 13 * WEEK
"""Days of a simulated history that are counted, after those that only serve as baselines."""

SHIFTS = np.geomspace(0.02, 2.0, 25)
"""Stability indices of the shifts that are tried."""
REPEATS = 64
"""Simulated histories of each shift."""
POWER = 0.8
WITHIN_DAYS = 2 * WEEK
CONFIDENCE = 0.95

_TILTS = np.linspace(0.0, 20.0, 2001)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of the reference, and of stored quiet days.

    Parameters
    ----------
    name
        Name of the column.
    reference
        int64[B], rows by bin.
    effects
        float64[B], mean score in the bin minus that of all rows, in units of the score; 0 where
        there are no rows.
    days
        int64[D, B], rows by bin on the stored days; zeros where the column has no report.
    """

    name: str
    reference: NDArray[np.int64]
    effects: NDArray[np.float64]
    days: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, profile: ColumnProfile, days: Sequence[DayFacts]) -> Column:
        """Take a column from the reference's profile and from stored reports.

        Raises
        ------
        ValueError
            The profile has an error or no scores.
        """
        if profile.bins is None or profile.score_counts is None or profile.score_sums is None:
            raise ValueError(f"{name}: {profile.error or 'counted without the score'}")
        rows, sums = profile.score_counts, profile.score_sums
        mean = sums.sum() / max(rows.sum(), 1)
        effects = np.where(rows > 0, sums / np.maximum(rows, 1) - mean, 0.0)
        # Those of a history are cut for people.
        labels = tuple(short_label(slot.label, slot.kind) for slot in profile.bins.slots)
        counts = np.zeros((len(days), len(labels)), np.int64)
        for at, day in enumerate(days):
            for column in day.columns:
                if column.column == name and column.labels == labels:
                    counts[at] = column.current
        return cls(name, profile.counts, effects, counts)

    @property
    def spread(self) -> float:
        """Standard deviation of the mean scores of the bins, in units of the score."""
        return float(np.sqrt(self.reference @ self.effects**2 / self.reference.sum()))


@dataclass(frozen=True, slots=True)
class FalsePages:
    """Pages without drift.

    Parameters
    ----------
    pages, months
        What was counted over how many simulated model-months.
    """

    pages: int
    months: float

    @property
    def per_month(self) -> float:
        """Pages per model-month."""
        return self.pages / self.months

    @property
    def upper(self) -> float:
        """One-sided upper 95 % confidence bound of ``per_month``.

        References
        ----------
        Garwood (1936), "Fiducial limits for the Poisson distribution", Biometrika 28.
        """
        return float(chdtri(2 * (self.pages + 1), 1 - CONFIDENCE)) / 2 / self.months


@dataclass(frozen=True, slots=True)
class Caught:
    """The smallest shift that is caught within two weeks in four of five cases.

    Parameters
    ----------
    index
        Stability index of the shift.
    score_sds
        How far it moves the mean score, in standard deviations of the score.
    days
        Median of the days to the page; 1 is the day on which the shift began.
    """

    index: float
    score_sds: float
    days: float


class Simulation:
    """A model's months without drift, and its weeks after a shift.

    All is drawn once, from a seed; choices are compared on the same days.

    Parameters
    ----------
    weekday
        int64[D], weekdays of the stored days, 0 for Monday; the score has rows on 1 or more.
    smoothing
        As ``stability_index`` takes it.
    months
        Model-months to draw without drift, at least.
    seed
        Of the random numbers.

    Notes
    -----
    Columns are drawn independently of each other, as counts do not tell how they go together. Real
    ones move together, so that their false pages fall into fewer incidents: what is counted here
    is too much rather than too little. Days are drawn independently too: a population that wanders
    slowly pages more often than this, which only a replay of stored days shows.

    A shift tilts the shares of a column exponentially along the mean scores of its bins, the score
    upwards, and stays. Of the characteristics the one that the score depends on most is shifted;
    the others are quiet.
    """

    def __init__(
        self,
        score: Column,
        characteristics: Sequence[Column],
        weekday: NDArray[np.int64],
        *,
        smoothing: Smoothing = "jeffreys",
        months: float = 190.0,
        seed: int = 0,
    ) -> None:
        self.score = score
        self.characteristics = characteristics
        reported = score.days.any(1)
        self._weekday = weekday[reported]
        self._rows = score.days[reported].sum(1)
        self._smoothing = smoothing
        random = np.random.default_rng(seed)
        learnt = [
            QuietColumn.learnt(column.reference, column.days[has], weekday[has])
            for column in (score, *characteristics)
            for has in [column.days.any(1)]
        ]
        names = [column.name for column in (score, *characteristics)]
        self.seasonal = [n for n, quiet in zip(names, learnt, strict=True) if quiet.is_seasonal]
        self.restless = [n for n, quiet in zip(names, learnt, strict=True) if quiet.dispersion]

        histories = int(np.ceil(months * MONTH_DAYS / COUNTED_DAYS))
        self.months = histories * COUNTED_DAYS / MONTH_DAYS
        rows = self._draw_rows(random, COUNTED_DAYS, histories)
        self._quiet = [
            self._draw(random, column, quiet, rows)
            for column, quiet in zip((score, *characteristics), learnt, strict=True)
        ]
        self._shifted_score = self._draw_shifts(random, score, learnt[0])
        spreads = [column.spread for column in characteristics]
        self.mover: Column | None = None
        if max(spreads, default=0.0) > 0:
            at = int(np.argmax(spreads))
            self.mover = characteristics[at]
            self._shifted_mover = self._draw_shifts(random, self.mover, learnt[1 + at])

    def score_pages(self, limits: Thresholds, policy: Policy) -> int:
        """Return the false pages that the score gives."""
        opened = openings(self._quiet[:1], [limits], policy)
        return int(opened[BASELINE_DAYS:].sum())

    def characteristics_pages(
        self, limits: Thresholds, single: Mapping[str, Thresholds], policy: Policy
    ) -> int:
        """Return the false pages that the characteristics give.

        Parameters
        ----------
        limits
            Thresholds of the characteristics.
        single
            Other thresholds by name.
        policy
            In force.
        """
        if not self.characteristics:
            return 0
        each = [single.get(column.name, limits) for column in self.characteristics]
        opened = openings(self._quiet[1:], each, policy, score_sd=self.score.spread)
        return int(opened[BASELINE_DAYS:].sum())

    def score_caught(self, limits: Thresholds, policy: Policy) -> Caught | None:
        """Return the smallest shift of the score that is caught; None for none that was tried."""
        return self._caught(self.score, openings([self._shifted_score], [limits], policy))

    def characteristic_caught(
        self, limits: Thresholds, single: Mapping[str, Thresholds], policy: Policy
    ) -> Caught | None:
        """Return the same of the characteristic that the score depends on most."""
        if self.mover is None:
            return None
        opened = openings(
            [self._shifted_mover],
            [single.get(self.mover.name, limits)],
            policy,
            score_sd=self.score.spread,
            quiet=len(self.characteristics) - 1,
        )
        return self._caught(self.mover, opened)

    def _draw_rows(
        self, random: np.random.Generator, days: int, histories: int
    ) -> NDArray[np.int64]:
        return draw_rows(random, self._rows, self._weekday, BASELINE_DAYS + days, histories)

    def _draw(
        self,
        random: np.random.Generator,
        column: Column,
        quiet: QuietColumn,
        rows: NDArray[np.int64],
        tilt: NDArray[np.float64] | None = None,
    ) -> Stream:
        counts = quiet.draw(random, rows, tilt)
        return Stream(column.reference, counts, column.effects, self._smoothing)

    def _draw_shifts(
        self, random: np.random.Generator, column: Column, quiet: QuietColumn
    ) -> Stream:
        rows = self._draw_rows(random, WITHIN_DAYS, len(SHIFTS) * REPEATS)
        index, _ = _of_tilts(column, self.score.spread)
        strength = np.repeat(np.interp(SHIFTS, index, _TILTS), REPEATS)
        tilt = np.zeros((*rows.shape, len(column.reference)))
        tilt[BASELINE_DAYS:] = strength[:, None] * column.effects / column.spread
        return self._draw(random, column, quiet, rows, tilt)

    def _caught(self, column: Column, opened: NDArray[np.bool_]) -> Caught | None:
        paged = opened[BASELINE_DAYS:].reshape(WITHIN_DAYS, len(SHIFTS), REPEATS)
        power = np.maximum.accumulate(paged.any(0).mean(1))
        if power[-1] < POWER:
            return None
        at = int(np.argmax(power >= POWER))
        index = SHIFTS[at]
        if at:
            index = np.exp(
                np.interp(POWER, power[at - 1 : at + 1], np.log(SHIFTS[at - 1 : at + 1]))
            )
        days = 1 + np.argmax(paged[:, at], 0)[paged[:, at].any(0)]
        of_tilts, moved = _of_tilts(column, self.score.spread)
        return Caught(
            float(index), float(np.interp(index, of_tilts, moved)), float(np.median(days))
        )


def _of_tilts(column: Column, score_sd: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the index of each of ``_TILTS``, and its shift of the mean score in deviations."""
    e = (column.reference + 0.5) / (column.reference + 0.5).sum()
    a = np.log(e) + _TILTS[:, None] * column.effects / column.spread
    a = softmax(np.maximum(a, a.max(1, keepdims=True) - 700), axis=1)  # e**-700 is not 0
    return ((a - e) * np.log(a / e)).sum(1), (a - e) @ column.effects / score_sd
