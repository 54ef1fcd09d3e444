"""The performance report: it is stored and read again without a loss."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.performance.comparison import Difference
from monitoring_assets.statistics.performance.concept_drift import Shift
from monitoring_assets.statistics.performance.estimation import EstimatedMetric
from monitoring_assets.statistics.performance.intervals import Estimate, absent, normal
from monitoring_assets.statistics.performance.prediction import sum_predictions
from monitoring_assets.statistics.performance.realised import realised
from monitoring_assets.statistics.performance.report import (
    CohortPerformance,
    Performance,
    PerformanceKind,
    PerformanceReport,
    PerformanceStatus,
    ReportedMetric,
    SegmentPerformance,
    reported_bands,
)


def metrics():
    return (
        ReportedMetric.build("auc", normal(0.7, 0.01), normal(0.75, 0.01), 0.02),
        ReportedMetric.build("bad_rate", normal(0.1, 0.02)),
        ReportedMetric.build("brier", absent("in points")),
    )


@pytest.fixture
def report():
    scores, outcomes = [0.1, 0.2, 0.6, 0.9], [0, 1, 0, 0]
    bands = reported_bands(realised(scores, outcomes, [0.5]), [0.1, None])
    found = Performance(
        status=PerformanceStatus.MATURE,
        scored=100,
        accepted=80,
        known=60,
        bads=6,
        mean_score_accepted=0.2,
        calibration="fitted",
        shift=Shift.CONCEPT,
        shift_reason="outcomes changed",
        metrics=metrics(),
        bands=bands,
    )
    unknown = Performance(status=PerformanceStatus.NOT_COMPUTED, reason="the column is missing")
    part = Performance(status=PerformanceStatus.TOO_SMALL, known=6, metrics=metrics())
    return PerformanceReport(
        (
            CohortPerformance(
                kind=PerformanceKind.ESTIMATED,
                found=Performance(status=PerformanceStatus.ESTIMATED, scored=100),
                outside_reference=0.01,
            ),
            CohortPerformance(
                kind=PerformanceKind.REALISED,
                horizon=30,
                due=dt.date(2026, 3, 1),
                population="accepted",
                mean_score=0.3,
                psi_accepted=0.05,
                found=found,
                segments=(
                    SegmentPerformance(column="branch", value=None, found=unknown),
                    SegmentPerformance(
                        column="region", value="north", reference_rows=90, found=part
                    ),
                ),
            ),
        )
    )


def test_what_is_stored_is_read_again(report):
    table = report.to_table()
    *others, predictions = PerformanceReport.SCHEMA
    assert (list(table.schema), predictions.name) == (others, "predictions")
    again = PerformanceReport.from_table(table)
    assert again == report
    statuses = {type(one.found.status) for one in again.cohorts}
    assert (statuses, type(again.cohorts[1].found.shift)) == ({PerformanceStatus}, Shift)
    assert [one.title for one in again.cohorts] == ["estimated", "realised after 30 days"]


def test_where_outcomes_are_numbers_it_has_their_sums(report):
    bands = sum_predictions(np.array([0.1, 0.2, 0.8]), np.array([0.0, 0.4, 1.1]), [0.3, 0.5])
    estimated, realised = report.cohorts
    found = replace(realised.found, predictions=bands, bads=None)
    report = PerformanceReport((estimated, replace(realised, found=found)), are_numbers=True)
    table = report.to_table()
    assert table.schema == PerformanceReport.SCHEMA
    assert PerformanceReport.from_table(table) == report


def test_only_what_is_asked_for_is_read(report):
    table = report.to_table().select(["kind", "status", "metrics", "segments"])
    _, cohort = PerformanceReport.from_table(table, ("auc",)).cohorts
    assert cohort.found.metrics == metrics()[:1]
    assert cohort.segments[1].found.metrics == metrics()[:1]
    assert (cohort.found.scored, cohort.found.bands, cohort.horizon) == (None, (), None)


def test_a_status_that_there_is_not_is_refused(report):
    table = report.to_table()
    at = table.schema.get_field_index("status")
    unknown = table.set_column(at, "status", pa.array(["fine", "mature"]))
    with pytest.raises(ValueError, match="fine"):
        PerformanceReport.from_table(unknown)


def test_a_metric_lies_beside_what_it_is_compared_with():
    one = ReportedMetric.build(
        "auc",
        normal(0.7, 0.03),
        normal(0.75, 0.04),
        0.02,
        EstimatedMetric(0.76),
        Difference(-0.06, 0.01, -6.0, 1e-9),
    )
    assert one.difference == pytest.approx(-0.05)
    assert one.difference_p == pytest.approx(0.3173, abs=1e-4)  # z = -1
    assert (one.estimated, one.gap, one.gap_p) == (0.76, -0.06, 1e-9)
    alone = ReportedMetric.build("auc", Estimate(0.7))
    assert (alone.reference, alone.difference, alone.estimated, alone.gap) == (None,) * 4


def test_a_band_with_fewer_bads_than_the_safer_one_is_marked():
    scores = [0.1] * 100 + [0.9] * 100
    outcomes = [1] * 50 + [0] * 50 + [1] * 5 + [0] * 95
    safe, risky = reported_bands(realised(scores, outcomes, [0.5]), [0.1, 0.4])
    assert (safe.breaks_rank_order, risky.breaks_rank_order) == (False, True)
    assert (risky.rows, risky.bads, risky.bad_rate, risky.reference_bad_rate) == (100, 5, 0.05, 0.4)
