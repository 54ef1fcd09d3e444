"""A day's files: found by pattern, and only when they are whole."""

import datetime as dt
from functools import partial
from urllib.parse import parse_qs

import pandas as pd
import pytest

from resources.errors import InputError, NotArrivedError
from resources.lake import Lake
from resources.manifest import Manifest
from resources.storage import open_storage
from tests.s3_requests import recorded_requests
from tests.tables import Icebergs, write_delta

DAY = dt.date(2026, 9, 1)


@pytest.fixture
def put(any_lender):
    """Put empty files into the lake by their paths."""
    storage = open_storage(any_lender.lake.root)

    def put(*paths):
        for path in paths:
            storage.write(path, b"")

    return put


def found(lender, pattern, marker=None):
    return list(lender.lake.day_files(pattern, DAY, marker).paths)


def test_a_file_a_folder_or_a_glob(any_lender, put):
    put(
        "one/2026-09-01.parquet",
        "one/2026-09-02.parquet",
        "folder/date=2026-09-01/b.parquet",
        "folder/date=2026-09-01/a.parquet",
        "folder/date=2026-09-01/region=north/c.parquet",
        "folder/date=2026-09-01/notes.txt",
        "folder/date=2026-09-02/a.parquet",
        "north/2026-09-01-1.parquet",
        "north/2026-09-01-2.parquet",
        "north/2026-09-02-1.parquet",
    )
    assert found(any_lender, "one/{date}.parquet") == ["one/2026-09-01.parquet"]
    folder = [f"folder/date=2026-09-01/{name}.parquet" for name in ("a", "b")]
    assert found(any_lender, "folder/date={date}") == folder
    assert found(any_lender, "folder/date={date}/") == folder
    assert found(any_lender, "folder/date={date}/?.parquet") == folder
    assert found(any_lender, "folder/date={date}/*.parquet") == folder
    assert found(any_lender, "*/date={date}/") == folder
    assert found(any_lender, "folder/date={date}/*/*.parquet") == [
        "folder/date=2026-09-01/region=north/c.parquet"
    ]
    assert found(any_lender, "north/{date}-*.parquet") == [
        "north/2026-09-01-1.parquet",
        "north/2026-09-01-2.parquet",
    ]
    assert found(any_lender, "*/{date}-[2-9].parquet") == ["north/2026-09-01-2.parquet"]


def test_a_folder_that_is_named_like_a_file_ends_with_a_slash(any_lender, put):
    put("loans/2026-09-01.parquet/part-0.parquet", "loans/2026-09-01.parquet/_SUCCESS")
    assert found(any_lender, "loans/{date}.parquet/", "_SUCCESS") == [
        "loans/2026-09-01.parquet/part-0.parquet"
    ]


def test_what_is_not_there_is_not_there_and_says_where_it_was_looked_for(any_lender, put):
    put("loans/2026-09-02.parquet")
    for pattern, path in (
        ("loans/{date}.parquet", "loans/2026-09-01.parquet"),
        ("folder/date={date}/", "folder/date=2026-09-01/"),
        ("loans/{date}-*.parquet", "loans/2026-09-01-*.parquet"),
    ):
        with pytest.raises(NotArrivedError) as raised:
            found(any_lender, pattern)
        assert str(raised.value) == f"no file at {any_lender.lake.root}/{path}"


def test_files_of_no_known_format_are_named(any_lender, put):
    put("f/2026-09-01/_SUCCESS", *(f"f/2026-09-01/{name}" for name in ("a.xlsx", "b.txt")))
    for pattern in ("f/{date}/", "f/{date}"):
        with pytest.raises(NotArrivedError, match=r"no Parquet, CSV .* at .*, only a.xlsx, b.txt"):
            found(any_lender, pattern)


def test_on_s3_a_first_slash_is_the_root_of_the_lake(s3_lender):
    open_storage(s3_lender.lake.root).write("f/2026-09-01.parquet", b"")
    assert found(s3_lender, "/f/{date}.parquet") == ["f/2026-09-01.parquet"]
    assert s3_lender.lake.files_by_day("/f/{date}.parquet", [DAY]).keys() == {DAY}


def test_a_folder_is_a_table_of_one_format(any_lender, put):
    put("f/2026-09-01/a.csv", "f/2026-09-01/b.CSV.gz", "f/2026-09-01/c.json", "f/2026-09-01/d.txt")
    assert found(any_lender, "f/{date}/") == ["f/2026-09-01/a.csv", "f/2026-09-01/b.CSV.gz"]
    assert found(any_lender, "f/{date}/*") == ["f/2026-09-01/a.csv", "f/2026-09-01/b.CSV.gz"]
    assert found(any_lender, "f/{date}/*.json") == ["f/2026-09-01/c.json"]
    put("f/2026-09-01/e.parquet")
    assert found(any_lender, "f/{date}/") == ["f/2026-09-01/e.parquet"]


