"""Tasks of mode dagster against a Dagster that does what a test says."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket

import pytest
from environment import AIRFLOW_3, BUNDLES, UTC, context, dag_run, manifest, runtime

PARTITION = "2026-09-12|pd_cards.1"
DAG_ID = "monitor_day.pd_cards.1"


@pytest.fixture
def dag(dagster):
    return runtime("dags").of_bundle(manifest(BUNDLES / "dagster"))[DAG_ID]


@pytest.fixture
def features(dag):
    return dag.get_task("features")


def key(asset):
    return {"path": ["monitoring", asset]}


def materialisation(asset="features", partition=PARTITION, numbers=()):
    return {
        "__typename": "MaterializationEvent",
        "assetKey": key(asset),
        "partition": partition,
        "metadataEntries": [
            {"__typename": "IntMetadataEntry", "label": "rows", "intRepr": "9007199254740993"},
            {"__typename": "FloatMetadataEntry", "label": "missing_max", "floatValue": 0.25},
            {"__typename": "TextMetadataEntry", "label": "path", "text": "s3://store"},
        ],
    }


def evaluation(name, success, severity="ERROR", asset="features", partition=PARTITION, why="why"):
    return {
        "__typename": "AssetCheckEvaluationEvent",
        "evaluation": {
            "assetKey": key(asset),
            "checkName": name,
            "partition": None,
            "success": success,
            "severity": severity,
            "description": why,
            "metadataEntries": [
                {"__typename": "TextMetadataEntry", "label": "partition", "text": partition},
                {"__typename": "FloatMetadataEntry", "label": "failed", "floatValue": 0.0},
            ],
        },
    }


def failure(class_name, message, *causes, words=None, late=False):
    entry = {"__typename": "BoolMetadataEntry", "label": "may_still_arrive", "boolValue": late}
    return {
        "__typename": "ExecutionStepFailureEvent",
        "stepKey": "features",
        "error": {
            "className": class_name,
            "message": message,
            "causes": [{"className": name, "message": text} for name, text in causes],
        },
        "failureMetadata": {"description": words, "metadataEntries": [entry]} if words else None,
    }


def test_one_run_with_the_tags_of_task_and_partition(dagster, features):
    assert not features.poke(context(features))
    (run,) = dagster.state["runs"]
    assert {tag["key"]: tag["value"] for tag in run["tags"]} == {
        "dagster/partition": PARTITION,
        "dagster/partition/date": "2026-09-12",
        "dagster/partition/model": "pd_cards.1",
        "monitoring/model": "pd_cards",
        "monitoring/requested_by": "airflow",
        "airflow/dag_id": DAG_ID,
        "airflow/task_id": "features",
        "airflow/run_id": "scheduled__2026-09-12T05:00:00+00:00",
        "airflow/generation": "5",
        "airflow/try_number": "1",
        "airflow/dag_run_started": "2026-09-13T05:00:01+00:00",
    }
    assert dagster.state["selectors"] == [
        {
            "repositoryLocationName": "model_monitoring",
            "repositoryName": "__repository__",
            "jobName": "monitor_day",
            "assetSelection": [key("features")],
            "assetCheckSelection": [
                {"assetKey": key("features"), "name": "batch_quality"},
                {"assetKey": key("features"), "name": "csi"},
            ],
        }
    ]


def test_a_run_that_takes_too_long_is_cancelled_and_the_next_try_launches_another(
    dagster, features
):
    features.poke(context(features))
    (run,) = dagster.state["runs"]
    dagster.set(runs=[run | {"status": "STARTED", "creationTime": 1000.0}])
    with pytest.raises(Exception, match="more than 14400 s") as raised:
        features.poke(context(features))
    assert type(raised.value).__name__ == "AirflowException"
    dagster.end("CANCELED", [])
    again = context(features)
    again["ti"].try_number = 2
    assert not features.poke(again)
    assert len(dagster.state["runs"]) == 2


@pytest.mark.parametrize("status", ["QUEUED", "STARTING", "STARTED", "CANCELING"])
def test_a_run_under_way_is_waited_for_by_any_try(dagster, features, status):
    features.poke(context(features))
    runs = dagster.state["runs"]
    dagster.set(runs=[runs[0] | {"status": status}])
    for try_number in (1, 2):
        again = context(features)
        again["ti"].try_number = try_number
        assert not features.poke(again)
    assert len(dagster.state["runs"]) == 1


def test_a_dag_run_that_was_deleted_and_made_again_makes_its_partition_again(dagster, features):
    features.poke(context(features))
    dagster.end("SUCCESS", [evaluation("batch_quality", True), materialisation()])
    started = dt.datetime(2026, 9, 20, tzinfo=UTC)
    for _ in range(2):
        assert not features.poke(context(features, dag_run=dag_run(start_date=started)))
    assert len(dagster.state["runs"]) == 2


def test_a_task_that_was_not_cleared_keeps_its_run_when_its_dag_run_is(dagster, features):
    features.poke(context(features))
    dagster.end("SUCCESS", [evaluation("batch_quality", True), materialisation()])
    started = dt.datetime(2026, 9, 20, tzinfo=UTC)
    cleared = dag_run(start_date=started, clear_number=1)
    assert features.poke(context(features, dag_run=cleared)).is_done


def test_nor_does_a_task_that_comes_after_a_clear_take_over_what_a_deleted_dag_run_made(
    dagster, dag, features
):
    scores = dag.get_task("scores")
    scores.poke(context(scores))
    dagster.end("SUCCESS", [materialisation("scores")])
    started = dt.datetime(2026, 9, 20, tzinfo=UTC)
    features.poke(context(features, dag_run=dag_run(start_date=started)))
    cleared = dag_run(start_date=dt.datetime(2026, 9, 21, tzinfo=UTC), clear_number=1)
    assert not scores.poke(context(scores, dag_run=cleared))
    assert len(dagster.state["runs"]) == 3


def test_done_says_what_was_made(dagster, features):
    features.poke(context(features))
    run_id = dagster.end("SUCCESS", [evaluation("batch_quality", True), materialisation()])
    now = context(features)
    result = features.poke(now)
    assert result.is_done
    assert result.xcom_value == {
        "run_id": run_id,
        "url": f"https://dagster.lender.example/runs/{run_id}",
        "partition": PARTITION,
        "metadata": {"rows": 9007199254740993, "missing_max": 0.25},
    }
    json.dumps(result.xcom_value)
    assert now["ti"].pushed["run_id"] == run_id


@pytest.mark.parametrize(
    "events",
    [
        [],
        [materialisation(asset="scores")],
        [materialisation(partition="2026-09-11|pd_cards.1")],
        [materialisation(partition=None)],
    ],
)
def test_success_that_made_something_else_is_no_success(dagster, features, events):
    features.poke(context(features))
    dagster.end("SUCCESS", events)
    with pytest.raises(
        Exception, match="did not materialise monitoring/features of 2026-09-12"
    ) as raised:
        features.poke(context(features))
    assert type(raised.value).__name__ == "AirflowFailException"


def test_a_long_log_is_read_to_its_end(dagster, features):
    features.poke(context(features))
    dagster.set(page_size=2)
    dagster.end("SUCCESS", [evaluation("csi", True) for _ in range(7)] + [materialisation()])
    assert features.poke(context(features)).is_done


@pytest.mark.parametrize(
    ("event", "final", "words"),
    [
        (failure("OSError", "disk full"), False, "features: disk full"),
        (
            failure("DagsterExecutionStepExecutionError", "Error in op", ("OSError", "disk full")),
            False,
            "features: disk full",
        ),
        (failure("Failure", "x", words="income has no column"), True, "income has no column"),
        (
            failure("Failure", "x", words="no Parquet file at s3://lake", late=True),
            False,
            "no Parquet file",
        ),
        (
            failure("DagsterAssetCheckFailedError", "1 blocking asset check failed"),
            True,
            "blocking asset check failed",
        ),
    ],
)
def test_a_failed_run_fails_the_task_with_its_reason(dagster, features, event, final, words):
    features.poke(context(features))
    ending = {"__typename": "RunFailureEvent", "message": "Steps failed", "error": None}
    dagster.end("FAILURE", [event, ending])
    with pytest.raises(Exception, match=words) as raised:
        features.poke(context(features))
    assert type(raised.value).__name__ == ("AirflowFailException" if final else "AirflowException")


def test_a_run_that_died_without_a_step_says_why(dagster, features):
    features.poke(context(features))
    error = {"className": "X", "message": "out of memory", "causes": []}
    dagster.end("FAILURE", [{"__typename": "RunFailureEvent", "message": "m", "error": error}])
    with pytest.raises(Exception, match="FAILURE: out of memory"):
        features.poke(context(features))


def test_a_run_that_did_not_start_says_why(dagster, features):
    features.poke(context(features))
    error = {"className": "X", "message": "no such image", "causes": []}
    why = {"__typename": "EngineEvent", "error": error}
    ending = {"__typename": "RunFailureEvent", "message": "marked as failed", "error": None}
    dagster.end("FAILURE", [{"__typename": "EngineEvent", "error": None}, why, ending])
    with pytest.raises(Exception, match="FAILURE: no such image\nmarked as failed"):
        features.poke(context(features))


def test_a_retry_launches_again(dagster, features):
    features.poke(context(features))
    dagster.end("FAILURE", [])
    second = context(features)
    second["ti"].try_number = 2
    assert not features.poke(second)
    assert [run["status"] for run in dagster.state["runs"]] == ["FAILURE", "QUEUED"]


def test_a_clear_makes_the_partition_again_once_what_it_left_open_has_ended(dagster, features):
    features.poke(context(features))
    cleared = context(features)
    cleared["ti"].try_number, cleared["ti"].max_tries = 2, 6
    assert not features.poke(cleared)
    assert [run["status"] for run in dagster.state["runs"]] == ["CANCELING"]
    assert not features.poke(cleared)
    assert [run["status"] for run in dagster.state["runs"]] == ["CANCELING"]
    dagster.end("CANCELED", [])
    assert not features.poke(cleared)
    assert [run["status"] for run in dagster.state["runs"]] == ["CANCELED", "QUEUED"]


def test_a_clear_after_success_makes_the_partition_again(dagster, features):
    features.poke(context(features))
    dagster.end("SUCCESS", [materialisation()])
    cleared = context(features)
    cleared["ti"].try_number, cleared["ti"].max_tries = 2, 6
    assert not features.poke(cleared)
    assert len(dagster.state["runs"]) == 2


def test_the_answer_to_a_launch_is_lost(dagster, features):
    dagster.set(lose_answer=True)
    assert not features.poke(context(features))
    dagster.set(lose_answer=False)
    assert not features.poke(context(features))
    assert len(dagster.state["runs"]) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_a_webserver_that_is_not_well_is_waited_for(dagster, features, status):
    dagster.set(status=status, page="<html>")
    assert features.poke(context(features)) is False
    dagster.set(status=200)
    features.poke(context(features))
    assert len(dagster.state["runs"]) == 1


def test_a_dagster_without_its_database_is_waited_for(dagster, features):
    dagster.set(ill="OperationalError: connection refused")
    assert features.poke(context(features)) is False


def test_a_webserver_that_is_not_there_is_waited_for(features, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AIRFLOW_CONN_DAGSTER_DEFAULT", f"http://127.0.0.1:{port}")
    assert features.poke(context(features)) is False


def test_a_webserver_that_does_not_answer_is_waited_for(dagster, features, monkeypatch):
    monkeypatch.setattr(runtime("dagster_client"), "TIMEOUT_SECONDS", 0.2)
    dagster.set(sleep=2)
    assert features.poke(context(features)) is False


@pytest.mark.parametrize(
    ("status", "page"), [(404, "no such page"), (403, "{}"), (401, '{"detail": "who?"}')]
)
def test_what_is_no_dagster_is_an_error(dagster, features, status, page):
    dagster.set(status=status, page=page)
    with pytest.raises(Exception, match=f"dagster_default: HTTP {status}"):
        features.poke(context(features))


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ({"__typename": "PythonError", "message": "code location is down"}, "location is down"),
        ({"__typename": "InvalidSubsetError", "message": "no such asset"}, "no such asset"),
        ({"__typename": "PipelineNotFoundError", "message": "no job"}, "no job"),
        ({"__typename": "UnauthorizedError", "message": "not you"}, "not you"),
        ({"__typename": "RunConflict", "message": "conflict"}, "conflict"),
        ({"__typename": "PresetNotFoundError", "message": "no preset"}, "no preset"),
        ({"__typename": "ConflictingExecutionParamsError", "message": "params"}, "params"),
        ({"__typename": "NoModeProvidedError", "message": "no mode"}, "no mode"),
        ({"__typename": "InvalidStepError", "invalidStepKey": "fe"}, "fe"),
        (
            {"__typename": "InvalidOutputError", "stepKey": "s", "invalidOutputName": "o"},
            "s, o",
        ),
        (
            {
                "__typename": "RunConfigValidationInvalid",
                "errors": [
                    {"__typename": "FieldNotDefinedConfigError", "message": "no such field"},
                ],
            },
            "no such field",
        ),
    ],
)
def test_a_launch_that_dagster_refuses_fails_in_its_words(dagster, features, refusal, words):
    dagster.set(refusal=refusal)
    with pytest.raises(Exception, match=f"{refusal['__typename']}: .*{words}") as raised:
        features.poke(context(features))
    assert type(raised.value).__name__ != "AirflowFailException"
    assert isinstance(raised.value, runtime("compat").AirflowException)


def test_the_reference_profile_comes_first(dagster, features):
    dagster.set(materialised=[[["monitoring", "reference_profile"], "pd_cards.2"]])
    assert not features.poke(context(features))
    assert not dagster.state["runs"]
    dagster.set(materialised=[[["monitoring", "reference_profile"], "pd_cards.1"]])
    features.poke(context(features))
    assert len(dagster.state["runs"]) == 1


def test_a_backfill_is_marked_as_one(dagster, features):
    features.poke(context(features, dag_run=dag_run(run_type="backfill")))
    (run,) = dagster.state["runs"]
    mark = {"key": "monitoring/backfill", "value": "scheduled__2026-09-12T05:00:00+00:00"}
    assert mark in run["tags"]


def test_killing_the_task_cancels_its_run_and_no_other(dagster, dag, features):
    dag.get_task("scores").poke(context(dag.get_task("scores")))
    features.poke(context(features))
    features.on_kill()
    assert [run["status"] for run in dagster.state["runs"]] == ["QUEUED", "CANCELING"]


def test_a_task_that_is_killed_before_it_asked_anything_has_nothing_to_cancel(dagster, features):
    features.on_kill()
    assert not dagster.state["paths"]


def test_what_is_open_at_the_end_is_cancelled(dagster, dag, features):
    for name in ("features", "scores"):
        dag.get_task(name).poke(context(dag.get_task(name)))
    dagster.end("SUCCESS", [materialisation()], number=0)
    another = context(features)
    another["ti"].run_id = "manual__2026-09-12"
    features.poke(another)
    cancel = dag.get_task("cancel")
    assert cancel.execute(context(cancel)) == ["run-1"]
    assert [run["status"] for run in dagster.state["runs"]] == ["SUCCESS", "CANCELING", "QUEUED"]


CHECKS = {
    "features": ["batch_quality", "csi"],
    "scores": ["score_range", "psi"],
    "drift_report": [],
    "alerts": ["delivered"],
}


def whole_day(dagster, dag, changed=(), left_out=()):
    """All assets made and all checks passed, but for some."""
    for number, (name, checks) in enumerate(CHECKS.items()):
        task = dag.get_task(name)
        task.poke(context(task))
        passed = [evaluation(check, True, asset=name) for check in checks if check not in left_out]
        dagster.end(
            "SUCCESS", [materialisation(name), *passed, *dict(changed).get(name, [])], number
        )


def judge(dag):
    task = dag.get_task("checks")
    now = context(task)
    try:
        task.execute(now)
    finally:
        judge.pushed = now["ti"].pushed


def test_a_day_without_fault_passes(dagster, dag):
    whole_day(dagster, dag)
    judge(dag)
    assert not judge.pushed


def test_a_warning_does_not_fail_the_day(dagster, dag, caplog):
    whole_day(dagster, dag, {"features": [evaluation("csi", False, "WARN", why="CSI 0.12")]})
    judge(dag)


def test_a_failed_check_fails_the_day_with_its_reason(dagster, dag):
    whole_day(dagster, dag, {"features": [evaluation("csi", False, why="income: CSI 0.31")]})
    with pytest.raises(
        Exception, match=r"check csi of features failed.*income: CSI 0\.31"
    ) as raised:
        judge(dag)
    assert type(raised.value).__name__ == "AirflowFailException"
    # What the DAG run's note is made of, and the last lines of the log.
    assert judge.pushed["why"] == "check csi of features failed (ERROR): income: CSI 0.31"
    assert str(raised.value) == f"{PARTITION} does not pass:\n{judge.pushed['why']}"


def test_a_check_of_another_day_is_another_day_s(dagster, dag):
    other = evaluation("csi", False, partition="2026-09-11|pd_cards.1")
    whole_day(dagster, dag, {"features": [other]})
    judge(dag)


def test_a_check_that_was_not_evaluated_fails_the_day(dagster, dag):
    whole_day(dagster, dag, left_out=["psi"])
    with pytest.raises(Exception, match="check psi of scores was not evaluated"):
        judge(dag)


def test_an_asset_that_was_not_made_fails_the_day(dagster, dag, features):
    features.poke(context(features))
    dagster.end("FAILURE", [failure("Failure", "no Parquet file")])
    with pytest.raises(Exception, match="no Parquet file") as raised:
        judge(dag)
    for name in ("features", "scores", "drift_report", "alerts"):
        assert f"{name} was not made" in str(raised.value)


def test_the_newest_run_of_an_asset_counts(dagster, dag, features):
    whole_day(dagster, dag, {"features": [evaluation("csi", False)]})
    cleared = context(features)
    cleared["ti"].try_number, cleared["ti"].max_tries = 2, 6
    features.poke(cleared)
    passed = [evaluation(check, True) for check in CHECKS["features"]]
    dagster.end("SUCCESS", [materialisation(), *passed])
    judge(dag)


def test_the_link_of_a_task(dagster, features):
    features.poke(context(features))
    links = features.operator_extra_links
    if AIRFLOW_3:
        (link,) = links
        assert link.name == "Dagster run"
        url = "https://dagster.lender.example/runs/run-0"
        assert link.get_link(features, ti_key=None) == url
    else:
        from_dagster_airflow = os.environ["DAGSTER_AIRFLOW"] == "True"
        assert [type(link).__name__ for link in links] == ["DagsterLink"] * from_dagster_airflow


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"conn_type": "http", "host": "{host}", "port": "{port}"}, "http://{host}:{port}"),
        ({"conn_type": "http", "host": "http://{host}:{port}/"}, "http://{host}:{port}"),
        ({"conn_type": "dagster", "login": "http://{host}:{port}"}, "http://{host}:{port}"),
    ],
)
def test_without_a_url_the_link_is_that_of_the_connection(
    dagster, tmp_path, monkeypatch, connection, url
):
    if connection["conn_type"] == "dagster" and os.environ["DAGSTER_AIRFLOW"] != "True":
        return
    content = json.loads(manifest(BUNDLES / "dagster").read_bytes())
    content["settings"]["dagster"]["url"] = None
    (tmp_path / "bundle.json").write_text(json.dumps(content))
    features = runtime("dags").of_bundle(tmp_path / "bundle.json")[DAG_ID].get_task("features")
    host, port = dagster.url.removeprefix("http://").split(":")
    given = {name: value.format(host=host, port=port) for name, value in connection.items()}
    monkeypatch.setenv("AIRFLOW_CONN_DAGSTER_DEFAULT", json.dumps(given))
    features.poke(context(features))
    assert features.shown_url == f"{url.format(host=host, port=port)}/runs/run-0"


def test_where_the_queries_go(dagster, features):
    features.poke(context(features))
    assert set(dagster.state["paths"]) == {"/graphql"}


def test_headers_of_the_connection_are_sent(dagster, features, monkeypatch):
    host, port = dagster.url.removeprefix("http://").split(":")
    connection = {
        "conn_type": "http",
        "host": host,
        "port": int(port),
        "extra": {"Dagster-Cloud-Api-Token": "token"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_DAGSTER_DEFAULT", json.dumps(connection))
    features.poke(context(features))
    assert {h["Dagster-Cloud-Api-Token"] for h in dagster.state["headers"]} == {"token"}


def test_a_connection_of_dagster_airflow(dagster, features, monkeypatch):
    """Its type keeps the URL in `login`, and for Dagster+ a token and where the deployment is."""
    if os.environ["DAGSTER_AIRFLOW"] != "True":
        return
    plain = {"conn_type": "dagster", "login": dagster.url}
    monkeypatch.setenv("AIRFLOW_CONN_DAGSTER_DEFAULT", json.dumps(plain))
    features.poke(context(features))
    assert dagster.state["paths"] == ["/graphql"] * len(dagster.state["paths"])
    (run,) = dagster.state["runs"]
    assert run["status"] == "QUEUED"
