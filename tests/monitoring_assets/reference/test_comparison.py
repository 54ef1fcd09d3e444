"""A day against the reference, under the manifest's thresholds."""

import pytest

from monitoring_assets.reference.comparison import compare_with_reference
from monitoring_assets.statistics.drift.thresholds import Status
from monitoring_assets.statistics.profiles.profile import ParquetSource, Profile, count, fit_bins
from resources.manifest import ThresholdPolicy
from tests.conftest import rows


@pytest.fixture
def profiles(tmp_path):
    """The reference's columns, and a day that has one of them alone, shifted."""
    rows(0, 2000).to_parquet(tmp_path / "reference.parquet")
    rows(1, 2000, income_shift=0.2).to_parquet(tmp_path / "day.parquet")
    source = ParquetSource(tmp_path / "reference.parquet")
    bins = fit_bins(source, ["income", "region"])
    expected = count(source, bins, is_reference=True)
    current = count(ParquetSource(tmp_path / "day.parquet"), {"income": bins["income"]})
    return expected, current


def test_what_the_day_has_is_compared(profiles):
    expected, current = profiles
    (income,) = compare_with_reference(expected, current, ThresholdPolicy())
    assert (income.column, income.index) == ("income", "CSI")
    both = Profile(current.rows, current.columns | {"region": expected.columns["region"]})
    assert [d.column for d in compare_with_reference(expected, both, ThresholdPolicy())] == [
        "income",
        "region",
    ]


def test_limits_are_the_manifests(profiles):
    strict = ThresholdPolicy.model_validate({"csi": {"warn": 0.001, "fail": 0.002}})
    lax = ThresholdPolicy.model_validate({"csi": {"warn": 5.0, "fail": 9.0}})
    assert compare_with_reference(*profiles, strict)[0].status == Status.FAIL
    assert compare_with_reference(*profiles, lax)[0].status == Status.OK
