"""The rows of a performance report: one for each estimate, and one for each horizon of outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.segments import MIN_ROWS, Segment, segment_names
from monitoring_assets.statistics.drift.stability import StabilityIndex, stability_index
from monitoring_assets.statistics.performance.comparison import Difference, difference
from monitoring_assets.statistics.performance.concept_drift import Explanation, explain, gap
from monitoring_assets.statistics.performance.estimation import EstimatedMetric, estimate
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.metrics import (
    as_estimate,
    estimated_metrics,
    realised_metrics,
)
from monitoring_assets.statistics.performance.pooling import OUTCOMES, enough_rows
from monitoring_assets.statistics.performance.realised import Realised, RealisedPerformance
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.score_grid import count_scores
from resources.errors import InputError
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitoring_assets.performance.outcomes import Cohort, CohortCounts
    from monitoring_assets.reference.score_grid import Horizon, ReferenceGrid
    from monitoring_assets.reference.segments import ReferenceSegments
    from monitoring_assets.statistics.profiles.profile import ColumnProfile
    from resources.manifest import Manifest, Outcome

NO_GRID = "no score grid: materialise reference_profile again, then scores and this report"
OTHER_GRID = (
    "the day was counted in another score grid, made for other cut-offs: materialise scores again, "
    "then this report"
)
TOO_SMALL = "too small"
Row = dict[str, Any]

_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
_METRIC = pa.struct(
    [
        ("metric", _TEXT),
        *[(name, _NUMBER) for name in ("value", "standard_error", "low", "high")],
        ("reason", _TEXT),
        *[(name, _NUMBER) for name in ("reference", "reference_standard_error")],
        # That of a cohort of this size if nothing has changed since the reference.
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
        # Fewer bads than the neighbour that should be safer, beyond chance.
        ("breaks_rank_order", pa.bool_()),
    ]
)
_COUNTS = [
    *[(name, _COUNT) for name in ("scored", "accepted", "known", "bads")],
    *[(name, _COUNT) for name in ("duplicates", "contradicting", "unmatched", "repeated")],
    ("out_of_range", _COUNT),
]
_FINDINGS = [
    ("calibration", _TEXT),
    ("shift", _TEXT),
    ("shift_reason", _TEXT),
    ("metrics", pa.list_(_METRIC)),
]
_SEGMENT = pa.struct(
    [
        ("segment_column", _TEXT),
        # Null where the column could not be had: the reason is about all of it.
        ("segment", _TEXT),
        ("status", _TEXT),
        ("reason", _TEXT),
        ("reference_rows", _COUNT),
        *_COUNTS,
        ("mean_score_accepted", _NUMBER),
        *_FINDINGS,
    ]
)
SCHEMA = pa.schema(
    [
        ("kind", _TEXT),
        ("horizon", pa.int32()),
        ("due", pa.date32()),
        ("status", _TEXT),
        ("reason", _TEXT),
        ("population", _TEXT),
        *_COUNTS,
        ("outside_reference", _NUMBER),
        *[(name, _NUMBER) for name in ("mean_score", "mean_score_accepted", "psi_accepted")],
        *_FINDINGS,
        ("bands", pa.list_(_BAND)),
        ("segments", pa.list_(_SEGMENT)),
    ]
)
"""Columns of a performance report. ``kind`` is ``estimated`` or ``realised``. A row is about all
rows of the day; its segments lie in it, so that no sum over rows counts them twice."""


def estimated_row(
    manifest: Manifest, grid: ReferenceGrid, scores: ColumnProfile, horizon: Horizon
) -> Row:
    """Estimate the performance of all scored rows of a day.

    Parameters
    ----------
    manifest
        Of the version.
    grid
        Of the reference.
    scores
        The day in the same grid.
    horizon
        Days after which an outcome counts.
    """
    row: Row = {"kind": "estimated", "horizon": horizon, "population": "all scored rows"}
    if scores.bins != grid.bins:
        return row | {"status": "not computed", "reason": OTHER_GRID}
    try:
        calibration = grid.calibration(horizon)
        found = estimate(calibration, scores, manifest.cut_offs)
    except ValueError as error:
        return row | {"status": "not computed", "reason": str(error)}
    if horizon in grid.realised:
        reference = grid.realised[horizon].metrics
    else:  # without outcomes the sample's own performance is an estimate as well
        own = estimated_metrics(estimate(calibration, grid.scores, manifest.cut_offs))
        reference = {name: as_estimate(metric) for name, metric in own.items()}
    estimated = estimated_metrics(found)
    metrics = {name: as_estimate(metric) for name, metric in estimated.items()}
    return row | {
        "status": "estimated",
        "scored": found.rows + found.unscored,
        "outside_reference": found.outside,
        "mean_score": scores.mean_score,
        "calibration": found.calibration,
        "metrics": _metric_rows(metrics, reference, {}, {}, {}),
    }


def realised_row(
    manifest: Manifest,
    outcome: Outcome,
    horizon: int,
    cohort: Cohort,
    scored: ColumnProfile,
    bands: ColumnProfile,
    grid: ReferenceGrid | None,
    segments: ReferenceSegments,
) -> Row:
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
        Of the reference; None if an earlier release has made it.
    segments
        Of the reference.
    """
    counts = cohort.counts
    row: Row = {
        "population": "accepted with a known outcome",
        "mean_score": scored.mean_score,
        **asdict(counts),
    }
    if not counts.accepted:
        reason = (
            f"none of the {counts.unmatched} keys in the outcome files was scored on this day: "
            "see outcome.path and outcome.key"
        )
        empty = {"status": "no outcomes yet", "reason": "the outcome files have no rows"}
        return row | ({"status": "not computed", "reason": reason} if counts.unmatched else empty)
    total = _Rows(manifest, outcome, counts, bands, grid)
    parts = {
        column: [
            _Rows(
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
    }
    for scores, outcomes, codes in cohort.by_score():
        total.add(scores, outcomes)
        for column, of_rows in codes.items():
            # Stable, so that the scores of each segment still ascend.
            order = np.argsort(of_rows, kind="stable")
            ends = np.cumsum(np.bincount(of_rows, minlength=len(parts[column])))
            for part, at in zip(parts[column], np.split(order, ends[:-1]), strict=True):
                if len(at):
                    part.add(scores[at], outcomes[at])
    if total.accepted.counts.any() and scored.counts.any():
        row["psi_accepted"] = stability_index(scored.counts, total.accepted.counts)
    return (
        row
        | total.row(horizon)
        | {
            "segments": [
                _segment_row(Segment(column, value), part, segments, horizon)
                for column, of_column in parts.items()
                for value, part in zip(
                    segment_names(segments.values[column]), of_column, strict=False
                )
                if part.counts.scored or segments.profiles[Segment(column, value)].rows
            ]
        }
    )


class _Rows:
    """Rows of a cohort, all or a segment's, that come in the order of scores.

    Parameters
    ----------
    manifest, outcome
        Of the version.
    counts
        Of the rows.
    bands, grid
        The same rows of the reference.
    """

    def __init__(
        self,
        manifest: Manifest,
        outcome: Outcome,
        counts: CohortCounts,
        bands: ColumnProfile,
        grid: ReferenceGrid | None,
    ) -> None:
        self.counts = counts
        self._manifest, self._outcome = manifest, outcome
        self._bands, self._grid = bands, grid
        self._bins = _numeric(bands)
        none = np.empty(0)
        self.accepted = count_scores(none, self._bins, none)
        self._known = count_scores(none, grid.bins, none) if grid else None
        self._performance = RealisedPerformance(
            counts.known - counts.bads,
            counts.bads,
            self._bins.edges,
            outcome.cut_offs,
            probability=manifest.scoring.is_probability,
            direction=grid.direction if grid else 1,
        )

    def add(self, scores: NDArray[np.float64], outcomes: NDArray[np.int8]) -> None:
        """Add the next rows; the outcome of those that have none is -1."""
        self.accepted += count_scores(scores, self._bins, scores)
        is_known = outcomes >= 0
        known = scores[is_known]
        self._performance.add(known, outcomes[is_known])
        if self._grid and self._known:
            self._known += count_scores(known, self._grid.bins, known)

    def row(self, horizon: int) -> Row:
        """What the rows say after a horizon."""
        counts, manifest, grid = self.counts, self._manifest, self._grid
        row: Row = {"mean_score_accepted": self.accepted.mean_score}
        if counts.known < self._outcome.min_share * counts.accepted:
            reason = f"{counts.known} of {counts.accepted} accepted have an outcome"
            return row | {"status": "immature", "reason": reason}
        found = self._performance.result()
        estimated, calibration = _estimate_of_known(manifest, horizon, grid, self._known)
        metrics = realised_metrics(found)
        # KS is a maximum, which outcomes of few bads put too high: it has no gap.
        gaps = {n: gap(metrics[n], one) for n, one in estimated.items() if n != "ks"}
        reference = grid.realised.get(horizon) if grid else None
        expected = estimated["bad_rate"].value if estimated else None
        shift = _explain(manifest, found, self._bands, gaps, expected)
        return row | {
            "status": "mature",
            "calibration": calibration,
            "shift": shift.kind,
            "shift_reason": shift.text,
            "metrics": _metric_rows(
                metrics,
                reference.metrics if reference else {},
                estimated,
                gaps,
                reference.errors(found.rows, found.bads) if reference else {},
            ),
            "bands": _band_rows(found, reference.bad_rates if reference else None),
        }

    def enough(self, horizon: int) -> int:
        """Rows of which enough goods and bads are to be expected to judge them alone."""
        reference = self._grid.realised.get(horizon) if self._grid else None
        counts = self.counts
        rate = reference.metrics["bad_rate"].value if reference else counts.bads / counts.known
        return enough_rows(rate) if rate is not None and 0 < rate < 1 else MIN_ROWS


def _segment_row(segment: Segment, part: _Rows, reference: ReferenceSegments, horizon: int) -> Row:
    """A segment; one that is too small to be judged alone says so, and keeps what it has."""
    before, counts = reference.profiles[segment].rows, part.counts
    row: Row = {
        "segment_column": segment.column,
        "segment": segment.value,
        "reference_rows": before,
        **asdict(counts),
    }
    if not counts.known:
        reason = f"none of {counts.accepted} accepted has an outcome"
        return row | {"status": "immature" if counts.accepted else TOO_SMALL, "reason": reason}
    row |= part.row(horizon)
    if row["status"] != "mature":
        return row
    if before < MIN_ROWS:
        reason = f"{before} rows of the reference; at least {MIN_ROWS} are wanted"
        return row | {"status": TOO_SMALL, "reason": reason}
    if counts.known < (enough := part.enough(horizon)):
        reason = (
            f"{counts.known} rows with an outcome; of {enough} {OUTCOMES} goods and {OUTCOMES} "
            "bads are to be expected. The control charts pool days until there are as many"
        )
        return row | {"status": TOO_SMALL, "reason": reason}
    return row


def _numeric(bands: ColumnProfile) -> NumericBins:
    if not isinstance(bands.bins, NumericBins):
        raise InputError(f"the score of the reference has no bands: {bands.error}")
    return bands.bins


def _estimate_of_known(
    manifest: Manifest, horizon: int, grid: ReferenceGrid | None, known: ColumnProfile | None
) -> tuple[dict[str, EstimatedMetric], str]:
    """The estimate of the very rows whose outcomes are known, or why there is none."""
    if grid is None or known is None:
        return {}, NO_GRID
    last = manifest.outcome.maturity[-1:] if manifest.outcome else []
    if horizon not in (grid.outcomes or last):
        return {}, (
            f"the reference does not say what became of it after {horizon} days: "
            "reference.outcome without {horizon} is that of the last"
        )
    try:
        found = estimate(grid.calibration(horizon), known, manifest.cut_offs)
    except ValueError as error:
        return {}, str(error)
    return estimated_metrics(found), found.calibration


def _explain(
    manifest: Manifest,
    found: Realised,
    bands: ColumnProfile,
    gaps: Mapping[str, Difference],
    expected: float | None,
) -> Explanation:
    """Tell covariate from concept shift: by ranking, and by the number of bads."""
    policy = manifest.thresholds
    moved = judge_counts(
        bands.counts[: len(found.bands)],
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
    both = Explanation(by_rank.kind, f"AUC: {by_rank.text}. Bad rate: {by_level.text}")
    # Either is enough for a concept shift, and what is known goes before what is not.
    if "concept" in by_level.kind or by_rank.kind == "not enough evidence":
        return Explanation(by_level.kind, both.text)
    return both


def _metric_rows(
    metrics: Mapping[str, Estimate],
    reference: Mapping[str, Estimate],
    estimated: Mapping[str, EstimatedMetric],
    gaps: Mapping[str, Difference],
    unchanged: Mapping[str, float | None],
) -> list[Row]:
    """Each metric beside the reference's and the estimated one."""
    rows = []
    for name, metric in metrics.items():
        before = reference.get(name, Estimate(None))
        change = difference(metric, before) if before.value is not None else Difference()
        apart = gaps.get(name, Difference())
        rows.append(
            {
                "metric": name,
                **asdict(metric),
                "reference": before.value,
                "reference_standard_error": before.standard_error,
                "standard_error_unchanged": unchanged.get(name),
                "difference": change.value,
                "difference_p": change.p_value,
                "estimated": estimated[name].value if name in estimated else None,
                "gap": apart.value,
                "gap_standard_error": apart.standard_error,
                "gap_p": apart.p_value,
            }
        )
    return rows


def _band_rows(found: Realised, reference: Sequence[float | None] | None) -> list[Row]:
    broken = {one.riskier for one in found.rank_order_breaks if one.significant}
    return [
        {
            "low": band.low,
            "high": band.high,
            "rows": band.rows,
            "bads": band.bads,
            "expected": band.expected,
            "bad_rate": band.bad_rate.value,
            "bad_rate_low": band.bad_rate.low,
            "bad_rate_high": band.bad_rate.high,
            "reference_bad_rate": reference[number] if reference else None,
            "breaks_rank_order": number in broken,
        }
        for number, band in enumerate(found.bands)
    ]
