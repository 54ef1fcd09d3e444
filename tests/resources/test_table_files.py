"""Which files of a folder are of a table: one rule for the lake and for two folders to compare."""

import pytest

from resources.errors import InputError
from resources.storage import open_storage
from resources.table_files import belongs, refuse_table_formats


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


@pytest.mark.parametrize(
    ("log", "format_"),
    [
        ("loans/_delta_log/00000000000000000000.json", "a Delta Lake table"),
        ("loans/metadata/00000-5f.metadata.json", "an Iceberg table"),
        ("loans/metadata/v1.gz.metadata.json", "an Iceberg table"),
    ],
)
@pytest.mark.parametrize("folder", ["loans", "loans/data", "loans/data/date=2026-09-01"])
def test_a_table_with_a_log_of_its_files_is_refused_at_every_depth(
    any_lender, log, format_, folder
):
    storage = open_storage(any_lender.lake.root)
    storage.write(log, b"{}")
    with pytest.raises(InputError, match=f"{storage.url('loans')}: found {format_}, .*allowed"):
        refuse_table_formats(storage, [folder])


def test_folders_beside_such_a_table_are_plain(any_lender):
    storage = open_storage(any_lender.lake.root)
    storage.write("loans/_delta_log/00000000000000000000.json", b"{}")
    storage.write("metadata/columns.json", b"{}")
    refuse_table_formats(storage, ["", "loans-2", "cards/date=2026-09-01"])
