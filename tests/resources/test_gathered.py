"""Gathered reports against the reports themselves."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
import pytest

from resources import layout
from resources.gathered import UNGATHERED, Gathered, gather
from resources.storage import LocalStorage
from resources.store import Store, read_content

KEY = "pd_cards.3"
FIRST = dt.date(2026, 1, 1)
PATH = layout.gathered("drift_report", KEY, "2026-Q1")


def parse(day, report):
    table, notes = report
    return day, table.to_pylist(), notes


def fresh():
    """As a process that has just started has it."""
    return Gathered("drift_report", parse)


def in_run(root):
    store = Store(root=str(root))
    store.setup_for_execution(None)
    return store


def write(store, number, value, **columns):
    rows = {"value": [value, value + 0.5], "bins": [[1, 2], None]} | columns
    table = pa.table(rows)
    store.write_table("drift_report", KEY, FIRST + dt.timedelta(days=number), table, {"n": value})


def read(store, gathered=None, *, last=None):
    files = store.days("drift_report", KEY)
    return (gathered or fresh()).read(store, KEY, dict(list(files.items())[:last]))


def plain(store):
    return {
        day: parse(day, read_content(store.storage.read(file.path)))
        for day, file in store.days("drift_report", KEY).items()
    }


@pytest.fixture
def store(tmp_path):
    store = in_run(tmp_path)
    for number in range(20):
        write(store, number, float(number))
    return store


@pytest.fixture
def reads(monkeypatch):
    found = []
    read = LocalStorage.read
    monkeypatch.setattr(
        LocalStorage, "read", lambda self, path: found.append(path) or read(self, path)
    )
    return found


def test_a_later_process_reads_one_file(store, reads):
    first = read(store)
    assert first == plain(store)
    reads.clear()
    assert read(store) == first
    assert reads == [PATH]


def test_a_process_reads_each_report_once(store, reads):
    gathered = fresh()
    for last in range(1, 21):
        read(store, gathered, last=last)
    assert len([path for path in reads if path != PATH]) == 20


def test_a_new_report_is_read_beside_those_that_are_gathered(store, reads):
    read(store)
    written = store.storage.read(PATH)
    for number in range(20, 20 + UNGATHERED - 1):
        write(store, number, float(number))
        reads.clear()
        assert len(read(store)) == number + 1
        assert len(reads) == number + 1 - 20 + 1
        assert store.storage.read(PATH) == written
    write(store, 40, 40.0)
    assert read(store) == plain(store)
    assert store.storage.read(PATH) != written


def test_a_report_that_was_made_again_is_read_again(store):
    read(store)
    write(store, 7, 70.0)
    assert read(store) == plain(store)
    assert read(store)[FIRST + dt.timedelta(days=7)][2] == {"n": 70.0}


def test_a_report_that_was_deleted_is_gone(store):
    read(store)
    store.remove("drift_report", KEY, FIRST)
    assert FIRST not in read(store)


def test_who_looks_writes_nothing(store, tmp_path):
    assert read(Store(root=str(tmp_path))) == plain(store)
    assert not store.storage.exists(PATH)


def test_no_damaged_byte_is_taken_for_a_report(store, caplog):
    expected = read(store)
    whole = store.storage.read(PATH)
    for at in {*range(0, len(whole), 131), *range(len(whole) - 8, len(whole))}:
        damaged = bytearray(whole)
        damaged[at] ^= 1
        store.storage.write(PATH, bytes(damaged))
        assert read(store) == expected, at
    assert "is damaged" in caplog.text


@pytest.mark.parametrize("length", [0, 3, 500, -9])
def test_a_file_that_is_cut_is_not_read_and_is_made_again(store, length):
    read(store)
    whole = store.storage.read(PATH)
    store.storage.write(PATH, whole[:length])
    assert read(store) == plain(store)
    assert store.storage.read(PATH) == whole


def test_each_quarter_has_its_file(store, reads):
    for number in range(80, 110):
        write(store, number, float(number))
    read(store)
    reads.clear()
    assert read(store) == plain(store)
    assert reads[:2] == [PATH, PATH.replace("Q1", "Q2")]
    assert len(reads) == 2 + 50  # those of `plain`


def test_days_that_nobody_asks_for_stay_gathered(store, reads):
    read(store)
    for number in range(20, 30):
        write(store, number, float(number))
    files = store.days("drift_report", KEY)
    fresh().read(store, KEY, dict(list(files.items())[15:]))
    reads.clear()
    assert len(read(store)) == 30
    assert reads == [PATH]


def test_other_tools_read_the_rows_with_their_day(store, tmp_path):
    read(store)
    rows = duckdb.sql(
        "SELECT model, date, value, notes"
        f" FROM '{tmp_path}/gathered/drift_report/*/*.parquet' ORDER BY date, value"
    ).fetchall()
    days = [FIRST + dt.timedelta(days=number) for number in range(20)]
    assert rows == [
        row
        for number, day in enumerate(days)
        for row in (
            (KEY, day, float(number), f'{{"n": {float(number)}}}'),
            (KEY, day, number + 0.5, None),
        )
    ]


def test_columns_that_are_not_wanted_are_left_out(store):
    few = Gathered("drift_report", parse, lambda path: path.startswith("bins"))
    expected = {
        day: (day, [{"bins": row["bins"]} for row in rows], notes)
        for day, (_, rows, notes) in plain(store).items()
    }
    assert few.read(store, KEY, store.days("drift_report", KEY)) == expected
    again = Gathered("drift_report", parse, lambda path: path.startswith("bins"))
    assert again.read(store, KEY, store.days("drift_report", KEY)) == expected
    assert read(store) == plain(store)


class TestGather:
    def test_all_is_gathered_once(self, store, tmp_path):
        for number in range(85, 95):
            write(store, number, float(number))
        looking = Store(root=str(tmp_path))
        paths = [PATH, PATH.replace("Q1", "Q2")]
        assert list(gather(looking, "drift_report", KEY)) == [(path, True) for path in paths]
        assert list(gather(looking, "drift_report", KEY)) == [(path, False) for path in paths]

    def test_what_has_other_columns_is_looked_at_once(self, store):
        write(store, 20, 20.0, added=["x", "y"])
        assert list(gather(store, "drift_report", KEY)) == [(PATH, True)]
        assert list(gather(store, "drift_report", KEY)) == [(PATH, False)]
        assert read(store) == plain(store)

    def test_what_has_changed_is_gathered_again(self, store, reads):
        list(gather(store, "drift_report", KEY))
        write(store, 3, 30.0)
        store.remove("drift_report", KEY, FIRST)
        assert list(gather(store, "drift_report", KEY)) == [(PATH, True)]
        reads.clear()
        assert read(store) == plain(store)
        assert reads[0] == PATH
        assert len(reads) == 1 + 19  # those of `plain`


def test_reports_of_an_earlier_release_are_read_by_themselves(store, reads, monkeypatch):
    writes = []
    write_file = LocalStorage.write
    monkeypatch.setattr(
        LocalStorage,
        "write",
        lambda self, path, content: writes.append(path) or write_file(self, path, content),
    )
    for number in range(15, 20):
        write(store, number, float(number), added=["x", "y"])
    assert read(store) == plain(store)
    written = store.storage.read(PATH)
    reads.clear()
    assert read(store) == plain(store)
    assert len(reads) == 1 + 15 + 20  # the file, those of the release before, and those of `plain`
    assert writes == [PATH], "no run writes it again"
    write(store, 3, 30.0)
    assert read(store) == plain(store)
    for number in range(20, 20 + UNGATHERED):
        write(store, number, float(number), added=["x", "y"])
    assert read(store) == read(store) == plain(store)
    assert store.storage.read(PATH) != written


def test_two_that_write_at_once_do_no_harm(store):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: read(store, last=12 + n), range(8)))
    assert read(store) == plain(store)
    assert all(one == {day: plain(store)[day] for day in one} for one in found)


def test_a_report_without_rows_is_one(store):
    empty = pa.table(
        {"value": pa.array([], pa.float64()), "bins": pa.array([], pa.list_(pa.int64()))}
    )
    store.write_table("drift_report", KEY, FIRST, empty, {})
    assert read(store) == read(store) == plain(store)


def test_files_are_told_apart_by_their_store(tmp_path, store):
    other = in_run(tmp_path / "other")
    for number in range(20):
        write(other, number, float(-number))
    gathered = fresh()
    assert read(store, gathered) == plain(store)
    assert read(other, gathered) == plain(other)
