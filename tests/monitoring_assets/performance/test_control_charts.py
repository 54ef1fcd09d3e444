"""What charts of performance signal: what has changed, since when, and nothing else."""

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest

from monitoring_assets.performance.control_charts import known_on, performance_faults
from monitoring_assets.performance.history import PerformancePoint, first_cohort
from monitoring_assets.statistics.drift.segments import Segment
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
    assert {(one.first_cohort, one.horizon) for one in found.values()} == {(day(40), HORIZON)}
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


def losses(days, moved=0.0, changed_from=40, bias=0.02):
    """Cohorts of a score that predicts a loss of 0.4; more is realised from a day on."""
    rng = np.random.default_rng(8)
    points = []
    for number in range(days):
        shift = moved if number >= changed_from else 0.0
        error = rng.normal(bias + shift, 0.01)
        for metric, value, reference in (
            ("mean_error", error, Estimate(bias, 0.002)),
            ("mean_realised", 0.4 + error, Estimate(0.4 + bias, 0.002)),
        ):
            points.append(
                PerformancePoint(
                    day(number), "realised", HORIZON, metric, value, 0.01, 900, 0, reference
                )
            )
    return points


@pytest.mark.parametrize("moved", [0.15, -0.15])
def test_a_mean_error_that_moves_from_that_of_the_reference_is_a_fault(moved):
    (found,) = faults(losses(60, moved)).values()
    assert found.subject == "mean realised value after 30 days against the prediction"
    assert found.pages
    assert day(36) <= found.first_cohort <= day(40)
    figures = re.search(r"prediction: ([\d.]+) .* instead of ([\d.]+) since", found.text)
    level, before = map(float, figures.groups())
    assert level == pytest.approx(0.42 + moved, abs=0.03)
    assert level - before == pytest.approx(moved, abs=0.03)


def test_a_mean_error_that_the_reference_has_too_or_that_is_small_is_none():
    assert not faults(losses(120))
    assert not faults(losses(60, moved=0.05))  # within the ratio that warns


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


REGIONS = [Segment("region", name) for name in ("north", "east", "south", "west", "centre")]


def by_region(days, seed=0, rots_from=None, auc=0.8, rows=ROWS):
    """The points of all rows and of five equal regions, of which the south may rot.

    The total is the mean of its regions: what moves one of them by d moves it by d / 5.
    """
    found = []
    for number in range(days):
        parts = []
        for at, region in enumerate(REGIONS):
            rots = region.value == "south" and rots_from is not None and number >= rots_from
            drawn = cohort(number, 1000 * seed + at, auc=auc if rots else AUC, rows=rows)
            parts.append([replace(point, segment=region) for point in drawn])
        for same in zip(*parts, strict=True):
            found.append(
                replace(
                    same[0],
                    segment=None,
                    value=float(np.mean([point.value for point in same])),
                    standard_error=same[0].standard_error / np.sqrt(len(same)),
                    rows=sum(point.rows for point in same),
                    bads=sum(point.bads for point in same),
                )
            )
            found += [point for point in same if point.kind != "estimated"]
    return found


def test_a_segment_that_rots_is_found_and_named_while_the_total_looks_calm():
    limit = LIMITS.auc_drop.warn
    points = by_region(120, rots_from=40, auc=AUC - 3 * limit)
    total = [point for point in points if point.segment is None]
    # A fifth of three limits is less than one: of all rows it does not matter.
    assert not faults(total)
    found = faults(points)
    assert set(found) == {
        "AUC after 30 days, region south",
        "AUC after 30 days against its estimate, region south",
    }
    text = found["AUC after 30 days, region south"].text
    assert text.startswith("AUC after 30 days, region south: ")
    assert f"since the applicants of {day(40)}" in text
    assert "once in 50,000 points" in text
    assert all(one.pages for one in found.values())
    assert not faults([point for point in points if point.day < day(40)])


def test_more_charts_do_not_make_more_false_alarms(monkeypatch):
    """By the closed form: of n points, charts that together signal once in L have n / L at most.

    Limits of next to nothing and an exact reference leave the charts alone to decide.
    """
    length, days, streams = 1000, 100, 40
    monkeypatch.setattr("monitoring_assets.performance.control_charts.RUN_LENGTH", length)
    loose = LIMITS.model_copy(
        update={"auc_drop": replace(LIMITS.auc_drop, warn=1e-9), "level": 0.999}
    )

    def signals(seed):
        rng = np.random.default_rng(seed)
        of = HORIZON, ROWS, round(ROWS * BAD_RATE), REFERENCE["bad_rate"]
        points = [
            PerformancePoint(day(number), "realised", of[0], metric, value, error, *of[1:3], ref, s)
            for number in range(days)
            for s in [None, *REGIONS]
            for metric, value, error, ref in (
                ("auc", rng.normal(AUC, AUC_ERROR), AUC_ERROR, Estimate(AUC, 0.0)),
                ("bad_rate", BAD_RATE, 0.01, of[3]),
            )
        ]
        return any(
            performance_faults(points, loose, day(number + HORIZON)) for number in range(9, days, 2)
        )

    # At most 4 are to be expected, and 18 of six charts with the run length of one. More than 11
    # of 4 have a chance of under 1 in 1,000.
    assert sum(map(signals, range(streams))) <= 11


def test_a_segment_of_few_rows_is_pooled():
    points = by_region(400, rots_from=100, auc=0.62, rows=40)
    assert "AUC after 30 days, region south" in faults(points, 430)
    assert not faults(by_region(400, rows=40), 430)


def test_looking_back_a_year_decides_as_looking_back_for_good():
    """Three years, a change for a week in each; the chart is at 0 within any year of it."""
    points = [
        point
        for number in range(3 * 365)
        for point in cohort(number, 4, auc=0.66 if number % 365 in range(200, 207) else AUC)
        if point.kind == "realised"
    ]
    signalled = 0
    for last in range(2 * 365, 3 * 365, 5):
        first = first_cohort(day(last), [HORIZON])
        recent = [point for point in points if point.day >= first]
        assert faults(recent, last) == faults(points, last)
        signalled += bool(faults(recent, last))
    assert signalled


def test_the_first_cohort_stays_for_a_year_and_lies_one_to_two_years_back():
    firsts = [first_cohort(day(number), [30, 90]) for number in range(1000)]
    assert firsts == sorted(firsts)
    assert 3 <= len(set(firsts)) <= 4
    for number, first in enumerate(firsts):
        assert 365 <= (day(number) - dt.timedelta(days=90) - first).days < 2 * 365


def test_a_change_that_is_older_than_the_look_back_still_signals():
    points = stream(1200, changed_from=100, auc=0.65)
    first = first_cohort(day(1200), [HORIZON])
    assert (first - day(100)).days > 300
    recent = [point for point in points if point.day >= first]
    assert f"since the applicants of {first}" in faults(recent, 1200)["AUC after 30 days"].text
