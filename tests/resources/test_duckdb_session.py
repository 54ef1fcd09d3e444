"""DuckDB with bounded memory."""

from pathlib import Path

from resources.duckdb_session import database, quoted


def test_memory_is_bounded_and_the_spill_folder_goes_with_the_session():
    with database() as connection:
        connection.execute(
            "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
        )
        memory, folder = connection.fetchone()
        assert memory == "953.6 MiB"
        assert Path(folder).is_dir()
    assert not Path(folder).exists()


def test_sessions_share_nothing():
    with database() as one, database() as other:
        one.execute("CREATE TABLE loans AS SELECT 1 AS x")
        assert other.execute("SHOW TABLES").fetchall() == []


def test_any_name_is_one_column():
    for name in ("income", "net income", 'the "gross"', "select", "a.b"):
        with database() as connection:
            table = connection.sql(f"SELECT 1 AS {quoted(name)}").to_arrow_table()
            assert table.column_names == [name]
