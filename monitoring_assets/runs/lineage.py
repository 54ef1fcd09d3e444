"""OpenLineage events of the partitions that a step makes, where a deployment asks for them.

``OPENLINEAGE_URL``, or ``OPENLINEAGE_CONFIG`` with the path of an ``openlineage.yml``, asks for
them; the client reads both by itself. A receiver that does not answer keeps no partition from being
made.
"""

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from airflow_bridge.export.settings import VARIABLE, bridge_is_on, load_settings
from airflow_bridge.runtime.lineage import NAMESPACE, dataset_name
from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_name
from resources.masking import mask_error, masked

SWITCHES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
DEFAULT_JOB_NAMESPACE = "dagster"


class Lineage:
    """Events of one step: of its asset, and of those that it is made from.

    A job is an asset of a model version, under the name of the dataset that it makes; a run of it
    makes a day.

    Parameters
    ----------
    context
        The step's.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self._client: Any = None
        if any(os.environ.get(name) for name in SWITCHES):
            with self._to_the_log():
                from openlineage.client import OpenLineageClient

                self._prefix = _prefix()
                self._client = OpenLineageClient()

    @contextmanager
    def of(self, day: ModelDay) -> Iterator[None]:
        """Emit that a partition begins, and how it ends."""
        self._emit("START", day)
        try:
            yield
        except Exception as error:
            mask_error(error)
            self._emit("FAIL", day, f"{type(error).__name__}: {error}")
            raise
        self._emit("COMPLETE", day)

    def _emit(self, state: str, day: ModelDay, error: str | None = None) -> None:
        if self._client is not None:
            with self._to_the_log():
                self._client.emit(self._event(state, day, error))

    def _event(self, state: str, day: ModelDay, error: str | None) -> Any:
        from openlineage.client import event_v2
        from openlineage.client.facet_v2 import error_message_run, nominal_time_run, parent_run

        context = self._context
        job_namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or DEFAULT_JOB_NAMESPACE
        made = self._name(context.asset_key, day)
        parents = sorted(context.assets_def.asset_deps[context.asset_key])
        next_day = day.day + dt.timedelta(days=1)
        facets: dict[str, Any] = {
            "nominalTime": nominal_time_run.NominalTimeRunFacet(
                f"{day.day}T00:00:00Z", f"{next_day}T00:00:00Z"
            ),
            "parent": parent_run.ParentRunFacet(
                run=parent_run.Run(context.run_id),
                job=parent_run.Job(job_namespace, context.job_name),
            ),
        }
        if error:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(error, "python")
        # The same for every event of a try, and another one for the next try.
        run = uuid.uuid5(uuid.UUID(context.run_id), f"{made}|{day.day}|{context.retry_number}")
        return event_v2.RunEvent(
            eventTime=dt.datetime.now(dt.UTC).isoformat(),
            eventType=event_v2.RunState[state],
            run=event_v2.Run(str(run), facets),
            job=event_v2.Job(job_namespace, made),
            producer=NAMESPACE,
            inputs=[event_v2.InputDataset(NAMESPACE, self._name(key, day)) for key in parents],
            outputs=[event_v2.OutputDataset(NAMESPACE, made)],
        )

    def _name(self, key: dg.AssetKey, day: ModelDay) -> str:
        return dataset_name(asset_name(key), day.key, self._prefix)

    @contextmanager
    def _to_the_log(self) -> Iterator[None]:
        """Log what goes wrong, and emit nothing more of this step: each event would wait again."""
        try:
            yield
        except Exception as error:
            self._client = None
            why = masked(f"{type(error).__name__}: {error}")
            self._context.log.warning(f"OpenLineage: {why}; no more events of this step")


def _prefix() -> str:
    """What tells this environment's datasets from another's, in Airflow and here."""
    return load_settings(Path(os.environ[VARIABLE])).dag_id_prefix if bridge_is_on() else ""
