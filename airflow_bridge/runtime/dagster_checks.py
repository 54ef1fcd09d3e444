"""The task that says whether a day's checks let it pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compat import AirflowFailException, BaseOperator
from .dagster_client import DagsterClient, RunEvents
from .day import day_of
from .next_step import SUCCESS, Run
from .tags import dag_run_tags, partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def verdict(
    assets: Sequence[Mapping[str, Any]],
    recorded: Mapping[str, tuple[Run, RunEvents] | None],
    partition: str,
) -> tuple[list[str], list[str]]:
    """Judge a day by what its runs recorded.

    Parameters
    ----------
    assets
        As in the bundle's manifest.
    recorded
        The newest run of each asset for this DAG run, None if there was none.
    partition
        The partition that the DAG run is about.

    Returns
    -------
    tuple
        Why the day fails, and what it is only warned of, each in words. It fails if an asset was
        not made, or a check of one that was made failed with severity ERROR or was not evaluated.
    """
    errors: list[str] = []
    warnings: list[str] = []
    for asset in assets:
        name = asset["name"]
        found = recorded[name]
        if found is None:
            errors.append(f"{name} was not made: no run of this DAG run has come so far")
            continue
        run, events = found
        if run.status != SUCCESS:  # for its checks too, if they block
            errors.append(f"{name} was not made: run {run.run_id} is {run.status}: {events.reason}")
            continue
        if (asset["key"], partition) not in events.materialised:
            errors.append(f"{name} was not made by run {run.run_id}, though it succeeded")
        checks = {check.name: check for check in events.checks if check.partition == partition}
        missing = [check for check in asset["checks"] if check not in checks]
        errors += [f"check {check} of {name} was not evaluated" for check in missing]
        errors += [str(check) for check in checks.values() if check.is_error]
        warnings += [
            str(check) for check in checks.values() if not (check.success or check.is_error)
        ]
    return errors, warnings


class DagsterChecks(BaseOperator):  # type: ignore[misc]
    """Fail if a check of the day failed with severity ERROR, each reason in the log.

    A check that does not block keeps no asset from being made, the decision about alerts least of
    all; it is here that it makes the DAG run fail.

    Parameters
    ----------
    assets, model, dagster
        The assets, a model version and Dagster's settings, as in the bundle's manifest.
    **kwargs
        Airflow's.
    """

    ui_color = "#fcf3e0"

    def __init__(
        self,
        *,
        assets: Sequence[Mapping[str, Any]],
        model: Mapping[str, Any],
        dagster: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.assets = assets
        self.model = model
        self.client = DagsterClient.of(dagster)

    def execute(self, context: Any) -> None:
        """Read the newest run of each asset and judge the day.

        Raises
        ------
        AirflowFailException
            If the day does not pass.
        """
        runs = sorted(self.client.runs(dag_run_tags(context)), key=lambda run: run.created)
        newest = {run.task_id: run for run in runs}
        recorded = {
            asset["name"]: (run, self.client.events(run.run_id))
            if (run := newest.get(asset["name"]))
            else None
            for asset in self.assets
        }
        partition = partition_of(day_of(context, self.model["timezone"]), self.model["key"])
        errors, warnings = verdict(self.assets, recorded, partition)
        for warning in warnings:
            self.log.warning("%s", warning)
        if errors:
            # The last that the log shows, and what the plugin writes into the DAG run's note.
            why = "\n".join(errors)
            context["ti"].xcom_push(key="why", value=why)
            raise AirflowFailException(f"{partition} does not pass:\n{why}")
