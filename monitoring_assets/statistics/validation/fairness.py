"""Fairness: how groups of applicants fare at the cut-offs, and how well the score does for each.

Measurements, each with its 95 % interval; none is a verdict. A group is compared with the reference
group of its column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from monitoring_assets.statistics.performance.calibration import observed_to_expected
from monitoring_assets.statistics.performance.discrimination import Placements
from monitoring_assets.statistics.performance.intervals import (
    Estimate,
    absent,
    ends,
    newcombe,
    normal,
    proportion,
)
from monitoring_assets.statistics.performance.score_groups import ScoreGroups

FOUR_FIFTHS = 0.8
"""Impact ratios below it are shown as such: the rule of thumb of 29 CFR 1607.4(D). Policy."""
BEYOND_CHANCE = 0.05
"""Below it a p-value of Fisher's test speaks against chance. Policy."""
POLICY = (
    f"under four fifths: an impact ratio below {FOUR_FIFTHS:g}; beyond chance: a p-value of "
    f"Fisher's exact test below {BEYOND_CHANCE:g}"
)
IS_REFERENCE = "the reference group"
UNKNOWN = "(not known)"
"""What people read where it is not known which group a row is of."""
COUNTS = ("rows", "rows with an outcome")
"""Measures that are counts."""


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """The rows of a group by cell of the score.

    Parameters
    ----------
    cells
        int64[K], rows in each cell.
    score, squares
        Sums of the scores and of their squares.
    predicted
        Sum of the predicted probabilities: of the scores, or by the scale of points.
    """

    cells: NDArray[np.int64]
    score: float
    squares: float
    predicted: float

    def __add__(self, other: GroupCounts) -> GroupCounts:
        """Add other rows, in the same cells."""
        return GroupCounts(
            self.cells + other.cells,
            self.score + other.score,
            self.squares + other.squares,
            self.predicted + other.predicted,
        )

    @property
    def total(self) -> int:
        """All rows."""
        return int(self.cells.sum())


@dataclass(frozen=True, eq=False)
class Known:
    """The rows of a group whose outcome is known."""

    goods: GroupCounts
    bads: GroupCounts

    def __add__(self, other: Known) -> Known:
        """Add other rows, in the same cells."""
        return Known(self.goods + other.goods, self.bads + other.bads)

    @property
    def total(self) -> int:
        """All rows."""
        return self.goods.total + self.bads.total


Groups = Mapping[str | None, GroupCounts]
"""By group; None for rows of which it is not known."""


