"""What a performance report says of a cohort: an estimate, and what each horizon has realised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from typing_extensions import override

from monitoring_assets.reference.strata import STRATA
from monitoring_assets.statistics.decisions.columns import DECISION, SIDES
from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.segments import MIN_ROWS, Segment, segment_names
from monitoring_assets.statistics.drift.stability import StabilityIndex, stability_index
from monitoring_assets.statistics.drift.thresholds import Status
from monitoring_assets.statistics.performance.comparison import Difference
from monitoring_assets.statistics.performance.concept_drift import (
    Explanation,
    Shift,
    explain,
    gap,
)
from monitoring_assets.statistics.performance.estimation import EstimatedMetric
from monitoring_assets.statistics.performance.intervals import proportion
from monitoring_assets.statistics.performance.metrics import (
    as_estimate,
    estimated_metrics,
    realised_metrics,
)
from monitoring_assets.statistics.performance.pooling import OUTCOMES, enough_rows
from monitoring_assets.statistics.performance.prediction import (
    MEAN_REALISED,
    prediction_metrics,
    sum_predictions,
    total,
)
from monitoring_assets.statistics.performance.prediction import gap as gap_of
from monitoring_assets.statistics.performance.realised import Realised, RealisedPerformance
from monitoring_assets.statistics.performance.report import (
    CohortPerformance,
    Performance,
    PerformanceKind,
    PerformanceStatus,
    ReportedMetric,
    SegmentPerformance,
    reported_bands,
)
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.score_grid import count_scores
from monitoring_assets.statistics.profiles.score_scale import predicted
from resources.errors import InputError
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitoring_assets.performance.outcomes import Cohort, CohortCounts
    from monitoring_assets.reference.score_grid import ReferenceGrid, ReferencePerformance
    from monitoring_assets.reference.segments import ReferenceSegments
    from monitoring_assets.reference.strata import GridOfRows, Horizon
    from monitoring_assets.statistics.profiles.profile import ColumnProfile
    from resources.manifest import Manifest, Outcome

NO_GRID = "no score grid: the reference sample has no score that one could be fitted to"
NOT_ESTIMATED = (
    "outcome.kind is continuous: performance is not estimated before outcomes are known, as the "
    "score says nothing of its own error"
)
OTHER_GRID = (
    "the day was counted in another score grid, made for other cut-offs or other strata: "
    "materialise scores again, then this report"
)


def estimated_performance(
    manifest: Manifest,
    grid: ReferenceGrid,
    day: GridOfRows,
    scored: ColumnProfile,
    horizon: Horizon,
) -> CohortPerformance:
    """Estimate the performance of all scored rows of a day.

    Parameters
    ----------
    manifest
        Of the version.
    grid
        Of the reference.
    day
        The day in the same grid.
    scored
        The day by score band.
    horizon
        Days after which an outcome counts.
    """
    row = CohortPerformance(
        kind=PerformanceKind.ESTIMATED,
        horizon=horizon,
        population="all scored rows",
        found=Performance(status=PerformanceStatus.NOT_COMPUTED, reason=OTHER_GRID),
    )
    if day.scores.bins != grid.bins or day.splits != grid.strata.splits:
        return row
    if day.error:
        return replace(row, found=replace(row.found, reason=day.error))
    try:
        found = grid.estimate(horizon, day.scores, day.strata, manifest.cut_offs)
    except ValueError as error:
        return replace(row, found=replace(row.found, reason=str(error)))
    if horizon in grid.realised:
        reference = grid.realised[horizon].metrics
    else:  # without outcomes the sample's own performance is an estimate as well
        own = estimated_metrics(grid.estimate(horizon, grid.scores, (), manifest.cut_offs))
        reference = {name: as_estimate(metric) for name, metric in own.items()}
    return replace(
        row,
        outside_reference=found.outside,
        # In a grid of points that have a scale, their probabilities are summed.
        mean_score=(scored if manifest.scoring.scale else day.scores).mean_score,
        found=Performance(
            status=PerformanceStatus.ESTIMATED,
            scored=found.rows + found.unscored,
            calibration=found.calibration,
            metrics=tuple(
                ReportedMetric.build(name, as_estimate(metric), reference.get(name))
                for name, metric in estimated_metrics(found).items()
            ),
        ),
    )


def realised_performance(
    manifest: Manifest,
    outcome: Outcome,
    horizon: int,
    cohort: Cohort,
    scored: ColumnProfile,
    bands: ColumnProfile,
    grid: ReferenceGrid | None,
    segments: ReferenceSegments,
    unsplit: str | None = None,
) -> CohortPerformance:
    """Measure those rows of a cohort whose outcomes are known, all and by segment, in one pass.

    Parameters
    ----------
    manifest, outcome
        Of the version.
    horizon
        Days after which an outcome counts.
    cohort
        The accepted, joined to their outcomes.
    scored
        All of the day, by score band.
    bands
        The reference, by score band.
    grid
        Of the reference; None if it has no scores.
    segments
        Of the reference.
    unsplit
        Why the cohort does not have the strata of the reference; None if it does.
    """
    counts = cohort.counts
    row = CohortPerformance(
        kind=PerformanceKind.REALISED,
        horizon=horizon,
        population="accepted with a known outcome",
        mean_score=scored.mean_score,
        unmatched_keys=cohort.unmatched_keys,
        found=Performance(
            status=PerformanceStatus.NO_OUTCOMES,
            reason="the outcome files have no rows",
            **asdict(counts),
        ),
    )
    if counts.unmatched and not counts.accepted:
        reason = (
            f"none of the {counts.unmatched} keys in the outcome files was scored on this day: "
            f"see outcome.path and outcome.key; {cohort.unmatched_keys}"
        )
        status = PerformanceStatus.NOT_COMPUTED
        return replace(row, found=replace(row.found, status=status, reason=reason))
    if not counts.accepted:
        return row
    make = _Numbers if outcome.kind == "continuous" else _GoodsAndBads
    everyone = make(manifest, outcome, counts, bands, grid, unsplit)
    parts = {
        column: [
            make(
                manifest,
                outcome,
                of_segment,
                segments.profiles[Segment(column, value)].columns[SCORE],
                segments.grid(Segment(column, value), grid) if grid else None,
            )
            for value, of_segment in zip(
                segment_names(segments.values[column]), of_column, strict=False
            )
        ]
        for column, of_column in cohort.by_segment.items()
        if column not in (STRATA, DECISION)
    }
    for scores, outcomes, codes in cohort.by_score():
        codes.pop(DECISION, None)  # of its groups only the counts are wanted
        everyone.add(scores, outcomes, codes.pop(STRATA, None))
        for column, of_rows in codes.items():
            # Stable, so that the scores of each segment still ascend.
            order = np.argsort(of_rows, kind="stable")
            ends = np.cumsum(np.bincount(of_rows, minlength=len(parts[column])))
            for part, at in zip(parts[column], np.split(order, ends[:-1]), strict=True):
                if len(at):
                    part.add(scores[at], outcomes[at])
    both = everyone.accepted.counts.any() and scored.counts.any()
    return replace(
        row,
        psi_accepted=stability_index(scored.counts, everyone.accepted.counts) if both else None,
        found=everyone.performance(horizon),
        segments=tuple(
            _of_segment(Segment(column, value), part, segments, horizon)
            for column, of_column in parts.items()
            for value, part in zip(segment_names(segments.values[column]), of_column, strict=False)
            if part.counts.scored or segments.profiles[Segment(column, value)].rows
        )
        + tuple(_by_decision(cohort.by_segment.get(DECISION, ()), outcome.min_share)),
    )


def _counted(counts: CohortCounts, min_share: float) -> Performance:
    """Rows without metrics: mature if the outcome of enough of the accepted is known."""
    if counts.known >= min_share * counts.accepted:
        return Performance(status=PerformanceStatus.MATURE, **asdict(counts))
    return _immature(counts)


def _immature(counts: CohortCounts) -> Performance:
    reason = f"{counts.known} of {counts.accepted} accepted have an outcome"
    return Performance(status=PerformanceStatus.IMMATURE, reason=reason, **asdict(counts))


def _by_decision(counted: Sequence[CohortCounts], min_share: float) -> Iterator[SegmentPerformance]:
    """The bad rate of the rows by what was decided of them: approved, or overridden on a side."""
    for side, counts in zip(SIDES, counted, strict=False):
        if not counts.scored:
            continue
        found = _counted(counts, min_share) if counts.known else _immature(counts)
        if counts.bads is None:
            reason = "an outcome is a number: there is no bad rate"
            found = replace(found, status=PerformanceStatus.NOT_COMPUTED, reason=reason)
        elif found.status == PerformanceStatus.MATURE:
            rate = proportion(counts.bads, counts.known, "no outcome is known")
            found = replace(found, metrics=(ReportedMetric.build("bad_rate", rate),))
        yield SegmentPerformance(column=DECISION, value=side, found=found)


class _Rows(ABC):
    """Rows of a cohort, all or a segment's, that come in the order of scores.

    Parameters
    ----------
    manifest, outcome
        Of the version.
    counts
        Of the rows.
    bands, grid
        The same rows of the reference.
    unsplit
        Why the rows do not have the strata of the reference; None if they do.
    """

    _level: ClassVar[str]
    """Metric that says how much was realised."""

    def __init__(
        self,
        manifest: Manifest,
        outcome: Outcome,
        counts: CohortCounts,
        bands: ColumnProfile,
        grid: ReferenceGrid | None,
        unsplit: str | None = None,
    ) -> None:
        self.counts = counts
        self._manifest, self._outcome = manifest, outcome
        self._bands, self._grid, self._unsplit = bands, grid, unsplit
        self._bins = _numeric(bands)
        self.accepted = count_scores(np.empty(0), self._bins, np.empty(0))

    @abstractmethod
    def add(
        self,
        scores: NDArray[np.float64],
        outcomes: NDArray[Any],
        strata: NDArray[np.uint8] | None = None,
    ) -> None:
        """Add the next rows, with outcomes as `Cohort.by_score` yields them."""

    @abstractmethod
    def enough(self, horizon: int) -> int:
        """Rows that can be judged alone."""

    @abstractmethod
    def _measured(self, row: Performance, horizon: int) -> Performance:
        """What mature rows say."""

    def performance(self, horizon: int) -> Performance:
        """What the rows say after a horizon."""
        row = replace(
            _counted(self.counts, self._outcome.min_share),
            mean_score_accepted=self.accepted.mean_score,
        )
        return self._measured(row, horizon) if row.status == PerformanceStatus.MATURE else row

    def _before(self, horizon: int) -> ReferencePerformance | None:
        """The reference's, if it was profiled with outcomes of this kind."""
        found = self._grid.realised.get(horizon) if self._grid else None
        return found if found and self._level in found.metrics else None


