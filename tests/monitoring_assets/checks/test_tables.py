"""Where the counts of the table come from: which of the days before are in it."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from monitoring_assets.checks.profile_table import EARLIER
from monitoring_assets.checks.tables import TABLES
from monitoring_assets.partitions import ModelDay
from monitoring_assets.statistics.profiles.profile import ParquetSource, count, fit_bins
from resources.manifest import parse_manifest
from tests.conftest import YESTERDAY

KEY = "pd_cards.1"
DAY = ModelDay(YESTERDAY, KEY)


@pytest.fixture
def profile(tmp_path):
    """A profile of some rows of a seed, in the bins of the reference or in those of its own."""

    def make(seed, rows, bins=None):
        path = tmp_path / f"{seed}.parquet"
        pq.write_table(pa.table({"income": np.random.default_rng(seed).random(rows)}), path)
        source = ParquetSource(path)
        return count(source, fit_bins(source) if bins is None else bins)

    return make


def test_days_before_are_there_in_their_order_if_they_have_the_bins(lender, profile):
    reference = profile(0, 1000)
    bins = {"income": reference.columns["income"].bins}
    now = profile(1, 73, bins)
    before = {1: profile(2, 80, bins), 3: profile(3, 90), 6: profile(4, 60, bins)}
    before[7] = profile(5, 50, bins)
    lender.store.write_table("reference_profile", KEY, None, reference.to_table(), {})
    for number, one in {0: now, **before}.items():
        day = YESTERDAY - dt.timedelta(days=number)
        notes = {"types": {"income": "double"}, "key": {"unique": one.rows}}
        lender.store.write_table("features_profile", KEY, day, one.to_table(), notes)
    features = {"columns": ["income"]}
    manifest = lender.manifest("pd_cards", "1", features=features)
    table = TABLES["features"](lender.store, DAY, parse_manifest(yaml.safe_dump(manifest), "m"))
    of_income = table[table["characteristic"] == "income"]
    # The fourth day back was not made; the third has other bins; the seventh is another week's.
    assert of_income[EARLIER].sum().tolist() == [80, 0, 0, 0, 0, 60]
    assert of_income["current"].sum() == 73
    assert of_income[EARLIER[0]].tolist() == before[1].columns["income"].counts.tolist()