@pytest.mark.parametrize("name", ["{date}.parquet.gzip", "{date}.pq", "{date}", "{date}.jsonl.gz"])
def test_a_file_of_any_ending_is_found_by_its_name(any_lender, put, name):
    put("f/" + name.format(date=DAY))
    assert found(any_lender, f"f/{name}") == ["f/" + name.format(date=DAY)]


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("f/{date:%Y/%m/%d}/", "f/2026/09/01/"),
        ("f/{date:%Y%m%d}.parquet", "f/20260901.parquet"),
        ("f/y={date:%Y}/m={date:%m}/d={date:%d}/*.parquet", "f/y=2026/m=09/d=01/"),
        ("f/{date:%Y}/batch_{date:%Y%j}/", "f/2026/batch_2026244/"),
        ("f/x1{date:%y%m%d}.csv", "f/x1260901.csv"),
        ("f/{date:%Y/%m/%d}/*/*.parquet", "f/2026/09/01/07/"),
    ],
)
def test_a_day_is_written_in_any_form(any_lender, put, pattern, path):
    file = f"{path}a.parquet" if path.endswith("/") else path
    put(file, "f/2025/09/01/a.parquet", "f/20250901.parquet", "f/y=2025/m=09/d=01/a.parquet")
    assert found(any_lender, pattern) == [file]
    days = [DAY - dt.timedelta(days=number) for number in range(5)]
    listed = any_lender.lake.files_by_day(pattern, days)
    assert {day: [one.path for one in files] for day, files in listed.items()} == {DAY: [file]}


@pytest.mark.parametrize(
    ("pattern", "marker"),
    [("f/{date:%Y/%m/%d}/*/", "f/2026/09/01/"), ("f/{date:%Y}/d{date:%j}/", "f/2026/d244/")],
)
def test_a_marker_lies_in_the_days_own_folder(any_lender, put, pattern, marker):
    put("f/2026/09/01/07/a.parquet", "f/2026/d244/a.parquet", "f/2026/_SUCCESS", "f/_SUCCESS")
    with pytest.raises(NotArrivedError, match="no _SUCCESS beside it yet"):
        found(any_lender, pattern, "_SUCCESS")
    put(f"{marker}_SUCCESS")
    assert found(any_lender, pattern, "_SUCCESS")


def test_files_that_spark_and_hive_hide_are_no_data(any_lender, put):
    put(
        "loans/2026-09-01/.part.parquet",
        "loans/2026-09-01/_temporary.parquet",
        "loans/2026-09-01/_temporary/0/task/part.parquet",
        "loans/2026-09-01/.staging/part.parquet",
        "_staging/2026-09-01/part.parquet",
    )
    for pattern in ("loans/{date}/", "loans/{date}/*/*/*/*", "loans/{date}/*/*", "*/{date}/*"):
        with pytest.raises(NotArrivedError):
            found(any_lender, pattern)
    assert found(any_lender, "_staging/{date}/") == ["_staging/2026-09-01/part.parquet"]


def test_a_bracket_in_a_name_is_escaped(any_lender, put):
    put("loans[eu]/2026-09-01/a.parquet", "loanse/2026-09-01/a.parquet")
    for pattern in ("loans[[]eu]/{date}/", "loans[[]eu]/{date}/*.parquet"):
        assert found(any_lender, pattern) == ["loans[eu]/2026-09-01/a.parquet"]


@pytest.mark.parametrize(
    ("pattern", "file", "marker"),
    [
        ("loans/{date}/", "loans/2026-09-01/a.parquet", "loans/2026-09-01/_SUCCESS"),
        ("loans/{date}/*/*", "loans/2026-09-01/region=n/a.parquet", "loans/2026-09-01/_SUCCESS"),
        (
            "loans/{date}/out/*/*",
            "loans/2026-09-01/out/n/a.parquet",
            "loans/2026-09-01/out/_SUCCESS",
        ),
        ("*/{date}.parquet", "loans/2026-09-01.parquet", "loans/_SUCCESS"),
        ("loans/{date}/*.parquet", "loans/2026-09-01/a.parquet", "loans/2026-09-01/_SUCCESS"),
        ("*/{date}/a.parquet", "loans/2026-09-01/a.parquet", "loans/2026-09-01/_SUCCESS"),
        ("loans/{date}.parquet", "loans/2026-09-01.parquet", "loans/_SUCCESS"),
        ("{date}.parquet", "2026-09-01.parquet", "_SUCCESS"),
        ("{date}-*.parquet", "2026-09-01-1.parquet", "_SUCCESS"),
    ],
)
def test_a_batch_waits_for_the_marker_beside_it(any_lender, put, pattern, file, marker):
    put(file, "loans/2026-09-02/_SUCCESS", "other/_SUCCESS")
    manifest = needing(any_lender, pattern, marker="_SUCCESS")
    assert not any_lender.lake.has_arrived(manifest, DAY)
    with pytest.raises(NotArrivedError, match="no _SUCCESS beside it yet"):
        found(any_lender, pattern, "_SUCCESS")
    put(marker)
    assert any_lender.lake.has_arrived(manifest, DAY)


