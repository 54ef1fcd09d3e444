"""The table that Great Expectations sees: a day's counts beside the reference's and the week's.

One row for each bin of each characteristic. What is counted but is not a characteristic (the key's
uniqueness, the score's range) stands there in the same form, under a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.last_days import WEEK

if TYPE_CHECKING:
    from monitoring_assets.statistics.profiles.profile import Profile

EARLIER = [f"{number} days before" for number in range(1, WEEK)]
"""The days of the week before the day, the nearest first."""
COLUMNS = [
    "characteristic",
    "tally",
    "expected_type",
    "found_type",
    "slot",
    "bin",
    "reference",
    "current",
    *EARLIER,
]
KEY = "(key)"
SCORE_RANGE = "(score range)"
"""Names of tallies, which a characteristic may have as well."""


def profile_table(
    reference: Profile,
    current: Profile,
    *,
    expected_types: Mapping[str, str | None],
    found_types: Mapping[str, str],
    tallies: Mapping[str, Mapping[str, int]],
    earlier: Mapping[str, NDArray[np.int64]],
) -> pd.DataFrame:
    """Lay counts of the reference and of a day side by side.

    Parameters
    ----------
    reference, current
        Profiles in the same bins; every column of ``current`` is in ``reference``.
    expected_types
        Arrow type by characteristic, None where that of the reference is expected.
    found_types
        Arrow type by column of the day's features; a column that is absent has none.
    tallies
        Rows of the day by slot, for what is not a characteristic.
    earlier
        int64[WEEK - 1, B] by characteristic, rows by bin of the days in ``EARLIER``; zeros for a
        day that has none in these bins, and for a characteristic that is not in it.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS`` and ``error``: one row a bin; counts are int64. A characteristic that could not
        be counted is one row with its error.
    """
    rows: list[tuple[object, ...]] = []
    none = (0,) * len(EARLIER)
    for name, now in current.columns.items():
        before = reference.columns[name]
        types = (
            expected_types.get(name) or (before.bins.arrow_type if before.bins else ""),
            found_types.get(name, ""),
        )
        error = before.error or now.error
        if error or before.bins is None:
            rows.append((name, False, *types, "error", "", 0, 0, *none, error or "no bins"))
            continue
        week = earlier.get(name, np.zeros((len(EARLIER), len(now.counts)), np.int64))
        sides = before.counts, now.counts, week.T
        counts = zip(before.bins.slots, *(side.tolist() for side in sides), strict=True)
        rows += (
            (name, False, *types, slot.kind, slot.label, then, count, *days, "")
            for slot, then, count, days in counts
        )
    for name, tally in tallies.items():
        rows += (
            (name, True, "", "", slot, slot, 0, count, *none, "") for slot, count in tally.items()
        )
    return pd.DataFrame(rows, columns=[*COLUMNS, "error"])
