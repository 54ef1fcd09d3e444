"""One asset of a day in this process, as a run that Dagster shows, for an outside scheduler.

A run carries the tags of the Airflow task that it is for. A task's next try finds by them what an
earlier one has made, and what it left open when its process was lost.
"""

import sys
from collections.abc import Mapping

import dagster as dg

from airflow_bridge.export.graph import AssetNode
from airflow_bridge.runtime.next_step import starts_of
from airflow_bridge.runtime.tags import DAG_ID, GENERATION, RUN_ID, STARTED, TASK_ID
from monitoring_assets.partitions import MODEL_DIMENSION, ModelDay, last_whole_day
from monitoring_assets.runs.failures import (
    failed_partitions,
    failure_in_words,
    stopped_partitions,
)
from resources.asset_keys import asset_name
from resources.dagster_internals import (
    MAX_RETRIES_TAG,
    PARTITION_NAME_TAG,
    InMemoryJob,
    LoadableTargetOrigin,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
    create_execution_plan,
    execute_run,
    snapshot_from_execution_plan,
)
from resources.kubernetes.pod_config import EXECUTED_BY_TAG

LOCATION = "model_monitoring"
DAG_RUN_TAGS = (DAG_ID, RUN_ID)
TASK_TAGS = (*DAG_RUN_TAGS, TASK_ID)
LOGGED = {"loggers": {"console": {"config": {"log_level": "INFO"}}}}


def why_not_yet(instance: dg.DagsterInstance, asset: AssetNode, day: ModelDay) -> str | None:
    """What a run of an asset has to wait for, in words; None if it can begin."""
    if day.day > last_whole_day():
        return f"{day.day} has no partition before it is over in UTC"
    if not instance.has_dynamic_partition(MODEL_DIMENSION, day.key):
        return f"Dagster has no partition {day.key} yet; the registry sensor adds it"
    for parent in asset.waits_for:
        key = dg.AssetKey.from_user_string(parent)
        made = dg.AssetRecordsFilter(key, asset_partitions=[day.key])
        if not instance.fetch_materializations(made, limit=1).records:
            return f"{asset_name(key)} of {day.key} is not materialised: see its run"
    return None


def run_that_made(
    instance: dg.DagsterInstance, asset: AssetNode, day: ModelDay, tags: Mapping[str, str]
) -> str | None:
    """The run of the same task and generation that has made a partition already, if there is one.

    The generation is Airflow's: the tries until the task is cleared.
    """
    if not {*TASK_TAGS, GENERATION} <= tags.keys():
        return None
    of_dag_run = {tag: tags[tag] for tag in DAG_RUN_TAGS}
    runs = instance.get_runs(dg.RunsFilter(tags=of_dag_run))  # the newest first
    starts = starts_of((run.tags.get(STARTED) for run in runs), tags.get(STARTED))
    ours = (
        run.run_id
        for run in runs
        if run.is_success
        and all(run.tags.get(tag) == tags[tag] for tag in (TASK_ID, GENERATION))
        and run.tags.get(STARTED) in starts
    )
    return next((run_id for run_id in ours if is_made(instance, run_id, asset, day)), None)


def end_lost_runs(
    instance: dg.DagsterInstance, day: ModelDay, tags: Mapping[str, str]
) -> list[str]:
    """Report what earlier tries of a task left open as ended, as their processes are gone.

    Returns
    -------
    Ids of the runs.
    """
    same = {tag: tags[tag] for tag in TASK_TAGS if tag in tags}
    if len(same) < len(TASK_TAGS):
        return []
    runs = instance.get_runs(dg.RunsFilter(tags=same | {PARTITION_NAME_TAG: day.partition}))
    lost = [run for run in runs if not run.is_finished]
    for run in lost:
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
        else:
            instance.report_run_failed(run, "Its process was lost; a later try goes on.")
    return [run.run_id for run in lost]


def create_run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    asset: AssetNode,
    day: ModelDay,
    tags: Mapping[str, str],
) -> dg.DagsterRun:
    """Record the run of an asset of a day and of its checks, as one of the code location."""
    key = asset.asset_key
    # Without being asked for, the checks that the job leaves out would run as well.
    checks = {dg.AssetCheckKey(key, name) for name in asset.checks}
    part = job.get_subset(asset_selection={key}, asset_check_selection=checks)
    plan = create_execution_plan(part, run_config=LOGGED)
    origin = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(
            executable_path=sys.executable, module_name="monitoring_assets.definitions"
        ),
        LOCATION,
    )
    return instance.create_run(
        job_name=job.name,
        run_id=None,
        run_config=LOGGED,
        status=None,
        # The outside scheduler retries; Dagster's own retries would be a second run.
        tags={MAX_RETRIES_TAG: "0", EXECUTED_BY_TAG: "monitoring materialise"}
        | dict(tags)
        | dict(job.get_tags_for_partition_key(day.partition, selected_asset_keys={key})),
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=plan.step_keys_to_execute,
        execution_plan_snapshot=snapshot_from_execution_plan(plan, part.get_job_snapshot_id()),
        job_snapshot=part.get_job_snapshot(),
        parent_job_snapshot=part.get_parent_job_snapshot(),
        asset_selection={key},
        asset_check_selection=checks,
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=RemoteJobOrigin(
            RemoteRepositoryOrigin(origin, "__repository__"), job.name
        ),
        job_code_origin=None,
        asset_graph=part.asset_layer.asset_graph,
    )


def execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    asset: AssetNode,
    day: ModelDay,
) -> str | None:
    """Execute a recorded run in this process.

    Returns
    -------
    None if the run made the partition, otherwise the reason.
    """
    # In this process also where a manifest asks for a pod for each step: this is the asset's own.
    execute_run(InMemoryJob(job.as_ephemeral_job({}, {})), run, instance)
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None  # it was created above
    if ended.status == dg.DagsterRunStatus.CANCELED:
        return "the run was cancelled"
    if ended.status != dg.DagsterRunStatus.SUCCESS:
        return why_failed(instance, run.run_id, day)
    if not is_made(instance, run.run_id, asset, day):
        return f"run {run.run_id} succeeded and did not make {asset.name} of {day.partition}"
    return None


def why_failed(instance: dg.DagsterInstance, run_id: str, day: ModelDay) -> str:
    """Why a run did not make a day, or why it went no further, in words."""
    events = [e.dagster_event for e in instance.all_logs(run_id) if e.dagster_event is not None]
    reasons = stopped_partitions(events) | failed_partitions(events)
    return reasons.get(day.partition) or failure_in_words(events)


def is_made(instance: dg.DagsterInstance, run_id: str, asset: AssetNode, day: ModelDay) -> bool:
    """Whether a run materialised the partition of an asset."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return any(
        (event := entry.dagster_event) is not None
        and event.asset_key == asset.asset_key
        and event.partition == day.partition
        for entry in entries
    )
