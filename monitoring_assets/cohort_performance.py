"""The rows of a performance report: one for each estimate, and one for each horizon of outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from monitoring_assets.drift_report import in_force
from monitoring_assets.performance_metrics import (
    as_estimate,
    estimated_metrics,
    realised_metrics,
)
from monitoring_assets.statistics.bins import NumericBins
from monitoring_assets.statistics.concept_drift import Explanation, explain, gap
from monitoring_assets.statistics.drift import judge_counts
from monitoring_assets.statistics.estimation import EstimatedMetric, estimate
from monitoring_assets.statistics.performance.comparison import Difference, difference
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.realised import Realised, RealisedPerformance
from monitoring_assets.statistics.score_grid import count_scores
from monitoring_assets.statistics.stability import stability_index
from resources.errors import InputError

if TYPE_CHECKING:
    from monitoring_assets.outcomes import Cohort
    from monitoring_assets.reference_grid import Horizon, ReferenceGrid
    from monitoring_assets.statistics.profile import ColumnProfile
    from resources.manifest import Manifest, Outcome

NO_GRID = "no score grid: materialise reference_profile again, then scores and this report"
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
SCHEMA = pa.schema(
    [
        ("kind", _TEXT),
        ("horizon", pa.int32()),
        ("due", pa.date32()),
        ("status", _TEXT),
        ("reason", _TEXT),
        ("population", _TEXT),
        *[(name, _COUNT) for name in ("scored", "accepted", "known", "bads")],
        *[(name, _COUNT) for name in ("duplicates", "contradicting", "unmatched", "repeated")],
        ("out_of_range", _COUNT),
        ("outside_reference", _NUMBER),
        *[(name, _NUMBER) for name in ("mean_score", "mean_score_accepted", "psi_accepted")],
        ("calibration", _TEXT),
        ("shift", _TEXT),
        ("shift_reason", _TEXT),
        ("metrics", pa.list_(_METRIC)),
        ("bands", pa.list_(_BAND)),
    ]
)
"""Columns of a performance report. ``kind`` is ``estimated`` or ``realised``."""


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
    try:
        calibration = grid.calibration(horizon)
        found = estimate(calibration, scores, _cut_offs(manifest))
    except ValueError as error:
        return row | {"status": "not computed", "reason": str(error)}
    if horizon in grid.realised:
        reference = grid.realised[horizon].metrics
    else:  # without outcomes the sample's own performance is an estimate as well
        own = estimated_metrics(estimate(calibration, grid.scores, _cut_offs(manifest)))
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
) -> Row:
    """Measure the performance of those rows of a cohort whose outcomes are known.

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
    """
    counts, bins = cohort.counts, _numeric(bands)
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
    performance = RealisedPerformance(
        counts.known - counts.bads,
        counts.bads,
        bins.edges,
        outcome.cut_offs,
        probability=manifest.scoring.is_probability,
        direction=grid.direction if grid else 1,
    )
    none = np.empty(0)
    accepted = count_scores(none, bins, none)
    known = count_scores(none, grid.bins, none) if grid else None
    for scores, outcomes in cohort.by_score():
        accepted += count_scores(scores, bins, scores)
        is_known = outcomes >= 0
        performance.add(scores[is_known], outcomes[is_known])
        if grid and known:
            known += count_scores(scores[is_known], grid.bins, scores[is_known])
    row["mean_score_accepted"] = accepted.mean_score
    if accepted.counts.any() and scored.counts.any():
        row["psi_accepted"] = stability_index(scored.counts, accepted.counts)
    if counts.known < outcome.min_share * counts.accepted:
        reason = f"{counts.known} of {counts.accepted} accepted have an outcome"
        return row | {"status": "immature", "reason": reason}
    found = performance.result()
    estimated, calibration = _estimate_of_known(manifest, horizon, grid, known)
    metrics = realised_metrics(found)
    # KS is a maximum, which outcomes of few bads put too high: it has no gap.
    gaps = {n: gap(metrics[n], one) for n, one in estimated.items() if n != "ks"}
    reference = grid.realised.get(horizon) if grid else None
    expected = estimated["bad_rate"].value if estimated else None
    shift = _explain(manifest, found, bands, gaps, expected)
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


def _cut_offs(manifest: Manifest) -> list[float]:
    return manifest.outcome.cut_offs if manifest.outcome else []


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
        found = estimate(grid.calibration(horizon), known, _cut_offs(manifest))
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
        in_force(policy.psi),
        smoothing=policy.smoothing,
    ).status
    limits, level = policy.performance, policy.performance.level
    nothing = Difference(reason="no estimate")
    by_rank = explain(moved, gaps.get("auc", nothing), limits.auc_drop.warn, level)
    least = (limits.bad_rate_ratio.warn - 1) * (expected or 1.0)
    by_level = explain(moved, gaps.get("bad_rate", nothing), least, level)
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
