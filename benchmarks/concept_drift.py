"""Concept drift on simulated streams: how soon it is caught, and what nothing at all costs.

A stream is half a year of daily cohorts: scores, and outcomes that follow them until something
changes on day 90. Every figure goes through the code that the product runs: score grid, realised
performance, estimate, gap, and the charts, which decide day after day. Beside them a naive rule:
a cohort's realised AUC is 0.05 or more under the reference's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from statistics import median

import numpy as np
from measure import arguments, publish
from numpy.typing import NDArray
from scipy.special import expit, logit

from monitoring_assets.performance.control_charts import known_on, performance_faults
from monitoring_assets.performance.history import METRICS, PerformancePoint
from monitoring_assets.reference.score_grid import ReferencePerformance
from monitoring_assets.statistics.performance.calibration_map import fit_calibration
from monitoring_assets.statistics.performance.concept_drift import gap
from monitoring_assets.statistics.performance.estimation import estimate
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.metrics import (
    as_estimate,
    estimated_metrics,
    realised_metrics,
)
from monitoring_assets.statistics.performance.realised import realised
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid
from resources.manifest import PerformanceThresholds

Floats = NDArray[np.float64]
Cohort = tuple[Floats, Floats]
Change = Callable[[np.random.Generator, Floats, float], tuple[Floats, Floats]]

FIRST = dt.date(2026, 1, 1)
HORIZON, BEGAN, DAYS = 30, 90, 180
REFERENCE_ROWS = 10_000
STREAMS = 20
NAIVE_DROP = 0.05


def none(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """Nothing changes."""
    return odds, odds


def flip(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """Who was safe is risky, from one day to the next; as many bads, the same scores."""
    return odds, 2 * np.median(odds) - odds


def half(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """Half of the outcomes no longer depend on the score."""
    mixed = np.where(rng.random(len(odds)) < 0.5, rng.permutation(odds), odds)
    return odds, mixed


def decay(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """The score means less every day: nothing after 180 days."""
    centre = np.median(odds)
    return odds, centre + (odds - centre) * (1 - age / 180)


def level(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """Half as many bads again at every score, about; the order stays."""
    return odds, odds + 0.47


def segment(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """In a fifth of the applicants who was safe is risky."""
    bad = rng.random(len(odds)) < 0.2
    return odds, np.where(bad, 2 * np.median(odds) - odds, odds)


def covariate(rng: np.random.Generator, odds: Floats, age: float) -> tuple[Floats, Floats]:
    """Riskier applicants, whose outcomes are what their scores say."""
    return odds + 0.7, odds + 0.7


CHANGES: dict[str, Change] = {
    "none": none,
    "sudden flip of outcomes": flip,
    "half of the outcomes at random": half,
    "slow decay over 180 days": decay,
    "half as many bads again": level,
    "flip in one fifth": segment,
    "covariate shift only": covariate,
}


def cohort(rng: np.random.Generator, rows: int, change: Change, age: float) -> Cohort:
    """Scores of a cohort and what became of it: float64[rows] each."""
    scored, meant = change(rng, rng.normal(logit(0.08), 1.1, rows), age)
    return expit(scored), (rng.random(rows) < expit(meant)).astype(float)


def points(seed: int, rows: int, change: Change) -> Iterator[PerformancePoint]:
    """A stream as the performance reports of the product say it."""
    rng = np.random.default_rng(seed)
    scores, outcomes = cohort(rng, REFERENCE_ROWS, none, 0)
    grid, edges = score_grid(scores), np.quantile(scores, np.arange(1, 10) / 10)
    calibration = fit_calibration(
        count_scores(scores, grid, scores),
        count_scores(scores, grid, outcomes),
        probability=True,
        direction=1,
    )
    sample = realised(scores, outcomes, edges)
    before = ReferencePerformance(
        realised_metrics(sample),
        [],
        sample.discrimination.bad_component,
        sample.discrimination.good_component,
    )
    for number in range(DAYS):
        what = change if number >= BEGAN else none
        scores, outcomes = cohort(rng, rows, what, number - BEGAN)
        day, bads = FIRST + dt.timedelta(days=number), int(outcomes.sum())
        found = realised_metrics(realised(scores, outcomes, edges))
        estimated = estimated_metrics(estimate(calibration, count_scores(scores, grid, scores)))
        errors = before.errors(rows, bads)
        for name in METRICS:
            own = as_estimate(estimated[name])
            apart = gap(found[name], estimated[name])
            error = errors.get(name, found[name].standard_error)
            for kind, value, se, reference in (
                ("estimated", own.value, own.standard_error, before.metrics[name]),
                ("realised", found[name].value, error, before.metrics[name]),
                ("gap", apart.value, apart.standard_error, Estimate(0.0, 0.0)),
            ):
                yield PerformancePoint(day, kind, HORIZON, name, value, se, rows, bads, reference)


def judge(seed: int, rows: int, name: str) -> dict[str, dict[str, float | None]]:
    """False alarms before the change, and days from the first mature cohort of it to the alarm."""
    stream = list(points(seed, rows, CHANGES[name]))
    limits = PerformanceThresholds()
    realised_auc = {
        p.day: p
        for p in stream
        if (p.kind, p.metric) == ("realised", "auc") and p.value is not None
    }
    alarms: dict[str, list[bool]] = {"control charts": [], "naive": []}
    for number in range(DAYS):
        cohort_day = FIRST + dt.timedelta(days=number)
        day = cohort_day + dt.timedelta(days=HORIZON)
        known = [p for p in stream if known_on(p) <= day and p.day <= cohort_day]
        signals = any(fault.pages for fault in performance_faults(known, limits, day))
        alarms["control charts"].append(signals)
        point = realised_auc.get(cohort_day)
        fell = point is not None and point.value <= point.reference.value - NAIVE_DROP
        alarms["naive"].append(fell)
    last = DAYS if name == "none" else BEGAN
    return {
        rule: {
            "false": sum(b and not a for a, b in zip([False, *on], on[:last], strict=False)),
            "days": last,
            "delay": next((n - BEGAN for n in range(BEGAN, DAYS) if on[n]), None),
        }
        for rule, on in alarms.items()
    }


def main() -> None:
    """Judge all streams, in two processes, and publish the table."""
    arguments(__doc__ or "").parse_args()
    rows = []
    with ProcessPoolExecutor(2) as processes:
        for number, (size, name) in enumerate(product((1000, 60), CHANGES)):
            streams = range(number * STREAMS, (number + 1) * STREAMS)
            found = list(
                processes.map(judge, streams, [size] * STREAMS, [name] * STREAMS, chunksize=3)
            )
            for rule in ("control charts", "naive"):
                mine = [one[rule] for one in found]
                delays = [one["delay"] for one in mine if one["delay"] is not None]
                years = sum(one["days"] for one in mine) / 365
                has_changed = name != "none"
                rows.append(
                    {
                        "change": name,
                        "rows a day": size,
                        "rule": rule,
                        "false alarms a model-year": sum(one["false"] for one in mine) / years,
                        "paged, %": round(100 * len(delays) / STREAMS) if has_changed else None,
                        "median days": median(delays) if delays and has_changed else None,
                        "worst days": max(delays) if delays and has_changed else None,
                    }
                )
                print(rows[-1], flush=True)
    publish("concept_drift", rows)


if __name__ == "__main__":
    main()
