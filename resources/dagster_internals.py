"""Dagster's private names: all that this project uses, what for, and what is public instead.

Only here is anything imported from ``dagster._...`` (ruff's rule TID251 sees to it), so that one
file says what an upgrade of Dagster may break. `make test-next-dagster` tries the next release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.execution.api import create_execution_plan, execute_run
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.instance.ref import InstanceRef
from dagster._core.instance.utils import RUNLESS_JOB_NAME
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    SensorInstigatorData,
    TickStatus,
)
from dagster._core.snap import snapshot_from_execution_plan
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
)
from dagster._core.storage.dagster_run import RunPartitionData
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    MAX_RETRIES_TAG,
    PARTITION_NAME_TAG,
    PRIORITY_TAG,
    WILL_RETRY_TAG,
    get_multidimensional_partition_tag,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value, serialize_value

if TYPE_CHECKING:
    from dagster._cli.api import execute_run_command
    from dagster._core.executor.step_delegating import (
        CheckStepHealthResult,
        StepDelegatingExecutor,
        StepHandlerContext,
    )

__all__ = [
    # Tags of runs: documented as text; `MAX_RUNTIME_SECONDS_TAG` is the only public constant.
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "BACKFILL_ID_TAG",
    # Which evaluations of a check have a verdict: no public query reads a check's history.
    "COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES",
    "MAX_RETRIES_TAG",
    "PARTITION_NAME_TAG",
    "PRIORITY_TAG",
    # The job's name in an event outside its run: no public way to report a check's evaluation.
    "RUNLESS_JOB_NAME",
    # See ConsolidatedSqliteEventLogStorage.
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "WILL_RETRY_TAG",
    # What an evaluation judged: `AssetCheckEvaluation` is public, this parameter's type is not.
    "AssetCheckEvaluationTargetMaterializationData",
    # See COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES.
    "AssetCheckExecutionRecord",
    # Evaluations of checks, which `delete_run` leaves behind.
    "AssetCheckExecutionsTable",
    # Result types of dagster-k8s' public launcher and step handler.
    "CheckRunHealthResult",
    "CheckStepHealthResult",
    # The demo's event log: the class is public, its module and how it connects are not.
    "ConsolidatedSqliteEventLogStorage",
    # What a process that executes a run is asked, and the command that does: the launcher of a
    # single machine calls it in processes of its own.
    "ExecuteRunArgs",
    # Parameters of the public `Executor.execute` that every executor overrides.
    "ExecutionPlan",
    # A job of this process that is run as recorded: `execute_in_process` records its own run.
    "InMemoryJob",
    # The executor of our own: `in_process_executor` is public, the class it makes is not.
    "InProcessExecutor",
    # Processes of the demo share an instance: `get_ref` is public, the type it returns is not.
    "InstanceRef",
    # Whether sensors run and have ticked, and their cursors: instance methods are all there is.
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorTick",
    "InstigatorType",
    # Parameter of the public `RunLauncher.launch_run`, as dagster-k8s' launcher overrides it.
    "LaunchRunContext",
    # Where a job or sensor is loaded from, for the UI and the daemon: they make it on their own.
    "LoadableTargetOrigin",
    "ManagedGrpcPythonEnvCodeLocationOrigin",
    # Which op of a job: `get_retry_policy_for_handle` takes it, and no public method tells.
    "NodeHandle",
    # See ExecutionPlan.
    "PlanOrchestrationContext",
    # See LoadableTargetOrigin.
    "RemoteInstigatorOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    # Property of the public `Executor` that every executor overrides.
    "RetryMode",
    # The type of `DagsterInstance.run_launcher`.
    "RunLauncher",
    # The newest run of each of many days in one query, which no method of the instance has.
    "RunPartitionData",
    # See InstigatorState.
    "SensorInstigatorData",
    # See AssetCheckExecutionsTable: the database that it is in.
    "SqlEventLogStorage",
    # Steps in pods with a handler of our own: only `k8s_job_executor`, with its own, is public.
    "StepDelegatingExecutor",
    # See CheckRunHealthResult.
    "StepHandlerContext",
    # See InstigatorState.
    "TickStatus",
    # What the public `define_asset_job` returns: definitions.py finds the jobs by it.
    "UnresolvedAssetJobDefinition",
    # See CheckRunHealthResult.
    "WorkerStatus",
    # A run of one asset as one of the code location, executed here: see InMemoryJob.
    "create_execution_plan",
    # See ExecuteRunArgs.
    "deserialize_value",
    "execute_run",
    # See ExecuteRunArgs.
    "execute_run_command",
    # See the tags above: of a dimension of a partition.
    "get_multidimensional_partition_tag",
    # See ExecuteRunArgs.
    "serialize_value",
    # See create_execution_plan.
    "snapshot_from_execution_plan",
]


def __getattr__(name: str) -> Any:
    """Import what takes long only where it is needed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "execute_run_command":
        from dagster._cli import api

        return getattr(api, name)
    from dagster._core.executor import step_delegating

    return getattr(step_delegating, name)
