"""The performance report of a day: what is stored of each estimate and of each horizon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

import pyarrow as pa

from monitoring_assets.statistics.performance.comparison import Difference, difference
from monitoring_assets.statistics.performance.concept_drift import Shift
from monitoring_assets.statistics.performance.estimation import EstimatedMetric
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.prediction import PredictionBand
from monitoring_assets.statistics.performance.realised import Realised


class PerformanceKind(StrEnum):
    """How a figure is known. ``GAP`` is realised less estimated, of the same rows."""

    ESTIMATED = "estimated"
    REALISED = "realised"
    GAP = "gap"


class PerformanceStatus(StrEnum):
    """What became of an estimate, of a horizon, or of a segment of it."""

    ESTIMATED = "estimated"
    MATURE = "mature"
    IMMATURE = "immature"
    NO_OUTCOMES = "no outcomes yet"
    NOT_COMPUTED = "not computed"
    TOO_SMALL = "too small"
    NOT_DEFINED = "not defined"


MEASURED = frozenset({PerformanceStatus.ESTIMATED, PerformanceStatus.MATURE})
"""Statuses of what can be judged."""

_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
_METRIC = pa.struct(
    [
        ("metric", _TEXT),
        *[(name, _NUMBER) for name in ("value", "standard_error", "low", "high")],
        ("reason", _TEXT),
        *[(name, _NUMBER) for name in ("reference", "reference_standard_error")],
        ("standard_error_unchanged", _NUMBER),
        *[(name, _NUMBER) for name in ("difference", "difference_p")],
        *[(name, _NUMBER) for name in ("estimated", "gap", "gap_standard_error", "gap_p")],
    ]
)
_BAND = pa.struct(
    [
        *[(name, _NUMBER) for name in ("low", "high")],
        *[(name, _COUNT) for name in ("rows", "bads")],
        *[(name, _NUMBER) for name in ("expected", "bad_rate", "bad_rate_low", "bad_rate_high")],
        ("reference_bad_rate", _NUMBER),
        ("breaks_rank_order", pa.bool_()),
    ]
)
_PREDICTION = pa.struct(
    [
        *[(name, _NUMBER) for name in ("low", "high")],
        ("rows", _COUNT),
        *[(name, _NUMBER) for name in ("predicted", "realised")],
        *[(name, _NUMBER) for name in ("absolute_errors", "squared_errors", "squares")],
        ("realised_in", pa.list_(_COUNT)),
    ]
)
_COUNTS = [
    *[(name, _COUNT) for name in ("scored", "accepted", "known", "bads")],
    *[(name, _COUNT) for name in ("duplicates", "contradicting", "unmatched", "repeated")],
    ("out_of_range", _COUNT),
]
_FINDINGS = [
    *[(name, _TEXT) for name in ("calibration", "shift", "shift_reason")],
    ("metrics", pa.list_(_METRIC)),
]
_SEGMENT = pa.struct(
    [
        *[(name, _TEXT) for name in ("segment_column", "segment", "status", "reason")],
        ("reference_rows", _COUNT),
        *_COUNTS,
        ("mean_score_accepted", _NUMBER),
        *_FINDINGS,
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMetric:
    """A metric beside the reference's and the estimated one. What is not known is None.

    Parameters
    ----------
    metric
        Its name in `realised_metrics`.
    value, standard_error, low, high, reason
        As in `Estimate`.
    reference, reference_standard_error
        The reference's.
    standard_error_unchanged
        That of a cohort of this size if nothing has changed since the reference.
    difference, difference_p
        Value less the reference's, and its two-sided p-value.
    estimated
        What was estimated for the same rows.
    gap, gap_standard_error, gap_p
        Value less that, its error, and its two-sided p-value.
    """

    metric: str
    value: float | None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    reference: float | None = None
    reference_standard_error: float | None = None
    standard_error_unchanged: float | None = None
    difference: float | None = None
    difference_p: float | None = None
    estimated: float | None = None
    gap: float | None = None
    gap_standard_error: float | None = None
    gap_p: float | None = None

    @classmethod
    def build(
        cls,
        metric: str,
        found: Estimate,
        reference: Estimate | None = None,
        unchanged: float | None = None,
        estimated: EstimatedMetric | None = None,
        gap: Difference | None = None,
    ) -> ReportedMetric:
        """Put what was found beside what it is compared with.

        Parameters
        ----------
        metric
            Its name.
        found
            Of the rows.
        reference
            Of the reference.
        unchanged
            Standard error if nothing has changed.
        estimated, gap
            Of the same rows.
        """
        before, apart = reference or Estimate(None), gap or Difference()
        change = Difference() if before.value is None else difference(found, before)
        return cls(
            metric=metric,
            **asdict(found),
            reference=before.value,
            reference_standard_error=before.standard_error,
            standard_error_unchanged=unchanged,
            difference=change.value,
            difference_p=change.p_value,
            estimated=estimated.value if estimated else None,
            gap=apart.value,
            gap_standard_error=apart.standard_error,
            gap_p=apart.p_value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedBand:
    """The rows of ``low < score <= high``.

    Parameters
    ----------
    low, high, rows, bads, expected
        As in `Band`.
    bad_rate, bad_rate_low, bad_rate_high
        Observed, with its interval.
    reference_bad_rate
        The reference's.
    breaks_rank_order
        Whether it has fewer bads than the neighbour that should be safer, beyond chance.
    """

    low: float
    high: float
    rows: int
    bads: int
    expected: float | None
    bad_rate: float | None
    bad_rate_low: float | None
    bad_rate_high: float | None
    reference_bad_rate: float | None
    breaks_rank_order: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What is known of some rows. What is not known is None, or empty.

    Parameters
    ----------
    status, reason
        Whether they are measured, and why not.
    scored, accepted, known, bads
        Rows that have a score; of them, that were accepted; of them, whose outcome is known; of
        them, that are bad; None where an outcome is a number.
    duplicates, contradicting, unmatched, repeated, out_of_range
        As in `CohortCounts`.
    mean_score_accepted
        Of the accepted.
    calibration
        What a score stands for, in words.
    shift, shift_reason
        What has shifted, and why it is said to.
    metrics
        Those of `realised_metrics`, of `estimated_metrics` or of `prediction_metrics`.
    bands
        By score; not kept of segments.
    predictions
        By score where an outcome is a number; not kept of segments.
    """

    status: PerformanceStatus
    reason: str | None = None
    scored: int | None = None
    accepted: int | None = None
    known: int | None = None
    bads: int | None = None
    duplicates: int | None = None
    contradicting: int | None = None
    unmatched: int | None = None
    repeated: int | None = None
    out_of_range: int | None = None
    mean_score_accepted: float | None = None
    calibration: str | None = None
    shift: Shift | None = None
    shift_reason: str | None = None
    metrics: tuple[ReportedMetric, ...] = ()
    bands: tuple[ReportedBand, ...] = ()
    predictions: tuple[PredictionBand, ...] = ()

    def metric(self, name: str) -> ReportedMetric | None:
        """The metric of this name."""
        return next((one for one in self.metrics if one.metric == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPerformance:
    """The rows of a segment.

    Parameters
    ----------
    column, value
        Of the segment; without a value where the column has none: the reason is about all of it.
    reference_rows
        Rows of the reference.
    found
        Of the segment.
    """

    column: str
    value: str | None
    reference_rows: int | None = None
    found: Performance


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPerformance:
    """All rows of a day, estimated or realised after one horizon.

    Parameters
    ----------
    kind
        ``ESTIMATED`` or ``REALISED``.
    horizon
        Days after which an outcome counts; None where the manifest does not say.
    due
        When it does.
    population
        Which rows these are, in words.
    outside_reference
        Share of rows with a score that the reference does not have.
    mean_score
        Of all rows of the day.
    unmatched_keys
        What keys look like, masked, in the outcome files and the scores, where some are unmatched.
    psi_accepted
        Index of the accepted against all rows of the day.
    found
        Of all rows.
    segments
        Of their segments; within, so that no sum over rows counts them twice.
    """

    kind: PerformanceKind
    horizon: int | None = None
    due: dt.date | None = None
    population: str | None = None
    outside_reference: float | None = None
    mean_score: float | None = None
    psi_accepted: float | None = None
    unmatched_keys: str | None = None
    found: Performance
    segments: tuple[SegmentPerformance, ...] = ()

    @property
    def title(self) -> str:
        """``realised after 30 days``, say."""
        return self.kind + (f" after {self.horizon} days" if self.horizon else "")

    @property
    def unmatched_share(self) -> float | None:
        """Share of the keys in the outcome files that match no score; None if none were read."""
        unmatched, accepted = self.found.unmatched, self.found.accepted
        if unmatched is None or accepted is None:
            return None
        return unmatched / max(accepted + unmatched, 1)

    @property
    def unmatched_text(self) -> str:
        """How many keys match no score, and what keys look like on both sides."""
        unmatched, accepted = self.found.unmatched or 0, self.found.accepted or 0
        text = f"{unmatched:,} of {accepted + unmatched:,} outcome keys match no score of the day"
        return f"{text}; {self.unmatched_keys}" if self.unmatched_keys else text


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """How well the scores of a day predict its outcomes.

    Parameters
    ----------
    cohorts
        Estimates first, then each horizon.
    are_numbers
        Whether outcomes are numbers. Only then has its table the column ``predictions``: the
        others stay alike from release to release, so that they are gathered together.
    """

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("kind", _TEXT),
            ("horizon", pa.int32()),
            ("due", pa.date32()),
            *[(name, _TEXT) for name in ("status", "reason", "population")],
            *_COUNTS,
            ("outside_reference", _NUMBER),
            *[(name, _NUMBER) for name in ("mean_score", "mean_score_accepted", "psi_accepted")],
            ("unmatched_keys", _TEXT),
            *_FINDINGS,
            ("bands", pa.list_(_BAND)),
            ("segments", pa.list_(_SEGMENT)),
            ("predictions", pa.list_(_PREDICTION)),
        ]
    )

    cohorts: tuple[CohortPerformance, ...]
    are_numbers: bool = False

    @classmethod
    def from_table(
        cls, table: pa.Table, metrics: Collection[str] | None = None
    ) -> PerformanceReport:
        """Read a table of `SCHEMA`, or of some of its columns: what it lacks is not known.

        Parameters
        ----------
        table
            At least ``kind``, ``status`` and what is nested in ``metrics.metric``.
        metrics
            Names of those to read; all if not given.
        """
        return cls(
            tuple(
                CohortPerformance(
                    kind=PerformanceKind(row["kind"]),
                    **{name: row.get(name) for name in _OF_COHORT},
                    found=_performance(row, metrics),
                    segments=tuple(
                        SegmentPerformance(
                            column=one["segment_column"],
                            value=one["segment"],
                            reference_rows=one.get("reference_rows"),
                            found=_performance(one, metrics),
                        )
                        for one in row.get("segments", ())
                    ),
                )
                for row in table.to_pylist()
            ),
            "predictions" in table.column_names,
        )

    def to_table(self) -> pa.Table:
        """One row a cohort, of `SCHEMA`."""
        rows = [
            {
                "kind": cohort.kind,
                **{name: getattr(cohort, name) for name in _OF_COHORT},
                **asdict(cohort.found),
                "segments": [
                    {
                        "segment_column": one.column,
                        "segment": one.value,
                        "reference_rows": one.reference_rows,
                        **asdict(one.found),
                    }
                    for one in cohort.segments
                ],
            }
            for cohort in self.cohorts
        ]
        table = pa.Table.from_pylist(rows, self.SCHEMA)
        return table if self.are_numbers else table.drop_columns("predictions")


