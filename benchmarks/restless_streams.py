"""Months of restless populations and calendars: seeded counts, or tables of rows.

Characteristics are independent standard normals in ten bins of equal share, the score their
weighted sum. What a calendar or a restless population does shifts their means. Four months: the
first 12 weeks show what is usual, the rest is counted.
"""

from __future__ import annotations

import calendar
import datetime as dt
import zlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import norm

from monitoring_assets.statistics.alerts.breach import ColumnDay, DayFacts
from monitoring_assets.statistics.drift.thresholds import Thresholds

FIRST_DAY = dt.date(2026, 1, 5)
KNOWN_DAYS, COUNTED_DAYS = 84, 60
DAYS = KNOWN_DAYS + COUNTED_DAYS
COLUMNS, SHIFTED = 12, 4
DRIFT = 0.6
"""Shift of each of ``SHIFTED`` columns that truly drift, in standard deviations."""
REFERENCE_ROWS = 20_000

_EDGES = norm.ppf(np.linspace(0, 1, 11))
_MEANS = 10 * (norm.pdf(_EDGES[:-1]) - norm.pdf(_EDGES[1:]))
_LABELS = tuple(map(str, range(10)))
_WEIGHTED = 8
"""Columns that have a weight in the score."""

Floats = NDArray[np.float64]
Shifts = Callable[[np.random.Generator, Floats], Floats]
"""Makes float64[T, C], the shift of each column on each day, from the weights of the columns."""


def _toward_worse(random: np.random.Generator, weights: Floats, size: float) -> Floats:
    """Shift some columns in the direction that worsens the score."""
    moved = np.zeros(COLUMNS)
    chosen = random.choice(_WEIGHTED, SHIFTED, replace=False)
    moved[chosen] = size * np.sign(weights[chosen])
    return moved


def _on(is_day: Callable[[int, dt.date], bool]) -> Floats:
    days = (FIRST_DAY + dt.timedelta(days=t) for t in range(DAYS))
    return np.array([is_day(t, day) for t, day in enumerate(days)], float)[:, None]


def _special(is_day: Callable[[int, dt.date], bool]) -> Shifts:
    """Shift some days, every time alike, by 0.4 to 0.8 standard deviations."""
    return lambda random, w: _on(is_day) * _toward_worse(random, w, random.uniform(0.4, 0.8))


def _is_month_end(_: int, day: dt.date) -> bool:
    return day.day > calendar.monthrange(day.year, day.month)[1] - 3


def _wandering(size: float, *, together: bool = False, memory: float = 0.8) -> Shifts:
    """Let each column wander, or all with one factor, as an autoregression of the first order."""

    def shifts(random: np.random.Generator, _: Floats) -> Floats:
        steps = random.normal(size=(DAYS, 1 if together else COLUMNS))
        found = [steps[0]]
        for step in steps[1:]:
            found.append(memory * found[-1] + np.sqrt(1 - memory**2) * step)
        return np.broadcast_to(size * np.array(found), (DAYS, COLUMNS))

    return shifts


def _lasting(random: np.random.Generator, _: Floats) -> Floats:
    signs = random.choice([-1.0, 1.0], COLUMNS)
    return 0.3 * signs + 0.1 * random.normal(size=(DAYS, COLUMNS))


KINDS: Mapping[str, Shifts] = {
    "quiet": lambda *_: np.zeros((DAYS, COLUMNS)),
    "last three days of the month": _special(_is_month_end),
    "1st and 15th": _special(lambda _, day: day.day in (1, 15)),
    "two weekdays, new": _special(lambda t, _: t >= KNOWN_DAYS and t % 7 in (2, 3)),
    "day effects of 0.1 sd": _wandering(0.1),
    "day effects of 0.2 sd": _wandering(0.2),
    "day effects of 0.3 sd": _wandering(0.3),
    "day effects of 0.3 sd, unconnected": _wandering(0.3, memory=0.0),
    "day effects of 0.2 sd, all columns": _wandering(0.2, together=True),
    "day effects of 0.3 sd, all columns": _wandering(0.3, together=True),
    "0.3 sd for good, and day effects": _lasting,
    "one odd week": _special(lambda t, _: KNOWN_DAYS + 20 <= t < KNOWN_DAYS + 27),
}


