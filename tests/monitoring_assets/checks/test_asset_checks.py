"""Checks of the graph over real files: what is wrong fails, says why, and leaks no data."""

import json

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.checks import asset_checks
from monitoring_assets.checks.finding import Finding
from monitoring_assets.definitions import defs
from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from monitoring_assets.runs import storage_retries
from monitoring_assets.runs.backfill import backfill
from monitoring_assets.runs.evaluated_day import evaluated_partition, evaluated_words
from monitoring_assets.runs.shown import four_digits
from monitoring_assets.statistics.drift.stability import stability_index
from monitoring_assets.statistics.profiles.profile import Profile
from resources import layout
from resources.asset_keys import asset_key
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows

KEY = "pd_cards.1"
PARTITION = ModelDay(YESTERDAY, KEY).partition
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.fixture
def instance():
    """An instance in memory: what a check says does not depend on where it is kept."""
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def run_day(lender, instance):
    return job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=PARTITION, raise_on_error=False
    )


def evaluations(result):
    """Evaluations by check, each shown to be exactly one and fit for JSON."""
    found = {}
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            assert evaluation.partition is None
            at = evaluation.check_name, evaluated_partition(evaluation)
            assert at not in found
            json.loads(dg.serialize_value(evaluation), parse_constant=pytest.fail)
            found[at] = evaluation
    return {
        name if {part for _, part in found} == {PARTITION} else (name, part): evaluation
        for (name, part), evaluation in found.items()
    }


def judge(lender, instance, frame, **changes):
    """Evaluations of a version's checks over a batch."""
    lender.publish(**changes)
    if isinstance(frame, pd.DataFrame):
        lender.deliver(YESTERDAY, frame)
    else:
        path = f"pd_cards/{YESTERDAY}.parquet"
        with open_storage(lender.lake.root).writing(path) as local:
            pq.write_table(frame, local)
    onboard(lender, instance)
    result = run_day(lender, instance)
    return result, evaluations(result)


def failure(result):
    (event,) = (event for event in result.all_events if event.is_step_failure)
    return event.step_failure_data.user_failure_data.description


def spoilt(column, values, where=slice(None)):
    frame = rows(1)
    if where == slice(None):
        frame[column] = values
    else:
        frame.loc[where, column] = values
    return frame


@pytest.mark.parametrize(
    ("frame", "said", "csi"),
    [
        (rows(1).head(0), "0 rows; at least 1 are wanted", "no rows"),
        (spoilt("income", np.nan), "income: 100.0% missing; the limit is 2", "income: "),
        (
            spoilt("income", None).astype({"income": "float64"}),
            "income: 100.0% missing",
            "income: ",
        ),
        (spoilt("income", None).astype({"income": "object"}), "income: 100.0% missing", "income: "),
        (spoilt("region", None), "region: 100.0% missing; the limit", "region: "),
        (spoilt("income", np.nan, slice(200)), "income: 50.2% missing; the limit", "income: "),
        (spoilt("income", np.inf, slice(4)), "income: 5 infinite values", None),
        (spoilt("income", -np.inf, slice(4)), "income: 5 infinite values", None),
        (
            rows(1).assign(income=rows(1)["income"].astype(str)),
            "income: the type is large_string, in the reference it is double",
            "income: the type is large_string",
        ),
        (rows(1).drop(columns="income"), "income: the column is missing", "income: the column is"),
        (spoilt("loan_id", "twice", slice(2)), "key: 2 repeated, 0 missing", None),
        (spoilt("loan_id", None, slice(2)), "key: 0 repeated, 3 missing", None),
    ],
    ids=[
        "empty batch",
        "all NaN",
        "all null",
        "all null without a type",
        "all null text",
        "half NaN",
        "infinities",
        "negative infinities",
        "numbers that became text",
        "absent column",
        "repeated keys",
        "missing keys",
    ],
)
def test_a_broken_batch_fails_its_checks_and_goes_no_further(lender, instance, frame, said, csi):
    result, found = judge(lender, instance, frame)
    assert not result.success
    assert found.keys() == {"batch_quality", "broken_columns", "csi"}
    quality = found["batch_quality"]
    assert (quality.passed, quality.severity, quality.blocking) == (False, ERROR, True)
    assert quality.description.count(said) == 1
    assert found["csi"].passed == (csi is None)
    assert csi is None or csi in found["csi"].description
    assert not lender.store.has("scores", KEY, YESTERDAY)


