"""CSV and JSON lines as Parquet: every value as it is written, of the type that was said."""

import datetime as dt
import gzip
import math

import pyarrow.parquet as pq
import pytest

from resources.arrow_types import type_family
from resources.errors import InputError
from resources.storage import DayFiles, open_storage
from resources.text_tables import as_parquet, sample_as_parquet


@pytest.fixture
def place(tmp_path):
    return open_storage(str(tmp_path))


@pytest.fixture
def read(place):
    """Write files and read them back as rows, by the types of a reference."""

    def read(types, **files):
        paths = tuple(name.replace("_", ".", 1) for name in files)
        for path, content in zip(paths, files.values(), strict=True):
            place.write(path, content if isinstance(content, bytes) else content.encode())
        with as_parquet(DayFiles(place, paths), types) as copies:
            return [row for one in copies.locations for row in pq.read_table(one).to_pylist()]

    return read


@pytest.fixture
def sample(place):
    """Write a reference sample and read it back as a table."""

    def sample(name, text, **declared):
        place.write(name, text.encode())
        with sample_as_parquet(place, name, declared) as local:
            return pq.read_table(local)

    return sample


TYPES = {"n": "number", "b": "boolean", "d": "date", "t": "timestamp", "s": "string"}
ROWS = [
    {
        "id": "007",
        "n": 1.5,
        "b": True,
        "d": dt.date(2026, 2, 28),
        "t": dt.datetime(2026, 2, 28, 23, 59, 59),
        "s": "NA",
    },
    {"id": "8", "n": None, "b": False, "d": None, "t": None, "s": 'a;"b"\nc'},
]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_csv_as_any_program_writes_it(read, sign, end, start):
    lines = (
        "id,n,b,d,t,s",
        "007,1.5,true,2026-02-28,2026-02-28 23:59:59,NA",
        '8,NaN,0,,null,"a;""b""\nc"',
    )
    text = start + "".join(line + end for line in lines).replace(",", sign)
    assert read(TYPES, x_csv=text) == ROWS


def test_a_header_is_read_as_csv_is(read):
    """Signs within quotes are part of a name."""
    assert read({}, x_csv='id;"a, b, c"\n1;2\n') == [{"id": "1", "a, b, c": "2"}]
    assert read({}, x_csv='id,"a\nb"\n1,2\n') == [{"id": "1", "a\nb": "2"}]
    assert read({}, x_csv='"say ""a;b""",id,n\n1,2,3\n') == [
        {'say "a;b"': "1", "id": "2", "n": "3"}
    ]


def test_json_lines_and_an_array(read):
    first = '{"id": "007", "n": 1.5, "b": true, "d": "2026-02-28", "t": "2026-02-28T23:59:59"'
    lines = [first + ', "s": "NA"}', r'{"s": "a;\"b\"\nc", "b": 0, "id": "8", "n": null}']
    found = read(TYPES, x_jsonl="\n".join(lines))
    assert [{name: row.get(name) for name in ROWS[0]} for row in found] == ROWS
    assert read(TYPES, x_json=f"[{','.join(lines)}]") == found


def test_names_of_any_kind(read):
    names = ["a.b", "a/b~c", "x[0]", "ü", "it's", 'say "hi"', "$", "select"]
    csv_line = ";".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = [{name: str(number) for number, name in enumerate(names)}]
    assert read({}, x_csv=f"{csv_line}\n{';'.join(map(str, range(len(names))))}\n") == rows
    import json

    assert read({}, x_jsonl=json.dumps(rows[0])) == rows


def test_a_compressed_file_is_read(read):
    assert read({"n": "number"}, **{"x_csv.gz": gzip.compress(b"id,n\n1,2\n")}) == [
        {"id": "1", "n": 2.0}
    ]


@pytest.mark.parametrize(
    ("ending", "text"), [("csv", b"id,n\n{},1\n"), ("jsonl", b'{"id": "{}", "n": "1"}\n')]
)
@pytest.mark.parametrize("name", ["day=1/n=7/x", "x[1]", "x*", "x?"])
def test_nothing_in_a_path_changes_what_is_read(place, name, ending, text):
    """Folders of the form ``name=value`` add no columns, and a name is no pattern of names."""
    place.write(f"x1.{ending}", text.replace(b"{}", b"of x1"))
    path = f"{name}.{ending}"
    place.write(path, text.replace(b"{}", b"its own"))
    with as_parquet(DayFiles(place, (path,)), {}) as copies:
        assert pq.read_table(*copies.locations).to_pylist() == [{"id": "its own", "n": "1"}]


@pytest.mark.parametrize("name", ["X.CSV.GZ", "x.csv.Gz"])
def test_endings_are_known_in_capitals(place, name):
    place.write(name, gzip.compress(b"id\n1\n"))
    with as_parquet(DayFiles(place, (name,)), {}) as copies:
        assert pq.read_table(*copies.locations).to_pylist() == [{"id": "1"}]


