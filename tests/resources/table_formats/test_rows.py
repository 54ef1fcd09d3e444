"""Which table a path leads to, and what is read of it."""

import builtins
from functools import partial

import pandas as pd
import pytest

from resources.errors import InputError
from resources.storage import open_storage
from resources.table_formats.base import Condition
from resources.table_formats.rows import conditions_of, holds_table, table_at
from tests.tables import Icebergs, write_delta


@pytest.fixture
def lake(lender):
    lake = open_storage(lender.lake.root)
    write_delta(lake, "risk/loans", pd.DataFrame({"id": ["a", "b"], "region": ["n", "s x"]}))
    lake.write("plain/metadata/columns.json", b"{}")
    lake.write("plain/region=n/part.parquet", b"")
    return lake


@pytest.mark.parametrize(
    ("path", "conditions"),
    [
        ("risk/loans", ()),
        ("risk/loans/", ()),
        ("risk/loans/region=s%20x", (Condition("region", "s x"),)),
        ("risk/loans/region=n/id=a", (Condition("region", "n"), Condition("id", "a"))),
    ],
)
def test_a_path_to_a_table(lake, path, conditions):
    assert table_at(lake, path).conditions == conditions


@pytest.mark.parametrize(
    "path",
    [
        "risk",
        "risk/loans/part.parquet",
        "risk/loans/region=n/part.parquet",
        "risk/loans/*",
        "risk/loans/data/region=n",
        "plain",
        "plain/region=n/",
        "",
    ],
)
def test_a_path_to_none(lake, path):
    assert table_at(lake, path) is None


def test_rows_as_a_file(lake):
    with table_at(lake, "risk/loans/region=s%20x").as_parquet() as copies:
        assert pd.read_parquet(copies.locations[0])["id"].tolist() == ["b"]
        # Errors name the table.
        assert copies.storage.url(copies.paths[0]) == lake.url("risk/loans")
    with table_at(lake, "risk/loans/region=w").as_parquet() as copies:
        assert pd.read_parquet(copies.locations[0]).columns.tolist() == ["id", "region"]


def test_a_package_that_is_not_installed_is_named(lake, monkeypatch):
    real = builtins.__import__

    def missing(name, *others):
        if name.partition(".")[0] == "deltalake":
            raise ModuleNotFoundError(name)
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"package deltalake.* pip install deltalake$"):
        table_at(lake, "risk/loans")


def test_folders_with_a_log_hold_a_table():
    assert holds_table(["a/_delta_log/0.json"], "a")
    assert holds_table(["a/metadata/v1.metadata.json"], "a")
    assert not holds_table(["a/_delta_log/0.json", "b/metadata/columns.json"], "b")
    assert conditions_of("a/", "a") == ()


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
@pytest.mark.parametrize("path", ["Day=2026-09-01", "my col=1", "q\"t=it's", "ünï=1"])
def test_columns_of_any_name(lake, tmp_path, format_, path):
    rows = {"Day": ["2026-09-01", "2026-09-02"], "my col": [1, 2], "a.b": [0.5, 1.5]}
    frame = pd.DataFrame(rows | {'q"t': ["it's", "y"], "ünï": [1, 2]})
    write = partial(write_delta, lake) if format_ == "delta" else Icebergs(lake, tmp_path).write
    write("named", frame)
    found = table_at(lake, f"named/{path}")
    assert found.has_rows()
    with found.as_parquet() as copies:
        assert pd.read_parquet(copies.locations[0]).to_dict("records") == [frame.iloc[0].to_dict()]
