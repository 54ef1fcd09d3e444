"""A task that has Dagster make an asset's partition, and waits for it without a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .compat import AirflowException, AirflowFailException, BaseSensorOperator, PokeReturnValue
from .dagster_client import DagsterClient, DagsterUnreachableError, RunEvents
from .dagster_link import EXTRA_LINKS, run_url
from .day import day_of, is_over
from .lineage import HasLineage
from .next_step import Cancel, Done, Launch, Run, Wait, next_step, starts_of
from .tags import STARTED, dag_run_tags, partition_of, partition_tags, run_tags, task_tags

if TYPE_CHECKING:
    from collections.abc import Mapping


class MaterialiseInDagster(HasLineage, BaseSensorOperator):  # type: ignore[misc]
    """Launch a Dagster run of one asset and its checks for the day's partition, and wait for it.

    It is a sensor that reschedules itself: while the run is under way, no worker is taken. Each
    poke asks Dagster what there is of this task and decides from that alone, so that a worker that
    dies, a lost answer or a restarted webserver neither loses a run nor starts a second one.

    Parameters
    ----------
    asset, model, job, dagster
        An asset, a model version, the job and Dagster's settings, as in the bundle's manifest.
    run_seconds
        After which a run is cancelled, and the try has failed. It is not the sensor's ``timeout``:
        that is never tried again, and in Airflow 2 counts from the first try.
    **kwargs
        Airflow's.
    """

    ui_color = "#e0e3fc"
    operator_extra_links = EXTRA_LINKS

    def __init__(
        self,
        *,
        asset: Mapping[str, Any],
        model: Mapping[str, Any],
        job: str,
        dagster: Mapping[str, Any],
        run_seconds: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(mode="reschedule", poke_interval=dagster["poll_seconds"], **kwargs)
        self.asset = asset
        self.model = model
        self.job = job
        self.run_seconds = run_seconds
        self.url = dagster["url"]
        self.client = DagsterClient.of(dagster)
        self.tags: dict[str, str] = {}
        self.shown_url = ""

    def poke(self, context: Any) -> bool | PokeReturnValue:
        """Take the next step; done when Dagster says that this run made this partition.

        Raises
        ------
        AirflowFailException
            If the run failed and would fail again, or made something else.
        AirflowException
            If it failed or was cancelled, or Dagster refuses to launch it.
        """
        ti = context["ti"]
        self.tags = task_tags(context)
        tags = run_tags(context, self.model["run_tags"])
        try:
            runs = self.client.runs(dag_run_tags(context))
            starts = starts_of((run.started for run in runs), tags.get(STARTED))
            ours = [run for run in runs if run.task_id == ti.task_id]
            step = next_step(ours, ti.max_tries, ti.try_number, starts)
            if isinstance(step, Cancel):
                for run in step.runs:
                    self.log.info("Cancelling run %s, which no task waits for any more", run.run_id)
                    self.client.terminate(run.run_id)
                return False
            if isinstance(step, Launch):
                self._launch(context, tags)
                return False
            self._show(step.run.run_id, context)
            if isinstance(step, Wait):
                self.log.info("Run %s is %s", step.run.run_id, step.run.status)
                self._end_if_late(step.run)
                return False
            events = self.client.events(step.run.run_id)
        except DagsterUnreachableError as error:
            self.log.warning("Dagster does not answer, and is asked again: %s", error)
            return False
        if isinstance(step, Done):
            return self._done(step.run, events, context)
        raised = AirflowException if events.retry_helps else AirflowFailException
        raise raised(f"run {step.run.run_id} ended in {step.run.status}: {events.reason}")

    def on_kill(self) -> None:
        """Cancel the run: no task waits for it any more."""
        for run in self.client.runs(self.tags) if self.tags else ():
            if run.is_open:
                self.log.info("Cancelling run %s", run.run_id)
                self.client.terminate(run.run_id)

    def _end_if_late(self, run: Run) -> None:
        if time.time() - run.created > self.run_seconds:
            self.client.terminate(run.run_id)
            raise AirflowException(
                f"run {run.run_id} has taken more than {self.run_seconds} s and is cancelled"
            )

    def _launch(self, context: Any, tags: Mapping[str, str]) -> None:
        day = day_of(context, self.model["timezone"])
        if not is_over(day):
            self.log.info("Waiting for the end of %s in UTC: Dagster has no partition before", day)
            return
        for name in self.asset["waits_for"]:
            if not self.client.is_materialised(name, self.model["key"]):
                self.log.info("Waiting for %s of %s", name, self.model["key"])
                return
        run_id = self.client.launch(
            self.job,
            self.asset["key"],
            self.asset["checks"],
            {**tags, **partition_tags(day, self.model["key"])},
        )
        self.log.info("Launched run %s", run_id)
        self._show(run_id, context)

    def _show(self, run_id: str, context: Any) -> None:
        """Say where the run is to be seen, in the log and to whatever link Airflow has."""
        self.shown_url = run_url(self.url or self.client.url, run_id)
        self.log.info("In Dagster: %s", self.shown_url)
        for name, value in {"run_id": run_id, **self.client.organisation}.items():
            context["ti"].xcom_push(key=name, value=value)

    def _done(self, run: Run, events: RunEvents, context: Any) -> PokeReturnValue:
        partition = partition_of(day_of(context, self.model["timezone"]), self.model["key"])
        made = self.asset["key"], partition
        if made not in events.materialised:
            raise AirflowFailException(
                f"run {run.run_id} succeeded but did not materialise {' of '.join(made)}; it made "
                f"{sorted(events.materialised) or 'nothing'}"
            )
        for check in events.checks:
            if not check.success:
                self.log.warning("%s", check)
        return PokeReturnValue(
            is_done=True,
            xcom_value={
                "run_id": run.run_id,
                "url": self.shown_url,
                "partition": partition,
                "metadata": events.materialised[made],
            },
        )
