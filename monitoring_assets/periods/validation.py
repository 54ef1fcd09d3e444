"""A validation unit's tests over a period of a version."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from monitoring_assets.periods.cohorts import BandCounts, Cohort, read_cohorts, together
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.profiles.bins import NumericBins, short_label
from monitoring_assets.statistics.validation.concentration import herfindahl
from monitoring_assets.statistics.validation.default_rates import (
    binomial,
    hosmer_lemeshow,
    jeffreys,
    spiegelhalter,
)
from monitoring_assets.statistics.validation.discrimination import auc_fall
from monitoring_assets.statistics.validation.outcome import TestOutcome
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
    """

    label: str
    counts: BandCounts
    jeffreys: TestOutcome
    binomial: TestOutcome


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
        In the order of scores.
    """

    key: str
    first: dt.date
    last: dt.date
    horizon: int | None
    cohort: Cohort
    portfolio: tuple[TestOutcome, ...]
    bands: tuple[BandTests, ...]


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
    cohort = together(read_cohorts(store, key, horizon, first, last).values())
    if cohort is None or not cohort.rows:
        after = "" if horizon is None else f" after {horizon} days"
        raise InputError(f"{key}: no day from {first} to {last} has mature outcomes{after}")
    bands = cohort.bands
    rows = [one.rows for one in bands]
    reference_rows, labels = _reference_bands(store, key, len(rows))
    portfolio = (
        jeffreys(cohort.rows, cohort.bads, cohort.expected),
        binomial(cohort.rows, cohort.bads, cohort.expected),
        hosmer_lemeshow(rows, [one.bads for one in bands], [one.expected for one in bands]),
        spiegelhalter(cohort.brier_excess),
        *auc_fall(cohort.auc, cohort.reference_auc),
        herfindahl(rows, reference_rows),
    )
    return Validation(
        key,
        first,
        last,
        horizon,
        cohort,
        portfolio,
        tuple(
            BandTests(
                label,
                one,
                jeffreys(one.rows, one.bads, one.expected),
                binomial(one.rows, one.bads, one.expected),
            )
            for label, one in zip(labels, bands, strict=True)
        ),
    )


def _reference_bands(store: Store, key: str, bands: int) -> tuple[list[int], list[str]]:
    """Rows of the reference by score band, which are the bins of its score; and their labels."""
    score = read_reference(store, key).columns[SCORE]
    if not isinstance(score.bins, NumericBins):
        raise InputError(f"{key}: the score of the reference has no bands: {score.error}")
    rows: list[int] = score.counts[: len(score.bins.edges) + 1].tolist()
    if len(rows) != bands:
        raise InputError(f"{key}: the reference was profiled again, with {len(rows)} score bands")
    slots = score.bins.slots[: len(rows)]
    return rows, [short_label(slot.label, slot.kind) for slot in slots]
