"""Files under a root: whole or not there, in a folder and over a real S3 API."""

import os
import threading
import time

import pyarrow as pa
import pytest

from resources.errors import StorageError
from resources.storage import LocalStorage, open_path, open_storage
from tests.s3_requests import recorded_requests


@pytest.fixture
def storage(any_lender):
    return open_storage(f"{any_lender.root}/files")


def write_half(storage, path):
    with storage.writing(path) as local:
        local.write_bytes(b"half")
        raise RuntimeError("half way")


def test_what_is_written_is_read_listed_and_deleted(storage):
    storage.write("a/one.bin", b"one")
    storage.write("a/b/two.bin", b"two!")
    storage.write("ab/three.bin", b"three")

    assert storage.read("a/one.bin") == b"one"
    assert {path: file.size for path, file in storage.list("a").items()} == {
        "a/b/two.bin": 4,
        "a/one.bin": 3,
    }
    assert list(storage.list()) == ["a/b/two.bin", "a/one.bin", "ab/three.bin"]
    storage.delete("a/one.bin")
    storage.delete("a/one.bin")
    assert not storage.exists("a/one.bin")
    assert storage.exists("a/b/two.bin")


def test_what_is_absent_is_a_file_not_found(storage):
    assert not storage.exists("none")
    assert storage.list("none") == {}
    for read in (storage.read, storage.sha256):
        with pytest.raises(FileNotFoundError, match="none"):
            read("none")
    with pytest.raises(FileNotFoundError, match="none"), storage.fetched("none"):
        pass


def test_a_tag_changes_with_the_content_and_only_then(storage):
    storage.write("file", b"old")
    storage.write("other", b"other")
    before = storage.list()
    assert storage.list() == before
    storage.write("file", b"new")
    after = storage.list()
    assert after["file"].etag != before["file"].etag
    assert after["other"] == before["other"]


def test_a_writer_that_fails_leaves_nothing_to_read(storage):
    with pytest.raises(RuntimeError, match="half way"):
        write_half(storage, "a/file")
    assert not storage.exists("a/file")
    assert storage.list() == {}


def test_a_writer_that_fails_leaves_what_was_there(storage):
    storage.write("file", b"old")
    with pytest.raises(RuntimeError, match="half way"):
        write_half(storage, "file")
    assert storage.read("file") == b"old"


@pytest.mark.parametrize("after", ["a/b", "a/b-", "a/b/one", "a/bb", "a/d", "a/d/e", "b", "0"])
def test_a_listing_may_begin_after_a_path(storage, after):
    paths = sorted(["a/b-c", "a/b/one", "a/b/two", "a/c", "a/d/e", "a/d.f/g"])
    for path in (*paths, "other/f"):
        storage.write(path, b"content")
    assert list(storage.list("a", after=after)) == [path for path in paths if path > after]


def test_a_full_disk_is_named_with_what_was_to_be_written(storage):
    """Arrow does not say which file it could not write."""
    with (
        pytest.raises(StorageError, match=r"/a/file, written in /.*: No space left on device"),
        storage.writing("a/file"),
        pa.OSFile("/dev/full", "wb") as full,
    ):
        full.write(b"more than there is room for")
    assert storage.list() == {}


def test_an_unfinished_file_is_not_listed(storage):
    with storage.writing("file") as local:
        local.write_bytes(b"half")
        assert storage.list() == {}
    assert list(storage.list()) == ["file"]


def test_what_killed_writers_have_left_is_swept_and_what_living_ones_write_is_not(tmp_path):
    def unfinished(name, folder_age, file_age):
        file = tmp_path / ".unfinished" / name / "half"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"half")
        now = time.time()
        os.utime(file, (now - file_age, now - file_age))
        os.utime(file.parent, (now - folder_age, now - folder_age))

    day = 86_400
    unfinished("killed", 2 * day, 2 * day)
    unfinished("written-for-days", 2 * day, 60)
    unfinished("just-begun", 60, 60)
    LocalStorage(str(tmp_path)).write("file", b"whole")
    left = sorted(folder.name for folder in (tmp_path / ".unfinished").iterdir())
    assert left == ["just-begun", "written-for-days"]


