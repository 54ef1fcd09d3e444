"""The table of counts that Great Expectations sees."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_assets.checks.batch_quality import (
    ExpectKeyToBeUnique,
    ExpectMissingShareToBeAtMost,
    ExpectRowCountToBeAtLeast,
)
from monitoring_assets.checks.gx_run import run_expectations
from monitoring_assets.checks.profile_table import KEY, SCORE_RANGE, profile_table
from monitoring_assets.checks.score_range import ExpectScoreToBeInRange
from monitoring_assets.statistics.profiles.profile import ParquetSource, count, fit_bins


def test_a_characteristic_named_as_a_tally_keeps_its_own_counts(tmp_path):
    columns = {name: np.arange(90.0) for name in (KEY, SCORE_RANGE)}
    pq.write_table(pa.table(columns), tmp_path / "day.parquet")
    source = ParquetSource(tmp_path / "day.parquet")
    profile = count(source, fit_bins(source))
    table = profile_table(
        profile,
        profile,
        expected_types={},
        found_types=dict.fromkeys(profile.columns, "double"),
        tallies={
            KEY: {"unique": 7, "repeated": 2, "missing": 1},
            SCORE_RANGE: {"below": 0, "above": 0, "within": 10, "missing": 0},
        },
        earlier={},
    )
    expected = [
        ExpectRowCountToBeAtLeast(characteristic=KEY, min_rows=50),
        ExpectKeyToBeUnique(characteristic=KEY),
        ExpectMissingShareToBeAtMost(characteristic=KEY, limit=0.01, increase=0.0),
        ExpectScoreToBeInRange(characteristic=SCORE_RANGE, lowest=0.0, highest=1.0),
        ExpectMissingShareToBeAtMost(characteristic=SCORE_RANGE, limit=0.01, increase=0.0),
    ]
    findings = run_expectations(table, [("a check", one) for one in expected])
    assert [(one.success, one.observed) for one in findings] == [
        (False, 10.0),
        (False, 3.0),
        (True, 0.0),
        (True, 0.0),
        (True, 0.0),
    ]