class _Numbers(_Rows):
    """Rows whose outcome is a number, which the score predicts."""

    _level = MEAN_REALISED

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        none = np.empty(0)
        self._sums = sum_predictions(none, none, self._bins.edges)

    @override
    def add(
        self,
        scores: NDArray[np.float64],
        outcomes: NDArray[Any],
        strata: NDArray[np.uint8] | None = None,
    ) -> None:
        self.accepted += count_scores(scores, self._bins, scores)
        is_known = np.isfinite(outcomes)
        found = sum_predictions(scores[is_known], outcomes[is_known], self._bins.edges)
        self._sums = tuple(one + more for one, more in zip(self._sums, found, strict=True))

    @override
    def enough(self, horizon: int) -> int:
        return MIN_ROWS

    @override
    def _measured(self, row: Performance, horizon: int) -> Performance:
        reference, rows = self._before(horizon), total(self._sums)
        before = reference.metrics if reference else {}
        unchanged = reference.errors(rows.rows, 0) if reference else {}
        expected = {MEAN_REALISED: (EstimatedMetric(rows.expected), gap_of(rows))}
        return replace(
            row,
            calibration="the score is the estimate of each row",
            metrics=tuple(
                ReportedMetric.build(
                    name,
                    metric,
                    before.get(name),
                    unchanged.get(name),
                    *expected.get(name, (None, None)),
                )
                for name, metric in prediction_metrics(self._sums).items()
            ),
            predictions=self._sums,
        )


