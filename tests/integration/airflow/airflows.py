"""Real Airflow, version 2.11 or 3: scheduler and what belongs to it, over PostgreSQL."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from tests.integration.airflow.dagster_side import ROOT
from tests.integration.airflow.postgres import Postgres
from tests.integration.airflow.processes import Processes, free_port, wait_for

SCHEME = "postgresql+psycopg2"


class Airflow:
    """What both versions have in common.

    The state of DAGs, runs and tasks is read from Airflow's own database; what people do is done by
    the commands and the API that they use.

    Parameters
    ----------
    version
        Folder of the environment below ``.airflow``.
    folder
        ``AIRFLOW_HOME``.
    dags
        Folder with the folders that Airflow reads DAGs from.
    postgres, database
        Its metadata database, which is created.
    processes
        Runs its processes.
    connections
        By id, as Airflow's JSON.
    """

    programs: ClassVar[dict[str, tuple[str, ...]]]
    """What runs all the time: arguments of ``airflow``, by name."""

    def __init__(
        self,
        version: str,
        folder: Path,
        dags: Path,
        postgres: Postgres,
        database: str,
        processes: Processes,
        connections: dict[str, dict[str, Any]],
    ) -> None:
        self.version = version
        self.folder = folder
        self.bin = ROOT / ".airflow" / version / "bin"
        self.logs = folder / "logs"
        self._postgres, self._database, self._processes = postgres, database, processes
        folder.mkdir(parents=True)
        postgres.create(database)
        options = {
            "core.executor": "LocalExecutor",
            "core.load_examples": "False",
            "core.parallelism": "4",
            "core.dags_folder": str(dags),
            "core.fernet_key": "",
            "core.dags_are_paused_at_creation": "True",
            "database.sql_alchemy_conn": postgres.url(database, SCHEME),
            "logging.base_log_folder": str(self.logs),
            "logging.worker_log_server_port": str(free_port()),
            "logging.trigger_log_server_port": str(free_port()),
            "usage_data_collection.enabled": "False",
            # A worker that is gone is noticed after half a minute; Airflow's default is five.
            "scheduler.scheduler_zombie_task_threshold": "30",
            "scheduler.task_instance_heartbeat_timeout": "30",
            **self.options(dags),
        }
        variables = {
            f"AIRFLOW__{name.replace('.', '__').upper()}": value for name, value in options.items()
        }
        variables |= {
            f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()
        }
        inherited = ("AIRFLOW", "MONITORING", "DAGSTER", "PYTHON", "VIRTUAL_ENV", "KUBE")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(inherited)},
            "AIRFLOW_HOME": str(folder),
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "SCARF_ANALYTICS": "false",
            "DO_NOT_TRACK": "1",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            **variables,
        }

    def options(self, dags: Path) -> dict[str, str]:
        """Options of this version, by ``section.name``."""
        raise NotImplementedError

    def start(self, *without: str) -> None:
        """Make the database and start the processes, but those ``without``."""
        self.command("db", "migrate")
        for name, command in self.programs.items():
            if name not in without:
                arguments = [self.bin / "airflow", *command]
                self._processes.start(f"airflow-{name}", arguments, self.environment)
        wait_for(self._scheduler_is_alive)

    def _scheduler_is_alive(self) -> bool:
        self._processes.check()
        beats = "SELECT 1 FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'"
        return bool(self.query(beats))

    def command(self, *arguments: str) -> str:
        """Run an ``airflow`` command and return its output."""
        done = subprocess.run(
            [self.bin / "airflow", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        with (self._processes.logs / "airflow-commands.log").open("a") as log:
            log.write(f"$ airflow {' '.join(arguments)}\n{done.stdout}\n{done.stderr}\n")
        assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stderr[-3000:]}"
        return done.stdout

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of Airflow's database."""
        return self._postgres.query(self._database, statement, *parameters)

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """A DAG's row, with whether the scheduler sees it."""
        rows = self.query("SELECT * FROM dag WHERE dag_id = %s", dag_id)
        return rows[0] if rows else None

    def is_scheduled(self, dag_id: str) -> bool:
        """Whether a DAG is there, parsed from a file that is there, and not paused."""
        row = self.dag(dag_id)
        return row is not None and not row["is_paused"] and self.is_current(row)

    def is_current(self, row: dict[str, Any]) -> bool:
        """Whether a DAG's row is that of a file that is there."""
        raise NotImplementedError

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """DAG runs, by data interval."""
        return self.query(
            "SELECT * FROM dag_run WHERE dag_id = %s ORDER BY data_interval_end, id", dag_id
        )

    def tasks(self, dag_id: str, run_id: str | None = None) -> dict[str, dict[str, Any]]:
        """Task instances of a run, or of the only run, by task."""
        rows = self.query(
            "SELECT * FROM task_instance WHERE dag_id = %s AND (%s IS NULL OR run_id = %s)",
            dag_id,
            run_id,
            run_id,
        )
        return {row["task_id"]: row for row in rows}

    def import_errors(self) -> list[dict[str, Any]]:
        """Files that could not be parsed."""
        return self.query("SELECT * FROM import_error")

    def log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """All attempts of a task."""
        found = self.logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        return "\n".join(path.read_text() for path in sorted(found.glob("attempt=*.log")))

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned."""
        rows = self.query(
            "SELECT value FROM xcom WHERE dag_id = %s AND run_id = %s AND task_id = %s "
            "AND key = 'return_value'",
            dag_id,
            run_id,
            task_id,
        )
        if not rows:
            return None
        value = rows[0]["value"]
        return json.loads(bytes(value)) if isinstance(value, memoryview) else value

    def note(self, dag_id: str, run_id: str) -> str:
        """What is noted of a DAG run."""
        (row,) = self.query(
            "SELECT content FROM dag_run_note JOIN dag_run ON dag_run.id = dag_run_id "
            "WHERE dag_id = %s AND run_id = %s",
            dag_id,
            run_id,
        )
        return str(row["content"])

    def clear(self, dag_id: str, run: dict[str, Any], task_id: str) -> None:
        """Clear one task of a run, as a person does."""
        raise NotImplementedError

    def mark_failed(self, dag_id: str, run: dict[str, Any], task_id: str) -> None:
        """Mark a task failed, as a person does."""
        raise NotImplementedError

    def backfill(self, dag_id: str, runs: list[dict[str, Any]]) -> None:
        """Run the intervals of these runs again."""
        raise NotImplementedError


class Airflow2(Airflow):
    """Airflow 2.11: the scheduler parses the DAGs."""

    programs: ClassVar = {"scheduler": ("scheduler",), "triggerer": ("triggerer",)}

    def options(self, dags: Path) -> dict[str, str]:
        return {"webserver.secret_key": secrets.token_hex(16)}

    def is_current(self, row: dict[str, Any]) -> bool:
        return bool(row["is_active"])

    def clear(self, dag_id: str, run: dict[str, Any], task_id: str) -> None:
        day = run["execution_date"].isoformat()
        self.command("tasks", "clear", "-y", "-t", f"^{task_id}$", "-s", day, "-e", day, dag_id)

    def mark_failed(self, dag_id: str, run: dict[str, Any], task_id: str) -> None:
        # What the webserver does when a user presses the button.
        script = (
            "import sys\n"
            "from airflow.models import DagBag\n"
            "from airflow.utils.state import TaskInstanceState\n"
            "dag = DagBag(read_dags_from_db=True).get_dag(sys.argv[1])\n"
            "dag.set_task_instance_state(task_id=sys.argv[3], run_id=sys.argv[2],"
            " state=TaskInstanceState.FAILED, commit=True)\n"
        )
        subprocess.run(
            [self.bin / "python", "-c", script, dag_id, run["run_id"], task_id],
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=300,
        )

    def backfill(self, dag_id: str, runs: list[dict[str, Any]]) -> None:
        first, last = (runs[n]["execution_date"].isoformat() for n in (0, -1))
        self.command("dags", "backfill", "-y", "--reset-dagruns", "-s", first, "-e", last, dag_id)


class Airflow3(Airflow):
    """Airflow 3: DAG processor and API server are processes of their own."""

    programs: ClassVar = {
        "api": ("api-server", "-H", "127.0.0.1", "-w", "1"),
        "dag-processor": ("dag-processor",),
        "scheduler": ("scheduler",),
        "triggerer": ("triggerer",),
    }

    def options(self, dags: Path) -> dict[str, str]:
        self.port = free_port()
        local = "airflow.dag_processing.bundles.local.LocalDagBundle"
        bundles = [
            {"name": path.name, "classpath": local, "kwargs": {"path": str(path)}}
            for path in sorted(dags.iterdir())
        ]
        return {
            "api.port": str(self.port),
            "api.base_url": f"http://127.0.0.1:{self.port}",
            "api.secret_key": secrets.token_hex(16),
            "api_auth.jwt_secret": secrets.token_hex(32),
            "core.execution_api_server_url": f"http://127.0.0.1:{self.port}/execution/",
            "core.simple_auth_manager_all_admins": "True",
            "dag_processor.dag_bundle_config_list": json.dumps(bundles),
        }

    def is_current(self, row: dict[str, Any]) -> bool:
        return not row["is_stale"]

    def call(self, method: str, path: str, **body: Any) -> Any:
        """A request to the API, as any user's: all are admins here."""
        base = f"http://127.0.0.1:{self.port}"
        with urllib.request.urlopen(f"{base}/auth/token", timeout=60) as response:
            token = json.load(response)["access_token"]
        request = urllib.request.Request(
            f"{base}/api/v2/{path}",
            json.dumps(body).encode() if body else None,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error

    def clear(self, dag_id: str, run: dict[str, Any], task_id: str) -> None:
        self.call(
            "POST",
            f"dags/{dag_id}/clearTaskInstances",
            dry_run=False,
            dag_run_id=run["run_id"],
            task_ids=[task_id],
            only_failed=False,
            reset_dag_runs=True,
        )

    def mark_failed(self, dag_id: str, run: dict[str, Any], task_id: str) -> None:
        where = f"dags/{dag_id}/dagRuns/{run['run_id']}/taskInstances/{task_id}"
        self.call("PATCH", where, new_state="failed")

    def backfill(self, dag_id: str, runs: list[dict[str, Any]]) -> None:
        first, last = (runs[n]["logical_date"].isoformat() for n in (0, -1))
        self.call(
            "POST",
            "backfills",
            dag_id=dag_id,
            from_date=first,
            to_date=last,
            reprocess_behavior="completed",
            max_active_runs=4,
        )


def airflow(version: str, *arguments: Any, **options: Any) -> Airflow:
    """An Airflow of that environment."""
    kind = Airflow3 if version.startswith("3") else Airflow2
    return kind(version, *arguments, **options)
