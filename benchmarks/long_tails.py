"""Text columns with a long tail: false alarms without drift, and what is found of a drift.

The reference and the day are drawn from one population of many categories; then with a new category
of 5 % or 10 % of the day's rows, or with one of 5 % that doubles.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import measure
from monitoring_assets.statistics.drift.multiple_testing import indices
from monitoring_assets.statistics.profiles.bins import CategoricalBins, category_bins
from monitoring_assets.statistics.profiles.kernel import CodedCategories
from monitoring_assets.statistics.profiles.new_categories import Tally
from monitoring_assets.statistics.profiles.profile import ColumnProfile

DRAWS = 4_000
DRAWS_WITH_DRIFT = 200
LEVEL = 1e-3
SIZES = ((1_000, 1_000), (1_000, 10_000), (10_000, 1_000), (10_000, 10_000), (100_000, 1_000))
POPULATIONS = {
    "uniform, 300": (0.0, 300),
    "Zipf 1.0, 300": (1.0, 300),
    "Zipf 1.0, 2,000": (1.0, 2_000),
    "Zipf 1.0, 9,000": (1.0, 9_000),
    "Zipf 1.3, 300": (1.3, 300),
}

Shares = NDArray[np.float64]


def drifts(shares: Shares) -> Iterator[tuple[str, Shares, Shares]]:
    """Yield a name, the shares of the reference and those of the day; the last one is a new one."""
    none = np.append(shares, 0.0)
    for share in (0.05, 0.1):
        yield f"new, {share:.0%}", none, np.append(shares * (1 - share), share)
    yield "5 % doubles", np.append(shares * 0.95, 0.05), np.append(shares * 0.9, 0.1)


def found(
    random: np.random.Generator, before: Shares, after: Shares, n: int, m: int, draws: int
) -> tuple[float, float]:
    """Return the share of draws that are beyond chance, and the median index."""
    names = pa.array([f"{i:05}" for i in range(len(before))])
    values, beyond = [], 0
    for _ in range(draws):
        reference, current = random.multinomial(n, before), random.multinomial(m, after)
        rows = {f"{i:05}": int(reference[i]) for i in np.flatnonzero(reference)}
        bins = category_bins(rows, "string")
        expected, _ = _count(names, reference, bins.as_new())
        counted, tally = _count(names, current, bins)
        day = ColumnProfile(bins, counted).telling_new(tally)
        value, p = indices(expected, day.counts)
        values.append(float(value))
        beyond += bool(p < LEVEL)
    return beyond / draws, float(np.median(values))


def _count(
    names: pa.Array, rows: NDArray[np.int64], bins: CategoricalBins
) -> tuple[NDArray[np.int64], Tally]:
    codes = pa.array(np.repeat(np.arange(len(names), dtype=np.int32), rows))
    coded = CodedCategories.of(pa.DictionaryArray.from_arrays(codes, names), bins)
    by_code = coded.by_code()
    return coded.by_slot(by_code, bins), coded.tally(by_code)


def main() -> None:
    """Draw, count as the product does, and publish."""
    random, table = np.random.default_rng(1), []
    for name, (exponent, levels) in POPULATIONS.items():
        weights = np.arange(1, levels + 1.0) ** -exponent
        shares = weights / weights.sum()
        for n, m in SIZES:
            rate, index = found(random, shares, shares, n, m, DRAWS)
            row = {"population": name, "reference": n, "day": m, "median index": index}
            row["false alarms in 1,000"] = rate * 1000
            for drift, before, after in drifts(shares):
                row[drift], _ = found(random, before, after, n, m, DRAWS_WITH_DRIFT)
            table.append(row)
            print(row, flush=True)
    measure.publish("long_tails", table)


if __name__ == "__main__":
    main()
