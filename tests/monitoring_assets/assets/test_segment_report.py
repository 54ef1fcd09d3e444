"""Segments of a day, from the registry to the check."""

import json

import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_key
from resources.faults import read_faults
from resources.manifest import ManifestError, parse_manifest
from resources.storage import open_storage
from tests.conftest import YESTERDAY, job, onboard, rows, tick

KEY = "pd_cards.1"
PARTITION = ModelDay(YESTERDAY, KEY).partition
BRANCHES = ["city", "airport", "online"]


@pytest.fixture
def instance():
    """An instance in memory."""
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def with_branch(seed, size):
    """Applications with a column that is no characteristic."""
    branch = np.random.default_rng(seed).choice(BRANCHES, size, p=[0.6, 0.39, 0.01])
    return rows(seed, size).assign(branch=branch)


def monitor(lender, instance, frame, reference=None, **changes):
    """Monitor a day; the evaluation of the check on segments."""
    lender.publish(**changes)
    if reference is not None:
        lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", reference)
    lender.deliver(YESTERDAY, frame)
    onboard(lender, instance)
    return run(lender, instance)


def run(lender, instance):
    result = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=ModelDay(YESTERDAY, KEY).partition
    )
    assert result.success
    (found,) = (
        e.asset_check_evaluation_data
        for e in result.all_events
        if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and e.asset_check_evaluation_data.check_name == "segments"
    )
    return found


def report(lender):
    table, _ = lender.store.read_table("segment_report", KEY, YESTERDAY)
    return table.to_pylist()


def faults_of_day(lender):
    return read_faults(lender.store.storage, KEY, YESTERDAY, YESTERDAY).get(YESTERDAY, [])


def metadata(instance, asset):
    made = instance.get_latest_materialization_event(asset_key(asset))
    return made.asset_materialization.metadata


def one_bad_region(seed=1, size=6000):
    """A day on which incomes of the west halve."""
    frame = rows(seed, size)
    west = frame["region"] == "west"
    frame.loc[west, "income"] = (frame.loc[west, "income"] * 0.6).round(2)
    return frame


def test_a_bad_segment_warns_while_the_total_is_calm(lender, instance, monkeypatch):
    found = monitor(lender, instance, one_bad_region(), segments=["region"])
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert found.description.startswith(f"{PARTITION}: region=west: ")
    assert "income CSI" in found.description
    assert "score PSI" in found.description

    drift, _ = lender.store.read_table("drift_report", KEY, YESTERDAY)
    assert "fail" not in drift["status"].to_pylist()
    failed = {(r["segment"], r["column"]) for r in report(lender) if r["status"] == "fail"}
    assert failed == {("west", "income"), ("west", "score")}
    shown = metadata(instance, "segment_report")
    assert shown["segments_at_fail"].value == 1
    first = shown["segments"].value.records[0].data
    assert (first["segment"], first["status"]) == ("west", "fail")
    assert lender.store.storage.list("evidence/segment_report")
    assert not [fault for fault in faults_of_day(lender) if "west" in fault.text]

    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(main, ["report", KEY, "--date", str(YESTERDAY)]).output
    (line,) = (line for line in said.splitlines() if line.startswith("Segment region=west: income"))
    assert "fail" in line
    assert "in the total warn" in line or "in the total ok" in line
    said = (
        CliRunner()
        .invoke(main, ["report", KEY, "--date", str(YESTERDAY), "--format", "json"])
        .output
    )
    assert {row["segment"] for row in json.loads(said)["segments"]} == {"north", "south", "west"}


def test_the_figures_of_a_segment_are_those_of_its_rows(lender, instance):
    frame = one_bad_region()
    monitor(lender, instance, frame, segments=["region"])
    reference = rows(0, 2000)
    by_metric = {(r["segment"], r["metric"]): r for r in report(lender)}
    for region in ("north", "south", "west"):
        now, before = frame[frame["region"] == region], reference[reference["region"] == region]
        share = by_metric[region, "share of rows"]
        assert share["value"] == pytest.approx(len(now) / len(frame))
        assert share["reference"] == pytest.approx(len(before) / len(reference))
        assert (share["rows"], share["reference_rows"]) == (len(now), len(before))
        mean = by_metric[region, "mean score"]
        # The model computes in single precision.
        score = 1 / (1 + np.exp(np.log(now["income"]) - 10))
        assert mean["value"] == pytest.approx(score.mean(), abs=1e-6)
        assert mean["reference"] == pytest.approx(before["score"].mean(), abs=1e-6)
        # Without outcomes the score is taken for the chance of bad.
        rate = by_metric[region, "estimated bad rate"]
        assert rate["value"] == pytest.approx(score.mean(), abs=1e-6)
        expected = sum(bin["current"] for bin in by_metric[region, "PSI"]["bins"])
        assert expected == len(now)
        chance = np.sort(score.to_numpy())
        bad, good = chance, 1 - chance
        below = np.cumsum(good) - good / 2
        auc = (bad * below).sum() / (bad.sum() * good.sum())
        assert by_metric[region, "estimated AUC"]["value"] == pytest.approx(auc, abs=2e-3)


