"""Streams of a model's days with known truth, row by row, from a seeded generator.

Applicants are draws of a Gaussian copula with one common factor; the score is the logistic of a
weighted sum of their characteristics. A drift shifts some of the characteristics in the direction
that worsens the score. Four weeks of quiet come first, then the month that counts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

QUIET_DAYS = 28
MONTH_DAYS = 30
REFERENCE_ROWS = 10_000
SHIFTED = 4
"""Characteristics that a drift shifts."""
WEEKEND = (5, 6)


@dataclass(frozen=True)
class Scenario:
    """What happens to a model in its month.

    Parameters
    ----------
    name
        As the tables call it.
    truth
        ``"none"``: a page is false. ``"sudden"``, ``"gradual"``: a drift to the end of the month.
        ``"broken"``: one day. ``"odd"``: one day's applicants are others, as after a campaign;
        the next day's are not, and a page is false.
    rows
        Fewest and most rows a day; a model's volume is log-uniform between them.
    columns
        Characteristics.
    correlation
        Of any two of them.
    weekend
        Shift of half of the characteristics on weekends, in standard deviations.
    size
        Least and most shift of a characteristic that drifts, in standard deviations.
    harmless
        Whether what shifts has no weight in the score; then a page is false.
    """

    name: str
    truth: str
    rows: tuple[int, int] = (500, 20_000)
    columns: int = 12
    correlation: float = 0.3
    weekend: float = 0.0
    size: tuple[float, float] = (0.6, 1.0)
    harmless: bool = False


SCENARIOS = (
    Scenario("no drift", "none"),
    Scenario("no drift, small", "none", rows=(50, 500)),
    Scenario("no drift, 100 columns", "none", rows=(500, 5_000), columns=100, correlation=0.5),
    Scenario("weekly season", "none", weekend=0.9),
    Scenario("harmless shift", "none", harmless=True),
    Scenario("one odd day", "odd"),
    Scenario("sudden", "sudden"),
    Scenario("gradual", "gradual"),
    Scenario("one broken day", "broken"),
    Scenario("sudden, small", "sudden", rows=(50, 500)),
    Scenario("gradual, small", "gradual", rows=(50, 500)),
    Scenario("slight, tiny", "sudden", rows=(30, 80), size=(0.4, 0.55)),
    Scenario("sudden, 100 columns", "sudden", (500, 5_000), columns=100, correlation=0.5),
    Scenario("sudden on a weekly season", "sudden", weekend=0.9),
)


class Stream:
    """One model's month.

    Parameters
    ----------
    scenario
        What happens.
    replica
        The stream is a function of the scenario's name and this number.
    """

    def __init__(self, scenario: Scenario, replica: int) -> None:
        self.scenario = scenario
        self._rng = np.random.default_rng([zlib.crc32(scenario.name.encode()), replica])
        rng, k = self._rng, scenario.columns
        low, high = np.log(scenario.rows)
        self._volume = np.exp(rng.uniform(low, high))
        self.onset = QUIET_DAYS + int(rng.integers(3, 11))
        # Weights fall off, as in a scorecard; the last third has none.
        weights = np.linspace(1.0, 0.2, k) * rng.choice([-1.0, 1.0], k)
        weights[k - k // 3 :] = 0.0
        self._weights = weights / np.sqrt((weights**2).sum())
        moved = np.zeros(k)
        if scenario.harmless:
            moved[-2:] = rng.uniform(*scenario.size)
        else:
            chosen = rng.choice(k - k // 3, SHIFTED, replace=False)
            moved[chosen] = rng.uniform(*scenario.size) * np.sign(weights[chosen])
        self._moved = moved
        self._weekend = np.zeros(k)
        self._weekend[::2] = scenario.weekend

    @property
    def drifts(self) -> bool:
        """Whether anything happens that is worth a page."""
        return self.scenario.truth not in ("none", "odd")

    @property
    def end(self) -> int:
        """First day after the drift."""
        last = QUIET_DAYS + MONTH_DAYS
        return self.onset + 1 if self.scenario.truth == "broken" else last

    def reference(self) -> pa.Table:
        """Return the sample that the model was approved on, from all weekdays."""
        parts = [self._rows(REFERENCE_ROWS // 7, day, shift=0.0) for day in range(7)]
        return pa.concat_tables(parts)

    def days(self) -> Iterator[pa.Table]:
        """Yield each day's applicants."""
        for day in range(QUIET_DAYS + MONTH_DAYS):
            volume = self._volume * (0.6 if day % 7 in WEEKEND else 1.0)
            rows = int(np.clip(self._rng.poisson(volume), 30, None))
            table = self._rows(rows, day, self._shift(day))
            broken = self.scenario.truth == "broken" and day == self.onset
            yield self._broken(table) if broken else table

    def _shift(self, day: int) -> float:
        """Share of the drift that has happened by a day, 0 to 1."""
        if self.scenario.harmless:
            return float(day >= self.onset)
        if self.scenario.truth == "odd":
            return 0.6 * (day == self.onset)
        if day < self.onset or self.scenario.truth in ("none", "broken"):
            return 0.0
        ramp = 14 if self.scenario.truth == "gradual" else 1
        return min((day - self.onset + 1) / ramp, 1.0)

    def _rows(self, rows: int, day: int, shift: float) -> pa.Table:
        rho, k = self.scenario.correlation, self.scenario.columns
        z = self._rng.normal(size=(rows, 1)) * np.sqrt(rho)
        z = z + self._rng.normal(size=(rows, k)) * np.sqrt(1 - rho)
        z += shift * self._moved
        if day % 7 in WEEKEND:
            z += self._weekend
        log_odds = -2.0 + z @ self._weights + 0.3 * self._rng.normal(size=rows)
        columns = {f"x{i:02}": _as_characteristic(z[:, i], i) for i in range(k)}
        return pa.table(columns | {"score": 1 / (1 + np.exp(-log_odds))})

    def _broken(self, table: pa.Table) -> pa.Table:
        """Lose 40 % of a characteristic in the data that reaches us, not in production's score."""
        lost = self._rng.random(len(table)) < 0.4
        values = table.column(0).to_numpy()
        return table.set_column(0, table.column_names[0], pa.array(values, mask=lost))


def _as_characteristic(z: NDArray[np.float64], position: int) -> pa.Array:
    """Give a characteristic the shape of its kind: amounts, ratios, counts, categories."""
    kind = position % 6
    if kind == 1:
        return pa.array(np.maximum(np.floor(1.5 * np.exp(z / 2) - 0.7), 0.0))
    if kind == 3:
        names = np.array(["branch", "web", "mobile", "broker", "affiliate"])
        return pa.array(names[np.searchsorted([-0.8, 0.2, 0.9, 1.5], z)])
    if kind == 4:
        return pa.array(np.where(z < -0.4, 0.0, np.exp(z)))
    if kind == 5:
        return pa.array(1 / (1 + np.exp(-z)))
    return pa.array(np.round(np.exp(7.5 + 0.6 * z), 2))