def test_a_marker_of_a_part_or_of_another_batch_does_not_speak_for_the_batch(any_lender, put):
    put("loans/2026-09-01/n/a.parquet", "loans/2026-09-01/n/_SUCCESS", "loans/_SUCCESS")
    with pytest.raises(NotArrivedError, match="no _SUCCESS beside it yet"):
        found(any_lender, "loans/{date}/*/*.parquet", "_SUCCESS")
    put("loans/2026-09-01/_SUCCESS", "cards/2026-09-01/n/a.parquet")
    assert found(any_lender, "loans/{date}/*/*.parquet", "_SUCCESS")
    with pytest.raises(NotArrivedError, match="no _SUCCESS beside it yet"):
        found(any_lender, "*/{date}/*/*.parquet", "_SUCCESS")


def test_a_url_leads_out_of_the_lake(any_lender):
    elsewhere = f"{any_lender.root}/elsewhere"
    open_storage(elsewhere).write("2026-09-01/part-1.parquet", b"")
    files = any_lender.lake.day_files(elsewhere + "/{date}/part-?.parquet", DAY)
    assert [files.storage.url(path) for path in files.paths] == [
        f"{elsewhere}/2026-09-01/part-1.parquet"
    ]
    with files.storage.filesystem.open_input_stream(files.locations[0]) as stream:
        assert stream.read() == b""


def test_a_lake_that_is_not_there_has_nothing(lender, tmp_path):
    lake = Lake(root=str(tmp_path / "none"))
    assert not lake.has_arrived(needing(lender, "loans/{date}/"), DAY)
    assert not lake.has_arrived(needing(lender, "loans/{date}.parquet"), DAY)


def test_a_lake_that_cannot_be_asked_is_an_error_not_an_absence(s3_lender):
    lake = Lake(root="s3://no-such-bucket-of-this-lender")
    with pytest.raises(Exception, match="NoSuchBucket"):
        lake.has_arrived(needing(s3_lender, "loans/{date}/"), DAY)


def test_a_day_that_production_scores_has_arrived_with_its_scores(any_lender, put):
    scoring = {"flavour": "scored", "path": "scores/{date}.parquet"}
    fields = any_lender.manifest("pd_cards", "1", scoring=scoring)
    manifest = Manifest.model_validate(
        fields | {"batch": {"path": "b/{date}.parquet", "key": "id"}}
    )
    put("b/2026-09-01.parquet")
    assert not any_lender.lake.has_arrived(manifest, DAY)
    put("scores/2026-09-01.parquet")
    assert any_lender.lake.has_arrived(manifest, DAY)


def needing(lender, path, **batch):
    """A manifest whose days need the batch at a path."""
    fields = lender.manifest("pd_cards", "1", batch={"path": path, "key": "id"} | batch)
    return Manifest.model_validate(fields)


@pytest.mark.parametrize(
    "pattern",
    ["o/{date}.parquet", "o/{date}/", "o/date={date}/*/*.parquet", "{date}/o.parquet", "o-{date}/"],
)
def test_the_files_of_many_days_are_those_of_each_in_one_listing(any_lender, pattern):
    days = [dt.date(2026, 9, number) for number in range(1, 5)]
    storage = open_storage(any_lender.lake.root)
    for day in days[1:3]:
        path = pattern.format(date=day).replace("/*/*", "/x/*").replace("*", "part-0")
        path += "part-0.parquet" if path.endswith("/") else ""
        storage.write(path, b"rows")
        storage.write(f"{path.rpartition('/')[0]}/_hidden.parquet", b"rows")
        storage.write(f"elsewhere/{day}.parquet", b"rows")
    found = any_lender.lake.files_by_day(pattern, days)
    assert list(found) == days[1:3]
    for day, files in found.items():
        assert [one.path for one in files] == list(any_lender.lake.day_files(pattern, day).paths)