class _GoodsAndBads(_Rows):
    """Rows whose outcome is good or bad."""

    _level = "bad_rate"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        assert self.counts.bads is not None
        manifest, grid, self._bads = self._manifest, self._grid, self.counts.bads
        self._scale = manifest.scoring.score_scale
        none = np.empty(0)
        self._known = count_scores(none, grid.bins, none) if grid else None
        self._by_stratum = (
            [count_scores(none, grid.bins, none) for _ in grid.strata.scores] if grid else []
        )
        self._performance = RealisedPerformance(
            self.counts.known - self._bads,
            self._bads,
            self._bins.edges,
            self._outcome.cut_offs,
            probability=manifest.predicts_probability,
            direction=grid.direction if grid else manifest.scoring.direction,
            scale=self._scale,
        )

    @override
    def add(
        self,
        scores: NDArray[np.float64],
        outcomes: NDArray[Any],
        strata: NDArray[np.uint8] | None = None,
    ) -> None:
        self.accepted += count_scores(scores, self._bins, scores)
        is_known = outcomes >= 0
        known = scores[is_known]
        self._performance.add(known, outcomes[is_known])
        if self._grid and self._known:
            predictions = predicted(known, self._scale)
            self._known += count_scores(known, self._grid.bins, predictions)
            if strata is not None:
                for number in range(len(self._by_stratum)):
                    rows = strata[is_known] == number
                    self._by_stratum[number] += count_scores(
                        known[rows], self._grid.bins, predictions[rows]
                    )

    @override
    def _measured(self, row: Performance, horizon: int) -> Performance:
        found = self._performance.result()
        estimated, calibration = self._estimate(horizon)
        metrics = realised_metrics(found)
        # KS is a maximum, which outcomes of few bads put too high: it has no gap.
        gaps = {n: gap(metrics[n], one) for n, one in estimated.items() if n != "ks"}
        reference = self._before(horizon)
        expected = estimated["bad_rate"].value if estimated else None
        explanation = _explain(self._manifest, found, self._bands, gaps, expected)
        before = reference.metrics if reference else {}
        unchanged = reference.errors(found.rows, found.bads) if reference else {}
        return replace(
            row,
            calibration=calibration,
            shift=explanation.shift,
            shift_reason=explanation.text,
            metrics=tuple(
                ReportedMetric.build(
                    name,
                    metric,
                    before.get(name),
                    unchanged.get(name),
                    estimated.get(name),
                    gaps.get(name),
                )
                for name, metric in metrics.items()
            ),
            bands=reported_bands(found, reference.bad_rates if reference else None),
        )

    def _estimate(self, horizon: int) -> tuple[dict[str, EstimatedMetric], str]:
        """The estimate of the very rows whose outcomes are known, or why there is none."""
        grid, manifest = self._grid, self._manifest
        if grid is None or self._known is None:
            return {}, NO_GRID
        if self._unsplit:
            return {}, self._unsplit
        last = manifest.outcome.maturity[-1:] if manifest.outcome else []
        if horizon not in (grid.outcomes or last):
            return {}, (
                f"the reference does not say what became of it after {horizon} days: "
                "reference.outcome without {horizon} is that of the last"
            )
        try:
            found = grid.estimate(horizon, self._known, self._by_stratum, manifest.cut_offs)
        except ValueError as error:
            return {}, str(error)
        return estimated_metrics(found), found.calibration

    @override
    def enough(self, horizon: int) -> int:
        """Rows that are expected to hold enough goods and bads."""
        reference = self._before(horizon)
        known = self.counts.known
        rate = reference.metrics["bad_rate"].value if reference else self._bads / known
        return enough_rows(rate) if rate is not None and 0 < rate < 1 else MIN_ROWS


