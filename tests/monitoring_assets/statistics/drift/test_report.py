"""The drift report: it is stored and read again without a loss."""

from dataclasses import replace

import numpy as np
import pytest

from monitoring_assets.statistics.drift.attribution import mean_shift
from monitoring_assets.statistics.drift.drift import compare
from monitoring_assets.statistics.drift.jensen_shannon import JensenShannon
from monitoring_assets.statistics.drift.report import DriftReport
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile

OF_THE_FIRST_RELEASE = [
    *("column", "index", "value", "critical_value", "status", "warn", "fail", "level"),
    *("reference_rows", "rows", "reference_missing", "missing", "unseen", "out_of_range"),
    *("infinite", "mean_score_shift", "moved_score_by", "error", "bins"),
]
BINS = NumericBins((0.0, 1.0, 2.0), "numeric", 0.0, 3.0, "double")


def column(*counts):
    rows = np.array(counts)
    return ColumnProfile(
        BINS, rows, score_sums=rows * np.linspace(0.1, 0.5, len(rows)), score_counts=rows
    )


@pytest.fixture
def sides():
    size = len(BINS.slots)
    before = {"income": column(*range(10, 10 + size)), "broken": ColumnProfile.failed("no number")}
    after = {"income": column(*range(10 + size, 10, -1)), "broken": ColumnProfile.failed("a text")}
    return (
        Profile(1000, before | {"score": column(*[50] * size)}),
        Profile(400, after | {"score": column(*[20] * size)}),
    )


@pytest.fixture
def drifts(sides):
    return compare(*sides, score="score", additional={JensenShannon(): JensenShannon.limits})


def test_what_is_stored_is_read_again(sides, drifts):
    report = DriftReport.build(drifts, *sides)
    table = report.to_table()
    again = DriftReport.from_table(table)
    assert table.schema == DriftReport.SCHEMA
    assert again.columns == report.columns
    assert (again.reference_rows, again.rows) == (1000, 400)
    assert again.to_table().equals(table)
    assert again.drifts() == drifts
    assert [len(one.drift.additional) for one in again.columns] == [1, 0, 1]


def test_a_report_of_the_first_release_is_read(sides, drifts):
    """Decisions read the reports of weeks, whatever release has stored them."""
    table = DriftReport.build(drifts, *sides).to_table().select(OF_THE_FIRST_RELEASE)
    again = DriftReport.from_table(table)
    assert again.drifts() == [replace(one, additional=()) for one in drifts]
    assert [one.marginal_mix for one in again.columns] == [None] * 3
    assert again.to_table().select(OF_THE_FIRST_RELEASE).equals(table)


def test_columns_have_what_they_did_to_the_score(sides, drifts):
    report = DriftReport.build(drifts, *sides)
    income, broken, score = report.columns
    moved = mean_shift(*(side.columns["income"] for side in sides))
    assert (income.mean_score_shift, income.moved_score_by) == (moved.shift, moved.mix)
    assert report.bins.moved_score_by[income.bins].tolist() == moved.by_bin.tolist()
    assert broken.drift.error is not None
    assert broken.mean_score_shift is None
    assert report.bins.labels[broken.bins] == []
    assert report.score is score
    assert score.moved_score_by is None


def test_only_what_is_unknown_is_null(sides, drifts):
    bins = DriftReport.build(drifts, *sides).to_table()["bins"].to_pylist()
    assert bins[1] == []
    assert all(None not in one.values() for one in bins[0])
