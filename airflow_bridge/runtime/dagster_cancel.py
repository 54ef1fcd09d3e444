"""The task that leaves no run behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compat import BaseOperator
from .dagster_client import DagsterClient
from .tags import dag_run_tags

if TYPE_CHECKING:
    from collections.abc import Mapping


class CancelInDagster(BaseOperator):  # type: ignore[misc]
    """Cancel what is still open in Dagster once no task of the DAG run is.

    A waiting task has no process. It cannot notice that it was marked failed or has timed out;
    this task does.

    Parameters
    ----------
    dagster
        Dagster's settings, as in the bundle's manifest.
    **kwargs
        Airflow's.
    """

    ui_color = "#eeeeee"

    def __init__(self, *, dagster: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.client = DagsterClient.of(dagster)

    def execute(self, context: Any) -> list[str]:
        """Cancel the open runs of the DAG run; return their ids."""
        cancelled = [run.run_id for run in self.client.runs(dag_run_tags(context)) if run.is_open]
        for run_id in cancelled:
            self.log.info("Cancelling run %s", run_id)
            self.client.terminate(run_id)
        return cancelled
