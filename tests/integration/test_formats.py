"""The same rows in every format that is read: what is found of them is the same."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_key, asset_name
from resources.storage import open_storage
from resources.table_formats.base import in_words
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows
from tests.tables import Icebergs, write_delta
from tests.warehouses import VARIABLE, load, snowflake_emulator, warehouse_server

pytestmark = pytest.mark.slow

DAY = days_ago(40)


def as_csv(frame):
    return frame.to_csv(index=False)


def as_semicolons(frame):
    return frame.to_csv(index=False, sep=";", lineterminator="\r\n")


def as_json_lines(frame):
    return frame.to_json(orient="records", lines=True, double_precision=15)


FORMATS = {"csv": as_csv, "tsv": as_semicolons, "jsonl": as_json_lines}


def frame_of(seed, size, income_shift=0.0):
    """Rows with what files have: null, a code with leading zeros, a score and an outcome."""
    frame, random = rows(seed, size, income_shift), np.random.default_rng(seed)
    frame["branch"] = random.choice(["007", "042", "100"], size)
    frame.loc[random.random(size) < 0.1, "income"] = None
    frame["score"] = random.random(size).round(3)
    frame["bad"] = (random.random(size) < frame["score"]).astype(int)
    return frame


def publish(lender, ending):
    """Land a version whose files, and those of its day, are all of one ending."""

    def put(storage, path, frame):
        path = f"{path}.{ending}"
        if ending == "parquet":
            lender.put(storage, path, frame)
        else:
            storage.write(path, FORMATS[ending](frame).encode())

    registry, lake = (open_storage(one.root) for one in (lender.registry, lender.lake))
    put(registry, f"pd_cards/{ending}/reference", frame_of(0, 2000))
    frame = frame_of(1, 500, income_shift=0.4)
    put(lake, f"{ending}/batch/{DAY:%Y/%m/%d}/part", frame.drop(columns=["score", "bad"]))
    put(lake, f"scores/{DAY}", frame[["loan_id", "score"]].sample(frac=1, random_state=1))
    put(lake, f"outcomes/{DAY}", frame[["loan_id", "bad"]].iloc[::-1])
    lender.publish_manifest(
        "pd_cards",
        ending,
        deployed_at=days_ago(60).isoformat(),
        reference={"path": f"reference.{ending}", "score": "score", "outcome": "bad"},
        batch={"path": ending + "/batch/{date:%Y/%m/%d}/", "key": "loan_id"},
        features={"columns": ["income", "region", "branch"]},
        scoring={"flavour": "scored", "path": "scores/{date}." + ending},
        outcome={"path": "outcomes/{date}." + ending, "column": "bad", "maturity": 30},
        segments=["branch"],
    )


def test_a_day_in_text_is_the_same_day(any_lender, instance):
    found = {}
    for ending in ("parquet", *FORMATS):
        publish(any_lender, ending)
    onboard(any_lender, instance)
    for ending in ("parquet", *FORMATS):
        day = ModelDay(DAY, f"pd_cards.{ending}")
        for name in ("monitor_day", "measure_performance"):
            done = job(name, any_lender).execute_in_process(
                instance=instance, partition_key=day.partition
            )
            assert done.success
        found[ending] = [
            any_lender.store.read_table(dataset, day.key, DAY)[0].to_pylist()
            for dataset in ("drift_report", "performance_report", "segment_report")
        ]
    assert all(found["parquet"])
    for ending in FORMATS:
        assert found[ending] == found["parquet"]


@pytest.fixture(scope="module")
def postgres():
    with warehouse_server() as running:
        yield running


@pytest.fixture(scope="module")
def snowflake():
    with snowflake_emulator() as running:
        yield running


@pytest.mark.parametrize("how", ["column", "path", "table"])
def test_a_day_in_postgresql_is_the_same_day(lender, instance, postgres, monkeypatch, how):
    """Types that Parquet has too, null and an empty column among them."""
    monkeypatch.setenv(VARIABLE, postgres.url("postgres", "postgresql"))

    def fill(name, frames):
        for frame in frames:
            load(postgres, name, frame)

    notes = day_in_a_warehouse(lender, instance, how, "public", fill)
    assert notes["versions"]["batch"]["snapshot"]
    for one in (lender.lake, lender.registry, lender.store):
        storage = open_storage(one.root)
        assert not [
            path for path in storage.list() if postgres.password.encode() in storage.read(path)
        ]


def test_a_day_in_snowflake_is_the_same_day(lender, instance, snowflake, monkeypatch):
    monkeypatch.setenv(VARIABLE, snowflake.url())

    def fill(name, frames):
        snowflake.load(name, pd.concat(frames, ignore_index=True))

    notes = day_in_a_warehouse(lender, instance, "column", "PUBLIC", fill)
    assert notes["versions"]["batch"]["format"] == "Snowflake"


def day_in_a_warehouse(lender, instance, how, schema, fill):
    """Compare a day in files with the same day in a warehouse; the notes of its report."""
    lake, registry = (open_storage(one.root) for one in (lender.lake, lender.registry))
    days = {DAY: typed(frame_of(1, 500, income_shift=0.4)), days_ago(41): typed(frame_of(2, 300))}
    path = {"column": "", "path": "/applied={date}", "table": "_{date:%Y%m%d}"}[how]
    for day, frame in days.items():
        lender.put(lake, f"loans/{day}.parquet", frame)
    dated = {day: frame.assign(applied=day) for day, frame in days.items()}
    if how == "table":
        for day, frame in dated.items():
            fill(f"{how}_loans_{day:%Y%m%d}", [frame])
    else:
        fill(f"{how}_loans", list(dated.values()))
    by_day = {"date_column": "applied"} if how == "column" else {}
    scored = "" if how == "table" else "/applied={date}"
    database = f"warehouse://risk/{schema}.{how}_loans" + (path if how == "table" else scored)
    for version, batch, day_of in (
        ("1", {"path": "loans/{date}.parquet"}, "loans/{date}.parquet"),
        ("2", {"path": f"warehouse://risk/{schema}.{how}_loans{path}"} | by_day, database),
    ):
        lender.put(registry, f"pd_cards/{version}/reference.parquet", typed(frame_of(0, 2000)))
        lender.publish_manifest(
            "pd_cards",
            version,
            deployed_at=days_ago(60).isoformat(),
            reference={"path": "reference.parquet", "score": "score", "outcome": "bad"},
            batch={"key": "loan_id"} | batch,
            features={"columns": ["income", "region", "branch", "limit", "staff", "opened"]},
            scoring={"flavour": "scored", "path": day_of},
            outcome={"path": day_of, "column": "bad", "maturity": 30},
            segments=["branch"],
        )
    onboard(lender, instance)
    found = []
    for version in ("1", "2"):
        day = ModelDay(DAY, f"pd_cards.{version}")
        manifest = lender.store.landed(day.key).manifest
        near = [days_ago(ago) for ago in range(38, 43)]
        assert [one for one in near if lender.lake.has_arrived(manifest, one)] == list(days)
        assert lender.lake.days_with_batch(manifest, near) == list(days)
        for name in ("monitor_day", "measure_performance"):
            done = job(name, lender).execute_in_process(
                instance=instance, partition_key=day.partition
            )
            assert done.success
        found.append(
            [lender.store.read_table(name, day.key, DAY)[0].to_pylist() for name in DATASETS]
        )
    assert all(found[0])
    assert found[1] == found[0]
    _, notes = lender.store.read_table("drift_report", "pd_cards.2", DAY)
    return notes


def typed(frame):
    """With a decimal, a boolean and a date, each null here and there."""
    frame["limit"] = [Decimal(f"{value:.2f}") for value in frame["score"] * 1000]
    frame["staff"] = (frame["score"] > 0.5).astype(object)
    frame["opened"] = [dt.date(2026, 1, 1 + int(value * 27)) for value in frame["score"]]
    frame.loc[frame.index % 7 == 0, ["limit", "staff", "opened"]] = None
    return frame


def test_one_table_of_many_days(any_lender, instance):
    """A day's rows of it are the day's batch; days that it lacks have not arrived."""
    days = {days_ago(number): frame_of(number, 300) for number in (3, 2)}
    lake, registry = (open_storage(one.root) for one in (any_lender.lake, any_lender.registry))
    for day, frame in days.items():
        any_lender.put(lake, f"apart/{day}.parquet", frame)
    together = pd.concat(frame.assign(applied=str(day)) for day, frame in days.items())
    any_lender.put(lake, "loans/all.parquet", together)
    for version, batch in (
        ("1", {"path": "apart/{date}.parquet"}),
        ("2", {"path": "loans/", "date_column": "applied"}),
    ):
        any_lender.put(registry, f"pd_cards/{version}/reference.parquet", frame_of(0, 1000))
        any_lender.publish_manifest(
            "pd_cards",
            version,
            reference={"path": "reference.parquet", "score": "score"},
            batch={"key": "loan_id"} | batch,
            scoring={"flavour": "scored", "path": "apart/{date}.parquet"},
        )
    onboard(any_lender, instance)
    reports = []
    for version in ("1", "2"):
        key = f"pd_cards.{version}"
        manifest = any_lender.store.landed(key).manifest
        arrived = [ago for ago in range(5) if any_lender.lake.has_arrived(manifest, days_ago(ago))]
        assert arrived == [2, 3]
        days = [days_ago(ago) for ago in range(5)]
        assert {*any_lender.lake.days_with_batch(manifest, days)} == {*map(days_ago, arrived)}
        partition = ModelDay(days_ago(2), key).partition
        done = job("monitor_day", any_lender).execute_in_process(
            instance=instance, partition_key=partition
        )
        assert done.success
        reports.append(any_lender.store.read_table("drift_report", key, days_ago(2))[0].to_pylist())
    assert reports[0] == reports[1]


DATASETS = ("drift_report", "performance_report", "segment_report")


def in_plain_files(lender, name, frame, day):
    lender.put(open_storage(lender.lake.root), f"{name}/applied={day}/part.parquet", frame)


def in_delta(lender, name, frame, day):
    """Partitioned by the day, which is no column of the files."""
    storage = open_storage(lender.lake.root)
    write_delta(storage, name, frame.assign(applied=str(day)), partition_by=["applied"])


def in_iceberg(lender, name, frame, day):
    tables = Icebergs(open_storage(lender.lake.root), lender.scratch / "catalog")
    tables.write(name, frame.assign(applied=day))


TABLES = {"files": in_plain_files, "delta": in_delta, "iceberg": in_iceberg}


def test_a_day_in_a_table_of_versions_is_the_same_day(any_lender, instance):
    """Batch, scores and outcomes in tables of many days, at the paths that folders would have."""
    days = {DAY: frame_of(1, 500, income_shift=0.4), days_ago(41): frame_of(2, 300)}
    registry = open_storage(any_lender.registry.root)
    for kind, write in TABLES.items():
        for day, frame in days.items():
            write(any_lender, f"{kind}/loans", frame.drop(columns=["score", "bad"]), day)
            shuffled = frame.sample(frac=1, random_state=1)
            write(any_lender, f"{kind}/scores", shuffled[["loan_id", "score"]], day)
            write(any_lender, f"{kind}/outcomes", shuffled[["loan_id", "bad"]], day)
        any_lender.put(registry, f"pd_cards/{kind}/reference.parquet", frame_of(0, 2000))
        any_lender.publish_manifest(
            "pd_cards",
            kind,
            deployed_at=days_ago(60).isoformat(),
            reference={"path": "reference.parquet", "score": "score", "outcome": "bad"},
            batch={"path": kind + "/loans/applied={date}", "key": "loan_id"},
            features={"columns": ["income", "region", "branch"]},
            scoring={"flavour": "scored", "path": kind + "/scores/applied={date}"},
            outcome={"path": kind + "/outcomes/applied={date}", "column": "bad", "maturity": 30},
            segments=["branch"],
        )
    onboard(any_lender, instance)
    found, lake = {}, any_lender.lake
    for kind in TABLES:
        day = ModelDay(DAY, f"pd_cards.{kind}")
        manifest = any_lender.store.landed(day.key).manifest
        near = [days_ago(ago) for ago in range(38, 43)]
        assert [one for one in near if lake.has_arrived(manifest, one)] == list(days)
        assert lake.days_with_batch(manifest, near) == list(days)
        for name in ("monitor_day", "measure_performance"):
            done = job(name, any_lender).execute_in_process(
                instance=instance, partition_key=day.partition
            )
            assert done.success
        found[kind] = [
            any_lender.store.read_table(dataset, day.key, DAY)[0].to_pylist()
            for dataset in DATASETS
        ]
        _, notes = any_lender.store.read_table("drift_report", day.key, DAY)
        names = {} if kind == "files" else {"batch", "scores"}
        assert notes["versions"].keys() == {*names}
    assert all(found["files"])
    for kind in TABLES:
        assert found[kind] == found["files"], kind


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
def test_which_version_a_day_was_read_from(lender, instance, monkeypatch, format_):
    """Scores in the batch's table are of the batch's version; a later run says what it read."""
    write, day = TABLES[format_], ModelDay(YESTERDAY, "pd_cards.1")
    write(lender, "loans", rows(1), YESTERDAY)
    registry = open_storage(lender.registry.root)
    lender.put(registry, "pd_cards/1/reference.parquet", rows(0, 1000))
    path = "loans/applied={date}"
    lender.publish_manifest(
        "pd_cards",
        "1",
        reference={"path": "reference.parquet", "score": "score"},
        batch={"path": path, "key": "loan_id"},
        scoring={"flavour": "scored", "path": path},
    )
    onboard(lender, instance)

    def run(*assets):
        done = job("monitor_day", lender).execute_in_process(
            instance=instance,
            partition_key=day.partition,
            asset_selection=[asset_key(name) for name in assets] or None,
        )
        assert done.success
        shown = {}
        for event in done.get_asset_materialization_events():
            shown[asset_name(event.asset_key)] = event.materialization.metadata
        return shown

    def noted():
        return lender.store.read_table("drift_report", day.key, day.day)[1]["versions"]

    shown = run()
    first = noted()["batch"]
    assert first == noted()["scores"] == shown["features"]["batch_version"].value
    assert first == shown["drift_report"]["batch_version"].value
    assert "same_version_as_before" not in shown["features"]
    assert run()["features"]["same_version_as_before"].value is True
    # Between the features and the scores more rows come: they are not scored.
    run("features")
    write(lender, "loans", rows(2), YESTERDAY)
    shown = run("scores")
    assert shown["scores"]["scores_version"].value == first
    assert shown["scores"]["rows"].value == 400
    shown = run()
    assert noted()["batch"] == noted()["scores"] != first
    assert shown["features"]["same_version_as_before"].value is False
    assert shown["features"]["batch_version_before"].value == first
    assert shown["features"]["rows"].value == 800
    monkeypatch.setenv("MONITORING_STORE", lender.store.root)
    said = CliRunner().invoke(main, ["report", day.key, "--date", str(day.day)])
    assert f"Read of batch: {in_words(noted()['batch'])}\n" in said.output
    # Each report that was made says its own for good.
    kept = [path for path in lender.store.storage.list("evidence/drift_report") if path]
    assert len(kept) == 3


def test_the_reference_in_a_table_of_versions(any_lender, instance, monkeypatch):
    """It is the version that landed, or refused: a later one is another sample."""
    monkeypatch.setenv("MONITORING_LAKE", any_lender.lake.root)
    registry, lake = (open_storage(one.root) for one in (any_lender.registry, any_lender.lake))
    sample, frame = frame_of(0, 1000), frame_of(1, 300)
    any_lender.put(lake, f"loans/{DAY}.parquet", frame)
    any_lender.put(registry, "pd_cards/files/reference.parquet", sample)
    write_delta(lake, "training/delta", sample)
    Icebergs(lake, any_lender.scratch / "catalog").write("training/iceberg", sample)
    for kind in ("files", "delta", "iceberg"):
        path = "reference.parquet" if kind == "files" else f"{any_lender.lake.root}/training/{kind}"
        any_lender.publish_manifest(
            "pd_cards",
            kind,
            deployed_at=days_ago(60).isoformat(),
            reference={"path": path, "score": "score"},
            batch={"path": "loans/{date}.parquet", "key": "loan_id"},
            features={"columns": ["income", "region", "branch"]},
            scoring={"flavour": "scored", "path": "loans/{date}.parquet"},
        )
    onboard(any_lender, instance)
    profiles = [
        any_lender.store.read_table("reference_profile", f"pd_cards.{kind}")[0]
        .drop_columns(["arrow_type"])  # string, or large_string
        .to_pylist()
        for kind in ("files", "delta", "iceberg")
    ]
    assert profiles[0] == profiles[1] == profiles[2]
    _, notes = any_lender.store.read_table("reference_profile", "pd_cards.delta")
    table = f"{any_lender.lake.root}/training/delta"
    assert notes["versions"]["reference"] == {
        "format": "Delta Lake",
        "table": table,
        "version": 0,
    }
    write_delta(lake, "training/delta", frame)
    done = job("onboard_model", any_lender).execute_in_process(
        instance=instance, partition_key="pd_cards.delta", raise_on_error=False
    )
    assert not done.success
    (failed,) = (event for event in done.all_events if event.is_step_failure)
    assert "training/delta (reference.path) has changed after the version landed" in str(
        failed.event_specific_data.error
    )
