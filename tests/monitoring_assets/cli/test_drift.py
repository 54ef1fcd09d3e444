"""``monitoring drift`` on files."""

import datetime as dt
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.statistics.drift.stability import stability_index
from resources.storage import open_storage
from tests.conftest import rows
from tests.tables import Icebergs, write_delta


@pytest.fixture
def files(tmp_path):
    """A reference and current data with one column for each status."""
    rng = np.random.default_rng(0)

    def write(name, rows, shift, **more):
        table = {
            "calm": rng.normal(size=rows),
            "income": rng.normal(shift, 1, rows),
            "region": rng.choice(["n", "s"], rows),
            "score": rng.random(rows) ** (1 + shift),
        }
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table(table | more), path)
        return path

    reference = write("reference", 5_000, 0.0)
    current = write("current", 4_000, 0.6, extra=pa.nulls(4_000))
    return tmp_path, reference, current


def run(*arguments):
    return CliRunner().invoke(main, ["drift", *map(str, arguments)])


def document(result):
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout, parse_constant=pytest.fail)


def test_json_is_the_contract(files):
    _, reference, current = files
    arguments = ["--reference", reference, "--current", current, "--format", "json"]
    found = document(run(*arguments, "--score", "score"))
    assert found["rows"] == {"reference": 5_000, "current": 4_000}
    assert found["smoothing"] == "jeffreys"
    assert list(found["columns"]) == ["calm", "income", "region", "score"]
    assert found["only_in_current"] == ["extra"]
    income, score = found["columns"]["income"], found["columns"]["score"]
    assert (income["index"], score["index"]) == ("CSI", "PSI")
    assert (income["status"], found["columns"]["calm"]["status"]) == ("fail", "ok")
    assert income["error"] is None
    assert 0 < income["critical_value"] < income["value"]
    counts = [[b[side] for b in income["bins"]] for side in ("reference", "current")]
    assert [sum(side) for side in counts] == [5_000, 4_000]
    assert stability_index(*counts) == pytest.approx(income["value"])
    assert income["bins"][0]["bin"].startswith("(-inf, ")


def test_the_bins_in_json_are_those_of_the_index(tmp_path):
    paths = []
    for name, flags in (("reference", [0, 0, 1, 2]), ("current", [0, 1, 1, 2])):
        paths.append(tmp_path / f"{name}.parquet")
        pq.write_table(pa.table({"delinquencies": flags * 200}), paths[-1])
    column = document(run("--reference", paths[0], "--current", paths[1], "--format", "json"))
    bins = column["columns"]["delinquencies"]["bins"]
    smooth = [[one[side] + 0.5 for one in bins] for side in ("reference", "current")]
    e, a = (np.array(side) / sum(side) for side in smooth)
    assert ((a - e) * np.log(a / e)).sum() == column["columns"]["delinquencies"]["value"]


