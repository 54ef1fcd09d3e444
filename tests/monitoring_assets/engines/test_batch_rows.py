"""A day's rows: files that differ, and a version's SQL, are read right or refused with a reason."""

import datetime as dt
import hashlib
from contextlib import nullcontext
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.engines import batch_rows
from monitoring_assets.engines.batch_rows import (
    batch_parts,
    day_rows,
    part_rows,
    require_row_by_row,
    write_query,
)
from resources.errors import InputError
from resources.manifest import Manifest
from resources.storage import open_storage
from resources.store import Landed
from tests.conftest import YESTERDAY

SECRET = 9_007_199_254_740_993  # no float64 is this number


@pytest.fixture
def files_of(lender):
    """A day whose files hold these incomes; None for a file without any."""

    def files_of(*incomes, spell=str, **beside):
        for number, values in enumerate(incomes):
            columns = {"loan_id": pa.array(["a", "b"]), "note": pa.array([[number], []])}
            if number:
                columns["note"] = pa.array(["x", "y"])
            if values is not None:
                columns["income"] = values
            columns = {spell(name): column for name, column in columns.items()} | beside
            path = f"{YESTERDAY}/part-{number}.parquet"
            with open_storage(lender.lake.root).writing(path) as local:
                pq.write_table(pa.table(columns), local)
        return lender.lake.day_files("{date}/", YESTERDAY)

    return files_of


@pytest.fixture
def read(lender, files_of):
    """What becomes of such a day."""

    def read(*incomes, sql=None, **given):
        features = {"columns": ["income"]} | ({"sql": "features.sql"} if sql else {})
        fields = lender.manifest(
            "pd_cards", "1", features=features, batch={"path": "{date}/", "key": "loan_id"}
        )
        digests = {}
        if sql:
            open_storage(lender.registry.root).write("pd_cards/1/features.sql", sql.encode())
            digests = {"features.sql": hashlib.sha256(sql.encode()).hexdigest()}
        manifest = Manifest.model_validate(fields)
        at = dt.datetime.now(dt.UTC)
        landed = Landed(manifest=manifest, folder="pd_cards/1", landed_at=at, digests=digests)
        files = files_of(*incomes, **given)
        return pa.Table.from_batches(day_rows(files, landed, lender.registry, {}))

    return read


def test_the_end_of_time_of_an_int96_timestamp_is_not_in_the_past(read, monkeypatch):
    # As Spark and Hive write it: in nanoseconds 9999-12-31 would be 1816.
    end = pa.array([dt.datetime(9999, 12, 31), dt.datetime(2026, 1, 1)])
    for sql in (None, "SELECT loan_id, income FROM batch"):
        with monkeypatch.context() as patched:
            write = partial(pq.write_table, use_deprecated_int96_timestamps=True)
            patched.setattr(pq, "write_table", write)
            assert read(end, sql=sql)["income"].to_pylist() == end.to_pylist()


WORDS = pa.array(["u", "v"])
CODES = WORDS.dictionary_encode()


@pytest.mark.parametrize(
    ("incomes", "kind", "values"),
    [
        ([pa.array([1, 2]), pa.array([0.5, 1.5])], pa.float64(), [1, 2, 0.5, 1.5]),
        (
            [pa.array([0.5, 1.5], pa.float32()), pa.array([2.5, 3.5])],
            pa.float64(),
            [0.5, 1.5, 2.5, 3.5],
        ),
        ([pa.nulls(2), pa.array([1, 2])], pa.int64(), [None, None, 1, 2]),
        ([pa.array([1, 2]), pa.nulls(2)], pa.int64(), [1, 2, None, None]),
        ([pa.nulls(2), CODES], CODES.type, [None, None, "u", "v"]),
        ([WORDS, CODES], pa.string(), ["u", "v", "u", "v"]),
        ([pa.nulls(2), pa.nulls(2)], pa.null(), [None] * 4),
    ],
    ids=[
        "widened",
        "floats",
        "nulls first",
        "nulls last",
        "nulls and codes",
        "words and codes",
        "nulls",
    ],
)
def test_files_whose_types_are_of_one_family_are_one_table(read, incomes, kind, values):
    table = read(*incomes)
    assert table.column_names == ["loan_id", "income"]
    assert table.schema.field("income").type == kind
    assert table["income"].to_pylist() == values


