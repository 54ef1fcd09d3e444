"""What is computed is replaced whole, read back as it was written, and kept as evidence."""

import datetime as dt
import json
import sys

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources import layout
from resources.manifest import Manifest
from resources.storage import S3Storage
from resources.store import Landed, NotMaterialisedError, arrow_file
from tests.conftest import onboard
from tests.s3_requests import recorded_requests

DAY = dt.date(2026, 9, 1)
KEY = "pd_cards.1"
TABLE = pa.table({"column": ["income", "score"], "psi": [0.1, None]})


def landed(lender, version="1", **changes):
    manifest = Manifest.model_validate(lender.manifest("pd_cards", version, **changes))
    at = dt.datetime(2026, 9, 2, 3, 4, 5, 678, tzinfo=dt.UTC)
    return Landed(manifest=manifest, folder=f"pd_cards/{version}", landed_at=at)


def test_a_partition_lies_where_hive_looks_for_it():
    assert (
        layout.partition("scores", KEY, DAY)
        == "scores/model=pd_cards.1/date=2026-09-01/scores.parquet"
    )
    path = "reference_profile/model=pd_cards.1/reference_profile.parquet"
    assert layout.partition("reference_profile", KEY) == path


def test_a_table_is_read_as_it_was_written_with_its_notes(any_lender):
    store = any_lender.store
    store.write_table("drift_report", KEY, DAY, TABLE, {"rows": 3, "why": "ä"})
    table, notes = store.read_table("drift_report", KEY, DAY)
    assert table.equals(TABLE)
    assert notes == {"rows": 3, "why": "ä"}
    (location,) = store.locations("drift_report", KEY, DAY)
    # Without the folders of the path, which Hive reads as columns.
    file = pq.ParquetFile(location, filesystem=store.storage.filesystem)
    assert file.read().equals(TABLE)


def test_a_partition_is_replaced_and_its_evidence_is_kept(any_lender):
    store = any_lender.store
    store.write_table("drift_report", KEY, DAY, TABLE, {"run": 1}, evidence="run-1")
    store.write_table("drift_report", KEY, DAY, TABLE.slice(1), {"run": 2}, evidence="run-2")
    table, notes = store.read_table("drift_report", KEY, DAY)
    assert (len(table), notes) == (1, {"run": 2})
    kept = store.storage.list("evidence")
    folder = "evidence/drift_report/model=pd_cards.1/date=2026-09-01"
    assert list(kept) == [f"{folder}/run-1.parquet", f"{folder}/run-2.parquet"]
    first = pq.read_table(pa.BufferReader(store.storage.read(f"{folder}/run-1.parquet")))
    assert len(first) == 2


def test_a_partition_that_is_not_there_is_named(any_lender):
    store = any_lender.store
    assert not store.has("scores", KEY, DAY)
    for read in (store.read_table, store.parts):
        with pytest.raises(NotMaterialisedError) as raised:
            read("scores", KEY, DAY)
        path = layout.partition("scores", KEY, DAY)
        assert str(raised.value) == (
            f"scores of 2026-09-01|pd_cards.1 is not materialised: {store.root}/{path} is not there"
        )
    with pytest.raises(NotMaterialisedError, match=r"reference_profile of pd_cards\.1 is not"):
        store.read_table("reference_profile", KEY)


def test_a_partition_that_is_removed_is_gone_and_may_be_removed_again(any_lender):
    store = any_lender.store
    store.write_table("scores_profile", KEY, DAY, TABLE, {})
    store.remove("scores_profile", KEY, DAY)
    store.remove("scores_profile", KEY, DAY)
    assert not store.has("scores_profile", KEY, DAY)


def test_a_write_that_fails_leaves_the_partition_as_it_was(any_lender):
    store = any_lender.store
    store.write_table("scores_profile", KEY, DAY, TABLE, {"run": 1})
    with pytest.raises(TypeError):
        store.write_table("scores_profile", KEY, DAY, TABLE, {"run": object()})
    assert store.read_table("scores_profile", KEY, DAY)[1] == {"run": 1}


def test_what_has_landed_is_read_back_one_by_one_and_all_at_once(any_lender):
    store = any_lender.store
    one, two = landed(any_lender), landed(any_lender, "2")
    assert store.all_landed() == {}
    store.land({KEY: one, "pd_cards.2": two}, {KEY, "pd_cards.2"})
    assert store.all_landed() == {KEY: one, "pd_cards.2": two}
    assert store.landed(KEY) == one
    with pytest.raises(NotMaterialisedError, match=r"no model version .pd_cards\.3. has landed"):
        store.landed("pd_cards.3")


