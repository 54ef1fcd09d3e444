"""Which files of a folder are of a table: one rule for the lake and for two folders to compare."""

import pytest

from resources.table_files import belongs


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a.parquet", "", True),
        ("date=2026-09-01/a.parquet", "", True),
        ("_region=north/a.parquet", "", True),  # a column's name
        ("_temporary/0/a.parquet", "", False),
        (".ipynb_checkpoints/a-checkpoint.parquet", "", False),
        ("_a.parquet", "", False),
        ("date=2026-09-01/.a.parquet.crc", "", False),
        ("_staging/a.parquet", "_staging/*.parquet", True),
        ("_staging/_temporary/a.parquet", "_staging/**", False),
        ("feed/.a.parquet", "feed/.*.parquet", True),
    ],
)
def test_what_is_hidden_belongs_only_where_the_pattern_says_so(path, pattern, expected):
    assert belongs(path, pattern) is expected
