"""A validation unit's tests over a period of a version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from monitoring_assets.alerting.acceptance import COUNTED, decisions_of
from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.cohorts import BandCounts, Cohort, read_cohorts, together
from monitoring_assets.reference.decisions import read_reference_decisions
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.decisions.counts import together as together_decided
from monitoring_assets.statistics.performance.prediction import (
    GENERALISED_AUC,
    PredictionBand,
    total,
)
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.validation.concentration import (
    BY_EXPOSURE,
    Concentration,
    concentration,
    herfindahl,
)
from monitoring_assets.statistics.validation.default_rates import (
    binomial,
    hosmer_lemeshow,
    jeffreys,
    spiegelhalter,
)
from monitoring_assets.statistics.validation.discrimination import auc_fall
from monitoring_assets.statistics.validation.grades import heterogeneity, homogeneity
from monitoring_assets.statistics.validation.outcome import TestOutcome
from monitoring_assets.statistics.validation.predictions import (
    generalised_auc_fall,
    mean_error_test,
)
from resources.errors import InputError
from resources.scorers.base import SCORE
from resources.store import Store


@dataclass(frozen=True, slots=True)
class BandTests:
    """A score band, or a grade of the lender's, and its tests.

    Parameters
    ----------
    label
        The bin of the score, for people.
    heterogeneity
        Against the band before it; None of the first.
    homogeneity
        Over the calendar months of the period.
    """

    label: str
    counts: BandCounts
    jeffreys: TestOutcome
    binomial: TestOutcome
    heterogeneity: TestOutcome | None
    homogeneity: TestOutcome

    @property
    def tests(self) -> tuple[TestOutcome, ...]:
        """All of them."""
        above = () if self.heterogeneity is None else (self.heterogeneity,)
        return (self.jeffreys, self.binomial, *above, self.homogeneity)


@dataclass(frozen=True, slots=True)
class PredictionTests:
    """A band of scores that predict a number, and its test."""

    label: str
    counts: PredictionBand
    mean_error: TestOutcome

    @property
    def tests(self) -> tuple[TestOutcome, ...]:
        """The only one."""
        return (self.mean_error,)


@dataclass(frozen=True, slots=True)
class BandConcentration:
    """How unevenly rows, or approved amounts, lie in the bands; None where nothing is known."""

    by: str
    now: Concentration | None
    development: Concentration | None


@dataclass(frozen=True, slots=True)
class Validation:
    """The tests of a version over a period.

    Parameters
    ----------
    cohort
        The mature cohorts of the period together.
    portfolio
        Tests of all rows.
    bands
        In the order of scores; empty where the scores predict a number.
    predictions
        The same of such scores.
    concentrations
        How uneven the bands are, by number and by exposure.
    """

    key: str
    first: dt.date
    last: dt.date
    horizon: int | None
    cohort: Cohort
    portfolio: tuple[TestOutcome, ...]
    bands: tuple[BandTests, ...]
    predictions: tuple[PredictionTests, ...] = ()
    concentrations: tuple[BandConcentration, ...] = ()


def validation(
    store: Store, key: str, first: dt.date, last: dt.date, horizon: int | None
) -> Validation:
    """Test what is stored of a version's cohorts from one day to another.

    Parameters
    ----------
    horizon
        Days after which outcomes count.

    Raises
    ------
    InputError
        No cohort of the period is mature.
    """
    cohorts = read_cohorts(store, key, horizon, first, last)
    cohort = together(cohorts.values())
    if cohort is None or not cohort.rows:
        after = "" if horizon is None else f" after {horizon} days"
        raise InputError(f"{key}: no day from {first} to {last} has mature outcomes{after}")
    bands = cohort.bands
    predictions = cohort.predictions
    rows = [one.rows for one in bands] or [one.rows for one in predictions]
    reference_rows, labels = _reference_bands(store, key, len(rows))
    exposures = list(_exposures(store, key, first, last, len(rows)))
    concentrated = (herfindahl(rows, reference_rows), *(one.test() for one in exposures))
    measured = (
        BandConcentration("number", concentration(rows), concentration(reference_rows)),
        *(
            BandConcentration("exposure", concentration(one.now), concentration(one.development))
            for one in exposures
        ),
    )
    tested = partial(Validation, key, first, last, horizon, cohort, concentrations=measured)
    if predictions:
        return tested(
            (
                mean_error_test(total(predictions)),
                *generalised_auc_fall(
                    cohort.metrics[GENERALISED_AUC], cohort.reference_generalised_auc
                ),
                *concentrated,
            ),
            (),
            tuple(
                PredictionTests(label, one, mean_error_test(one))
                for label, one in zip(labels, predictions, strict=True)
            ),
        )
    months = [
        found
        for month in periods(first, last, "month")
        if (found := together(one for day, one in cohorts.items() if day in month))
        and len(found.bands) == len(bands)
    ]
    portfolio = (
        jeffreys(cohort.rows, cohort.bads, cohort.expected),
        binomial(cohort.rows, cohort.bads, cohort.expected),
        hosmer_lemeshow(rows, [one.bads for one in bands], [one.expected for one in bands]),
        spiegelhalter(cohort.brier_excess),
        *auc_fall(cohort.auc, cohort.reference_auc),
        *concentrated,
    )
    return tested(
        portfolio,
        tuple(
            BandTests(
                label,
                one,
                jeffreys(one.rows, one.bads, one.expected),
                binomial(one.rows, one.bads, one.expected),
                heterogeneity(one.rows, one.bads, one.expected, _counts(bands[at - 1]))
                if at
                else None,
                homogeneity(
                    [month.bands[at].rows for month in months],
                    [month.bands[at].bads for month in months],
                ),
            )
            for at, (label, one) in enumerate(zip(labels, bands, strict=True))
        ),
    )


@dataclass(frozen=True, slots=True)
class _Exposures:
    """Approved amounts by band; empty, with a reason, where they are not known."""

    now: list[float]
    development: list[float]
    reason: str | None

    def test(self) -> TestOutcome:
        if self.reason is not None:
            return replace(BY_EXPOSURE, reason=self.reason)
        return herfindahl(self.now, self.development, BY_EXPOSURE)


def _exposures(
    store: Store, key: str, first: dt.date, last: dt.date, bands: int
) -> Iterator[_Exposures]:
    """The exposures of a period, if the manifest declares an amount."""
    manifest = store.landed(key).manifest
    if manifest.decisions is None or manifest.decisions.amount is None:
        return
    counted = decisions_of(
        manifest, COUNTED.read(store, key, store.days("decisions", key, first, last))
    )
    sides = together_decided(counted.values()), read_reference_decisions(store, manifest)
    amounts = [one.amount_by_band("approved_amount") if one else None for one in sides]
    now, before = ([] if one is None else one.tolist() for one in amounts)
    reason = None
    if len(now) != bands:
        reason = f"no approved amounts of {first} to {last} are counted in these bands"
    elif len(before) != bands:
        column = manifest.decisions.amount
        reason = f"the reference has no approved amounts: column {column!r} (decisions.amount)"
    yield _Exposures(now, before, reason)


def _counts(band: BandCounts) -> tuple[int, int, float | None]:
    return band.rows, band.bads, band.expected


def _reference_bands(store: Store, key: str, bands: int) -> tuple[list[int], list[str]]:
    """Rows of the reference by score band, which are the bins of its score; and their labels."""
    score = read_reference(store, key).columns[SCORE]
    if not isinstance(score.bins, NumericBins):
        raise InputError(f"{key}: the score of the reference has no bands: {score.error}")
    rows: list[int] = score.counts[: len(score.bins.edges) + 1].tolist()
    if len(rows) != bands:
        raise InputError(f"{key}: the reference was profiled again, with {len(rows)} score bands")
    return rows, score.bins.interval_names