def test_rows_come_in_the_order_of_the_file(place):
    """However many parts it is read in: a run again finds the same."""
    numbers = range(60_000)
    padding = "x" * 1000
    place.write("x.csv", ("id,s\n" + "".join(f"{n},{padding}\n" for n in numbers)).encode())
    with as_parquet(DayFiles(place, ("x.csv",)), {}) as copies:
        assert pq.read_table(*copies.locations)["id"].to_pylist() == [str(n) for n in numbers]


def test_a_wide_file_is_read_within_the_memory(place):
    """As one of 300 columns once was not, with a message that its text cannot be read."""
    columns = [f"c{number}" for number in range(300)]
    line = ",".join(["0.5"] * len(columns))
    place.write("x.csv", "\n".join([",".join(columns), *[line] * 3000]).encode())
    with as_parquet(DayFiles(place, ("x.csv",)), dict.fromkeys(columns, "number")) as copies:
        table = pq.read_table(*copies.locations)
    assert table.num_rows == 3000
    assert {str(kind) for kind in table.schema.types} == {"double"}


def test_a_timestamp_with_an_offset_is_the_instant(read, monkeypatch):
    """In UTC, as a timestamp in Parquet is; without an offset it is in UTC, wherever we are."""
    monkeypatch.setenv("TZ", "America/New_York")
    texts = (
        "2026-02-28 23:59:59",
        "2026-02-28T23:59:59Z",
        "2026-03-01 01:59:59+02:00",
        "2026-02-28T18:59:59.000-0500",
    )
    rows = read(TYPES, x_csv="id,t\n" + "".join(f"1,{text}\n" for text in texts))
    assert [row["t"] for row in rows] == [dt.datetime(2026, 2, 28, 23, 59, 59)] * len(texts)


def test_a_type_is_never_guessed_from_a_day(read):
    """What is not known is a string, on a day of digits as on any other."""
    for text, value in (("id,x\n1,5\n", "5"), ("id,x\n1,five\n", "five")):
        assert read({}, x_csv=text) == [{"id": "1", "x": value}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,n\n1,secret\n2,3\n", "column 'n': 1 of 2 values are no number"),
        ('id,n\n1,"1,5"\n', "column 'n': 1 of 1 values are no number"),
        ("id,n\n1,12345678901234567890\n", "at most 16 digits"),
        ("id,b\n1,secret\n2,2\n", "column 'b': 2 of 2 values are no boolean"),
        ("id,d\n1,28/02/2026\n", "column 'd': 1 of 1 values are no date .YYYY-MM-DD."),
        ("id,d\n1,2026-02-28 10:00:00\n", "column 'd': 1 of 1 values are no date"),
        ("id,d\n1,2026-02-30\n", "column 'd': 1 of 1 values are no date"),
        ("id,n\n1,1_000\n", "column 'n': 1 of 1 values are no number"),
        ("id,n\n1,0x10\n", "column 'n': 1 of 1 values are no number"),
        ("id,n\n1, 12345678901234567\n", "at most 16 digits"),
        ("id,t\n1,infinity\n2,-infinity\n3,epoch\n", "column 't': 3 of 3 values are no timestamp"),
        ("id,t\n1,2026-02-28 (BC)\n", "column 't': 1 of 1 values are no timestamp"),
        ("id,t\n1,secret\n", "column 't': 1 of 1 values are no timestamp"),
        ("id,n\n1,2\nsecret\n", "line 3 cannot be read"),
        ("id,n\n1,2,secret\n", "line 2 cannot be read"),
        ('id,n\n1,"secret\n', "cannot be read"),
        (b"id,n\nM\xfcller,1\n", "line 2 cannot be read; allowed: UTF-8"),
        (b"M\xfcller,n\n1,1\n", "cannot be read; allowed: UTF-8"),
        (b"id,n\r1,secret\r", "all lines ending in LF or all in CRLF"),
        ("id,n\n1,2\r\nsecret,3\n", "all lines ending in LF or all in CRLF"),
        ('id,"' + 200_000 * "secret" + '"\n1,2\n', "header"),
        ("", "no columns"),
        ("id,n,n\n1,2,3\n", "columns 'n', 'n'; allowed: names that differ"),
        ("id,N,n\n1,2,3\n", "columns 'N', 'n'; allowed: names that differ"),
    ],
)
def test_what_cannot_be_read_is_named_and_not_shown(read, text, words):
    with pytest.raises(InputError, match=words) as raised:
        read(TYPES, x_csv=text)
    assert "x.csv: " in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_compressed_file_that_is_cut_off_or_damaged_is_refused(read, ending):
    """Wherever the cut is, and whatever is damaged, also where the header is."""
    lines = {"csv": "id,n\n" + "1,2\n" * 5000, "jsonl": '{"id": 1, "n": 2}\n' * 5000}
    packed = gzip.compress(lines[ending].encode())
    damaged = [packed[:end] for end in (1, 2, 10, 15, 30, len(packed) - 1)]
    damaged += [packed[:at] + b"\xff\xff\xff" + packed[at + 3 :] for at in (0, 10, 12, 20)]
    for content in damaged:
        with pytest.raises(InputError, match=rf"x\.{ending}\.gz: .* cannot be read"):
            read({}, **{f"x_{ending}.gz": content})


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1}\n{"id": sec\n',
        "[1, 2]",
        '"secret"',
        "secret",
        '{"id": 1}\n"secret"',
        '{"id": 1}\nnull',
        '{"id": 1}\n[{"id": 2}]',
        '{"id": 1, "n": 2, "n": 3}',
    ],
)
def test_json_that_cannot_be_read_is_named_and_not_shown(read, text):
    with pytest.raises(InputError, match=r"x\.jsonl: .*; allowed: UTF-8, as CSV") as raised:
        read(TYPES, x_jsonl=text)
    assert "sec" not in str(raised.value)