def test_a_manifest_that_cannot_be_read_any_more_does_not_hide_the_others(lender, caplog):
    everything = {KEY: landed(lender), "pd_cards.2": landed(lender, "2")}
    lender.store.land(everything, set(everything))
    stored = json.loads(lender.store.storage.read("manifests/all.json"))
    stored["pd_cards.2"]["manifest"]["scoring"]["range"] = [0, None]
    lender.store.storage.write("manifests/all.json", json.dumps(stored).encode())
    assert lender.store.all_landed() == {KEY: everything[KEY]}
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "pd_cards.2 cannot be read" in record.getMessage()


def test_what_a_reader_does_with_what_has_landed_is_not_what_another_reads(lender):
    lender.store.land({KEY: landed(lender)}, {KEY})
    lender.store.all_landed().clear()
    assert list(lender.store.all_landed()) == [KEY]


def test_every_manifest_that_was_in_force_is_kept(lender):
    store = lender.store
    before, after = landed(lender), landed(lender, owner="other@lender.example", revision=2)
    store.land({KEY: before}, {KEY})
    store.land({KEY: after}, {KEY})
    folder = f"manifests/history/{KEY}"
    owners = {
        json.loads(store.storage.read(f"{folder}/{item.manifest.sha256}.json"))["manifest"]["owner"]
        for item in (before, after)
    }
    assert owners == {"risk@lender.example", "other@lender.example"}
    assert len(store.storage.list(folder)) == 2
    assert store.landed(KEY) == after


def test_nothing_is_written_where_nothing_has_changed(s3_lender):
    store = s3_lender.store
    everything = {KEY: landed(s3_lender)}
    store.land(everything, {KEY})
    with recorded_requests() as requests:
        store.land(everything, set())
    assert requests == []


def test_all_versions_are_read_with_one_request(s3_lender):
    everything = {f"pd_cards.{number}": landed(s3_lender, str(number)) for number in range(20)}
    s3_lender.store.land(everything, set(everything))
    with recorded_requests() as requests:
        assert len(s3_lender.store.all_landed()) == 20
    assert len(requests) == 1
    assert isinstance(s3_lender.store.storage, S3Storage)


def test_arrow_reads_memory_of_its_own():
    """Arrow's threads outlive the interpreter: a process over Python's memory aborts at its end."""
    content = b"PAR1" * 1_000
    held = sys.getrefcount(content)
    file = arrow_file(content)
    assert sys.getrefcount(content) == held
    assert file.read() == content


def test_a_run_reads_what_a_version_has_once_a_single_time(lender, instance, monkeypatch):
    lender.publish()
    onboard(lender, instance)
    read = []
    original = type(lender.store.storage).read
    monkeypatch.setattr(
        type(lender.store.storage),
        "read",
        lambda self, path: read.append(path) or original(self, path),
    )
    store = lender.store.model_copy()
    for _ in range(2):  # outside of a run: always as it is now
        store.landed("pd_cards.1")
    assert len(read) == 2
    with dg.build_init_resource_context() as context:
        store.setup_for_execution(context)
    read.clear()
    for _ in range(2):
        store.landed("pd_cards.1")
        table, notes = store.read_table("reference_profile", "pd_cards.1")
    assert len(read) == 2
    store.land({"pd_cards.1": store.landed("pd_cards.1")}, {"pd_cards.1"})
    store.write_table("reference_profile", "pd_cards.1", None, table, notes | {"again": True})
    read.clear()
    store.landed("pd_cards.1")
    assert store.read_table("reference_profile", "pd_cards.1")[1]["again"] is True
    assert len(read) == 2


def write_rows(store, paths):
    for number, path in enumerate(paths):
        with store.storage.writing(path) as local:
            pq.write_table(TABLE.slice(number, 1), local)


def test_rows_are_one_file_or_parts_in_order_and_the_others_are_taken_away(any_lender):
    store = any_lender.store
    with pytest.raises(NotMaterialisedError, match=r"features of 2026-09-01\|pd_cards.1 is not"):
        store.parts("features", KEY, DAY)
    parts = [layout.part("features", KEY, DAY, number) for number in range(3)]
    write_rows(store, parts)
    assert store.parts("features", KEY, DAY) == parts
    with store.fetched_rows("features", KEY, DAY) as files:
        assert [len(pq.ParquetFile(file).read()) for file in files] == [1, 1, 0]
    store.keep_only("features", KEY, DAY, parts=2)
    assert store.parts("features", KEY, DAY) == parts[:2]
    whole = layout.partition("features", KEY, DAY)
    write_rows(store, [whole])
    assert store.parts("features", KEY, DAY) == [whole]
    store.keep_only("features", KEY, DAY)
    assert list(store.storage.list("features")) == [whole]
