"""The DAGs of a bundle: one for each model version."""

from __future__ import annotations

import datetime as dt
import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .broken import BROKEN, broken_dag
from .compat import (
    AIRFLOW_3_2,
    DAG,
    Asset,
    CronDataIntervalTimetable,
    DeadlineAlert,
    DeadlineReference,
    Param,
    SyncCallback,
    get_parsing_context,
    refuse_dagster_airflow,
)
from .day import PARAM, may_be_due_before_it_is_over
from .day_is_over import DayIsOver
from .documentation import dag_docs, task_docs
from .lineage import NAMESPACE, OF_DAYS, dataset_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SCHEMA_VERSION = 1
LEGAL_ID = re.compile(r"[A-Za-z0-9_.-]{1,240}")


def of_bundle(path: Path) -> dict[str, DAG]:
    """DAGs of a bundle by their id; the one alone that Airflow asks for where it runs a task.

    A version whose entry makes no DAG does not take the others with it: in its place is a DAG that
    fails every day and says why.

    Parameters
    ----------
    path
        The bundle's manifest.

    Raises
    ------
    RuntimeError
        If dagster-airflow is installed beside Airflow 3.
    ValueError
        If the manifest is of another schema version, a callback cannot be imported, or a setting
        needs a later Airflow.
    """
    refuse_dagster_airflow()
    bundle = json.loads(path.read_bytes())
    if bundle["schema_version"] != SCHEMA_VERSION:
        raise ValueError(
            f"{path.name}: schema_version: found {bundle['schema_version']}; this runtime reads "
            f"{SCHEMA_VERSION}: export the bundle again"
        )
    settings = bundle["settings"]
    for name in ("asset_partitions", "deadline_seconds"):
        if settings[name] and not AIRFLOW_3_2:
            raise ValueError(
                f"{path.name}: settings.{name}: found {settings[name]}, which needs Airflow 3.2; "
                "allowed in an earlier one: nothing"
            )
    callbacks = {
        f"{name}_callback": _imported(f"{path.name}: settings.{name}", settings[name])
        for name in ("on_failure", "on_success")
        if settings[name]
    }
    if settings["deadline_seconds"]:
        late = settings["on_deadline"]
        _imported(f"{path.name}: settings.on_deadline", late)
        callbacks["deadline"] = DeadlineAlert(
            DeadlineReference.DAGRUN_QUEUED_AT,
            dt.timedelta(seconds=settings["deadline_seconds"]),
            SyncCallback(late.replace(":", ".")),
        )
    asked = get_parsing_context().dag_id
    dags = {}
    for number, model in enumerate(bundle["models"]):
        identifier = str(model.get("dag_id"))
        if asked and asked.removesuffix(BROKEN) != identifier:
            continue
        try:
            dag = _dag(model, bundle, callbacks)
        except Exception as error:  # whatever is wrong with it, it must not be wrong with the rest
            legal = LEGAL_ID.fullmatch(identifier)
            dag = broken_dag(
                identifier if legal else f"{settings['dag_id_prefix']}{bundle['job']}.{number}",
                f"{path.name}: models.{number} ({identifier}): {type(error).__name__}: {error}",
            )
        dags[dag.dag_id] = dag
    return dags


def _dag(
    model: Mapping[str, Any], bundle: Mapping[str, Any], callbacks: Mapping[str, Callable]
) -> DAG:
    settings = bundle["settings"]
    zone = ZoneInfo(model["timezone"])
    # Stated, because the two Airflows make different ones of a cron line.
    timetable = CronDataIntervalTimetable(model["cron"], model["timezone"])
    timetable.validate()
    dag = DAG(
        model["dag_id"],
        description=model["description"],
        doc_md=dag_docs(model, bundle),
        schedule=timetable,
        start_date=dt.datetime.fromisoformat(model["start"]).astimezone(zone),
        end_date=model["end"] and dt.datetime.fromisoformat(model["end"]).astimezone(zone),
        catchup=True,
        is_paused_upon_creation=settings["paused_at_creation"],
        max_active_runs=settings["max_active_runs"],
        max_active_tasks=settings["max_active_tasks"],
        tags=model["tags"],
        params={
            PARAM: Param(
                None,
                type=["null", "string"],
                format="date",
                description="The day to monitor, if not that of the data interval.",
            )
        },
        default_args={
            "owner": model["owner"],
            "retries": settings["retries"],
            "retry_delay": dt.timedelta(seconds=settings["retry_delay_seconds"]),
            "retry_exponential_backoff": True,
            "max_retry_delay": dt.timedelta(seconds=settings["max_retry_delay_seconds"]),
            **({"pool": settings["pool"]} if settings["pool"] else {}),
        },
        **callbacks,
    )
    tasks = _tasks_in_pods if bundle["mode"] == "kubernetes" else _tasks_in_dagster
    tasks(dag, model, bundle)
    made = {asset["name"]: dag.get_task(asset["name"]) for asset in bundle["assets"]}
    for asset in bundle["assets"]:
        made[asset["name"]].set_upstream([made[upstream] for upstream in asset["upstream"]])
    dag.get_task("checks").set_upstream([made[name] for name in _awaited(bundle["assets"])])
    if dag.has_task("cancel"):
        dag.get_task("cancel").set_upstream(dag.get_task("checks"))
    if bundle["mode"] == "kubernetes" and may_be_due_before_it_is_over(
        model["cron"], model["timezone"]
    ):
        first = [made[asset["name"]] for asset in bundle["assets"] if not asset["upstream"]]
        DayIsOver(task_id="day_is_over", dag=dag, model=model).set_downstream(first)
    return dag


