"""New categories: what the reference does not have, in more rows than chance explains.

In a long tail every day brings values that the reference does not have, of a row or two each. They
share a bin, in which a new one of 5 % of the rows is lost. The heaviest are therefore tallied by
name while a day is counted, and those beyond chance are moved to a bin of their own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

LEVEL = 1e-3
"""Most probability that a column has any new category in a day without drift."""
KEPT = 100
"""Names that are tallied at a time: one with 1 % of the rows of each part is among them."""

Tally = Mapping[str, NDArray[np.float64]]
"""By name float64[3]: rows, the sum of their scores, and how many of them have one."""


def heaviest(tallies: Iterable[Tally]) -> Tally:
    """Add tallies of several parts of a column, and keep the ``KEPT`` names with the most rows.

    A name that is let go and comes again has lost its rows until then: what is kept is exact for
    fewer names, and else never more than there is.

    Parameters
    ----------
    tallies
        One for each part.
    """
    together: dict[str, NDArray[np.float64]] = {}
    for tally in tallies:
        for name, sums in tally.items():
            together[name] = together[name] + sums if name in together else sums
    if len(together) <= KEPT:
        return together
    ranked = sorted(together, key=lambda name: (-together[name][0], name))
    return {name: together[name] for name in ranked[:KEPT]}


@lru_cache(4096)
def least_rows(reference_rows: int, rows: int, level: float = LEVEL) -> int:
    """Return the rows from which on chance does not explain a category without reference rows.

    Parameters
    ----------
    reference_rows, rows
        Rows n of the reference and m of the day that have a category, both positive.
    level
        Most probability that any category has as many, if both are drawn from one population.

    Returns
    -------
    int
        At most ``m + 1``, which says that no number of rows is enough.

    Notes
    -----
    Without drift each choice of m of the n + m rows is as likely to be the day. A category of t of
    them lies in the day alone with probability ``h(t) = C(n + m - t, n) / C(n + m, n)``, Fisher's
    exact test. ``h`` falls with t, and at most ``(n + m) / k`` categories have k rows or more, so
    one of these lies in the day alone with a probability of at most ``(n + m) / k * h(k)``
    (Bonferroni), whatever the population.

    Examples
    --------
    >>> least_rows(1_000, 1_000), least_rows(10_000, 1_000), least_rows(100_000, 1_000)
    (17, 7, 4)
    """
    both = reference_rows + rows

    def is_beyond(k: int) -> bool:
        chance = lgamma(rows + 1) - lgamma(rows - k + 1) + lgamma(both - k + 1) - lgamma(both + 1)
        return log(both / k) + chance <= log(level)

    return bisect_left(range(1, rows + 1), True, key=is_beyond) + 1