def put(path, rows, seed, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {"income": np.random.default_rng(seed).normal(size=rows)}
    pq.write_table(pa.table(table | more), path)


@pytest.mark.parametrize("place", ["local", "s3"])
def test_a_directory_is_read_without_what_is_no_data_and_with_its_folders_columns(
    place, tmp_path, request
):
    roots = {}
    for side, seed in (("reference", 1), ("current", 2)):
        root = tmp_path / side
        for region in ("north", "south"):
            put(root / f"day=2026-07-0{seed}" / f"region={region}" / "a.parquet", 500, seed)
        put(root / "_temporary" / "0" / "a.parquet", 5_000, seed, unfinished=pa.nulls(5_000))
        put(root / ".ipynb_checkpoints" / "a-checkpoint.parquet", 5_000, seed)
        put(root / "_symlink_format_manifest.parquet", 5_000, seed)
        roots[side] = str(root)
    if place == "s3":
        lender = request.getfixturevalue("s3_lender")
        storage = open_storage(lender.root)
        for file in tmp_path.rglob("*.parquet"):
            storage.write(file.relative_to(tmp_path).as_posix(), file.read_bytes())
        roots = {side: f"{lender.root}/{side}/" for side in roots}
    arguments = ["--reference", roots["reference"], "--current", roots["current"]]
    found = document(run(*arguments, "--format", "json", "--fail-on", "warn"))
    assert found["rows"] == {"reference": 1_000, "current": 1_000}
    assert list(found["columns"]) == ["income", "day", "region"]
    assert found["apart"] == {"day": "partition", "region": "partition"}
    assert found["columns"]["region"]["value"] == 0.0
    assert run(*arguments, "--columns", "day", "--fail-on", "fail").exit_code == 1


def test_tables_of_versions_are_compared(any_lender):
    """As their newest version has them, and with a day's rows as its folder would have them."""
    lake = open_storage(any_lender.lake.root)
    icebergs = Icebergs(lake, any_lender.scratch / "catalog")
    for side, size in (("reference", 1000), ("current", 500)):
        frame = rows(size, size)
        any_lender.put(lake, f"files/{side}.parquet", frame)
        table = write_delta(lake, f"delta/{side}", pd.concat([frame, rows(3)]))
        table.delete("loan_id LIKE '3-%'")
        for day in ("2026-09-01", "2026-09-02"):
            icebergs.write(f"iceberg/{side}", frame.assign(day=day))
    found = [
        document(
            run(
                *("--reference", lake.url(reference), "--current", lake.url(current)),
                *("--exclude", exclude, "--format", "json"),
            )
        )
        for reference, current, exclude in (
            ("files/reference.parquet", "files/current.parquet", "loan_id"),
            ("delta/reference", "delta/current/", "loan_id"),
            ("iceberg/reference/day=2026-09-01", "iceberg/current/day=2026-09-02", "loan_id,day"),
        )
    ]
    assert found[0]["rows"] == {"reference": 1000, "current": 500}
    assert found[1] == found[0]
    assert found[2] == found[0]


@pytest.mark.parametrize("place", ["local", "s3"])
@pytest.mark.parametrize(
    ("log", "format_"),
    [
        ("_delta_log/0.json", "a Delta Lake table"),
        ("metadata/v1.metadata.json", "an Iceberg table"),
    ],
)
@pytest.mark.parametrize("below", ["data", "data/day=2026-07-01"])
def test_files_within_a_table_of_versions_are_refused(
    place, log, format_, below, tmp_path, request
):
    put(tmp_path / "table" / "data" / "day=2026-07-01" / "old.parquet", 500, 1)
    put(tmp_path / "plain.parquet", 500, 1)
    file = tmp_path / "table" / log
    file.parent.mkdir()
    file.write_text("{}")
    root = str(tmp_path)
    if place == "s3":
        root = request.getfixturevalue("s3_lender").root
        for file in tmp_path.rglob("*.*"):
            name = file.relative_to(tmp_path).as_posix()
            open_storage(root).write(name, file.read_bytes())
    refused = run("--reference", f"{root}/plain.parquet", "--current", f"{root}/table/{below}")
    assert refused.exit_code == 2
    # In a terminal's lines.
    assert f"{root}/table: found {format_}, whose folder" in " ".join(refused.output.split())


def test_a_glob_finds_what_is_hidden_only_where_it_says_so(tmp_path):
    put(tmp_path / "a" / "part.parquet", 100, 1)
    put(tmp_path / "_b" / "part.parquet", 300, 1)
    arguments = ["--reference", tmp_path / "*" / "*.parquet", "--format", "json", "--current"]
    rows = document(run(*arguments, tmp_path / "_*" / "*.parquet"))["rows"]
    assert rows == {"reference": 100, "current": 300}


def test_a_reference_column_without_a_type_is_compared_whatever_the_day_holds(tmp_path):
    size, random = 400, np.random.default_rng(2)
    values = {
        "amount": random.gamma(2.0, 50.0, size),
        "rooms": random.integers(1, 6, size),
        "channel": random.choice(["web", "shop", "phone"], size),
        "is_new": pa.array((random.random(size) < 0.3).tolist()),
        "born": pa.array([dt.date(1980, 5, 1 + n % 28) for n in range(size)]),
        "seen_at": pa.array([dt.datetime(2026, 3, 1, n % 24) for n in range(size)]),
    }
    reference, current = tmp_path / "reference.parquet", tmp_path / "current.parquet"
    pq.write_table(pa.table(dict.fromkeys(values, pa.nulls(600))), reference)
    pq.write_table(pa.table(values), current)
    done = run("--reference", reference, "--current", current, "--format", "json")
    found = document(done)["columns"]
    assert found.keys() == values.keys()
    for name, column in found.items():
        assert column["error"] is None, name
        missing = next(one for one in column["bins"] if one["slot"] == "missing")
        assert (missing["reference"], missing["current"]) == (600, 0), name
        assert sum(one["current"] for one in column["bins"]) == size, name
        assert (column["status"], column["value"] > 10) == ("fail", True), name


def test_the_index_that_pandas_writes_is_no_characteristic(tmp_path):
    frame = pd.DataFrame({"income": np.random.default_rng(0).normal(size=4_000)})
    paths = tmp_path / "reference.parquet", tmp_path / "current.parquet"
    frame[:2_000].sample(frac=0.9, random_state=1).to_parquet(paths[0])
    frame[2_000:].sample(frac=0.9, random_state=1).to_parquet(paths[1])
    arguments = ["--reference", paths[0], "--current", paths[1]]
    found = document(run(*arguments, "--format", "json", "--fail-on", "warn"))
    assert found["apart"] == {"__index_level_0__": "index"}
    assert run(*arguments, "--fail-on", "warn").exit_code == 0


def test_options_change_what_they_say(files):
    _, reference, current = files
    arguments = ["--reference", reference, "--current", current, "--format", "json"]
    found = document(run(*arguments, "--columns", "income", "--bins", 4, "--smoothing", "1e-4"))
    assert list(found["columns"]) == ["income"]
    assert found["smoothing"] == 1e-4
    assert sum(b["slot"] == "interval" for b in found["columns"]["income"]["bins"]) == 4
    found = document(run(*arguments, "--warn", 5, "--fail", 6))
    assert {c["status"] for c in found["columns"].values()} == {"ok"}
    found = document(run(*arguments, "--columns", "calm", "--score", "score", "--level", 1e-9))
    assert list(found["columns"]) == ["calm", "score"]
    assert list(document(run(*arguments, "--columns", " calm, region"))["columns"]) == [
        "calm",
        "region",
    ]


@pytest.mark.parametrize(
    ("fail_on", "columns", "code"),
    [
        ("never", "income", 0),
        ("warn", "calm", 0),
        ("fail", "calm", 0),
        ("warn", "income", 1),
        ("fail", "income", 1),
    ],
)
def test_exit_code(files, fail_on, columns, code):
    _, reference, current = files
    arguments = ["--reference", reference, "--current", current, "--columns", columns]
    assert run(*arguments, "--fail-on", fail_on).exit_code == code


def test_a_column_that_is_gone_is_an_error_and_a_breach(files):
    folder, reference, _ = files
    pq.write_table(pq.read_table(reference).drop_columns(["income"]), folder / "less.parquet")
    arguments = ["--reference", reference, "--current", folder / "less.parquet"]
    found = document(run(*arguments, "--format", "json", "--fail-on", "fail"))
    assert found["columns"]["income"]["status"] == "error"
    assert found["columns"]["income"]["error"] == "current: the column is missing"
    assert found["columns"]["income"]["value"] is None
    assert run(*arguments, "--fail-on", "fail").exit_code == 1
    assert run(*arguments).exit_code == 0


def test_an_empty_batch_is_an_error_and_a_breach(files):
    folder, reference, current = files
    pq.write_table(pq.read_table(current).slice(0, 0), folder / "empty.parquet")
    arguments = ["--reference", reference, "--current", folder / "empty.parquet"]
    result = run(*arguments, "--fail-on", "warn")
    assert result.exit_code == 1
    assert "no rows" in result.output


def test_text_that_is_not_utf8_is_an_error_on_either_side(files):
    folder, _, _ = files
    encoded = pa.array([b"north", b"s\xfcd"] * 500)
    latin1 = pa.StringArray.from_buffers(len(encoded), *encoded.buffers()[1:])
    for name, region in (("utf8", pa.array(["north", "south"] * 500)), ("latin1", latin1)):
        table = pa.table({"region": region, "age": np.arange(1_000.0)})
        pq.write_table(table, folder / f"{name}.parquet")
    for reference, current, side in (
        ("latin1", "utf8", "reference"),
        ("utf8", "latin1", "current"),
    ):
        arguments = [
            *("--reference", folder / f"{reference}.parquet"),
            *("--current", folder / f"{current}.parquet"),
        ]
        columns = document(run(*arguments, "--format", "json"))["columns"]
        assert columns["age"]["status"] == "ok"
        assert columns["region"]["status"] == "error"
        assert columns["region"]["error"].startswith(f"{side}: the column cannot be read: Invalid")
        assert run(*arguments, "--fail-on", "fail").exit_code == 1


def test_what_no_command_expects_is_said_and_never_a_breach(files, monkeypatch):
    _, reference, current = files

    def fail(*_, **__):
        raise MemoryError("no room for 8 TiB")

    monkeypatch.setattr("monitoring_assets.cli.drift.compare", fail)
    result = run("--reference", reference, "--current", current, "--fail-on", "fail")
    assert result.exit_code == 2
    first, *rest = result.stderr.splitlines()
    assert first == "Unexpected MemoryError: no room for 8 TiB"
    assert rest[0].startswith("Traceback")
    assert result.stdout == ""


def test_directories_and_globs(files):
    folder, reference, current = files
    parts = folder / "parts" / "day=1"
    parts.mkdir(parents=True)
    table = pq.read_table(current)
    pq.write_table(table.slice(0, 1_000), parts / "a.parquet")
    pq.write_table(table.slice(1_000), parts / "b.parquet")
    (parts / "_SUCCESS").touch()
    one = document(run("--reference", reference, "--current", current, "--format", "json"))
    for place in (folder / "parts", parts / "*.parquet"):
        many = document(run("--reference", reference, "--current", place, "--format", "json"))
        assert many["columns"] == one["columns"]


def test_the_table_has_the_worst_first_and_a_summary(files):
    _, reference, current = files
    result = run("--reference", reference, "--current", current, "--score", "score")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    rows = [line.split()[0] for line in lines if line.strip().endswith(("fail", "warn", "ok"))]
    assert rows[:2] == ["income", "score"]
    assert set(rows[2:4]) == {"calm", "region"}
    assert "5,000 reference rows, 4,000 current rows" in result.output
    assert "█" in result.output
    assert "extra" in result.output
    assert lines[-1] == "1 fail, 1 warn, 2 ok"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--current", "{current}"], "Missing option '--reference'"),
        (["--reference", "{folder}/no.parquet", "--current", "{current}"], "no such file"),
        (["--reference", "{folder}/*.csv", "--current", "{current}"], "no such file"),
        (
            ["--reference", "{folder}/empty", "--current", "{current}"],
            "no Parquet, CSV or JSON lines file",
        ),
        (["--reference", "{folder}/text.txt", "--current", "{current}"], "not a readable Parquet"),
        (["{both}", "--columns", "calm,nope"], "has no column 'nope'"),
        (["{both}", "--score", "nope"], "has no column 'nope'"),
        (["{both}", "--bins", "1"], "2<=x<=100"),
        (["{both}", "--smoothing", "7"], "neither 'jeffreys' nor a share"),
        (["{both}", "--smoothing", "nan"], "neither 'jeffreys' nor a share"),
        (["{both}", "--warn", "0.5"], "0 < warn <= fail"),
        (["{both}", "--level", "0"], "level must be between 0 and 1"),
        (["{both}", "--fail-on", "ok"], "'ok' is not one of"),
    ],
)
def test_bad_usage_is_2_with_the_reason_on_stderr(files, arguments, message):
    folder, reference, current = files
    (folder / "empty").mkdir()
    (folder / "text.txt").write_text("text")
    if arguments[0] == "{both}":
        arguments = ["--reference", str(reference), "--current", str(current), *arguments[1:]]
    result = run(*(a.format(folder=folder, current=current) for a in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_help_is_fast_and_has_examples():
    code = """
import sys
from monitoring_assets.cli.main import main
main(["--help"], standalone_mode=False)
assert not {"numpy", "pyarrow", "rich", "dagster"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "drift" in done.stdout
    assert "monitoring drift --reference" in run("--help").output


def test_both_sides_may_lie_on_s3(s3_lender):
    from tests.conftest import YESTERDAY, rows

    s3_lender.deliver(YESTERDAY, rows(1))
    root = f"{s3_lender.root}/lake/pd_cards"
    same = document(
        run("--reference", root, "--current", f"{root}/{YESTERDAY}.parquet", "--format", "json")
    )
    assert {column["value"] for column in same["columns"].values() if not column["error"]} == {0.0}

    nothing = run("--reference", root, "--current", f"{s3_lender.root}/lake/none.parquet")
    assert nothing.exit_code == 2
    assert "none.parquet: no Parquet, CSV or JSON lines file" in nothing.output


@pytest.fixture
def with_keys(files):
    """The same files, each with a running number, a text of each row's own and a date."""

    def more(file, first):
        table = pq.read_table(file)
        numbers = range(first, first + len(table))
        columns = {
            "number": pa.array(numbers),
            "loan": pa.array([f"L{number}" for number in numbers]),
            "day": pa.array([dt.date(2026, 1, 1) + dt.timedelta(days=first // 5_000)] * len(table)),
        }
        for name, values in columns.items():
            table = table.append_column(name, values)
        pq.write_table(table, file)

    more(files[1], 0)
    more(files[2], 5_000)
    return ["--reference", files[1], "--current", files[2]]


def test_identifiers_and_dates_come_last_and_are_no_breach(with_keys):
    found = document(run(*with_keys, "--format", "json"))
    assert found["apart"] == {"number": "identifier", "loan": "identifier", "day": "date"}
    names = [line.split()[0] for line in run(*with_keys).stdout.splitlines()[4:11]]
    assert names[:4] == ["income", "score", "calm", "region"]
    assert sorted(names[4:]) == ["day", "loan", "number"]
    others = ["--exclude", "income,score", "--fail-on", "fail"]
    assert run(*with_keys, *others).exit_code == 0
    assert run(*with_keys, *others, "--columns", "number,calm").exit_code == 1


@pytest.mark.parametrize(
    ("values", "is_apart"),
    [
        (["2026-09-01", None, "2026-09-30"], True),
        (["2026-09-01T08:30:00Z", "2026-09-01 09:15"], True),
        (["1.9.2026", "30.09.2026"], True),
        (["01/09/2026", "30/09/2026"], True),
        (["2026-09-01", "unknown"], False),
        (["2026", "2025"], False),
        (["v1.2.2026-beta", "v1.3.2026-beta"], False),
        ([None, None], False),
    ],
)
def test_dates_that_are_texts_are_dates(tmp_path, values, is_apart):
    file = tmp_path / "table.parquet"
    pq.write_table(pa.table({"day": pa.array(values * 10, pa.string()), "x": values * 10}), file)
    found = document(run("--reference", file, "--current", file, "--format", "json"))
    assert found["apart"].get("day") == ("date" if is_apart else None)


def test_a_key_and_excluded_columns_are_left_out(with_keys):
    found = document(
        run(*with_keys, "--key", "loan", "--exclude", "day, number", "--format", "json")
    )
    assert list(found["columns"]) == ["calm", "income", "region", "score"]
    done = run(*with_keys, "--key", "customer")
    assert (done.exit_code, "no column 'customer'" in done.output) == (2, True)
