"""What has become of the applicants since a change of performance: how many, and for whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitoring_assets.performance.control_charts import known_on
from monitoring_assets.performance.history import PerformancePoint
from monitoring_assets.periods.cohorts import Cohort, read_cohorts, together
from monitoring_assets.statistics.drift.segments import Segment
from monitoring_assets.statistics.performance.intervals import Estimate, weighted_mean
from monitoring_assets.statistics.performance.report import PerformanceKind
from resources.faults import RecordedFault
from resources.store import Store


@dataclass(frozen=True, slots=True)
class SegmentSinceChange:
    """The applicants of a segment.

    Parameters
    ----------
    auc
        Mean of the days, weighted by pairs of a good and a bad, with its 95 % interval.
    reference
        AUC of the segment in the reference; None if it has none.
    """

    segment: Segment
    rows: int
    bads: int
    auc: Estimate
    reference: float | None

    @property
    def fall(self) -> float:
        """How far the AUC is under the reference's, in standard errors; 0 if unknown."""
        if self.auc.value is None or self.reference is None or not self.auc.standard_error:
            return 0.0
        return (self.reference - self.auc.value) / self.auc.standard_error


@dataclass(frozen=True, slots=True)
class SinceChange:
    """The applicants whom a change of performance is about.

    Parameters
    ----------
    first
        First day of applicants after the change.
    horizon
        Days after which their outcomes count.
    cohort
        Those whose outcomes are known, together.
    segments
        The same by segment, the one that fell the farthest first.
    """

    first: dt.date
    horizon: int | None
    cohort: Cohort
    segments: tuple[SegmentSinceChange, ...]

    @property
    def expected_bads(self) -> float | None:
        """Bads that the scores predicted; None for a score in points."""
        expected = self.cohort.expected
        return None if expected is None else expected * self.cohort.rows


def read_since_change(
    store: Store,
    key: str,
    day: dt.date,
    faults: Sequence[RecordedFault],
    points: Sequence[PerformancePoint],
) -> SinceChange | None:
    """Read what is known on a day of the applicants since a change of performance.

    Parameters
    ----------
    faults
        Of the day. That of all rows counts before those of segments, then the earliest.
    points
        Of the version's cohorts, segments included.

    Returns
    -------
    SinceChange or None
        None where no fault is a change of performance with known outcomes.
    """
    changes = [
        (fault.segment is not None, fault.first_cohort, fault.horizon)
        for fault in faults
        if fault.first_cohort is not None and fault.pages
    ]
    if not changes:
        return None
    _, first, horizon = min(changes, key=lambda one: one[:2])
    last = day - dt.timedelta(days=horizon or 0)
    cohort = together(read_cohorts(store, key, horizon, first, last).values())
    if cohort is None or not cohort.is_binary:
        return None
    wanted = [
        one
        for one in points
        if (one.kind, one.metric, one.horizon) == (PerformanceKind.REALISED, "auc", horizon)
        and one.day >= first
        and known_on(one) <= day
    ]
    segments = sorted(_by_segment(wanted), key=lambda one: -one.fall)
    return SinceChange(first, horizon, cohort, tuple(segments))


def _by_segment(points: Sequence[PerformancePoint]) -> Iterator[SegmentSinceChange]:
    of_segments: dict[Segment, list[PerformancePoint]] = {}
    for one in points:
        if one.segment is not None:
            of_segments.setdefault(one.segment, []).append(one)
    for segment, found in of_segments.items():
        parts = (
            (one.bads * (one.rows - one.bads), Estimate(one.value, one.standard_error))
            for one in found
        )
        auc = weighted_mean(parts, "no day has an AUC with a standard error", 0.0, 1.0)
        yield SegmentSinceChange(
            segment,
            sum(one.rows for one in found),
            sum(one.bads for one in found),
            auc,
            found[-1].reference.value,
        )