@dataclass(frozen=True, eq=False)
class Scale:
    """How a score is read.

    Parameters
    ----------
    edges
        float64[K - 1], edges of the cells ``(low, high]``. Each cut-off is one, and so is the
        number just below it.
    cut_offs
        The lender's. A score at a cut-off, or riskier, is not approved.
    direction
        1 if a high score is risky, -1 if it is safe.
    probability
        Whether the score is a probability of bad, or declared to stand for one.
    """

    edges: NDArray[np.float64]
    cut_offs: Sequence[float]
    direction: int
    probability: bool

    def approved(self, rows: GroupCounts, cut_off: float) -> int:
        """Count the rows on the safe side of a cut-off."""
        at = int(np.searchsorted(self.edges, cut_off))
        return int((rows.cells[:at] if self.direction > 0 else rows.cells[at + 1 :]).sum())


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one group.

    Parameters
    ----------
    measure
        What it is.
    group
        None for rows of which it is not known.
    cut_off
        The cut-off that it is about, if any.
    found
        Value and interval; the reason if there is none.
    p_value
        Of Fisher's exact test that both groups have the same rate; None for other measures.
    reading
        What the policy says of it, in words; empty for none.
    """

    measure: str
    group: str | None
    cut_off: float | None
    found: Estimate
    p_value: float | None = None
    reading: str = ""


def ratio_of_proportions(hits: int, trials: int, base_hits: int, base_trials: int) -> Estimate:
    """Return the ratio of two shares, with an interval made of Wilson's of either.

    It is computable without hits, and closer to its level in small samples than that of the
    logarithm (Katz), which it approaches in large ones. The law is skew, so there is no standard
    error.

    Parameters
    ----------
    hits, trials
        How many of how many, in the group.
    base_hits, base_trials
        The same in the group that it is compared with.

    References
    ----------
    Newcombe (2016), MOVER-R confidence intervals for ratios and products of two independently
    estimated quantities, Statistical Methods in Medical Research 25(5).
    """
    if not (trials and base_hits):
        return absent("no rows" if not trials else "the reference group has none")
    one = proportion(hits, trials, "")
    other = proportion(base_hits, base_trials, "")
    p1, l1, u1 = ends(one)
    p2, l2, u2 = ends(other)
    # Each end is a root r of (p1 - r p2)^2 = (p1 - e1)^2 + r^2 (p2 - e2)^2, with an end e1 of the
    # one share and the opposite end e2 of the other.
    product = p1 * p2
    of_low = math.sqrt(max(product**2 - l1 * (2 * p1 - l1) * u2 * (2 * p2 - u2), 0.0))
    of_high = math.sqrt(max(product**2 - u1 * (2 * p1 - u1) * l2 * (2 * p2 - l2), 0.0))
    # In the form that does not divide by 0 where 2 p2 = u2.
    low = l1 * (2 * p1 - l1) / (product + of_low) if hits else 0.0
    return Estimate(p1 / p2, None, low, (product + of_high) / (l2 * (2 * p2 - l2)))


def difference_of_proportions(hits: int, trials: int, base_hits: int, base_trials: int) -> Estimate:
    """Return the difference of two shares, with Newcombe's interval of two of Wilson's.

    Parameters
    ----------
    hits, trials, base_hits, base_trials
        As in `ratio_of_proportions`.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, method 10.
    """
    if not (trials and base_trials):
        return absent("no rows" if not trials else "the reference group has none")
    shares = proportion(hits, trials, ""), proportion(base_hits, base_trials, "")
    value, low, high = newcombe(*shares)
    return Estimate(value, None, low, high)


def fisher(hits: int, trials: int, base_hits: int, base_trials: int) -> float:
    """Return the two-sided p-value of Fisher's exact test that two shares are the same.

    Parameters
    ----------
    hits, trials, base_hits, base_trials
        As in `ratio_of_proportions`.

    References
    ----------
    Fisher (1935), Journal of the Royal Statistical Society 98(1).
    """
    from scipy.stats import fisher_exact

    table = [[hits, trials - hits], [base_hits, base_trials - base_hits]]
    return float(fisher_exact(table).pvalue)


def standardised_mean_difference(group: GroupCounts, base: GroupCounts) -> Estimate:
    """Return the difference of the mean scores over their pooled standard deviation, Hedges' g.

    Parameters
    ----------
    group, base
        The group, and the one that it is compared with.

    Returns
    -------
    Estimate
        Cohen's d times the factor that makes it unbiased for normal scores; the interval is normal,
        with the variance ``1/n1 + 1/n2 + g^2 / (2 (n1 + n2))``.

    References
    ----------
    Hedges (1981), Journal of Educational Statistics 6(2). Hedges and Olkin (1985), Statistical
    Methods for Meta-Analysis, chapter 5.
    """
    n1, n2 = group.total, base.total
    if min(n1, n2) < 2:
        return absent("needs two rows of each group")
    spread = sum(max(one.squares - one.score**2 / one.total, 0.0) for one in (group, base))
    freedom = n1 + n2 - 2
    # What rounding leaves of equal scores is no spread.
    if spread <= 1e-12 * (group.squares + base.squares):
        return absent("all scores are the same in either group")
    distance = (group.score / n1 - base.score / n2) / math.sqrt(spread / freedom)
    unbiased = math.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    value = distance * unbiased
    return normal(value, math.sqrt(1 / n1 + 1 / n2 + value**2 / (2 * (n1 + n2))))


def reference_group(scale: Scale, scored: Groups, min_rows: int) -> str | None:
    """Choose whom the groups of a column are compared with.

    Parameters
    ----------
    scored
        All scored rows.
    min_rows
        A group with fewer is not chosen.

    Returns
    -------
    The group with the highest approval rate at the first cut-off, or the largest without cut-offs;
    None if no group has enough rows.
    """
    large = {name: one for name, one in scored.items() if name and one.total >= min_rows}

    def rank(name: str) -> tuple[float, int]:
        one = large[name]
        rates = [scale.approved(one, cut_off) / one.total for cut_off in scale.cut_offs[:1]]
        return (*rates, 0.0)[0], one.total

    return max(large, key=rank, default=None)


def assess(
    scale: Scale,
    scored: Groups,
    known: Mapping[str | None, Known],
    reference: str | None,
    min_rows: int,
) -> tuple[Figure, ...]:
    """Measure the groups of a column.

    Parameters
    ----------
    scored
        All scored rows.
    known
        The accepted whose outcome is known, of the same groups; empty if no outcome is known.
    reference
        The group that the others are compared with; None if there is none.
    min_rows
        A figure of fewer rows, of the group or of the reference group, has a reason and no value.

    Returns
    -------
    Figures in the order of measures and cut-offs, then of groups.
    """
    groups = _Groups(reference, min_rows)
    rows = {name: one.total for name, one in scored.items()}
    figures = [
        *groups.each("rows", rows, lambda name: Estimate(rows[name])),
        *groups.against(
            "standardised mean difference",
            rows,
            lambda name, base: standardised_mean_difference(scored[name], scored[base]),
        ),
    ]
    for cut_off in scale.cut_offs:
        shares = _shares(scale, cut_off, scored)
        figures += groups.each("approval rate", rows, _share_in(shares), cut_off)
        ratios = _compared(ratio_of_proportions, shares)
        figures += (
            _judged(one, shares, reference)
            for one in groups.against("adverse-impact ratio", rows, ratios, cut_off)
        )
    if not known:
        return tuple(figures)
    for cut_off in scale.cut_offs:
        shares = _shares(scale, cut_off, {name: one.goods for name, one in known.items()})
        goods = {name: one.goods.total for name, one in known.items()}
        figures += groups.each("approval rate of goods", goods, _share_in(shares), cut_off)
        differences = _compared(difference_of_proportions, shares)
        figures += groups.against("equal opportunity difference", goods, differences, cut_off)
    told = {name: one.total for name, one in known.items()}
    figures += groups.each("rows with an outcome", told, lambda name: Estimate(told[name]))
    bads = {name: (one.bads.total, one.total) for name, one in known.items()}
    figures += groups.each("bad rate", told, _share_in(bads))
    if scale.probability:
        figures += groups.each("observed to expected", told, lambda name: _calibrated(known[name]))
    figures += groups.each("AUC", told, lambda name: _auc(scale, known[name]))
    return tuple(figures)


_Shares = Mapping[str | None, tuple[int, int]]
"""How many of how many, by group."""


class _Groups:
    """Measures groups that are large enough, alone and against the reference group."""

    def __init__(self, reference: str | None, min_rows: int) -> None:
        self._reference, self._min_rows = reference, min_rows

    def each(
        self,
        measure: str,
        sizes: Mapping[str | None, int],
        compute: Callable[[str | None], Estimate],
        cut_off: float | None = None,
    ) -> list[Figure]:
        few = absent(f"fewer than {self._min_rows} rows")
        return [
            Figure(measure, name, cut_off, few if size < self._min_rows else compute(name))
            for name, size in sizes.items()
        ]

    def against(
        self,
        measure: str,
        sizes: Mapping[str | None, int],
        compute: Callable[[str | None, str | None], Estimate],
        cut_off: float | None = None,
    ) -> list[Figure]:
        base, least = self._reference, self._min_rows

        def compare(name: str | None) -> Estimate:
            if base is None:
                return absent("no group is large enough to be the reference group")
            if name == base:
                return absent(IS_REFERENCE)
            if base not in sizes:
                return absent("no row is of the reference group")
            if sizes[base] < least:
                return absent(f"the reference group has fewer than {least} rows")
            return compute(name, base)

        return self.each(measure, sizes, compare, cut_off)


def _shares(scale: Scale, cut_off: float, rows: Groups) -> _Shares:
    return {name: (scale.approved(one, cut_off), one.total) for name, one in rows.items()}


def _share_in(shares: _Shares) -> Callable[[str | None], Estimate]:
    return lambda name: proportion(*shares[name], "no rows")


def _compared(
    compare: Callable[[int, int, int, int], Estimate], shares: _Shares
) -> Callable[[str | None, str | None], Estimate]:
    return lambda name, base: compare(*shares[name], *shares[base])


def _judged(ratio: Figure, shares: _Shares, reference: str | None) -> Figure:
    """Add the test and the words of the policy to an impact ratio."""
    if ratio.found.value is None:
        return ratio
    p_value = fisher(*shares[ratio.group], *shares[reference])
    if ratio.found.value >= FOUR_FIFTHS:
        reading = ""
    else:
        beyond = "beyond chance" if p_value < BEYOND_CHANCE else "chance may explain it"
        reading = f"under four fifths, {beyond}"
    return replace(ratio, p_value=p_value, reading=reading)


def _calibrated(known: Known) -> Estimate:
    expected = known.goods.predicted + known.bads.predicted
    return observed_to_expected(known.total, known.bads.total, expected)


def _auc(scale: Scale, known: Known) -> Estimate:
    """By cells: rows of one count as ties."""
    placements = Placements(known.goods.total, known.bads.total)
    ends = np.append(scale.edges, np.inf)
    placements.add(ScoreGroups(ends, known.goods.cells, known.bads.cells))
    return placements.result(scale.direction).auc
