"""Run launcher: a pod for each run; one that was out of memory is tried again with more.

``dagster.yaml`` names it as ``resources.kubernetes.run_launcher`` / ``ModelRunLauncher``; its
configuration is that of dagster-k8s' launcher.
"""

from __future__ import annotations

import json

from dagster import DagsterEventType, DagsterRun
from dagster_k8s.job import get_job_name_from_run_id
from dagster_k8s.launcher import K8sRunLauncher

from resources.dagster_internals import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from resources.kubernetes.api_server import wait_for_api_server
from resources.kubernetes.pod_config import (
    CONFIG_TAG,
    EXECUTED_BY_TAG,
    MEMORY_TAG,
    PROCESS_TAG,
    RETRY_MEMORY_TAG,
)
from resources.kubernetes.pod_status import OUT_OF_MEMORY, why_job_ended


class ModelRunLauncher(K8sRunLauncher):
    """dagster-k8s' run launcher, which also says why a pod ended and gives a retry more memory."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Create the run's Job; a retry of a run that was out of memory asks for more."""
        run = context.dagster_run
        memory = run.tags.get(RETRY_MEMORY_TAG)
        if memory and run.parent_run_id and self._was_out_of_memory(run.parent_run_id):
            # On the run's own tags, where people and the executor of its steps see it.
            self._instance.add_run_tags(run.run_id, _with_memory(run, memory))
            run = self._instance.get_run_by_id(run.run_id) or run
        wait_for_api_server(self._api_client.batch_api)
        super().launch_run(context._replace(dagster_run=run))

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run's Job is still under way.

        An API server that is away says nothing about a run: taken for lost, it would be started a
        second time beside itself. Nor is one lost that has no Job because a command of ours
        executes it, such as `monitoring materialise` in a pod of Airflow's: its parent process or
        the pipeline sensor reports what becomes of it.
        """
        if EXECUTED_BY_TAG in run.tags or PROCESS_TAG in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "executed elsewhere")
        health: CheckRunHealthResult = super().check_run_worker_health(run)
        if health.status == WorkerStatus.UNKNOWN:
            wait_for_api_server(self._api_client.batch_api)
            health = super().check_run_worker_health(run)
        return health

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """What run monitoring adds to a run's failure; why its pod ended comes first."""
        namespace = self.get_container_context_for_run(run).namespace
        job = get_job_name_from_run_id(  # type: ignore[no-untyped-call]
            run.run_id, resume_attempt_number=self._get_resume_attempt_number(run)
        )
        reasons = why_job_ended(self._api_client, job, namespace)
        details = super().get_run_worker_debug_info(run, include_container_logs)
        return "\n".join([*reasons, details or ""])

    def _was_out_of_memory(self, run_id: str) -> bool:
        failures = {DagsterEventType.RUN_FAILURE, DagsterEventType.STEP_FAILURE}
        records = self._instance.get_records_for_run(run_id, of_type=failures).records
        return any(OUT_OF_MEMORY in str(record.event_log_entry) for record in records)


def _with_memory(run: DagsterRun, memory: str) -> dict[str, str]:
    """Tags of a run that asks for other memory, for its own pod or for those of its steps."""
    config = json.loads(run.tags.get(CONFIG_TAG, "{}"))
    resources = config.get("container_config", {}).get("resources", {})
    for asked in resources.values():
        asked["memory"] = memory
    return {MEMORY_TAG: memory, CONFIG_TAG: json.dumps(config)}
