"""Run launcher of a single machine: runs are forked from a process that has imported the project.

``dagster.yaml`` names it as ``monitoring_assets.runs.warm_launcher`` / ``WarmRunLauncher``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import dagster as dg

from monitoring_assets.runs.warm_processes import WarmServer, sources
from resources.dagster_internals import (
    CheckRunHealthResult,
    ExecuteRunArgs,
    LaunchRunContext,
    WorkerStatus,
    deserialize_value,
    execute_run_command,
    serialize_value,
)

PROCESS_TAG = ".dagster/monitoring_process"
"""Host, id and start of a run's process; the UI hides tags that begin so."""
LOCATION = "monitoring_assets.definitions"
# Field of /proc/<id>/stat, after the name in brackets: ticks since the machine was started.
STARTED = 19


class WarmRunLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher, but for runs of this code location in this Python environment."""

    _server: ClassVar[WarmServer | None] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork the run's process; where none can be forked, start it as Dagster does."""
        run = context.dagster_run
        try:
            process = self._forked(run) if _is_ours(run) else None
        except (OSError, EOFError) as error:
            process = None
            self._instance.report_engine_event(
                f"The process that runs are forked from failed ({type(error).__name__}: {error}); "
                "this run starts from nothing",
                run,
            )
        if process is None:
            super().launch_run(context)
        else:
            self._instance.add_run_tags(run.run_id, {PROCESS_TAG: json.dumps(_identity(process))})

    def _forked(self, run: dg.DagsterRun) -> int:
        assert run.job_code_origin is not None
        ref = self._instance.get_ref()
        asked = serialize_value(ExecuteRunArgs(run.job_code_origin, run.run_id, ref))
        with self._lock:
            if WarmRunLauncher._server is not None:
                if WarmRunLauncher._server.sources == sources():
                    with suppress(OSError, EOFError):  # it has been idle for too long
                        return WarmRunLauncher._server.start(_execute, _report, asked, run.run_id)
                WarmRunLauncher._server.close()
            WarmRunLauncher._server = WarmServer()
            return WarmRunLauncher._server.start(_execute, _report, asked, run.run_id)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring sees processes that are gone."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a run's process is there; one that Dagster has started reports its own end."""
        process = run.tags.get(PROCESS_TAG)
        if process is None or json.loads(process)["host"] != socket.gethostname():
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not a process of this launcher")
        if _is_running(json.loads(process)):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the run's process is gone")

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run's process."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or PROCESS_TAG not in run.tags:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        identity = json.loads(run.tags[PROCESS_TAG])
        if identity["host"] != socket.gethostname() or not _is_running(identity):
            return False
        os.kill(identity["id"], signal.SIGINT)
        return True


def _is_ours(run: dg.DagsterRun) -> bool:
    origin = run.job_code_origin
    if origin is None or origin.repository_origin.executable_path != sys.executable:
        return False
    return getattr(origin.repository_origin.code_pointer, "module", None) == LOCATION


def _execute(asked: str, _: str) -> None:
    execute_run_command.main([asked], standalone_mode=False)


def _report(code: int, asked: str, run_id: str) -> None:
    """Fail a run whose process has ended without saying so."""
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
    ref = deserialize_value(asked, ExecuteRunArgs).instance_ref
    assert ref is not None
    with dg.DagsterInstance.from_ref(ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, f"The run's process ended {how}")
        else:
            instance.report_run_failed(run, f"The run's process ended {how}")


def _identity(process: int) -> dict[str, str | int | None]:
    return {"host": socket.gethostname(), "id": process, "started": _started(process)}


def _is_running(identity: dict[str, str | int | None]) -> bool:
    process = identity["id"]
    assert isinstance(process, int)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return _started(process) == identity["started"]


def _started(process: int) -> int | None:
    """When a process was started, so that another one with its id is not taken for it."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:  # it has ended, or the system has no /proc
        return None
    return int(status.rpartition(")")[2].split()[STARTED])
