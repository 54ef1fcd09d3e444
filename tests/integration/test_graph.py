"""The graph over real files: a day, a range, and everything that can be wrong with a batch."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.backfill import backfill
from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from resources.errors import InputError
from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows, tick


def run_day(lender, instance, day=YESTERDAY, key="pd_cards.1"):
    return job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=ModelDay(day, key).partition, raise_on_error=False
    )


def evaluations(result):
    return {
        (
            e.asset_check_evaluation_data.check_name,
            evaluated_partition(e.asset_check_evaluation_data),
        ): (e.asset_check_evaluation_data)
        for e in result.all_events
        if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    }


def test_a_version_that_lands_is_monitored(any_lender, instance):
    any_lender.publish()
    any_lender.deliver(YESTERDAY)
    onboard(any_lender, instance)
    assert instance.get_dynamic_partitions("model") == ["pd_cards.1"]

    result = run_day(any_lender, instance)

    assert result.success
    partition = ModelDay(YESTERDAY, "pd_cards.1").partition
    found = evaluations(result)
    assert {name for name, _ in found} == {
        "batch_quality",
        "broken_columns",
        "csi",
        "score_range",
        "additional_statistics",
        "psi",
        "segments",
        "estimated_performance",
        "delivered",
    }
    assert {part for _, part in found} == {partition}
    assert all(evaluation.passed for evaluation in found.values())
    assert all(e.target_materialization_data is not None for e in found.values())
    made = instance.get_latest_materialization_event(asset_key("drift_report"))
    metadata = made.asset_materialization.metadata
    assert 0 < metadata["psi"].value < 0.1
    assert 0 < metadata["csi_max"].value < 0.1
    assert metadata["rows"].value == 400
    assert metadata["missing_excess_max"].value == 0  # the reference misses nothing either
    # The score is a function of income alone.
    bins = metadata["worst_bins"].value
    assert bins.index("**income**") < bins.index("**region**")


def test_a_sample_that_the_sql_would_change_has_no_profile(lender, instance):
    sql = b"SELECT loan_id, income * 12 AS income, region FROM batch"
    open_storage(lender.registry.root).write("pd_cards/1/features.sql", sql)
    lender.publish(features={"columns": ["income", "region"], "sql": "features.sql"})
    with pytest.raises(InputError, match="makes another income of it"):
        onboard(lender, instance)
    assert not lender.store.profiled_keys()


def test_drift_fails_the_checks_and_blocks_nothing(lender, instance):
    lender.publish()
    lender.deliver(YESTERDAY, rows(1, income_shift=-0.7))
    onboard(lender, instance)

    result = run_day(lender, instance)

    assert result.success
    found = {name: evaluation for (name, _), evaluation in evaluations(result).items()}
    assert not found["psi"].passed
    assert not found["csi"].passed
    assert found["psi"].severity == dg.AssetCheckSeverity.ERROR
    assert found["batch_quality"].passed
    assert "income" in found["csi"].description
    table, notes = lender.store.read_table("drift_report", "pd_cards.1", YESTERDAY)
    report = {row["column"]: row for row in table.to_pylist()}
    # Lower incomes raised the score, and the report says that it was they who did: the rest is
    # what moved inside the bins.
    assert report["income"]["moved_score_by"] == pytest.approx(
        report["income"]["mean_score_shift"], rel=0.2
    )
    assert abs(report["region"]["moved_score_by"]) < 0.01
    assert notes["thresholds"]["psi"]["fail"] == 0.25
    assert len(notes["manifest_sha256"]) == 64


@pytest.mark.parametrize("check", ["csi", "psi"])
def test_a_drift_check_blocks_where_the_manifest_says_so(lender, instance, check):
    lender.publish(checks={"blocking": [check]})
    lender.deliver(YESTERDAY, rows(1, income_shift=-0.7))
    onboard(lender, instance)

    assert not run_day(lender, instance).success
    assert not lender.store.has("drift_report", "pd_cards.1", YESTERDAY)
    assert lender.store.has("scores", "pd_cards.1", YESTERDAY) == (check == "psi")


def test_a_broken_batch_blocks_what_is_downstream(lender, instance):
    lender.publish()
    broken = rows(1)
    broken.loc[:250, "income"] = None
    lender.deliver(YESTERDAY, broken)
    onboard(lender, instance)

    result = run_day(lender, instance)

    assert not result.success
    quality = evaluations(result)["batch_quality", ModelDay(YESTERDAY, "pd_cards.1").partition]
    assert not quality.passed
    assert "income" in quality.description
    assert not lender.store.has("scores", "pd_cards.1", YESTERDAY)


def test_a_range_is_one_run_with_a_check_for_each_day(lender, instance):
    lender.publish()
    days = [days_ago(number) for number in range(3)]
    for day in days:
        lender.deliver(day)
    onboard(lender, instance)

    outcome = backfill(job("monitor_day", lender), instance, "pd_cards.1", days)

    assert outcome.failed == {}
    assert outcome.done == {ModelDay(day, "pd_cards.1") for day in days}
    assert instance.get_runs_count(dg.RunsFilter(job_name="monitor_day")) == 1
    partitions = {ModelDay(day, "pd_cards.1").partition for day in days}
    for name in ("features", "scores", "drift_report"):
        assert instance.get_materialized_partitions(asset_key(name)) == partitions
    (run,) = instance.get_runs(dg.RunsFilter(job_name="monitor_day"))
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    said = [event.dagster_event.asset_check_evaluation_data for event in events]
    assert {evaluated_partition(one) for one in said if one.check_name == "psi"} == partitions
    psi = dg.AssetCheckKey(asset_key("scores"), "psi")
    # Dagster's own record of the check is one for each run.
    assert len(instance.event_log_storage.get_asset_check_execution_history(psi, limit=10)) == 1


@pytest.mark.slow
def test_in_a_range_bad_days_do_not_stop_good_ones(lender, instance):
    lender.publish(deployed_at=days_ago(9).isoformat())
    days = [days_ago(number) for number in range(5)]
    broken = rows(1)
    broken["income"] = None
    for day in days:
        if day != days_ago(1):  # days_ago(1) never arrives
            lender.deliver(
                day, broken.astype({"income": "float64"}) if day == days_ago(3) else None
            )
    onboard(lender, instance)

    outcome = backfill(job("monitor_day", lender), instance, "pd_cards.1", days)

    good = {ModelDay(days_ago(number), "pd_cards.1") for number in (0, 2, 4)}
    assert outcome.done == good
    assert outcome.failed.keys() == {ModelDay(days_ago(n), "pd_cards.1") for n in (1, 3)}
    assert "no file at" in outcome.failed[ModelDay(days_ago(1), "pd_cards.1")]
    assert "batch_quality" in outcome.failed[ModelDay(days_ago(3), "pd_cards.1")]
    made = instance.get_materialized_partitions(asset_key("drift_report"))
    assert made == {day.partition for day in good}


def test_a_day_that_is_made_again_is_replaced_and_its_evidence_kept(lender, instance):
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)
    assert run_day(lender, instance).success
    lender.deliver(YESTERDAY, rows(5, size=300))
    assert run_day(lender, instance).success

    table, _ = lender.store.read_table("drift_report", "pd_cards.1", YESTERDAY)
    assert table["rows"][0].as_py() == 300
    kept = lender.store.storage.list("evidence/drift_report/model=pd_cards.1")
    assert len(kept) == 2


def test_a_missing_batch_is_a_failed_run_that_names_the_file(lender, instance):
    lender.publish()
    onboard(lender, instance)
    result = run_day(lender, instance)
    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure)
    text = failure.step_failure_data.user_failure_data.description
    assert f"pd_cards/{YESTERDAY}.parquet" in text


def test_the_store_is_a_hive_partitioned_dataset(lender, instance):
    import duckdb

    lender.publish()
    for day in (YESTERDAY, days_ago(1)):
        lender.deliver(day)
    onboard(lender, instance)
    backfill(job("monitor_day", lender), instance, "pd_cards.1", [YESTERDAY, days_ago(1)])

    found = duckdb.sql(
        "SELECT model, date, any_value(rows), count(*) FROM read_parquet("
        f"'{lender.store.root}/drift_report/*/*/*.parquet', hive_partitioning = true) "
        "GROUP BY ALL ORDER BY date"
    ).fetchall()

    assert found == [
        ("pd_cards.1", days_ago(1), 400, 3),
        ("pd_cards.1", YESTERDAY, 400, 3),
    ]


def test_days_before_the_first_partition_are_not_asked_for(lender, instance):
    old = dt.date(2019, 1, 1)
    lender.publish(deployed_at=old.isoformat())
    onboard(lender, instance)
    requests = tick(lender, instance).run_requests
    assert requests
    assert min(request.partition_key for request in requests) > str(old.year + 1)
