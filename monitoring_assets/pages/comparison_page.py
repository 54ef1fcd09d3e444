"""The page of champion and challenger: ``monitoring compare --html``."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring_assets.pages.chart import Chart, Values
from monitoring_assets.pages.render import render
from monitoring_assets.periods.calendar import Unit, periods
from monitoring_assets.periods.champion_challenger import ComparedVersion, Comparison, in_words
from monitoring_assets.statistics.validation.outcome import AMBER_UNDER
from monitoring_assets.statistics.validation.paired_auc import AucComparison

DAYS = 92
"""A longer range is drawn by month."""
WIDTH, HEIGHT = 720, 140
HALF = 320
CELL = 22
"""Width of a cell of the grid of scores, in units of the drawing."""
MARGIN = 0.1
"""Of a chart's range, above and below what it shows."""


@dataclass(frozen=True)
class CalibrationChart:
    """Bad rates by tenth of one version's score, beside the expected ones."""

    version: ComparedVersion
    area: Chart

    @property
    def observed(self) -> Values:
        """Realised bad rates."""
        return [band.bad_rate.value for band in self.version.bands]

    @property
    def expected(self) -> Values:
        """Mean probabilities."""
        return [band.expected for band in self.version.bands]

    @property
    def ends(self) -> tuple[Values, Values]:
        """Lower and upper ends of the bad rates' intervals."""
        rates = [band.bad_rate for band in self.version.bands]
        return [one.low for one in rates], [one.high for one in rates]


def comparison_page(found: Comparison) -> str:
    """Return the comparison of two versions as one file of HTML."""
    by: Unit = "day" if (found.last - found.first).days < DAYS else "month"
    aucs = [
        (one.name, auc)
        for one in periods(found.first, found.last, by)
        for auc in [found.between(one.first, one.last)]
        if auc.days
    ]
    compared = [auc for _, auc in aucs]
    versions = (found.champion, found.challenger)
    rates = [
        rate
        for version in versions
        for band in version.bands
        for rate in (band.expected, band.bad_rate.high)
        if rate is not None
    ]
    areas = [Chart(HALF, HEIGHT, len(one.bands), 0.0, max(rates, default=1.0)) for one in versions]
    return render(
        "comparison.html.j2",
        found=found,
        by=by,
        verdict=_verdict(found),
        sentences=list(in_words(found)),
        aucs=aucs,
        auc_chart=_around(
            len(aucs), [v for one in compared for v in (one.first.value, one.second.value)]
        ),
        apart_chart=_around(
            len(aucs),
            [0.0, *(v for one in compared for v in (one.difference.low, one.difference.high))],
        ),
        calibration=list(map(CalibrationChart, versions, areas)),
        cell=CELL,
        most=max(map(max, found.grid)),
    )


def _around(count: int, values: Values) -> Chart:
    """A chart of periods that leaves a margin around some values."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    margin = MARGIN * (high - low) or MARGIN
    return Chart(WIDTH, HEIGHT, max(count, 1), low - margin, high + margin)


def _verdict(found: Comparison) -> str:
    auc: AucComparison = found.auc
    one, other = found.champion.key, found.challenger.key
    if auc.difference.value is None:
        return f"Whether {other} ranks better than {one} is not known: {auc.difference.reason}."
    if auc.p_value is None or auc.p_value >= AMBER_UNDER:
        return f"{other} and {one} do not differ in AUC beyond chance."
    how = "better" if auc.difference.value > 0 else "worse"
    return (
        f"{other} ranks {how} than {one}: its AUC differs by {auc.difference.value:+.4f}, "
        f"{auc.difference.low:+.4f} to {auc.difference.high:+.4f}."
    )
