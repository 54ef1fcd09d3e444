"""Performance on its way to Datadog: what could be known on the day, by horizon."""

import datetime as dt

import pytest

from monitoring_assets.alerting.incidents import NoticeContext
from monitoring_assets.alerting.ledger import tell
from monitoring_assets.assets.alerts import performance_gauges
from monitoring_assets.performance.history import PerformancePoint, performance_points
from monitoring_assets.statistics.alerts.decision import FAMILIES, Decision
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.report import (
    CohortPerformance,
    Performance,
    PerformanceKind,
    PerformanceReport,
    PerformanceStatus,
    ReportedMetric,
)
from resources.delivery.datadog import AGENT_VARIABLES
from resources.delivery.messages import Measurements, Subject
from tests.conftest import YESTERDAY, days_ago, job, onboard
from tests.receivers.datadog import DatadogReceiver

KEY = "pd_cards.1"
DAY = dt.date(2026, 3, 31)


def point(back, kind, value, metric="auc", horizon=30):
    day = DAY - dt.timedelta(days=back)
    return PerformancePoint(day, kind, horizon, metric, value, 0.01, 900, 90, Estimate(0.8, 0.01))


def values(*points):
    return {
        (one.metric.removeprefix("model_monitoring."), one.tags["horizon"]): one.value
        for one in performance_gauges(points, DAY)
    }


def test_the_estimate_is_of_the_day_and_what_was_realised_of_the_newest_cohort_that_is_due():
    assert values(
        point(31, "realised", 0.71),
        point(30, "realised", 0.72),
        point(30, "gap", -0.06),
        point(29, "realised", 0.73),  # known when the day is decided late, not on the day
        point(30, "estimated", 0.78),
        point(0, "estimated", 0.79),
    ) == {
        ("auc.realised", "30"): 0.72,
        ("auc.gap", "30"): -0.06,
        ("auc.estimated", "30"): 0.79,
    }


def test_each_horizon_is_a_series_and_a_manifest_without_one_has_its_own():
    assert values(
        point(60, "realised", 0.08, metric="bad_rate"),
        point(60, "realised", 0.11, metric="bad_rate", horizon=60),
        point(0, "estimated", 0.1, metric="bad_rate", horizon=None),
        point(60, "gap", 0.0, metric="bad_rate", horizon=60),
    ) == {
        ("bad_rate.realised", "30"): 0.08,
        ("bad_rate.realised", "60"): 0.11,
        ("bad_rate.estimated", "none"): 0.1,
        ("bad_rate.gap", "60"): 0.0,
    }


def test_what_could_not_be_computed_is_a_gap_and_not_the_value_of_a_cohort_before():
    assert values(point(31, "realised", 0.7), point(30, "realised", None)) == {}
    assert values(point(1, "estimated", 0.7)) == {}


@pytest.fixture
def datadog(monkeypatch):
    for name in AGENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DD_API_KEY", "a" * 32)
    with DatadogReceiver() as receiver:
        monkeypatch.setenv("DATADOG_HOST", receiver.url)
        yield receiver
        assert not receiver.violations


def report(kind, auc, bad_rate):
    """A report of one cohort: value, and where it is realised the gap, of both metrics."""
    found = {"auc": auc, "bad_rate": bad_rate}
    metrics = tuple(
        ReportedMetric(metric=name, value=value, estimated=value - gap, gap=gap)
        for name, (value, gap) in found.items()
    )
    status = PerformanceStatus.MATURE if kind == "realised" else PerformanceStatus.ESTIMATED
    found = Performance(status=status, scored=1000, known=1000, bads=100, metrics=metrics)
    return PerformanceReport(
        (CohortPerformance(kind=PerformanceKind(kind), horizon=30, found=found),)
    )


SENT = {
    "model_monitoring.auc.realised": 0.72,
    "model_monitoring.auc.gap": -0.06,
    "model_monitoring.auc.estimated": 0.79,
    "model_monitoring.bad_rate.realised": 0.12,
    "model_monitoring.bad_rate.gap": 0.02,
    "model_monitoring.bad_rate.estimated": 0.1,
}


def sent(datadog):
    tags = {"model:pd_cards", "version:1", "env:prod", "horizon:30"}
    return {name: value for name, have, value in datadog.points if tags <= have}


@pytest.fixture
def reported(lender, instance):
    """A version with an estimate of yesterday, and a cohort whose outcomes have come by then."""
    lender.publish(deployed_at=days_ago(60).isoformat())
    onboard(lender, instance)
    manifest = lender.store.landed(KEY).manifest
    due = YESTERDAY - dt.timedelta(days=30)
    reports = {
        due: report("realised", (0.72, -0.06), (0.12, 0.02)),
        YESTERDAY: report("estimated", (0.79, 0.0), (0.1, 0.0)),
    }
    for day, one in reports.items():
        lender.store.write_report(
            "performance_report", KEY, day, one.to_table(), manifest, "run", "code", {}
        )
    return lender


def test_datadog_has_the_stored_performance_with_the_tags_of_the_version(reported, datadog):
    lender = reported
    manifest = lender.store.landed(KEY).manifest
    subject = Subject.of(manifest)
    now = dt.datetime.now(dt.UTC)
    tell(
        lender.store,
        NoticeContext(subject=subject, day=YESTERDAY, decided_at=now),
        [Decision(family, "none", ("good",)) for family in FAMILIES],
        Measurements(
            subject=subject,
            day=YESTERDAY,
            gauges=performance_gauges(performance_points(lender.store, KEY, YESTERDAY), YESTERDAY),
        ),
        seconds=20,
    )
    assert sent(datadog) == SENT
    assert len(datadog.points) == len(SENT)


def test_the_decision_on_a_day_sends_it(reported, instance, datadog):
    decided = job("decide_alerts", reported).execute_in_process(
        instance=instance, partition_key=f"{YESTERDAY}|{KEY}"
    )
    assert decided.success
    assert sent(datadog) == SENT
