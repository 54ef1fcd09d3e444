"""Formats by the endings of files."""

import pytest

from resources.file_formats import is_csv, is_text, of_one_format


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "b/a.v2.csv.gz", "2026-09-01.csv"])
def test_csv(name):
    assert (is_csv(name), is_text(name)) == (True, True)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson.gz", "part-0.c000.JSON"])
def test_json_lines(name):
    assert (is_csv(name), is_text(name)) == (False, True)


@pytest.mark.parametrize("name", ["a.parquet", "a", "csv", "a.csv.zip", "a.csv/part-0", "a.xlsx"])
def test_what_is_no_text(name):
    assert not is_text(name)


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["b.csv", "a.parquet", "c.parquet.gzip", "d.json"], ["a.parquet", "c.parquet.gzip"]),
        (["b.csv", "notes.txt", "a.csv.gz", "d.json"], ["b.csv", "a.csv.gz"]),
        (["d.json", "c.jsonl"], ["d.json", "c.jsonl"]),
        (["notes.txt", "a.parquet.crc.txt"], []),
        ([], []),
    ],
)
def test_a_table_is_of_one_format(names, table):
    assert of_one_format(names) == table
