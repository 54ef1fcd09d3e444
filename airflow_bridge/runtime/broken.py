"""A placeholder for a DAG that could not be built, so that the failure shows in Airflow."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .compat import DAG, AirflowFailException, BaseOperator, CronDataIntervalTimetable

BROKEN = ".broken"
"""What is added to the DAG's id. Under its own id the history of the placeholder's runs would be
taken for the model's, and the days that it missed would never be caught up."""


class Broken(BaseOperator):  # type: ignore[misc]
    """Fail with the reason.

    Parameters
    ----------
    reason
        Why there is no DAG.
    **kwargs
        Airflow's.
    """

    def __init__(self, *, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def execute(self, context: Any) -> None:
        """Fail.

        Raises
        ------
        AirflowFailException
            Always.
        """
        raise AirflowFailException(self.reason)


def broken_dag(dag_id: str, reason: str) -> DAG:
    """Make a DAG that fails once a day."""
    dag = DAG(
        f"{dag_id}{BROKEN}",
        description="This model version is not scheduled: its entry in the bundle is broken.",
        doc_md=f"# Not scheduled\n\nThe bundle's entry of this model version makes no DAG:\n\n"
        f"    {reason}\n\nExport the bundle again once its cause is mended.\n",
        schedule=CronDataIntervalTimetable("0 0 * * *", "UTC"),
        start_date=dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc),  # noqa: UP017 - Python 3.9
        catchup=False,
        is_paused_upon_creation=False,
        tags=["model-monitoring", "broken"],
    )
    Broken(task_id="broken", dag=dag, reason=reason)
    return dag
