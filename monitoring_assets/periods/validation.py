"""A validation unit's tests over a period of a version."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from monitoring_assets.periods.cohorts import BandCounts, Cohort, read_cohorts, together
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.validation.concentration import herfindahl
from monitoring_assets.statistics.validation.default_rates import (
    binomial,
    hosmer_lemeshow,
    jeffreys,
)
from monitoring_assets.statistics.validation.discrimination import auc_fall
from monitoring_assets.statistics.validation.outcome import TestOutcome
from resources.errors import InputError
from resources.scorers.base import SCORE
from resources.store import Store


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
        Each score band with its tests: Jeffreys', and the exact binomial.
    """

    key: str
    first: dt.date
    last: dt.date
    horizon: int | None
    cohort: Cohort
    portfolio: tuple[TestOutcome, ...]
    bands: tuple[tuple[BandCounts, tuple[TestOutcome, TestOutcome]], ...]


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
    portfolio = (
        jeffreys(cohort.rows, cohort.bads, cohort.expected),
        binomial(cohort.rows, cohort.bads, cohort.expected),
        hosmer_lemeshow(rows, [one.bads for one in bands], [one.expected for one in bands]),
        *auc_fall(cohort.auc, cohort.reference_auc),
        herfindahl(rows, _reference_rows(store, key, len(rows))),
    )
    return Validation(
        key,
        first,
        last,
        horizon,
        cohort,
        portfolio,
        tuple(
            (
                one,
                (
                    jeffreys(one.rows, one.bads, one.expected),
                    binomial(one.rows, one.bads, one.expected),
                ),
            )
            for one in bands
        ),
    )


def _reference_rows(store: Store, key: str, bands: int) -> list[int]:
    """Rows of the reference by score band: the bins of its score."""
    score = read_reference(store, key).columns[SCORE]
    if not isinstance(score.bins, NumericBins):
        raise InputError(f"{key}: the score of the reference has no bands: {score.error}")
    rows: list[int] = score.counts[: len(score.bins.edges) + 1].tolist()
    if len(rows) != bands:
        raise InputError(f"{key}: the reference was profiled again, with {len(rows)} score bands")
    return rows