@pytest.mark.parametrize(
    "pattern",
    [
        "f/{date}/",
        "f/{date}.parquet",
        "f/*/{date}.parquet",
        "f/part-{date}-*.csv",
        "f/{date:%Y/%m/%d}/",
        "f/{date:%d-%m-%Y}/*.csv",
        "f/{date:%m}/{date:%Y%j}.pq",
        "f/{date:%y%m%d}[[]x].csv",
    ],
)
def test_files_of_some_days_are_the_same_whatever_comes_before_and_after(any_lender, pattern):
    lake = open_storage(any_lender.lake.root)
    days = [dt.date(2025, 11, 20) + dt.timedelta(days=number) for number in range(60)]
    for day in days:
        path = pattern.format(date=day).replace("[[]", "[").replace("*", "a")
        lake.write(f"{path}a.csv" if path.endswith("/") else path, b"rows")
    wanted = days[20:45]
    found = any_lender.lake.files_by_day(pattern, reversed(wanted))
    assert {day: [one.path for one in files] for day, files in found.items()} == {
        day: list(any_lender.lake.day_files(pattern, day).paths) for day in wanted
    }


@pytest.mark.parametrize(
    ("pattern", "after"),
    [
        ("f/{date}/", "f/2026-08-02"),
        ("f/{date:%Y/%m/%d}.csv", "f/2026/08/02.cs"),
        ("f/{date}/part-*.csv", "f/2026-08-02/part"),
        ("f/part-{date}-*.csv", "f/part-2026-08-02"),
    ],
)
def test_a_listing_of_days_begins_with_the_first_of_them(s3_lender, pattern, after):
    days = [dt.date(2026, 8, 2), DAY]
    with recorded_requests() as requests:
        s3_lender.lake.files_by_day(pattern, days)
    (listing,) = requests
    (found,) = parse_qs(listing.partition("?")[2])["start-after"]
    assert found == f"lake/{after}"


def test_no_days_need_no_listing(s3_lender):
    with recorded_requests() as requests:
        assert s3_lender.lake.files_by_day("f/{date}/", []) == {}
    assert not requests


@pytest.mark.parametrize("pattern", ["t/date={date}/*.parquet", "*/date={date}/"])
def test_files_within_a_delta_table_have_arrived_and_are_refused(any_lender, put, pattern):
    put("t/_delta_log/00000000000000000000.json", "t/date=2026-09-01/a.parquet")
    assert any_lender.lake.has_arrived(needing(any_lender, pattern), DAY)
    with pytest.raises(InputError, match="/t: found a Delta Lake table"):
        found(any_lender, pattern)


def delta_and_iceberg(lender):
    """What appends rows to a table of either format."""
    lake = open_storage(lender.lake.root)
    return {
        "delta": partial(write_delta, lake),
        "iceberg": Icebergs(lake, lender.scratch / "catalog").write,
    }


def loans(*keys, day=DAY):
    return pd.DataFrame({"id": keys, "day": day})


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
def test_days_of_a_table_of_versions(any_lender, format_):
    """Those it has rows of, by whatever way a path or a column says the day."""
    write, lake = delta_and_iceberg(any_lender)[format_], any_lender.lake
    write("t", pd.concat([loans("a", "b"), loans("c", day=None)]))
    other = DAY + dt.timedelta(days=3)
    write("t", loans("d", day=other))
    days = [DAY + dt.timedelta(days=number) for number in range(5)]
    by_path = needing(any_lender, "t/day={date}")
    by_column = needing(any_lender, "t/", date_column="day")
    for manifest in (by_path, by_column):
        assert [day for day in days if lake.has_arrived(manifest, day)] == [DAY, other]
        assert lake.days_with_batch(manifest, days) == [DAY, other]
    before = lake.files_by_day("t/day={date}", days)
    write("t", loans("late"))
    after = lake.files_by_day("t/day={date}", days)
    assert before[DAY] != after[DAY]
    assert before[other] == after[other]
    with pytest.raises(NotArrivedError, match=r"no row of 2026-09-02 in .* \(t/day={date}\)"):
        lake.day_files("t/day={date}", days[1])


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
@pytest.mark.parametrize("pattern", ["t/{date}/", "t/{date:%Y}/day={date}"])
def test_a_table_of_versions_for_each_day_or_year(any_lender, format_, pattern):
    write, lake = delta_and_iceberg(any_lender)[format_], any_lender.lake
    days = [dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2026, 1, 2)]
    for day in (days[0], days[2]):
        folder = pattern.format(date=day).rstrip("/").partition("/day=")[0]
        write(folder, loans("a", day=day))
    assert list(lake.files_by_day(pattern, days)) == [days[0], days[2]]
    manifest = needing(any_lender, pattern)
    assert [day for day in days if lake.has_arrived(manifest, day)] == [days[0], days[2]]


def test_a_marker_is_refused_of_a_table_of_versions(any_lender):
    delta_and_iceberg(any_lender)["delta"]("t", loans("a"))
    with pytest.raises(InputError, match="found marker _SUCCESS; allowed: none"):
        any_lender.lake.day_files("t/day={date}", DAY, "_SUCCESS")
