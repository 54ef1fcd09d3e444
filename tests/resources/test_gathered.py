"""Gathered reports against the reports themselves."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from resources import layout
from resources.gathered import UNGATHERED, Gathered
from resources.storage import LocalStorage
from resources.store import Store, read_content

KEY = "pd_cards.3"
FIRST = dt.date(2026, 1, 1)
PATH = layout.gathered("drift_report", KEY)


def parse(day, report):
    table, notes = report
    return day, table.to_pylist(), notes


def fresh(days=30):
    """As a process that has just started has it."""
    return Gathered("drift_report", days, read_content, parse)


def write(store, number, value, **columns):
    rows = {"value": [value, value + 0.5], "bins": [[1, 2], None]} | columns
    table = pa.table(rows)
    store.write_table("drift_report", KEY, FIRST + dt.timedelta(days=number), table, {"n": value})


def read(store, gathered=None, *, keep=True, last=None):
    files = store.days("drift_report", KEY)
    return (gathered or fresh()).read(store, KEY, dict(list(files.items())[:last]), keep=keep)


def plain(store):
    return {
        day: parse(day, read_content(store.storage.read(file.path)))
        for day, file in store.days("drift_report", KEY).items()
    }


@pytest.fixture
def store(tmp_path):
    store = Store(root=str(tmp_path))
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


def test_who_looks_writes_nothing(store):
    assert read(store, keep=False) == plain(store)
    assert not store.storage.exists(PATH)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_file_that_is_damaged_is_not_read(store, damage, caplog):
    read(store)
    content = bytearray(store.storage.read(PATH))
    if damage == "gone":
        store.storage.delete(PATH)
    else:
        content[len(content) // 2] ^= 1
        cut = {"cut": content[:-9], "flipped": content, "empty": b""}[damage]
        store.storage.write(PATH, bytes(cut))
    assert read(store) == plain(store)
    assert ("is damaged" in caplog.text) == (damage != "gone")
    assert len(store.storage.read(PATH)) == len(content)


def test_only_the_newest_are_gathered(store, reads):
    read(store, fresh(days=12))
    reads.clear()
    assert read(store, fresh(days=12)) == plain(store)
    assert len(reads) == 1 + 8 + 20  # those not gathered, then all by `plain`


def test_reports_of_an_earlier_release_are_read_by_themselves(store):
    for number in range(15, 20):
        write(store, number, float(number), added=["x", "y"])
    assert read(store) == read(store) == plain(store)


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
    other = Store(root=str(tmp_path / "other"))
    for number in range(20):
        write(other, number, float(-number))
    gathered = fresh()
    assert read(store, gathered) == plain(store)
    assert read(other, gathered) == plain(other)
