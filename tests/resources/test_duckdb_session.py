"""DuckDB with bounded memory."""

from pathlib import Path

import pytest

from resources.duckdb_session import database, isolated_database, quoted


@pytest.mark.parametrize(
    ("opened", "bound"), [(database, "366.2 MiB"), (isolated_database, "953.6 MiB")]
)
def test_memory_is_bounded(opened, bound):
    with opened() as connection:
        (memory,) = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    assert memory == bound


@pytest.mark.parametrize("opened", [database, isolated_database])
def test_there_is_a_folder_to_spill_to(opened):
    with opened() as connection:
        (folder,) = connection.execute("SELECT current_setting('temp_directory')").fetchone()
        assert Path(folder).is_dir()


def test_the_spill_folder_goes_with_an_isolated_database():
    with isolated_database() as connection:
        (folder,) = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    assert not Path(folder).exists()


def test_sessions_share_no_temporary_table():
    with database() as one, database() as other:
        one.execute("CREATE TEMP TABLE loans AS SELECT 1 AS x")
        assert other.execute("SHOW TABLES").fetchall() == []


def test_an_isolated_database_shares_nothing():
    with isolated_database() as one, isolated_database() as other, database() as session:
        one.execute("SET enable_external_access = false")
        one.execute("CREATE TABLE loans AS SELECT 1 AS x")
        for another in (other, session):
            assert another.execute("SHOW TABLES").fetchall() == []
            setting = another.execute("SELECT current_setting('enable_external_access')")
            assert setting.fetchone() == (True,)


def test_any_name_is_one_column():
    for name in ("income", "net income", 'the "gross"', "select", "a.b"):
        with database() as connection:
            table = connection.sql(f"SELECT 1 AS {quoted(name)}").to_arrow_table()
            assert table.column_names == [name]
