"""Tags of a run that is made for a task: which partition, and for which try of which task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

DAG_ID = "airflow/dag_id"
TASK_ID = "airflow/task_id"
RUN_ID = "airflow/run_id"
GENERATION = "airflow/generation"
TRY_NUMBER = "airflow/try_number"
STARTED = "airflow/dag_run_started"


def dag_run_tags(context: Mapping[str, Any]) -> dict[str, str]:
    """Tags that all runs of a DAG run have."""
    ti = context["ti"]
    return {DAG_ID: ti.dag_id, RUN_ID: ti.run_id}


def task_tags(context: Mapping[str, Any]) -> dict[str, str]:
    """Tags by which a task finds its own runs again, whichever try or worker made them."""
    return {**dag_run_tags(context), TASK_ID: context["ti"].task_id}


def run_tags(context: Mapping[str, Any], model_tags: Mapping[str, str]) -> dict[str, str]:
    """All tags of a run but those of its partition.

    The generation is ``max_tries``, which stays as it is over retries and is raised by a clear, in
    Airflow 2 and 3. The start of the DAG run, which a clear changes, tells it from a deleted run of
    the same id.
    """
    ti = context["ti"]
    tags = {
        **model_tags,
        "monitoring/requested_by": "airflow",
        **task_tags(context),
        GENERATION: str(ti.max_tries),
        TRY_NUMBER: str(ti.try_number),
    }
    dag_run = context["dag_run"]
    if dag_run.start_date and not dag_run.clear_number:
        tags[STARTED] = dag_run.start_date.isoformat()
    if dag_run.run_type == "backfill":  # each version's enumeration is of strings
        tags["monitoring/backfill"] = ti.run_id
    return tags


def partition_of(day: dt.date, key: str) -> str:
    """Dagster's key of the partition of a day and a model version."""
    return f"{day}|{key}"


def partition_tags(day: dt.date, key: str) -> dict[str, str]:
    """Dagster's tags of a run of one partition of the dimensions ``date`` and ``model``."""
    return {
        "dagster/partition": partition_of(day, key),
        "dagster/partition/date": str(day),
        "dagster/partition/model": key,
    }