def test_a_reader_sees_the_old_or_the_new_file_and_nothing_between(storage, request):
    if "s3rver" in request.node.name:
        pytest.skip("s3rver writes over an object in its place, which S3 does not")
    old, new = b"o" * 300_000, b"n" * 400_000
    storage.write("file", old)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(storage.read("file"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(30):
            storage.write("file", old if number % 2 else new)
    finally:
        stop.set()
        reader.join()
    assert seen == {old, new}


def test_a_fetched_file_is_the_object(storage):
    content = os.urandom(3_000_000)
    storage.write("model.bin", content)
    with storage.fetched("model.bin") as local:
        assert local.name == "model.bin"
        assert local.read_bytes() == content
    assert storage.read("model.bin") == content


def test_a_large_object_does_not_pass_through_memory_whole(s3_lender):
    storage = open_storage(f"{s3_lender.root}/files")
    with storage.writing("large") as local, local.open("wb") as file:
        file.truncate(64 << 20)
    with recorded_requests() as requests, storage.fetched("large") as local:
        assert local.stat().st_size == 64 << 20
    assert sum(request.startswith("GET") for request in requests) > 1


def test_one_client_serves_every_root(s3_lender):
    stores = [open_storage(f"{s3_lender.root}/{name}") for name in "ab"]
    assert stores[0]._client is stores[1]._client


def test_a_listing_of_several_pages_is_whole(s3_lender, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")  # a page of S3's own has 1,000
    storage = open_storage(f"{s3_lender.root}/lake #1 50%")
    paths = [f"a b/{number} +ü?.csv" for number in range(10)]
    for path in paths:
        storage.write(path, b"")
    with recorded_requests() as requests:
        assert list(storage.list("a b")) == paths
    assert len(requests) == 3
    assert list(storage.list("a b", after=paths[3])) == paths[4:]


def test_a_listing_that_is_refused_midway_is_none(s3_lender, s3_faults, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")
    storage = open_storage(f"{s3_lender.root}/files")
    for number in range(10):
        storage.write(str(number), b"")
    s3_faults.fault = lambda method, path: "denied" if "continuation-token" in path else None
    with pytest.raises(StorageError, match=r"/files: .*; no permission: .* s3:ListBucket"):
        storage.list()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_an_absolute_path_leads_to_the_file(tmp_path, scheme):
    (tmp_path / "batch.parquet").write_bytes(b"rows")
    storage, path = open_path(f"{scheme}{tmp_path}/batch.parquet", open_storage("elsewhere"))
    assert storage.read(path) == b"rows"


def test_a_url_keeps_the_signs_of_a_glob():
    storage, path = open_path("s3://lake/loans/2026-09-01/part-??[ab]*.parquet", LocalStorage("."))
    assert storage.root == "s3://lake"
    assert path == "loans/2026-09-01/part-??[ab]*.parquet"


def test_a_root_of_another_scheme_is_refused():
    with pytest.raises(ValueError, match=r"found scheme 'ftp'; allowed: s3://, file:// or a path"):
        open_storage("ftp://somewhere/models")


@pytest.mark.parametrize("path", ["a/b.csv", "./a/b.csv", "a//b.csv", "a/./b.csv"])
def test_a_path_is_written_in_several_ways(any_lender, path):
    storage = open_storage(f"{any_lender.root}/lake #1/x?y")
    storage.write("a/b.csv", b"rows")
    place, found = open_path(path, storage)
    assert (place.read(found), [*storage.list("a")]) == (b"rows", ["a/b.csv"])
    assert open_path(f"{path.removesuffix('b.csv')}", storage)[1] == "a/"


def test_a_first_slash_is_the_root_of_the_machine(s3_lender, tmp_path):
    for base in (LocalStorage("elsewhere"), open_storage(s3_lender.root)):
        place, path = open_path(f"{tmp_path}/a/b.csv", base)
        assert place.url(path) == f"{tmp_path}/a/b.csv"


def test_a_folder_that_is_a_link_is_listed_and_one_that_leads_up_is_not(tmp_path):
    storage = LocalStorage(str(tmp_path / "root"))
    far = tmp_path / "far"
    (far / "b").mkdir(parents=True)
    (far / "b/file").touch()
    storage.write("a/file", b"")
    (tmp_path / "root/link").symlink_to(far)
    (tmp_path / "root/a/up").symlink_to(tmp_path / "root")
    (far / "b/across").symlink_to(tmp_path / "root/a")
    assert list(storage.list()) == ["a/file", "link/b/across/file", "link/b/file"]
    assert list(storage.list("link")) == ["link/b/across/file", "link/b/file"]