@pytest.mark.parametrize(
    "sql", [None, "SELECT * FROM batch", "SELECT loan_id, income, region FROM batch"]
)
def test_a_column_that_is_there_twice_is_never_guessed(lender, instance, sql):
    frame = rows(1)
    table = pa.Table.from_pandas(frame)
    twice = pa.table([*table.columns, table["income"]], names=[*table.column_names, "income"])
    features = {"columns": ["income", "region"]}
    if sql:
        open_storage(lender.registry.root).write("pd_cards/1/features.sql", sql.encode())
        features["sql"] = "features.sql"
    result, found = judge(lender, instance, twice, features=features)
    assert found == {}
    assert f"pd_cards/{YESTERDAY}.parquet" in failure(result)
    assert "duplicate field names" in failure(result)


def test_a_good_batch_passes_every_check(lender, instance):
    result, found = judge(lender, instance, rows(1))
    assert result.success
    assert {name: evaluation.passed for name, evaluation in found.items()} == {
        "batch_quality": True,
        "broken_columns": True,
        "csi": True,
        "score_range": True,
        "additional_statistics": True,
        "psi": True,
        "segments": True,
        "estimated_performance": True,
        "delivered": True,
    }
    assert evaluated_words(found["batch_quality"]) == "8 expectations met"
    assert found["csi"].metadata["checked"].value == 2
    assert {record.data["status"] for record in found["csi"].metadata["findings"].records} == {"ok"}
    assert found["csi"].target_materialization_data.run_id == result.run_id


def test_a_batch_that_is_encoded_in_another_way_is_as_good(lender, instance):
    frame = rows(1).astype({"region": "category", "income": "float32"})
    result, found = judge(lender, instance, frame)
    assert result.success
    assert all(evaluation.passed for evaluation in found.values())


def test_the_indices_are_those_of_the_statistics_and_of_the_report(lender, instance):
    _, found = judge(lender, instance, rows(1, income_shift=0.3))
    reference = Profile.from_table(lender.store.read_table("reference_profile", KEY)[0])
    current = Profile.from_table(lender.store.read_table("scores_profile", KEY, YESTERDAY)[0])
    index = {
        name: stability_index(reference.columns[name].counts, column.counts)
        for name, column in current.columns.items()
    }
    assert found["psi"].metadata["psi"].value == four_digits(index["score"])
    largest = max(index["income"], index["region"])
    assert found["csi"].metadata["csi_max"].value == four_digits(largest)
    table = {
        record.data["characteristic"]: record.data["observed"]
        for record in found["csi"].metadata["findings"].records
    }
    assert table == {name: index[name] for name in ("income", "region")}
    report, _ = lender.store.read_table("drift_report", KEY, YESTERDAY)
    assert {row["column"]: row["value"] for row in report.to_pylist()} == index
    critical = {row["column"]: row["critical_value"] for row in report.to_pylist()}
    assert found["psi"].metadata["critical_value"].value == four_digits(critical["score"])


SURE = {"level": 0.9999}
STATUS = [
    ({"warn": 10, "fail": 20}, True, None),
    ({"warn": 0.01, "fail": 20} | SURE, False, WARN),
    ({"warn": 0.01, "fail": 0.02} | SURE, False, ERROR),
    ({"warn": 0.001, "fail": 0.002, "level": 1e-12}, True, "over a threshold, but no more than"),
]


@pytest.mark.parametrize(("limits", "passed", "outcome"), STATUS)
def test_warn_error_and_too_little_evidence(lender, instance, limits, passed, outcome):
    frame = rows(1, size=200, income_shift=0.1)
    result, found = judge(lender, instance, frame, thresholds={"psi": limits, "csi": limits})
    assert result.success
    for name in ("psi", "csi"):
        assert found[name].passed == passed
        if isinstance(outcome, str):
            assert evaluated_words(found[name]).startswith(outcome)
        elif outcome:
            assert found[name].severity == outcome


def test_one_error_among_warnings_is_an_error(lender, instance):
    policy = {
        "csi": {"warn": 1e-6, "fail": 20} | SURE,
        "characteristics": {"region": {"warn": 1e-7, "fail": 1e-6} | SURE},
    }
    _, found = judge(lender, instance, rows(1), thresholds=policy)
    assert found["csi"].severity == ERROR
    statuses = {
        record.data["characteristic"]: record.data["status"]
        for record in found["csi"].metadata["findings"].records
    }
    assert statuses == {"income": "warn", "region": "fail"}