@pytest.mark.parametrize(
    ("incomes", "said"),
    [
        ([pa.array([1, 2]), None], "part-1.parquet: no column 'income'; .*part-0.parquet has it"),
        ([None, pa.array([1, 2])], "part-0.parquet: no column 'income'; .*part-1.parquet has it"),
        (
            [pa.array([1, 2]), WORDS],
            "part-1.parquet: column 'income' is string; in .*part-0.parquet it is int64",
        ),
        (
            [pa.nulls(2, pa.timestamp("ms", "UTC")), pa.nulls(2, pa.timestamp("ms", "CET"))],
            r"part-1.parquet: column 'income' is timestamp\[ms, tz=CET\]; in .*part-0",
        ),
    ],
    ids=["only in the first", "only in the second", "numbers and text", "zones"],
)
def test_files_that_do_not_agree_on_a_characteristic_are_named(read, incomes, said):
    with pytest.raises(InputError, match=said):
        read(*incomes)


def test_a_column_that_is_twice_in_a_later_file_is_never_guessed(lender, read):
    income = pa.array([1, 2])
    twice = pa.table([WORDS, income, income], names=["loan_id", "income", "income"])
    with open_storage(lender.lake.root).writing(f"{YESTERDAY}/part-9.parquet") as local:
        pq.write_table(twice, local)
    with pytest.raises(InputError, match=r"part-9.parquet: duplicate field names"):
        read(income)


def test_a_characteristic_that_no_file_has_is_left_to_the_checks(read):
    assert read(None, None).column_names == ["loan_id"]


QUERY = "SELECT loan_id, income FROM batch"


@pytest.mark.parametrize("sql", [None, "SELECT loan_id, CAST(income AS INT) AS income FROM batch"])
def test_a_value_that_cannot_be_read_is_not_shown(read, sql):
    incomes = [pa.array([SECRET, 1])] + ([] if sql else [pa.array([0.5, 1.5])])
    with pytest.raises(InputError, match="while reading rows") as raised:
        read(*incomes, sql=sql)
    assert str(SECRET) not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("option", ["memory_limit = '9GB'", "temp_directory = '.'"])
def test_a_query_cannot_lift_its_limits(read, option):
    with pytest.raises(InputError, match="the configuration has been locked"):
        read(pa.array([1, 2]), sql=f"SET {option}; {QUERY}")


def test_a_query_spills_to_a_folder_of_its_own(read, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    sql = "SELECT loan_id, current_setting('temp_directory') AS income FROM batch"
    (folder,) = set(read(pa.array([1, 2]), sql=sql)["income"].to_pylist())
    assert folder.startswith(str(tmp_path / "scratch"))
    assert not any((tmp_path / "scratch").iterdir())


def test_a_query_sees_columns_that_the_files_agree_on_only(read):
    assert read(pa.array([1, 2]), sql=QUERY)["income"].to_pylist() == [1, 2]
    with pytest.raises(
        InputError, match=r"column 'note' is string; in .*part-0.parquet it is list"
    ):
        read(pa.array([1, 2]), pa.array([3, 4]), sql=QUERY)


def test_a_query_that_leaves_no_row_still_says_what_columns_there_are(read):
    table = read(pa.array([1, 2]), sql="SELECT loan_id, income FROM batch WHERE income > 2")
    assert table.column_names == ["loan_id", "income"]
    assert table.num_rows == 0


@pytest.mark.parametrize(
    "sql",
    [
        QUERY,
        "SELECT * FROM batch",
        "SELECT Loan_Id, income AS InCome FROM batch",
        "SELECT upper(income::VARCHAR) AS unused, INCOME, LOAN_ID FROM batch",
    ],
)
@pytest.mark.parametrize("spell", [str.upper, str.title])
def test_a_query_finds_columns_whatever_their_case(read, sql, spell):
    table = read(pa.array([1, 2]), sql=sql, spell=spell)
    assert table.to_pydict() == {"loan_id": ["a", "b"], "income": [1, 2]}


def test_a_batch_whose_columns_sql_does_not_tell_apart_is_refused_and_says_so_once(read):
    with pytest.raises(
        InputError, match=r"batch .*part-0\.parquet: columns 'income', 'INCOME'; al"
    ):
        read(pa.array([1, 2]), sql=QUERY, INCOME=pa.array([3, 4]))
    # Without SQL the two are two columns.
    assert read(pa.array([1, 2]), INCOME=pa.array([3, 4]))["income"].to_pylist() == [1, 2]


def test_a_query_that_gives_a_column_twice_is_refused(read):
    sql = 'SELECT loan_id, income, income * 12 AS "Income" FROM batch'
    with pytest.raises(InputError, match=r"features\.sql: columns 'income', 'Income'; allowed"):
        read(pa.array([1, 2]), sql=sql)


def test_keys_too_long_to_compare_are_refused(tmp_path, monkeypatch):
    with duckdb.connect(config={"memory_limit": "60MB", "temp_directory": ""}) as small:
        monkeypatch.setattr(batch_rows, "isolated_database", lambda _: nullcontext(small))
        keys = [f"{number}{'x' * 30_000_000}" for number in range(3)]
        pq.write_table(pa.table({"loan_id": keys}), tmp_path / "f.parquet", use_dictionary=False)
        with pytest.raises(InputError, match=r"'loan_id' \(batch.key\): .*; allowed: keys of some"):
            batch_rows.tally_keys(tmp_path / "f.parquet", "loan_id")


def test_a_query_without_the_key_says_what_it_gives(read):
    with pytest.raises(InputError, match=r"no key column 'loan_id' \(batch.key\); it has income"):
        read(pa.array([1, 2]), sql="SELECT income FROM batch")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 1 FROM t) "
        "SELECT loan_id, income FROM batch, (SELECT count(*) FROM t)",
        "SELECT loan_id, sum(income + a.range + b.range) AS income FROM batch, "
        "range(10_000_000) a, range(10_000_000) b GROUP BY loan_id",
    ],
)
def test_a_query_without_end_is_ended(read, monkeypatch, sql):
    monkeypatch.setenv("MONITORING_MAX_SECONDS", "2")
    with pytest.raises(InputError, match=r"features\.sql \(features\.sql\) took longer than 2 s"):
        read(pa.array([1, 2]), sql=sql)


