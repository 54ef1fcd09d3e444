"""The button at a task that opens its run in Dagster."""

from __future__ import annotations

from typing import Any

from .compat import AIRFLOW_3, BaseOperatorLink, dagster_airflow_version


class DagsterRunLink(BaseOperatorLink):  # type: ignore[misc]
    """The run that the task waits for.

    Airflow 3 asks for it where the task runs and keeps the answer, so that it needs no plugin.
    """

    name = "Dagster run"

    def get_link(self, operator: Any, **_: Any) -> str:
        """Return the URL that the task has shown, empty if none."""
        return str(operator.shown_url)


def _extra_links() -> tuple[BaseOperatorLink, ...]:
    if AIRFLOW_3:
        return (DagsterRunLink(),)
    # Airflow 2 shows links of registered plugins only; dagster-airflow's leads to Dagster+.
    if dagster_airflow_version():
        from dagster_airflow.links.dagster_link import DagsterLink

        return (DagsterLink(),)
    return ()


EXTRA_LINKS = _extra_links()


def run_url(url: str, run_id: str) -> str:
    """Page of a run."""
    return f"{url.rstrip('/')}/runs/{run_id}"


def asset_url(url: str, key: str) -> str:
    """Page of an asset's partitions."""
    return f"{url.rstrip('/')}/assets/{key}?view=partitions"