def _of_segment(
    segment: Segment, part: _Rows, reference: ReferenceSegments, horizon: int
) -> SegmentPerformance:
    """A segment; one that is too small to be judged alone says so, and keeps what it has."""
    before, counts = reference.profiles[segment].rows, part.counts
    if not counts.known:
        status = PerformanceStatus.IMMATURE if counts.accepted else PerformanceStatus.TOO_SMALL
        reason = f"none of {counts.accepted} accepted has an outcome"
        found = Performance(status=status, reason=reason, **asdict(counts))
    else:
        found = replace(part.performance(horizon), bands=())
    too_small = _why_too_small(part, before, horizon)
    if found.status == PerformanceStatus.MATURE and too_small:
        found = replace(found, status=PerformanceStatus.TOO_SMALL, reason=too_small)
    return SegmentPerformance(
        column=segment.column, value=segment.value, reference_rows=before, found=found
    )


def _why_too_small(part: _Rows, before: int, horizon: int) -> str | None:
    known, enough = part.counts.known, part.enough(horizon)
    if before < MIN_ROWS:
        return f"{before} rows of the reference; at least {MIN_ROWS} are wanted"
    if known < enough and isinstance(part, _Numbers):
        return f"{known} rows with an outcome; at least {enough} are wanted"
    if known < enough:
        return (
            f"{known} rows with an outcome; of {enough} {OUTCOMES} goods and {OUTCOMES} bads are "
            "to be expected. The control charts pool days until there are as many"
        )
    return None