def reported_bands(
    found: Realised, reference: Sequence[float | None] | None
) -> tuple[ReportedBand, ...]:
    """Put the bands of a cohort beside the reference's.

    Parameters
    ----------
    found
        Of the cohort.
    reference
        Bad rate of each band; None if the reference has no outcomes.
    """
    broken = {one.riskier for one in found.rank_order_breaks if one.significant}
    return tuple(
        ReportedBand(
            low=band.low,
            high=band.high,
            rows=band.rows,
            bads=band.bads,
            expected=band.expected,
            bad_rate=band.bad_rate.value,
            bad_rate_low=band.bad_rate.low,
            bad_rate_high=band.bad_rate.high,
            reference_bad_rate=reference[number] if reference else None,
            breaks_rank_order=number in broken,
        )
        for number, band in enumerate(found.bands)
    )


def prediction_band(row: Mapping[str, Any]) -> PredictionBand:
    """Read a band of predictions as a report has it."""
    return PredictionBand(**{**row, "realised_in": tuple(row["realised_in"])})


_OF_COHORT = (
    *("horizon", "due", "population", "outside_reference"),
    *("mean_score", "psi_accepted", "unmatched_keys"),
)
_OF_ROWS = frozenset(field.name for field in fields(Performance))


def _performance(row: Mapping[str, Any], metrics: Collection[str] | None) -> Performance:
    shift = row.get("shift")
    known = {name: row[name] for name in row.keys() & _OF_ROWS} | {
        "status": PerformanceStatus(row["status"]),
        "shift": None if shift is None else Shift(shift),
        "metrics": tuple(
            ReportedMetric(**one)
            for one in row["metrics"]
            if metrics is None or one["metric"] in metrics
        ),
        "bands": tuple(ReportedBand(**one) for one in row.get("bands", ())),
        "predictions": tuple(map(prediction_band, row.get("predictions") or ())),
    }
    return Performance(**known)
