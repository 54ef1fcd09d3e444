"""The bundle's manifest: all that Airflow is told. Its schema: ``docs/airflow_bundle.schema.json``.

It is a function of the job, of the versions that have landed and of the settings; neither the time
nor the place of the export is in it, so the same inputs are the same bytes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Literal

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from airflow_bridge.export.graph import AssetNode, assets_of
from airflow_bridge.export.schedule import cron, end, start
from airflow_bridge.export.settings import BridgeSettings, Mode, Settings
from monitoring_assets.runs.tags import run_tags
from resources.store import Landed

LOG = logging.getLogger(__name__)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PodEntry(_Section):
    """What a task's pod asks of Kubernetes."""

    cpu: str | None
    memory: str | None
    node_selector: dict[str, str]
    tolerations: list[dict[str, str]]


class ModelEntry(_Section):
    """A model version: a DAG."""

    dag_id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$")
    key: str = Field(description="The version's partition key in Dagster.")
    name: str
    version: str
    owner: str
    tags: list[str]
    cron: str = Field(description="Ticks on the days after those that have a batch.")
    timezone: str
    start: str = Field(
        description="ISO 8601 with offset: half a day before the tick that begins the interval of "
        "the first day, whose run is that interval's end."
    )
    end: str | None = Field(
        description="Half a day after the tick that begins the interval of the last day; null "
        "while none is known."
    )
    retired: bool = Field(description="Whether the version is retired from a known day on.")
    description: str
    manifest_sha256: str
    run_tags: dict[str, str] = Field(description="Tags of the version's runs in Dagster.")
    pod: PodEntry


class Bundle(_Section):
    """The manifest of a bundle."""

    schema_version: Literal[1] = 1
    mode: Mode
    settings: Settings
    job: str
    assets: list[AssetNode] = Field(
        description="Of the job, each after those that it is made from."
    )
    models: list[ModelEntry]

    def content(self) -> bytes:
        """The manifest's file."""
        document = self.model_dump(mode="json")
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def build_bundle(
    job: dg.JobDefinition, landed: Iterable[Landed], settings: BridgeSettings
) -> Bundle:
    """Describe the DAGs of all versions; one that no DAG can be described for is left out.

    Parameters
    ----------
    job
        ``monitor_day``, of the code location.
    landed
        Versions, in any order.
    settings
        The bridge's.

    Raises
    ------
    InputError
        If the job's graph cannot be a DAG over days of model versions.
    """
    models = []
    for item in sorted(landed, key=lambda item: item.manifest.key):
        try:
            models.append(_model(job.name, item, settings))
        except Exception as error:  # one version must not stop the others
            LOG.warning("%s has no DAG: %s: %s", item.manifest.key, type(error).__name__, error)
    return Bundle(
        mode=settings.mode,
        settings=settings.of_bundle(),
        job=job.name,
        assets=assets_of(job),
        models=models,
    )


def _model(job: str, item: Landed, settings: BridgeSettings) -> ModelEntry:
    manifest, pod = item.manifest, item.manifest.pod
    last = end(manifest)
    routing = (manifest.alerts.service, manifest.alerts.team)
    return ModelEntry(
        # Names and versions have no character that Airflow does not allow in an id.
        dag_id=f"{settings.dag_id_prefix}{job}.{manifest.key}",
        key=manifest.key,
        name=manifest.name,
        version=manifest.version,
        owner=manifest.owner,
        tags=sorted({"model-monitoring", manifest.name, *filter(None, routing), *settings.tags}),
        cron=cron(manifest),
        timezone=manifest.schedule.timezone,
        start=start(item, settings.first_day).isoformat(),
        end=last.isoformat() if last else None,
        retired=last is not None,
        description=f"The daily monitoring of {manifest.name}, version {manifest.version}",
        manifest_sha256=manifest.sha256,
        run_tags=run_tags(manifest),
        pod=PodEntry(
            cpu=pod.cpu,
            memory=pod.memory,
            node_selector=pod.node_selector,
            tolerations=[
                {str(name): value for name, value in one.items()} for one in pod.tolerations
            ],
        ),
    )