@pytest.mark.parametrize(
    "sql",
    [
        QUERY,
        "FROM batch;",
        "SELECT * FROM batch WHERE income > 1",
        "WITH a AS (SELECT * FROM batch) SELECT loan_id, income + 1 AS income FROM a",
        "SELECT loan_id, unnest([1, 2]) AS income FROM batch",
        "SELECT * FROM batch WHERE false",
    ],
)
def test_a_query_that_makes_each_row_of_one_row_may_run_on_parts(files_of, sql):
    require_row_by_row(files_of(pa.array([1, 2])), sql, "features.sql")


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT loan_id, income / (SELECT avg(income) FROM batch) FROM batch", "AGGREGATE"),
        ("SELECT loan_id, row_number() OVER () AS income FROM batch", "WINDOW"),
        ("SELECT DISTINCT loan_id FROM batch", "HASH_GROUP_BY"),
        ("SELECT * FROM batch LIMIT 2", "LIMIT"),
        ("SELECT * FROM batch ORDER BY income", "ORDER_BY"),
        ("SELECT b.* FROM batch b JOIN batch c USING (loan_id)", "JOIN"),
        ("SELECT * FROM batch UNION ALL SELECT * FROM batch", "UNION"),
        ("SELECT * FROM batch USING SAMPLE 10%", "SAMPLE"),
        ("SELECT 'a' AS loan_id, 1 AS income", "DUMMY_SCAN"),
        ("SELECT loan_id FROM batch, (VALUES (1), (2))", "CROSS_PRODUCT"),
        ("SET threads = 1; SELECT * FROM batch", "is one SELECT"),
        ("CREATE TABLE a (b INTEGER)", "is one SELECT"),
        ("SELECT incme FROM batch", "incme"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled"),
    ],
)
def test_a_query_that_needs_other_rows_may_not_run_on_parts(files_of, sql, found):
    with pytest.raises(InputError, match=rf"^features\.sql: .*{found}"):
        require_row_by_row(files_of(pa.array([1, 2])), sql, "features.sql")


def test_a_batch_is_read_in_parts_as_it_is_whole(files_of, lender, monkeypatch):
    files = files_of(pa.array([1, 2]), pa.array([0.5, 1.5]), pa.nulls(2))
    manifest = Manifest.model_validate(
        lender.manifest("pd_cards", "1", features={"columns": ["income"]})
    )
    whole = pa.Table.from_batches(part_rows(files, manifest, None, {}))
    monkeypatch.setattr(batch_rows, "PART_BYTES", 1)
    parts = batch_parts(files, manifest, None)
    assert [(part.paths, part.row_groups) for part in parts] == [
        ((path,), (0,)) for path in files.paths
    ]
    read = [pa.Table.from_batches(part_rows(part, manifest, None, {})) for part in parts]
    assert pa.concat_tables(read).equals(whole)


def test_a_result_of_any_size_is_refused(lender, tmp_path, monkeypatch):
    monkeypatch.setattr("monitoring_assets.engines.batch_rows.SPILL_BYTES", 10_000_000)
    path = f"{YESTERDAY}.parquet"
    with open_storage(lender.lake.root).writing(path) as local:
        pq.write_table(pa.table({"loan_id": ["a"], "income": [1]}), local)
    files = lender.lake.day_files("{date}.parquet", YESTERDAY)
    sql = "SELECT loan_id, income + a.range AS income FROM batch, range(1_000_000_000_000) a"
    with pytest.raises(InputError, match=r"features\.sql: its result takes more than 0\.01 GB"):
        write_query(files, sql, "features.sql", ["loan_id", "income"], tmp_path / "made.arrow")