def test_parquet_is_left_where_it_is(place):
    files = DayFiles(place, ("a.parquet",))
    with as_parquet(files, {}) as same:
        assert same is files


def test_numbers_as_programs_write_them(read):
    texts = ("1", " 1", "+1.", "1e0", "10.0E-1", "0001", ".1e+1")
    rows = read(TYPES, x_csv="id|n\n" + "".join(f"1|{text}\n" for text in texts))
    assert [row["n"] for row in rows] == [1.0] * len(texts)
    assert read(TYPES, x_csv="n\ninf\n-Infinity\n") == [{"n": math.inf}, {"n": -math.inf}]


def test_codes_of_a_sample_are_no_numbers(sample):
    table = sample("r.csv", "a,b,c\n1_2, 07,+07\n1_3, 08,+08\n")
    assert [str(kind) for kind in table.schema.types] == ["string"] * 3


def test_a_sample_says_itself_what_its_types_are(sample):
    text = (
        "key,n,i,zip,b,d,t,mixed,none\n"
        "1,1.5,3,01234,true,2026-01-01,2026-01-01 10:00:00,1,\n"
        "2,,4,99999,false,2026-01-02,2026-01-02,x,\n"
    )
    table = sample("r.csv", text, key="string")
    assert {field.name: str(field.type) for field in table.schema} == {
        "key": "string",
        "n": "double",
        "i": "double",
        "zip": "string",
        "b": "bool",
        "d": "date32[day]",
        "t": "timestamp[us]",
        "mixed": "string",
        "none": "null",
    }
    assert table["zip"].to_pylist() == ["01234", "99999"]
    assert str(sample("r.csv", text, i="string").schema.field("i").type) == "string"


def test_in_json_a_string_of_digits_is_no_number(sample):
    table = sample("r.jsonl", '{"s": "1", "n": 1}\n{"s": "2", "n": 2.5}\n')
    assert [str(kind) for kind in table.schema.types] == ["string", "double"]


def test_a_sample_in_json_has_the_types_that_it_would_have_in_csv(sample):
    """But for digits in quotes; so no value is refused as none of the type that it has itself."""
    rows = (
        '{"d": "2026-1-2", "n": 12345678901234567890, "t": "2026-01-02T10:00:00Z", "b": true}',
        '{"d": "2026-1-3", "n": 1, "t": "2026-01-02T12:00:00+02:00", "b": null, "x": [1]}',
    )
    schema = sample("r.jsonl", "\n".join(rows)).schema
    assert {field.name: type_family(field.type) for field in schema} == {
        "d": "timestamp",
        "n": "string",
        "t": "timestamp",
        "b": "boolean",
        "x": "string",
    }


def test_the_index_that_pandas_has_written_has_the_name_that_it_has_in_parquet(read):
    assert read({}, x_csv=",n\n0,5\n") == [{"__index_level_0__": "0", "n": "5"}]


def test_copies_keep_the_urls_of_the_files(place):
    place.write("a/x.csv", b"id\n1\n")
    with as_parquet(DayFiles(place, ("a/x.csv",)), {}) as copies:
        assert copies.storage.url("a/x.csv") == place.url("a/x.csv")
        assert copies.locations != [place.location("a/x.csv")]


def test_a_column_without_a_value_may_have_any_type_later(sample, read):
    table = sample("r.csv", "id,x\na,\nb,\n")
    assert [str(kind) for kind in table.schema.types] == ["string", "null"]
    assert table.to_pylist() == [{"id": "a", "x": None}, {"id": "b", "x": None}]
