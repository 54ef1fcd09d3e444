"""Cohorts with known outcomes, and what they are together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitoring_assets.performance.history import PREDICTIONS, is_wanted, points_of
from monitoring_assets.statistics.performance.intervals import Estimate, absent, weighted_mean
from monitoring_assets.statistics.performance.prediction import (
    GENERALISED_AUC,
    PredictionBand,
    prediction_metrics,
    total,
)
from monitoring_assets.statistics.performance.report import (
    PerformanceKind,
    PerformanceReport,
    PerformanceStatus,
    ReportedMetric,
    prediction_band,
)
from resources.gathered import Gathered, Report
from resources.storage import StoredFile
from resources.store import Store

METRICS = ("auc", "brier_excess", GENERALISED_AUC)


NOT_KNOWN = Estimate(None)


@dataclass(frozen=True, slots=True)
class BandCounts:
    """The rows of ``low < score <= high`` whose outcome is known.

    Parameters
    ----------
    expected
        Mean predicted probability; None without rows, or for a score in points.
    """

    low: float
    high: float
    rows: int
    bads: int
    expected: float | None


@dataclass(frozen=True, slots=True)
class Cohort:
    """The scores of some days whose outcomes are known after a horizon.

    Parameters
    ----------
    days
        How many days.
    rows, bads
        With a known outcome.
    auc
        For several days the mean of theirs, weighted by pairs of a good and a bad: a pair is one
        of the same day, so that a bad rate that wanders does not count as discrimination.
    reference_auc
        That of development.
    brier_excess
        Of all rows, as in `ProperScores`; without a value if a day's is not known.
    bands
        In the order of scores.
    predictions
        Of scores that predict a number, in their order; of these neither bads nor bands are known.
    """

    days: int
    rows: int
    bads: int
    auc: Estimate
    reference_auc: Estimate
    brier_excess: Estimate
    bands: tuple[BandCounts, ...]
    predictions: tuple[PredictionBand, ...] = ()
    reference_generalised_auc: Estimate = NOT_KNOWN

    @property
    def is_binary(self) -> bool:
        """Whether outcomes are goods and bads."""
        return not self.predictions

    @property
    def bad_rate(self) -> float | None:
        """Share of bads; None without rows, and where outcomes are numbers."""
        return self.bads / self.rows if self.rows and self.is_binary else None

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """Those of predictions of a number; empty of goods and bads."""
        return prediction_metrics(self.predictions) if self.predictions else {}

    @property
    def expected(self) -> float | None:
        """Mean predicted probability, or number, of the rows; None for points without a scale."""
        if self.predictions:
            return total(self.predictions).expected
        return _expected(self.bands)


def read_cohorts(
    store: Store, key: str, horizon: int | None, first: dt.date, last: dt.date
) -> dict[dt.date, Cohort]:
    """The mature cohorts of some days, after one horizon."""
    return cohorts_of(store, key, horizon, store.days("performance_report", key, first, last))


def cohorts_of(
    store: Store, key: str, horizon: int | None, files: Mapping[dt.date, StoredFile]
) -> dict[dt.date, Cohort]:
    """The mature cohorts of some performance reports, as `Store.days` lists them."""
    return {
        day: found[horizon]
        for day, found in COHORTS.read(store, key, files).items()
        if horizon in found
    }


def together(cohorts: Iterable[Cohort]) -> Cohort | None:
    """Add up cohorts; None if there are none.

    Cohorts that were counted in other bands than the last are left out, as a version that is
    profiled again has other ones; so are those of outcomes of the other kind, which a revision of
    the manifest may change.
    """
    all_cohorts = list(cohorts)
    if not all_cohorts:
        return None
    edges = _edges(all_cohorts[-1])
    is_binary = all_cohorts[-1].is_binary
    alike = [one for one in all_cohorts if one.is_binary == is_binary and _edges(one) == edges]
    bands = tuple(map(_one_band, zip(*(one.bands for one in alike), strict=True)))
    return Cohort(
        sum(one.days for one in alike),
        sum(one.rows for one in alike),
        sum(one.bads for one in alike),
        _mean_auc(alike),
        alike[-1].reference_auc,
        _mean_excess(alike),
        bands,
        tuple(
            sum(others, start=first)
            for first, *others in zip(*(one.predictions for one in alike), strict=True)
        ),
        alike[-1].reference_generalised_auc,
    )


def _edges(cohort: Cohort) -> list[tuple[float, float]]:
    bands: Sequence[BandCounts | PredictionBand] = cohort.bands or cohort.predictions
    return [(one.low, one.high) for one in bands]


def _expected(parts: Iterable[BandCounts]) -> float | None:
    """Mean predicted probability of the rows of bands; None if that of one is not known."""
    known = [(one.rows, one.expected) for one in parts if one.rows]
    rows = sum(n for n, _ in known)
    sums = [n * expected for n, expected in known if expected is not None]
    return sum(sums) / rows if rows and len(sums) == len(known) else None


def _one_band(parts: Sequence[BandCounts]) -> BandCounts:
    rows, bads = sum(one.rows for one in parts), sum(one.bads for one in parts)
    return BandCounts(parts[0].low, parts[0].high, rows, bads, _expected(parts))


def _mean_auc(cohorts: Sequence[Cohort]) -> Estimate:
    parts = ((one.bads * (one.rows - one.bads), one.auc) for one in cohorts)
    return weighted_mean(parts, "no day has an AUC with a standard error", 0.0, 1.0)


def _mean_excess(cohorts: Sequence[Cohort]) -> Estimate:
    """The mean of all rows: by chance independent from day to day, given the scores."""
    used = [one for one in cohorts if one.rows]
    reasons = [one.brier_excess.reason for one in used if one.brier_excess.reason]
    nothing = (*reasons, "a day was measured by a release that did not keep it")[0]
    if any(one.brier_excess.value is None for one in used):
        return absent(nothing)
    return weighted_mean(((one.rows, one.brier_excess) for one in used), nothing, -1.0, 1.0)


def _cohorts(_: dt.date, report: Report) -> dict[int | None, Cohort]:
    table = report[0]
    found = PerformanceReport.from_table(points_of(table), METRICS).cohorts
    nothing = [None] * len(table)
    has_them = PREDICTIONS in table.column_names
    predictions = table[PREDICTIONS].to_pylist() if has_them else nothing
    return {
        cohort.horizon: Cohort(
            1,
            cohort.found.known or 0,
            cohort.found.bads or 0,
            _estimate(auc),
            _reference(auc),
            _estimate(cohort.found.metric("brier_excess")),
            tuple(BandCounts(**band) for band in bands or ()),
            tuple(map(prediction_band, predicted or ())),
            _reference(cohort.found.metric(GENERALISED_AUC)),
        )
        for cohort, bands, predicted in zip(
            found, table["bands"].to_pylist(), predictions, strict=True
        )
        if cohort.kind == PerformanceKind.REALISED
        and cohort.found.status == PerformanceStatus.MATURE
        for auc in [cohort.found.metric("auc")]
    }


def _reference(metric: ReportedMetric | None) -> Estimate:
    if metric is None:
        return NOT_KNOWN
    return Estimate(metric.reference, metric.reference_standard_error)


def _estimate(metric: ReportedMetric | None) -> Estimate:
    return NOT_KNOWN if metric is None else Estimate(metric.value, metric.standard_error)


COHORTS = Gathered("performance_report", _cohorts, is_wanted)
"""Performance reports as periods read them: the same columns that charts take."""
