"""The reference sample holds what the SQL makes: one with its inputs is refused."""

import datetime as dt
import hashlib

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from monitoring_assets.reference.feature_sql import require_finished
from resources.errors import InputError
from resources.manifest import Manifest
from resources.storage import open_storage
from resources.store import Landed

SAMPLE = pa.table({"income": [1200.0, 2400.0, None], "region": ["NORTH", "SOUTH", "SOUTH"]})


def judge(lender, sql, sample=SAMPLE):
    open_storage(lender.registry.root).write("pd_cards/1/features.sql", sql.encode())
    fields = lender.manifest(
        "pd_cards", "1", features={"columns": ["income", "region"], "sql": "features.sql"}
    )
    landed = Landed(
        manifest=Manifest.model_validate(fields),
        folder="pd_cards/1",
        landed_at=dt.datetime.now(dt.UTC),
        digests={"features.sql": hashlib.sha256(sql.encode()).hexdigest()},
    )
    require_finished(ds.dataset(sample), "reference.parquet", landed, lender.registry)


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        ("SELECT loan_id, income * 12 AS income, region FROM batch", "income"),
        ("SELECT income * 12 AS income, lower(region) AS region FROM batch", "income, region"),
        ("SELECT coalesce(income, 0) AS income, region FROM batch", "income"),
        ("SELECT income * 12 AS INCOME, region FROM batch", "income"),
    ],
)
def test_a_sample_that_the_sql_would_change_is_refused(lender, sql, changed):
    sample = SAMPLE.append_column("loan_id", pa.array(["a", "b", "c"]))
    with pytest.raises(InputError) as refused:
        judge(lender, sql, sample)
    assert f"makes another {changed} of it" in str(refused.value)
    assert "yearly_income" in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT monthly * 12 AS income, region FROM batch",  # the input is not in the sample
        "SELECT CAST(income AS DOUBLE) AS income, upper(region) AS region FROM batch",
        "SELECT income, region FROM batch WHERE region = 'SOUTH' ORDER BY income DESC",
        "SELECT region, avg(income) AS income FROM batch GROUP BY ALL HAVING count(*) = 1",
    ],
)
def test_a_sample_that_the_sql_leaves_as_it_is_is_taken(lender, sql):
    judge(lender, sql)


def test_sql_of_another_content_than_landed_is_refused(lender):
    judge(lender, "SELECT income, region FROM batch")
    storage = open_storage(lender.registry.root)
    fields = lender.manifest("pd_cards", "1", features={"columns": ["income"], "sql": "other.sql"})
    storage.write("pd_cards/1/other.sql", b"SELECT 1 AS income")
    landed = Landed(
        manifest=Manifest.model_validate(fields),
        folder="pd_cards/1",
        landed_at=dt.datetime.now(dt.UTC),
        digests={"features.sql": "0" * 64},
    )
    with pytest.raises(InputError, match="changed after the version landed"):
        require_finished(ds.dataset(SAMPLE), "reference.parquet", landed, lender.registry)


def test_a_query_without_end_is_ended(lender, monkeypatch):
    monkeypatch.setenv("MONITORING_MAX_SECONDS", "2")
    sql = (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 1 FROM t) "
        "SELECT income, region FROM batch, (SELECT count(*) FROM t)"
    )
    with pytest.raises(InputError, match=r"features\.sql \(features\.sql\) took longer than 2 s"):
        judge(lender, sql)