@pytest.mark.parametrize(
    ("spell", "taker"),
    [(str.upper, "(other)"), ("{} ".format, "(other)"), (lambda _: None, "(missing)")],
)
def test_segments_that_are_spelled_otherwise_have_vanished(
    lender, instance, monkeypatch, spell, taker
):
    frame = with_branch(1, 3000)
    frame["branch"] = frame["branch"].map(spell)
    found = monitor(lender, instance, frame, with_branch(0, 2000), segments=["branch", "region"])
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    for branch in BRANCHES:
        assert f"branch={branch}: no row, " in found.description
    assert f"expected, while {taker} has 3,000 of 3,000: is the value" in found.description
    assert "region=" not in found.description
    faults = faults_of_day(lender)
    assert {(one.family, one.subject) for one in faults if "no row" in one.text} == {
        ("data quality", f"branch={branch}") for branch in BRANCHES
    }
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(main, ["report", KEY, "--date", str(YESTERDAY)]).output
    assert "Segment branch=city: no row, " in said


def test_a_segment_that_is_closed_has_not_vanished(lender, instance):
    frame = with_branch(1, 3000)
    frame = frame[frame["branch"] != "airport"]
    found = monitor(lender, instance, frame, with_branch(0, 2000), segments=["branch"])
    assert "no row" not in found.description


def test_a_quiet_day_passes_and_says_of_how_many(lender, instance):
    found = monitor(lender, instance, rows(1, 3000), segments=["region"])
    assert found.passed
    assert found.description == f"{PARTITION}: 3 expectations met"


def test_without_segments_nothing_is_computed(lender, instance):
    found = monitor(lender, instance, rows(1))
    assert found.passed
    assert found.description == f"{PARTITION}: the manifest has no segments"
    assert not lender.store.has("segment_report", KEY, YESTERDAY)
    assert not lender.store.has("reference_segments", KEY)
    assert metadata(instance, "segment_report")["segments"].value == "the manifest has none"


def test_a_column_that_is_no_characteristic_is_carried_and_not_profiled(lender, instance):
    found = monitor(
        lender, instance, with_branch(1, 3000), with_branch(0, 2000), segments=["branch", "region"]
    )
    assert found.passed
    assert found.description == f"{PARTITION}: 5 segments hold; too few rows: branch=online"
    counted = {(r["segment_column"], r["segment"]) for r in report(lender)}
    assert counted == {("branch", name) for name in BRANCHES} | {
        ("region", name) for name in ("north", "south", "west")
    }
    columns = {
        record.name
        for record in metadata(instance, "features")["dagster/column_schema"].schema.columns
    }
    assert columns == {"loan_id", "income", "region", "branch"}
    profile, _ = lender.store.read_table("features_profile", KEY, YESTERDAY)
    assert set(profile["column"].to_pylist()) == {"income", "region"}


def test_a_missing_segment_column_is_a_fault_of_the_data_and_stops_nothing(lender, instance):
    frame = with_branch(1, 3000).drop(columns="branch")
    found = monitor(lender, instance, frame, with_branch(0, 2000), segments=["branch", "region"])
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert not found.blocking
    said = "batch: segment column 'branch': the column is missing"
    assert found.description == f"{PARTITION}: branch: {said}"
    assert {r["segment"] for r in report(lender)} == {None, "north", "south", "west"}
    told = [(fault.family, fault.subject, fault.text) for fault in faults_of_day(lender)]
    assert told == [("data quality", "branch", f"branch: {said}")]
    assert lender.store.has("alerts", KEY, YESTERDAY)


def test_segments_of_a_later_revision_need_the_reference_again(lender, instance):
    lender.publish()
    onboard(lender, instance)
    lender.publish_manifest("pd_cards", "1", segments=["region"], revision=2)
    tick(lender, instance)
    lender.deliver(YESTERDAY, rows(1, 3000))
    found = run(lender, instance)
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert "region: its reference is not counted: materialise" in found.description
    assert faults_of_day(lender) == []

    onboarded = job("onboard_model", lender).execute_in_process(
        instance=instance, partition_key=KEY
    )
    assert onboarded.success
    assert run(lender, instance).passed


def test_a_segment_of_the_sql_is_carried(lender, instance):
    storage = open_storage(lender.registry.root)
    sql = "SELECT loan_id, income, region, upper(branch) AS unit FROM batch"
    storage.write("pd_cards/1/features.sql", sql.encode())
    reference = with_branch(0, 2000)
    found = monitor(
        lender,
        instance,
        with_branch(1, 3000),
        reference.assign(unit=reference["branch"].str.upper()),
        segments=["unit"],
        features={"columns": ["income", "region"], "sql": "features.sql"},
    )
    assert found.description == f"{PARTITION}: 2 segments hold; too few rows: unit=ONLINE"


@pytest.mark.parametrize("names", [["score"], ["loan_id"], ["region", "region"]])
def test_what_cannot_be_a_segment_is_refused(lender, names):
    text = json.dumps(lender.manifest("pd_cards", "1", segments=names))
    with pytest.raises(ManifestError, match=r"segments.*columns that differ, none of them the"):
        parse_manifest(text, "model.yaml")


def test_a_segment_column_that_the_reference_lacks_is_refused(lender, instance):
    lender.publish(segments=["branch"])
    onboard(lender, instance)
    assert not lender.store.all_landed()