@pytest.mark.parametrize(
    ("limits", "frame", "said"),
    [
        ({"min_rows": 401}, rows(1), "400 rows; at least 401 are wanted"),
        (
            {"max_missing": {"income": 0.01}},
            spoilt("income", None, slice(4)),
            "income: 1.2% missing",
        ),
        ({"max_missing_increase": 0.01}, spoilt("region", None, slice(4)), "region: 1.2% missing"),
    ],
)
def test_a_manifest_sets_the_limits_of_a_batch(lender, instance, limits, frame, said):
    _, found = judge(lender, instance, frame, checks=limits)
    assert evaluated_words(found["batch_quality"]).startswith(said)
    assert not found["batch_quality"].passed


SCORED = {
    "reference": {"path": "reference.parquet", "score": "score"},
    "scoring": {"flavour": "scored", "path": "pd_cards/{date}.parquet"},
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "5 rows without a score in [0.0, 1.0]: 0 below, 5 above, 0 missing"),
        (-0.1, ": 5 below, 0 above, 0 missing"),
        (np.inf, ": 0 below, 5 above, 0 missing"),
        (-np.inf, ": 5 below, 0 above, 0 missing"),
        (np.nan, ": 0 below, 0 above, 5 missing"),
    ],
)
def test_a_score_out_of_range_fails_and_goes_no_further(lender, instance, value, said):
    result, found = judge(lender, instance, spoilt("score", value, slice(4)), **SCORED)
    check = found["score_range"]
    assert (check.passed, check.severity, check.blocking) == (False, ERROR, True)
    assert said in check.description
    assert not result.success
    assert not lender.store.has("drift_report", KEY, YESTERDAY)


def test_a_score_at_the_end_of_the_range_passes(lender, instance):
    frame = spoilt("score", 1.0, slice(4))
    frame.loc[5:9, "score"] = 0.0
    result, found = judge(lender, instance, frame, **SCORED)
    assert found["score_range"].passed
    assert result.success


SECRETS = ["Jane Roe", "4 Acacia Avenue", "GB33BUKB20201555555555"]


def test_no_check_shows_a_value_of_a_row(lender, instance):
    frame = rows(1).astype({"income": "object"})
    frame["income"] = SECRETS[1]
    frame.loc[:300, "region"] = SECRETS[0]
    frame.loc[:300, "loan_id"] = SECRETS[2]
    lender.publish(checks={"blocking": []})
    lender.deliver(YESTERDAY, frame)
    onboard(lender, instance)
    found = evaluations(run_day(lender, instance))
    assert not found["csi"].passed
    assert not found["batch_quality"].passed
    for evaluation in found.values():
        assert not any(secret in dg.serialize_value(evaluation) for secret in SECRETS)


def run_checks(lender, instance, *keys, first=PARTITION, last=PARTITION):
    """Evaluate some checks alone, over what has been materialised."""
    bound = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=[
            dg.define_asset_job(
                "some_checks",
                selection=dg.AssetSelection.checks(
                    *(dg.AssetCheckKey(asset_key(asset), name) for asset, name in keys)
                ),
                partitions_def=MODEL_DAYS,
            )
        ],
        executor=defs.executor,
        resources=lender.resources,
    )
    result = (
        bound.get_repository_def()
        .get_job("some_checks")
        .execute_in_process(
            instance=instance,
            tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last},
            raise_on_error=False,
        )
    )
    return evaluations(result)


@pytest.mark.parametrize(
    "keys",
    [
        [("features", "csi")],
        [("features", "batch_quality"), ("scores", "psi")],
        [("scores", "score_range"), ("scores", "psi")],
    ],
)
def test_each_selected_check_is_evaluated_once_and_no_other(lender, instance, keys):
    judge(lender, instance, rows(1))
    found = run_checks(lender, instance, *keys)
    assert found.keys() == {name for _, name in keys}
    assert all(evaluation.passed for evaluation in found.values())


def test_each_selected_check_is_evaluated_once_for_each_day_of_a_range(lender, instance):
    lender.publish()
    days = [days_ago(number) for number in (2, 1, 0)]
    for day in days:
        lender.deliver(day)
    onboard(lender, instance)
    assert not backfill(job("monitor_day", lender), instance, KEY, days).failed
    partitions = [ModelDay(day, KEY).partition for day in days]
    found = run_checks(
        lender, instance, ("features", "csi"), first=partitions[0], last=partitions[-1]
    )
    assert found.keys() == {("csi", partition) for partition in partitions}


@pytest.fixture
def without_waiting(monkeypatch):
    """Steps that are tried again are so at once."""
    monkeypatch.setattr(storage_retries, "WAITS_SECONDS", (0.0,))


