"""Tables of Snowflake, as an emulator on DuckDB has them."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.errors import InputError, NotArrivedError, StorageError
from resources.table_formats import snowflake
from tests.warehouses import VARIABLE, assert_days, read_rows, rows_at, snowflake_emulator

TABLES = (
    "CREATE SCHEMA RISK",
    """CREATE TABLE RISK.LOANS (
        LOAN_ID NUMBER(38,0), AMOUNT NUMBER(12,2), RATE FLOAT, BRANCH VARCHAR, OLD BOOLEAN,
        APPLIED DATE, AT_TIME TIMESTAMP_NTZ, AT_ZONE TIMESTAMP_TZ, WRITTEN VARCHAR,
        NOTHING VARCHAR, CODE NUMBER(8,0), "we""ird" NUMBER(38,0)
    )""",
    """INSERT INTO RISK.LOANS VALUES
        (1, 1.50, 0.25, '007', true, '2026-09-01', '2026-09-01 23:59:59',
         '2026-09-01 23:59:59+00:00', '2026-09-01T10:00', NULL, 20260901, 1),
        (2, NULL, NULL, NULL, NULL, '2026-09-02', '2026-09-02 00:00:00',
         '2026-09-02 01:00:00+02:00', '2026-09-02', NULL, 20260902, NULL)""",
    "CREATE TABLE RISK.ODD (J VARIANT, A ARRAY, B BINARY)",
)


@pytest.fixture(scope="module")
def server():
    with snowflake_emulator() as running:
        running.execute(*TABLES)
        yield running


@pytest.fixture(autouse=True)
def url(server, monkeypatch):
    monkeypatch.setenv(VARIABLE, server.url())
    return server.url()


def loans(below=""):
    return rows_at(f"warehouse://risk/RISK.LOANS{below}")


def test_types():
    found = read_rows(loans())
    assert {field.name: str(field.type) for field in found.schema} == {
        "LOAN_ID": "decimal128(38, 0)",
        "AMOUNT": "decimal128(12, 2)",
        "RATE": "double",
        "BRANCH": "string",
        "OLD": "bool",
        "APPLIED": "date32[day]",
        "AT_TIME": "timestamp[us]",
        "AT_ZONE": "timestamp[us, tz=UTC]",
        "WRITTEN": "string",
        "NOTHING": "string",
        "CODE": "decimal128(8, 0)",
        'we"ird': "decimal128(38, 0)",
    }
    first, second = found.sort_by("LOAN_ID").to_pylist()
    assert (first["AMOUNT"], first["RATE"], first["BRANCH"]) == (Decimal("1.50"), 0.25, "007")
    assert first["AT_TIME"] == dt.datetime(2026, 9, 1, 23, 59, 59)
    assert second["AMOUNT"] is second["BRANCH"] is second["OLD"] is None


@pytest.mark.parametrize(
    ("column", "days"),
    [("APPLIED", [1, 2]), ("AT_TIME", [1, 2]), ("AT_ZONE", [1, 1]), ("WRITTEN", [1, 2])],
)
def test_a_day(column, days):
    """A timestamp with a time zone is taken in UTC: 01:00+02 is the day before."""
    assert_days("warehouse://risk/RISK.LOANS", column, days)


def test_values_below_the_table():
    assert read_rows(loans("/BRANCH=007/CODE=20260901/")).num_rows == 1
    assert read_rows(loans('/we"ird=1')).num_rows == 1
    assert not loans("/BRANCH=' OR 1=1 --").has_rows()
    with pytest.raises(InputError, match="no column 'DAY'"):
        loans("/DAY=2026-09-01").has_rows()


def test_evidence():
    found = loans().evidence
    assert (found["format"], found["table"]) == ("Snowflake", "warehouse://risk/RISK.LOANS")
    read_at = dt.datetime.fromisoformat(str(found["read_at"]))
    assert abs(dt.datetime.now(dt.UTC) - read_at) < dt.timedelta(minutes=5)


def test_types_that_are_not_counted_stay_what_they_are():
    found = read_rows(rows_at("warehouse://risk/RISK.ODD")).schema
    assert pa.types.is_binary(found.field("B").type)
    assert [str(found.field(name).type) for name in "JA"] == ["string", "string"]


@pytest.mark.parametrize("name", ["RISK.ABSENT", "risk.loans", "LOANS"])
def test_absent_table(name):
    """Names are as they are stored: in capitals unless they were quoted when created."""
    with pytest.raises(NotArrivedError, match=r"no table or view '\w+' in the schema '\w+'"):
        rows_at(f"warehouse://risk/{name}")


def test_no_server(monkeypatch, url):
    monkeypatch.setattr(snowflake, "LOGIN_SECONDS", 2)
    monkeypatch.setenv(
        VARIABLE, f"snowflake://monitoring:not-it@127.0.0.1:1{url[url.index('/L') :]}"
    )
    with pytest.raises(StorageError, match="no connection to the server") as caught:
        loans()
    assert "not-it" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
