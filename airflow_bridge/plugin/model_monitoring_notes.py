"""Airflow plugin: the note of a DAG run says which day is monitored, and why the day failed.

For the scheduler's plugins folder, in Airflow 2.11 and 3; `monitoring airflow plugin` prints it.
A task of Airflow 3 cannot write the note of its DAG run, and no file of a bundle is read by the
scheduler.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import sys
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from sqlalchemy.orm import object_session

LOG = logging.getLogger(__name__)
TAG = "model-monitoring"
BEGINNING = "Monitors "
LONGEST = 1000
"""Characters that Airflow keeps of a note."""


def monitored_day(dag_run: Any) -> str:
    """Day of a DAG run, by the rule of the bundle's tasks: see `runtime/day.py`."""
    chosen = (dag_run.conf or {}).get("date")
    if chosen:
        return str(chosen)
    dag, end = dag_run.dag, dag_run.data_interval_end
    if end is None:
        end = dag.timetable.infer_manual_data_interval(run_after=dag_run.run_after).end
    return str(end.astimezone(dag.timezone).date() - dt.timedelta(days=1))


def why_failed(dag_run: Any, session: Any) -> str:
    """What the task ``checks`` has said of a DAG run; empty if it has not."""
    where = {"run_id": dag_run.run_id, "key": "why"}
    try:
        from airflow.models.xcom import XComModel
    except ImportError:  # Airflow 2
        from airflow.models.xcom import XCom

        where |= {"dag_id": dag_run.dag_id, "task_id": "checks"}
        return str(XCom.get_one(**where, session=session) or "")
    where |= {"dag_ids": dag_run.dag_id, "task_ids": "checks", "limit": 1}
    found = session.scalar(XComModel.get_many(**where))
    return str(found.value) if found else ""


def note_of(day: str, why: str) -> str:
    """The note in Markdown, of which a run's page shows the first line until it is opened."""
    # Names of columns and categories show as they are.
    said = re.sub(r"[\\`*\[\]<>]", r"\\\g<0>", why).replace("\n", "\n\n")
    return ": ".join(filter(None, (f"{BEGINNING}{day}", said)))[:LONGEST]


def _note(dag_run: Any, *, failed: bool) -> None:
    try:
        session = object_session(dag_run)
        dag = dag_run.dag
        # What a person has written stays.
        is_ours = (dag_run.note or BEGINNING).startswith(BEGINNING)
        if session is None or dag is None or TAG not in dag.tags or not is_ours:
            return
        why = why_failed(dag_run, session) if failed else ""
        dag_run.note = note_of(monitored_day(dag_run), why)
    except Exception:  # Airflow 2's scheduler would end with it
        LOG.exception("No note for %s of %s", dag_run.run_id, dag_run.dag_id)


@hookimpl  # type: ignore[untyped-decorator]
def on_dag_run_running(dag_run: Any, msg: str) -> None:
    """Say which day is monitored."""
    _note(dag_run, failed=False)


@hookimpl  # type: ignore[untyped-decorator]
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Say why the day failed."""
    _note(dag_run, failed=True)


class ModelMonitoringNotes(AirflowPlugin):  # type: ignore[misc]
    """The plugin."""

    name = "model_monitoring_notes"
    listeners = (sys.modules[__name__],)
