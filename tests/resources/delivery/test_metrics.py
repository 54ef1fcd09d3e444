"""The catalogue, what is made from a report, and the page that shows it."""

import re
from pathlib import Path

import numpy as np
import pytest

from monitoring_assets.statistics.drift.drift import ColumnDrift
from monitoring_assets.statistics.drift.report import DriftReport, ReportedBins, ReportedColumn
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds
from resources.delivery import metrics
from resources.delivery.channels import CHANNELS
from resources.delivery.messages import Subject

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def row(column, *, index="CSI", value=0.01, status="ok", moved=None, shift=None, missing=0.0):
    drift = ColumnDrift(column, index, Thresholds(), Status(status), value, current_missing=missing)
    return ReportedColumn(drift, shift, moved, moved, slice(0, 0))


def report_of(*columns):
    none = np.empty(0)
    return DriftReport(5000, 500, columns, ReportedBins((), (), none, none, none, none))


SCORE = row("score", index="PSI", value=0.3, status="fail", shift=0.02)


def values(gauges):
    return {(g.metric.removeprefix(metrics.PREFIX), *g.tags.values()): g.value for g in gauges}


def test_a_report_becomes_its_gauges():
    report = report_of(
        row("income", value=0.5, status="warn", missing=0.4),
        row("region", value=0.02),
        row("broken", value=None, status="error", missing=None),
        SCORE,
    )
    assert values(metrics.report_gauges(report)) == {
        ("psi",): 0.3,
        ("mean_score_shift",): 0.02,
        ("csi.max",): 0.5,
        ("rows",): 500,
        ("missing.max",): 0.4,
        ("columns", "fail"): 1,
        ("columns", "warn"): 1,
        ("columns", "error"): 1,
        ("csi", "income"): 0.5,
        ("csi", "region"): 0.02,
    }


def test_only_the_characteristics_that_matter_have_a_series(monkeypatch):
    monkeypatch.setenv("MONITORING_CSI_SERIES", "3")
    report = report_of(
        row("large but harmless", value=0.09),
        row("moves the score", value=0.05, moved=-0.2),
        row("in breach", value=0.11, status="warn"),
        row("moves it a little", value=0.04, moved=0.1),
    )
    chosen = [
        g.tags["characteristic"]
        for g in metrics.report_gauges(report)
        if g.tags.keys() == {"characteristic"}
    ]
    assert chosen == ["in breach", "moves the score", "moves it a little"]


def test_a_report_without_any_number_sends_no_number():
    report = report_of(row("broken", value=None, status="error", missing=None))
    sent = values(metrics.report_gauges(report))
    assert sent[("columns", "error")] == 1
    assert not sent.keys() & {("psi",), ("csi.max",), ("mean_score_shift",), ("missing.max",)}


@pytest.mark.parametrize("text", ["-1", "many", "1.5", ""])
def test_a_wrong_number_of_series_is_named(monkeypatch, text):
    monkeypatch.setenv("MONITORING_CSI_SERIES", text)
    with pytest.raises(ValueError, match="MONITORING_CSI_SERIES"):
        metrics.csi_series()


def test_a_gauge_has_the_tags_of_its_metric_and_no_others():
    with pytest.raises(ValueError, match="characteristic"):
        metrics.CSI.gauge(0.1)
    with pytest.raises(ValueError, match="model"):
        metrics.PSI.gauge(0.1, model="pd_cards")
    with pytest.raises(ValueError, match="population"):
        metrics.INCIDENTS_OPEN.gauge(1, family="weather")


def test_tags_of_a_version_and_of_the_deployment(monkeypatch):
    monkeypatch.setenv("DD_ENV", "staging")
    subject = Subject(key="pd_cards.1", model="pd_cards", version="1", team="risk")
    assert metrics.subject_tags(subject) == {
        "model": "pd_cards",
        "version": "1",
        "env": "staging",
        "team": "risk",
    }
    deployment = Subject(key=metrics.DEPLOYMENT, model="-", version="-")
    assert metrics.subject_tags(deployment) == {"env": "staging"}
    monkeypatch.delenv("DD_ENV")
    assert metrics.environment_name() == "prod"


def test_the_page_shows_exactly_the_catalogue():
    text = PAGE.read_text()
    shown = {}
    for line in text.splitlines():
        if cells := re.match(
            r"\| `(model_monitoring\.[\w.]+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$", line
        ):
            name, unit, tags, sent, description = cells.groups()
            shown[name] = (unit.strip(), set(re.findall(r"`(\w+)`", tags)), sent, description)
    expected = {}
    for metric in metrics.METRICS.values():
        scope = metrics.SUBJECT_TAGS if metric.scope == "version" else metrics.DEPLOYMENT_TAGS
        expected[metric.name] = (
            metric.unit,
            {*scope, *metric.tags},
            metric.sent,
            metric.description,
        )
    assert shown == expected
    for check in metrics.CHECKS.values():
        assert f"| `{check.name}` | {check.description} |" in text


def series(versions: int, sent: str) -> int:
    """Series that are sent at this rhythm, counted from the catalogue."""
    total = 0
    for metric in metrics.METRICS.values():
        if metric.sent == sent:
            # `model` and `version` are one tag here: a version has one model.
            count = versions if metric.scope == "version" or "version" in metric.tags else 1
            for tag, allowed in metric.tags.items():
                count *= {
                    "model": 1,
                    "version": 1,
                    "characteristic": 10,
                    "horizon": 1,
                    "channel": len(CHANNELS),
                }.get(tag, len(allowed))
            total += count
    return total


@pytest.mark.parametrize("versions", [30, 300])
def test_the_page_counts_series_as_the_catalogue_does(versions):
    daily, hourly = series(versions, "day"), series(versions, "hour")
    billed = round(hourly + daily / 24)
    assert f"| {versions} | {daily:,} | {hourly:,} | {billed:,} |" in PAGE.read_text()


def test_names_are_valid_for_datadog():
    for name in [*metrics.METRICS, *metrics.CHECKS]:
        assert re.fullmatch(r"[a-z][a-z0-9_.]{0,199}", name)