def _awaited(assets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of assets whose tasks have ended only once those of all assets have.

    A task that is the only one upstream of another has ended before that one does, however it ends.
    A task with several upstream fails with the first of them, while others are under way.
    """
    ended_before = {asset["upstream"][0] for asset in assets if len(asset["upstream"]) == 1}
    return [asset["name"] for asset in assets if asset["name"] not in ended_before]


def _tasks_in_dagster(dag: DAG, model: Mapping[str, Any], bundle: Mapping[str, Any]) -> None:
    from .dagster_cancel import CancelInDagster
    from .dagster_checks import DagsterChecks
    from .dagster_task import MaterialiseInDagster

    settings = bundle["settings"]
    dagster = settings["dagster"]
    for asset in bundle["assets"]:
        arguments = _asset_arguments(asset, model, bundle)
        tries = 1 + arguments.get("retries", settings["retries"])
        MaterialiseInDagster(
            **arguments,
            dag=dag,
            asset=asset,
            model=model,
            job=bundle["job"],
            dagster=dagster,
            run_seconds=settings["timeout_seconds"],
            # Of all tries and what is between them, as the sensor's own timeout is for good.
            timeout=tries * (settings["timeout_seconds"] + settings["max_retry_delay_seconds"]),
        )
    DagsterChecks(
        task_id="checks",
        dag=dag,
        assets=bundle["assets"],
        model=model,
        dagster=dagster,
        trigger_rule="all_done",
    )
    CancelInDagster(task_id="cancel", dag=dag, dagster=dagster).as_teardown()


def _tasks_in_pods(dag: DAG, model: Mapping[str, Any], bundle: Mapping[str, Any]) -> None:
    # Seconds, for the Kubernetes client: only where it is needed, once for all DAGs.
    from .pod_task import ChecksPod, MonitoringPod

    common = {
        "dag": dag,
        "model": model,
        "kubernetes": bundle["settings"]["kubernetes"],
        "execution_timeout": dt.timedelta(seconds=bundle["settings"]["timeout_seconds"]),
    }
    for asset in bundle["assets"]:
        MonitoringPod(
            **_asset_arguments(asset, model, bundle),
            **common,
            command=["materialise", asset["name"], "--model", model["key"]],
        )
    ChecksPod(
        task_id="checks",
        **common,
        command=["airflow", "checks", model["key"]],
        trigger_rule="all_done",
        retries=1,  # for a pod that is lost: the verdict itself stays what it is
    )


def _asset_arguments(
    asset: Mapping[str, Any], model: Mapping[str, Any], bundle: Mapping[str, Any]
) -> dict[str, Any]:
    def of_airflow(name: str) -> Asset:
        named = dataset_name(name, model["key"], bundle["settings"]["dag_id_prefix"])
        return Asset(f"{NAMESPACE}/{named}")

    once = (key.rpartition("/")[2] for key in asset["waits_for"])
    made = of_airflow(asset["name"])
    days = [Asset(f"{made.uri}{OF_DAYS}")] if bundle["settings"]["asset_partitions"] else []
    return {
        "task_id": asset["name"],
        "doc_md": task_docs(asset, bundle),
        "inlets": [of_airflow(name) for name in (*asset["upstream"], *once)],
        "outlets": [made, *days],
        **({} if asset["retries"] is None else {"retries": asset["retries"]}),
    }


def _imported(field: str, reference: str) -> Callable:
    module, _, function = reference.partition(":")
    try:
        found: Callable = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"{field}: found {reference}, which cannot be imported ({error}); allowed: "
            "`module:function` of a module on Airflow's path"
        ) from error
    return found
