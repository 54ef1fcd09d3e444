"""Which kind of server a name stands for."""

import pytest

from resources.errors import InputError
from resources.storage import Warehouse
from resources.table_formats.postgres import PostgresTable
from resources.table_formats.snowflake import SnowflakeTable
from resources.table_formats.warehouse import kind_of_server
from tests.warehouses import VARIABLE

KINDS = (PostgresTable, SnowflakeTable)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://me:secret@host/db", PostgresTable),
        ("postgres://me:secret@host/db", PostgresTable),
        ("snowflake://me:secret@lender/db/PUBLIC?warehouse=WH", SnowflakeTable),
    ],
)
def test_kind_by_the_urls_scheme(monkeypatch, url, kind):
    monkeypatch.setenv(VARIABLE, url)
    assert kind_of_server(Warehouse("warehouse://risk"), KINDS) is kind


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("bigquery://secret@project", f"{VARIABLE} starts with bigquery:; allowed: postgresql://"),
        ("host=secret dbname=x", f"{VARIABLE} has no scheme; allowed: postgresql://"),
        ("", f"{VARIABLE} is not set in the environment; allowed: .* or snowflake://"),
    ],
)
def test_other_urls(monkeypatch, url, words):
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(InputError, match=words) as caught:
        kind_of_server(Warehouse("warehouse://risk"), KINDS)
    assert "secret" not in str(caught.value)