@pytest.mark.usefixtures("without_waiting")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            layout.partition("reference_profile", KEY),
            "reference_profile of pd_cards.1 is not material",
        ),
        (layout.partition("features_profile", KEY, YESTERDAY), "is not materialised"),
        (f"manifests/{KEY}.json", "no model version 'pd_cards.1' has landed"),
    ],
)
def test_a_check_that_cannot_be_computed_is_one_failed_evaluation(lender, instance, path, said):
    judge(lender, instance, rows(1))
    lender.store.storage.delete(path)
    found = run_checks(lender, instance, ("features", "csi"), ("features", "batch_quality"))
    assert found.keys() == {"csi", "batch_quality"}
    for evaluation in found.values():
        assert (evaluation.passed, evaluation.severity) == (False, ERROR)
        assert said in evaluation.description
        assert evaluated_words(evaluation) == evaluation.metadata["error"].value


@pytest.mark.usefixtures("without_waiting")
def test_a_day_that_cannot_be_computed_does_not_keep_the_others_from_it(lender, instance):
    lender.publish(checks={"blocking": []})
    days = [days_ago(1), YESTERDAY]
    for day in days:
        lender.deliver(day)
    onboard(lender, instance)
    assert not backfill(job("monitor_day", lender), instance, KEY, days).failed
    lender.store.remove("features_profile", KEY, days[0])
    partitions = [ModelDay(day, KEY).partition for day in days]
    found = run_checks(
        lender, instance, ("features", "csi"), first=partitions[0], last=partitions[-1]
    )
    passed = {partition: evaluation.passed for (_, partition), evaluation in found.items()}
    assert passed == {partitions[0]: False, partitions[1]: True}


def test_a_check_that_raises_or_finds_nothing_is_a_failed_evaluation(lender, instance, monkeypatch):
    judge(lender, instance, rows(1))
    from monitoring_assets.checks import gx_run

    def only_quality(table, expectations):
        return [finding for finding in real(table, expectations) if finding.check != "csi"]

    def broken(table, expectations):
        raise MemoryError("no room for the table")

    real = gx_run.run_expectations
    for stand_in, passed, said in (
        (only_quality, {"csi": False, "batch_quality": True}, "no finding: nothing was checked"),
        (broken, {"csi": False, "batch_quality": False}, "MemoryError: no room for the table"),
    ):
        monkeypatch.setattr(gx_run, "run_expectations", stand_in)
        found = run_checks(lender, instance, ("features", "csi"), ("features", "batch_quality"))
        assert {name: evaluation.passed for name, evaluation in found.items()} == passed
        assert evaluated_words(found["csi"]) == said
        assert found["csi"].severity == ERROR


@pytest.mark.parametrize(
    ("day", "blocking"), [(None, False), ("warn", False), ("fail", True), ("error", True)]
)
def test_what_only_the_week_shows_fails_and_blocks_nothing(instance, day, blocking):
    details = {"critical_value": 0.4, "week_value": 0.3, "week": "0.30 over 7 days: fail"}
    unsure = details | {"status": "insufficient evidence"}
    findings = [Finding("csi", "E", "income", False, 0.3, unsure)]
    if day:
        findings.append(Finding("csi", "E", "region", False, 0.5, details | {"status": day}))
    at = dg.AssetCheckKey(asset_key("features"), "csi"), ModelDay(YESTERDAY, KEY)
    found = asset_checks._evaluation(*at, findings, None, True, None)
    assert (found.passed, found.blocking, found.severity) == (False, blocking, ERROR)
    assert "0.30 over 7 days: fail" in found.description
    # A fault stands for what has stopped the day.
    faults = asset_checks._faults("features", findings, None, ["csi"])
    assert [fault.subject for fault in faults] == (["region"] if blocking else [])


def test_numbers_that_json_does_not_know_never_reach_metadata(lender, instance):
    """Findings with numpy's types and without a value, put through Dagster's serialisation."""
    findings = [
        Finding(
            "csi",
            "E",
            "income",
            False,
            0.5,
            {"critical_value": np.float64(0.1), "week_value": np.float64(0.2)},
        ),
        Finding("csi", "E", "region", False, None, error="not computed"),
    ]
    evaluation = asset_checks._evaluation(
        dg.AssetCheckKey(asset_key("features"), "csi"),
        ModelDay(YESTERDAY, KEY),
        findings,
        None,
        True,
        None,
    )
    assert evaluation.passed is False
    text = json.loads(dg.serialize_value(evaluation), parse_constant=pytest.fail)
    assert text["metadata"]
