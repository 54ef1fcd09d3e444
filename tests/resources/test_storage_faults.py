"""What is the storage's fault is told from what is the file's, whichever library reads it."""

import errno
import re
import tempfile

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from resources.errors import InputError, StorageError
from resources.storage import LocalStorage, open_storage
from resources.storage_faults import storage_fault, storage_of
from tests.conftest import rows

PATH = "a b/x+y.parquet"


@pytest.fixture
def storage(s3_lender, s3_faults):
    storage = open_storage(f"{s3_lender.root}/lake")
    s3_lender.put(storage, PATH, rows(1, 5000))
    return storage


def only(fault, *methods):
    return lambda method, path: fault if method in methods else None


def fetch(storage):
    with storage.fetched(PATH) as local:
        return local.read_bytes()


OPERATIONS = {
    "read": ("GET", lambda storage: storage.read(PATH)),
    "fetched": ("GET", fetch),
    "sha256": ("GET", lambda storage: storage.sha256(PATH)),
    "list": ("GET", lambda storage: storage.list()),
    "exists": ("HEAD", lambda storage: storage.exists(PATH)),
    "write": ("PUT", lambda storage: storage.write(PATH, b"new")),
    "delete": ("DELETE", lambda storage: storage.delete(PATH)),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", ["reset", "expired", "denied", "truncate"])
def test_an_operation_that_fails_for_the_storage_says_so_with_bucket_and_key(
    storage, s3_faults, operation, fault
):
    method, ask = OPERATIONS[operation]
    if fault == "truncate" and method != "GET":
        return  # no body
    s3_faults.fault = only(fault, method)
    named = storage.root if operation == "list" else storage.url(PATH)
    with pytest.raises(StorageError) as said:
        ask(storage)
    assert str(said.value).startswith(f"{named}: ")
    assert ("; no permission: allow the credentials s3:" in str(said.value)) == (fault == "denied")
    assert s3_faults.failed


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_busy_server_is_the_storages_fault(storage, s3_faults, operation):
    method, ask = OPERATIONS[operation]
    s3_faults.fault = only("503", method)
    with pytest.raises(StorageError, match=r"x\+y|lake: "):
        ask(storage)
    assert len(s3_faults.failed) > 1


def by_arrow(storage):
    return pq.ParquetFile(storage.location(PATH), filesystem=storage.filesystem).read()


def by_duckdb(storage, meanwhile=lambda: None):
    batch = ds.dataset(storage.location(PATH), filesystem=storage.filesystem)
    with duckdb.connect() as connection:
        connection.register("batch", batch)
        meanwhile()
        return connection.sql("SELECT sum(income) FROM batch").fetchall()


@pytest.mark.parametrize("fault", ["503", "reset", "expired", "denied", "truncate"])
@pytest.mark.parametrize("read", [by_arrow, by_duckdb])
def test_so_is_what_arrow_and_duckdb_say_of_it(storage, s3_faults, read, fault):
    s3_faults.fault = only(fault, "GET")
    said = rf"^batch {storage.root}: .*AWS Error"
    with pytest.raises(StorageError, match=said), storage_of(f"batch {storage.root}"):
        read(storage)


@pytest.mark.parametrize("fault", ["503", "reset", "denied", "truncate"])
def test_so_is_what_fails_under_a_query_that_has_begun(storage, s3_faults, fault):
    def meanwhile():
        s3_faults.fault = only(fault, "GET")

    with pytest.raises(duckdb.Error) as said:
        by_duckdb(storage, meanwhile)
    assert "AWS Error" in storage_fault(said.value)


def test_credentials_that_have_expired_are_said_so_and_new_ones_are_found(
    storage, s3_faults, tmp_path, monkeypatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    def renew(key):
        file.write_text(f"[default]\naws_access_key_id={key}\naws_secret_access_key=secret\n")

    reads = (OPERATIONS["read"][1], OPERATIONS["sha256"][1])  # boto's and Arrow's
    renew("OLD")
    for read in reads:
        assert read(storage)
    s3_faults.expired_keys = {"OLD"}
    for read in reads:
        said = (
            rf"^{re.escape(storage.url(PATH))}: .*; the credentials have expired or .*: renew them$"
        )
        with pytest.raises(StorageError, match=said):
            read(storage)
    renew("NEW")
    for read in reads:
        assert read(storage)


def test_an_absent_or_torn_file_is_not(s3_lender, s3_faults):
    storage = open_storage(s3_lender.root)
    with pytest.raises(FileNotFoundError) as absent:
        storage.read("none")
    assert storage_fault(absent.value) is None
    s3_lender.put(storage, "whole", rows(1, 5000))
    whole = storage.read("whole")
    storage.write(PATH, whole[: len(whole) // 2])
    for read in (by_arrow, by_duckdb):
        with pytest.raises((pa.ArrowInvalid, OSError)) as torn:
            read(storage)
        assert storage_fault(torn.value) is None
    with pytest.raises(ClientError) as gone:
        open_storage("s3://no-such-bucket-at-all").list()
    assert storage_fault(gone.value) is None
    assert not s3_faults.failed


def test_a_disk_may_be_at_fault_too(tmp_path, monkeypatch):
    assert storage_fault(OSError(errno.ENOSPC, "No space", "/a/b")) == "[Errno 28] No space: '/a/b'"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        pytest.raises(OSError, match="Error writing bytes") as full,
        pa.OSFile("/dev/full", "w") as f,
    ):
        f.write(b"of a scorer, say")
    assert storage_fault(full.value).startswith(f"TMPDIR, {tmp_path}: ")
    assert storage_fault(OSError(errno.EACCES, "Permission denied")) is None
    with pytest.raises(FileNotFoundError) as absent:
        LocalStorage(str(tmp_path)).read("none")
    assert storage_fault(absent.value) is None


def test_the_fault_is_found_beneath_what_was_made_of_it():
    def read():
        try:
            raise OSError(errno.EIO, "Input/output error")
        except OSError as error:
            raise InputError(f"batch a: {type(error).__name__}") from None

    with pytest.raises(InputError) as said:
        read()
    assert "Input/output" in storage_fault(said.value)