def _numeric(bands: ColumnProfile) -> NumericBins:
    if not isinstance(bands.bins, NumericBins):
        raise InputError(f"the score of the reference has no bands: {bands.error}")
    return bands.bins


def _explain(
    manifest: Manifest,
    found: Realised,
    bands: ColumnProfile,
    gaps: Mapping[str, Difference],
    expected: float | None,
) -> Explanation:
    """Tell covariate from concept shift: by ranking, and by the number of bads."""
    policy = manifest.thresholds
    reference = bands.counts[: len(found.bands)]
    moved = Status.INSUFFICIENT
    if reference.sum():  # a segment may be new
        moved = judge_counts(
            reference,
            np.array([band.rows for band in found.bands]),
            policy.psi,
            StabilityIndex(policy.smoothing),
        ).status
    limits, level = policy.performance, policy.performance.level
    nothing = Difference(reason="no estimate")
    by_rank = explain(moved, gaps.get("auc", nothing), limits.auc_drop.warn, level)
    apart, ratio = gaps.get("bad_rate", nothing), limits.bad_rate_ratio.warn
    # A ratio is as far from 1 either way; the difference that it makes is not.
    least = (1 - 1 / ratio if (apart.value or 0.0) < 0 else ratio - 1) * (expected or 1.0)
    by_level = explain(moved, apart, least, level)
    both = Explanation(by_rank.shift, f"AUC: {by_rank.text}. Bad rate: {by_level.text}")
    # Either is enough for a concept shift, and what is known goes before what is not.
    if by_level.shift in (Shift.CONCEPT, Shift.BOTH) or by_rank.shift == Shift.UNKNOWN:
        return Explanation(by_level.shift, both.text)
    return both
