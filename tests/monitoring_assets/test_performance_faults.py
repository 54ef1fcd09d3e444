"""What charts of performance signal: what has changed, since when, and nothing else."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from monitoring_assets.performance_faults import known_on, performance_faults
from monitoring_assets.performance_points import PerformancePoint
from monitoring_assets.statistics.performance.intervals import Estimate
from resources.manifest import PerformanceThresholds

FIRST = dt.date(2026, 1, 5)
LIMITS = PerformanceThresholds()
AUC, BAD_RATE, ROWS, HORIZON = 0.8, 0.1, 2000, 30
AUC_ERROR = 0.015
REFERENCE = {"auc": Estimate(AUC, 0.005), "bad_rate": Estimate(BAD_RATE, 0.003)}


def day(number):
    return FIRST + dt.timedelta(days=number)


def cohort(number, seed, auc=AUC, estimated=AUC, bad_rate=BAD_RATE, rows=ROWS, horizon=HORIZON):
    """The points of a cohort whose true AUC, estimated AUC and bad rate are given."""
    rng = np.random.default_rng([seed, number])
    error = AUC_ERROR * np.sqrt(ROWS / rows)
    realised = rng.normal(auc, error)
    bads = int(rng.binomial(rows, bad_rate))
    bad_error = np.sqrt(BAD_RATE * (1 - BAD_RATE) / rows)
    zero = Estimate(0.0, 0.0)
    figures = [
        ("estimated", "auc", estimated, error / 2, REFERENCE["auc"]),
        ("estimated", "bad_rate", BAD_RATE, bad_error / 3, REFERENCE["bad_rate"]),
        ("realised", "auc", realised, error, REFERENCE["auc"]),
        ("gap", "auc", realised - estimated, error, zero),
        ("realised", "bad_rate", bads / rows, bad_error, REFERENCE["bad_rate"]),
        ("gap", "bad_rate", bads / rows - BAD_RATE, bad_error, zero),
    ]
    return [
        PerformancePoint(day(number), kind, horizon, metric, value, se, rows, bads, reference)
        for kind, metric, value, se, reference in figures
    ]


def stream(days, seed=0, changed_from=None, **change):
    return [
        point
        for number in range(days)
        for point in cohort(
            number, seed, **(change if changed_from is not None and number >= changed_from else {})
        )
    ]


def faults(points, last=200):
    return {one.subject: one for one in performance_faults(points, LIMITS, day(last))}


def test_a_healthy_model_has_no_fault():
    for seed in range(20):
        assert not faults(stream(120, seed))


def test_outcomes_that_change_alone_are_concept_shift():
    found = faults(stream(60, changed_from=40, auc=0.68))
    assert set(found) == {"AUC after 30 days", "AUC after 30 days against its estimate"}
    assert all(one.pages and one.family == "performance" for one in found.values())
    realised, gap = found.values()
    assert f"since the applicants of {day(40)}" in realised.text
    assert "instead of 0.800" in realised.text
    assert "40,000 rows" in realised.text
    assert "Concept shift" in gap.text
    # All of the fall is one of outcomes: what remains for the applicants is 0.
    assert "+0.000 covariate shift" in realised.text.replace("-0.000", "+0.000")


def test_applicants_that_change_alone_are_covariate_shift():
    found = faults(stream(60, changed_from=40, auc=0.68, estimated=0.68))
    assert set(found) == {"AUC after 30 days", "estimated AUC after 30 days"}
    assert "-0.120 covariate shift" in found["AUC after 30 days"].text
    estimated = found["estimated AUC after 30 days"]
    assert "Covariate shift" in estimated.text
    assert not estimated.pages


@pytest.mark.parametrize("bad_rate", [0.16, 0.05])
def test_more_bads_and_fewer_than_estimated_are_a_gap(bad_rate):
    found = faults(stream(60, changed_from=40, bad_rate=bad_rate))
    assert set(found) == {"bad rate after 30 days against its estimate"}
    (only,) = found.values()
    assert "instead of 10.0%" in only.text


def test_a_change_that_is_certain_and_does_not_matter_is_none():
    limit = LIMITS.auc_drop.warn
    for drop, count in ((limit / 2, 0), (2 * limit, 2)):
        points = [
            point
            for number in range(100)
            for point in cohort(number, 1, auc=AUC - drop, rows=100_000)
        ]
        assert len(faults(points)) == count


def test_an_error_of_the_reference_is_not_taken_for_a_change():
    """A small reference may well have found 0.84 where 0.8 is the truth."""
    unsure = Estimate(0.84, 0.02)
    points = [
        replace(point, reference=unsure) if point.metric == "auc" and point.kind != "gap" else point
        for point in stream(100)
    ]
    assert "AUC after 30 days" not in faults(points)
    sure = [
        replace(point, reference=Estimate(0.84, 0.002)) if point.reference == unsure else point
        for point in points
    ]
    assert "AUC after 30 days" in faults(sure)


def test_a_day_is_decided_from_what_it_could_know():
    points = stream(60, changed_from=40, auc=0.6)
    assert {known_on(p) - p.day for p in points if p.kind == "estimated"} == {dt.timedelta(0)}
    # The first cohort of the change is known 30 days after it.
    assert not faults(points, 40 + HORIZON - 1)
    first = next(n for n in range(60 + HORIZON) if faults(points, n))
    assert 40 + HORIZON <= first <= 40 + HORIZON + 3
    assert faults(points, 50 + HORIZON) == faults(
        [p for p in points if p.day <= day(50)], 50 + HORIZON
    )


def test_small_cohorts_are_pooled():
    few = [
        point
        for number in range(300)
        for point in cohort(number, 3, auc=0.8 if number < 150 else 0.65, rows=50)
    ]
    # A day without bads has no AUC.
    few = [
        replace(p, value=None, standard_error=None)
        if p.metric == "auc" and p.kind != "estimated" and p.bads == 0
        else p
        for p in few
    ]
    assert not faults([p for p in few if p.day < day(150)], 400)
    assert "AUC after 30 days" in faults(few, 400)


def test_a_fault_ends_with_its_cause():
    bad = stream(50, changed_from=30, auc=0.65)
    good = [p for number in range(50, 60) for p in cohort(number, 0)]
    assert faults(bad)
    assert not faults(bad + good)


def test_a_reference_without_outcomes_makes_a_gap_a_warning():
    points = [
        replace(p, reference=Estimate(None)) if p.kind == "realised" else p
        for p in stream(60, changed_from=40, bad_rate=0.2)
    ]
    (only,) = faults(points).values()
    assert only.subject == "bad rate after 30 days against its estimate"
    assert not only.pages


def test_each_horizon_has_its_charts():
    late = stream(60, changed_from=20, auc=0.65)
    early = [replace(p, horizon=7) for p in stream(60)]
    found = faults(sorted(late + early, key=lambda p: p.day))
    assert found
    assert all("30 days" in subject for subject in found)


def test_without_any_bad_there_is_no_chart():
    none = [
        replace(p, value=None, bads=0, reference=Estimate(None)) for p in stream(20, bad_rate=0.0)
    ]
    assert not faults(none)
