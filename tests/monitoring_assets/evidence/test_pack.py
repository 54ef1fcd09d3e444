"""A pack made again is the same but for its seal, which says when."""

import datetime as dt
import hashlib
from dataclasses import replace

import openpyxl
import pyarrow.parquet as pq
import pytest

from monitoring_assets.evidence.content import collect
from monitoring_assets.evidence.pack import PAGE, WORKBOOK, write_pack
from monitoring_assets.evidence.seal import SEAL, verify
from resources.errors import InputError
from tests.monitoring_assets.evidence.conftest import FORMULA, KEY, OWNER, QUIET, STOPPED, ignore

NOW = dt.datetime(2026, 10, 1, 8, 0, tzinfo=dt.UTC)
LATER = dt.datetime(2027, 10, 1, 9, 30, tzinfo=dt.UTC)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_made_again_a_year_later_only_the_seal_differs(content, watched_once, tmp_path):
    write_pack(content, tmp_path / "now" / "q1", NOW)
    again = collect(watched_once.store, KEY, QUIET, STOPPED, ignore)
    write_pack(again, tmp_path / "later" / "q1", LATER)
    now, later = files(tmp_path / "now" / "q1"), files(tmp_path / "later" / "q1")
    assert now.keys() == later.keys()
    assert {name for name in now if now[name] != later[name]} == {SEAL}
    for folder in ("now", "later"):
        assert verify(tmp_path / folder / "q1") == []


def test_page_workbook_and_parquet_have_the_same_tables(content, tmp_path):
    seal = write_pack(content, tmp_path / "q1", NOW)
    book = openpyxl.load_workbook(tmp_path / "q1" / WORKBOOK)
    assert book.sheetnames == ["contents", *content.tables]
    for name, table in content.tables.items():
        assert pq.read_table(tmp_path / "q1" / "tables" / f"{name}.parquet").equals(table)
        assert book[name].max_row == table.num_rows + 1
    expected = {PAGE, WORKBOOK} | {f"tables/{name}.parquet" for name in content.tables}
    expected |= {f"manifests/{sha256}.json" for sha256 in content.revisions}
    assert seal["files"].keys() == expected
    cells = {cell.value: cell for sheet in book for row in sheet.iter_rows() for cell in row}
    assert cells[FORMULA].data_type == cells[OWNER].data_type == "s"


def test_the_seal_says_when_and_by_which_versions(content, tmp_path):
    seal = write_pack(content, tmp_path / "q1", NOW)
    assert seal["made"]["at"] == NOW.isoformat()
    assert {"pyarrow", "xlsxwriter", "credit-model-monitoring"} <= seal["made"]["packages"].keys()


def test_a_pack_is_never_overwritten(content, tmp_path):
    write_pack(content, tmp_path / "q1", NOW)
    with pytest.raises(InputError, match="is there already"):
        write_pack(content, tmp_path / "q1", LATER)
    assert [one.name for one in tmp_path.iterdir()] == ["q1"]
    (tmp_path / "empty").mkdir()
    write_pack(content, tmp_path / "empty", LATER)
    assert verify(tmp_path / "empty") == []


def test_a_pack_of_another_model_is_no_former_pack(content, tmp_path):
    write_pack(replace(content, key="pd_auto.1"), tmp_path / "auto", NOW)
    with pytest.raises(InputError, match=r"is a pack of pd_auto\.1"):
        write_pack(content, tmp_path / "q1", NOW, tmp_path / "auto")
