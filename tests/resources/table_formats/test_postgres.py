"""Tables of a real PostgreSQL server."""

import datetime as dt
import sys
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.errors import InputError, NotArrivedError, StorageError
from resources.storage import open_storage
from resources.table_formats import postgres
from tests.warehouses import VARIABLE, assert_days, execute, read_rows, rows_at, warehouse_server

DAY = dt.date(2026, 9, 1)
NAME = 'We"ird; DROP TABLE t--'

TABLES = f"""
CREATE SCHEMA risk;
CREATE ROLE reader LOGIN PASSWORD 'reads-only';
GRANT USAGE ON SCHEMA risk TO reader;
CREATE TABLE risk.loans (
    loan_id uuid, amount numeric(12,2), rate numeric, branch char(3), region text, old boolean,
    applied date, at timestamp, at_zone timestamptz, written text, nothing text, "We""ird" int
);
INSERT INTO risk.loans VALUES
    ('3f2504e0-4f89-11d3-9a0c-0305e82c3301', 1.50, 0.25, '007', 'north', true, '2026-09-01',
     '2026-09-01 23:59:59', '2026-09-01 23:59:59+00', '2026-09-01T10:00', NULL, 1),
    ('3f2504e0-4f89-11d3-9a0c-0305e82c3302', NULL, NULL, NULL, NULL, NULL, '2026-09-02',
     '2026-09-02 00:00', '2026-09-02 01:00+02', '2026-09-02', NULL, NULL);
CREATE TABLE risk.odd (id int, applied date, j json, a int[], b bytea);
INSERT INTO risk.odd VALUES (1, '2026-09-01', '{{"x": 1}}', '{{1}}', 'x');
CREATE VIEW risk.slow AS SELECT id, applied, pg_sleep(5)::text FROM risk.odd;
CREATE TABLE "{NAME.replace('"', '""')}" (applied date);
GRANT SELECT ON risk.loans TO reader;
"""


@pytest.fixture(scope="module")
def server():
    with warehouse_server() as running:
        execute(running, TABLES)
        yield running


@pytest.fixture(autouse=True)
def url(server, monkeypatch):
    found = server.url("postgres", "postgresql")
    monkeypatch.setenv(VARIABLE, found)
    return found


def loans():
    return rows_at("warehouse://risk/risk.loans")


def test_types():
    found = read_rows(loans())
    assert {field.name: str(field.type) for field in found.schema} == {
        "loan_id": "string",
        "amount": "decimal128(12, 2)",
        "rate": "double",
        "branch": "string",
        "region": "string",
        "old": "bool",
        "applied": "date32[day]",
        "at": "timestamp[us]",
        "at_zone": "timestamp[us, tz=UTC]",
        "written": "string",
        "nothing": "string",
        'We"ird': "int32",
    }
    first, second = found.to_pylist()
    assert (first["amount"], first["rate"], first["branch"]) == (Decimal("1.50"), 0.25, "007")
    assert first["loan_id"] == "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert second["amount"] is second["region"] is second["old"] is None


@pytest.mark.parametrize(
    ("column", "days"),
    [("applied", [1, 2]), ("at", [1, 2]), ("at_zone", [1, 1]), ("written", [1, 2])],
)
def test_a_day(column, days):
    """A timestamp with a time zone is taken in UTC: 01:00+02 is the day before."""
    assert_days("warehouse://risk/risk.loans", column, days)


def test_values_below_the_table():
    assert read_rows(rows_at("warehouse://risk/risk.loans/region=north/branch=007/")).num_rows == 1
    assert not rows_at("warehouse://risk/risk.loans/region=' OR 1=1 --").has_rows()
    with pytest.raises(InputError, match="no column 'applied_at'"):
        rows_at("warehouse://risk/risk.loans/applied_at=2026-09-01").has_rows()


def test_names_are_quoted():
    assert not rows_at(f"warehouse://risk/{NAME}").has_rows()
    assert read_rows(rows_at('warehouse://risk/risk.loans/We"ird=1')).num_rows == 1


def test_all_reads_see_the_same_rows(server):
    """Rows that come, and a table that changes, after it was opened."""
    rows = rows_at("warehouse://risk/risk.odd")
    execute(server, "INSERT INTO risk.odd VALUES (2, '2026-09-01')")
    assert rows.table.files(()) == ["1 rows"]
    assert rows.evidence == rows.evidence
    later = rows_at("warehouse://risk/risk.odd")
    assert later.table.files(()) == ["2 rows"]
    assert later.evidence["snapshot"] != rows.evidence["snapshot"]
    execute(server, "DELETE FROM risk.odd WHERE id = 2")


def test_nothing_is_written():
    table = loans().table
    with pytest.raises(OSError, match="SQLSTATE 25006"), table._explained():
        table._connection.cursor().execute("DELETE FROM risk.loans")


def test_types_that_are_not_counted_stay_what_they_are():
    from resources.arrow_types import type_family

    found = read_rows(rows_at("warehouse://risk/risk.odd")).schema
    assert pa.types.is_list(found.field("a").type)
    assert pa.types.is_binary(found.field("b").type)
    assert {type_family(found.field(name).type) for name in "jab"}.isdisjoint({"string", "number"})


def test_words_for_faults(server, url, monkeypatch):
    with pytest.raises(NotArrivedError, match="no table or view 'absent' in the schema 'risk'"):
        rows_at("warehouse://risk/risk.absent")
    monkeypatch.setenv(VARIABLE, url.replace(f"monitoring:{server.password}", "reader:reads-only"))
    assert loans().has_rows()
    with pytest.raises(NotArrivedError, match="that the user may read"):
        rows_at("warehouse://risk/risk.odd")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=f"{VARIABLE} is not set in the environment"):
        loans()


def test_columns_that_the_user_may_read(server, url, monkeypatch):
    """Of a table that a user may read in part, the other columns are not there."""
    execute(server, "GRANT SELECT (id) ON risk.odd TO reader")
    monkeypatch.setenv(VARIABLE, url.replace(f"monitoring:{server.password}", "reader:reads-only"))
    assert rows_at("warehouse://risk/risk.odd").table.schema.names == ["id"]
    execute(server, "REVOKE SELECT (id) ON risk.odd FROM reader")


def test_a_query_over_the_timeout(monkeypatch):
    monkeypatch.setattr(postgres, "TIMEOUT_SECONDS", 1)
    with pytest.raises(OSError, match="a query took more than 300 s"):
        read_rows(rows_at("warehouse://risk/risk.slow"))


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        (lambda server: f"monitoring:not-it@127.0.0.1:{server.port}", InputError, "the password"),
        (lambda server: "monitoring:not-it@127.0.0.1:1", StorageError, "no connection"),
        (lambda server: "monitoring:not-it and spaces@127.0.0.1:1", StorageError, "no connection"),
    ],
)
def test_the_password_is_in_no_error(server, monkeypatch, broken, error, words):
    monkeypatch.setenv(VARIABLE, f"postgresql://{broken(server)}/postgres")
    with pytest.raises(error, match=words) as caught:
        loans()
    assert "not-it" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_absent_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(InputError, match=r"pip install adbc-driver-postgresql$"):
        loans()


@pytest.mark.parametrize(
    "root", ["warehouse://me:secret@risk", "postgresql://me:secret@server", "warehouse://Risk"]
)
def test_no_user_or_password_in_a_path(root):
    with pytest.raises(ValueError, match="stands in the environment only") as caught:
        open_storage(root)
    assert "secret" not in str(caught.value)