class Stream:
    """One model's months.

    Parameters
    ----------
    kind
        One of ``KINDS``.
    replica
        The stream is a function of the kind, of this number and of the drift.
    drifts
        Whether a drift of ``DRIFT`` begins on day ``onset`` and lasts.
    rows
        A day; None for a volume of the model's own, 500 to 20,000.
    """

    def __init__(
        self, kind: str, replica: int, *, drifts: bool = False, rows: int | None = None
    ) -> None:
        self._seed = (zlib.crc32(kind.encode()), replica)
        random = np.random.default_rng(self._seed)
        weights = np.zeros(COLUMNS)
        signs = random.choice([-1.0, 1.0], _WEIGHTED)
        weights[:_WEIGHTED] = signs * np.linspace(1, 0.2, COLUMNS)[:_WEIGHTED]
        self._weights = weights / np.sqrt((weights**2).sum())
        self.shifts = np.array(KINDS[kind](random, self._weights))
        self.onset = KNOWN_DAYS + int(random.integers(3, 11))
        drift = _toward_worse(random, self._weights, DRIFT)
        if drifts:
            self.shifts[self.onset :] += drift
        volume = np.exp(random.uniform(*np.log([500, 20_000])))
        self._rows = random.poisson(volume, DAYS) if rows is None else np.full(DAYS, rows)
        self._random = random

    def days(self) -> list[DayFacts]:
        """Return what is stored of each day, of counts that are drawn without rows."""
        score = self.shifts @ self._weights
        references = self._random.multinomial(REFERENCE_ROWS, np.full(10, 0.1), size=COLUMNS + 1)
        means = np.column_stack([score, self.shifts])
        shares = np.diff(norm.cdf(_EDGES - means[..., None]))
        return self._facts(references, self._random.multinomial(self._rows[:, None], shares))

    def reference(self) -> pa.Table:
        """Return rows of the reference: the score, then the characteristics."""
        return self._table(REFERENCE_ROWS, 0.0, -1)

    def table(self, day: int) -> pa.Table:
        """Return the rows of a day, the same whenever it is asked."""
        return self._table(self._rows[day], self.shifts[day], day)

    def days_of(self, reference: pa.Table, tables: Iterable[pa.Table]) -> list[DayFacts]:
        """Return what is stored of each day, of rows."""
        counts = [
            [np.histogram(column, _EDGES)[0] for column in table.columns]
            for table in (reference, *tables)
        ]
        return self._facts(np.array(counts[0]), np.array(counts[1:]))

    def _table(self, rows: int, shift: Floats | float, day: int) -> pa.Table:
        random = np.random.default_rng([*self._seed, day + 1])
        values = random.normal(size=(rows, COLUMNS)) + shift
        columns = {f"x{c + 1:02}": values[:, c] for c in range(COLUMNS)}
        return pa.table({"score": values @ self._weights} | columns)

    def _facts(self, references: NDArray[np.int64], counts: NDArray[np.int64]) -> list[DayFacts]:
        """Lay the counts of the days, [T, 1 + C, 10], beside those of the reference."""
        limits = Thresholds()
        # A column moves the mean score by its weight, in standard deviations of the score.
        moved = (counts / counts.sum(-1, keepdims=True) - references / REFERENCE_ROWS) @ _MEANS
        found = []
        for t, of_day in enumerate(counts):
            columns = tuple(
                ColumnDay(
                    f"x{c:02}" if c else "score",
                    "CSI" if c else "PSI",
                    _LABELS,
                    references[c],
                    of_day[c],
                    limits,
                    float(self._weights[c - 1] * moved[t, c]) if c else None,
                )
                for c in range(COLUMNS + 1)
            )
            day = FIRST_DAY + dt.timedelta(days=t)
            found.append(DayFacts(day, columns, (), 1.0, float(moved[t, 0]), is_additive=True))
        return found
