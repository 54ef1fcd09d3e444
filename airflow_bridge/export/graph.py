"""The job's asset graph, as the DAGs have it: read from Dagster, described nowhere else."""

from __future__ import annotations

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from monitoring_assets.partitions import MODEL_DAYS, MODEL_VERSIONS
from resources.asset_keys import asset_name
from resources.dagster_internals import NodeHandle
from resources.errors import InputError


class AssetNode(BaseModel):
    """An asset of the job: a task of every DAG."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$", description="The task's id.")
    key: str = Field(description="In Dagster, with `/` between its parts.")
    upstream: list[str] = Field(description="Names of assets of the job that it is made from.")
    waits_for: list[str] = Field(
        description="Keys of assets outside the job, made once for each version, that it is made "
        "from."
    )
    checks: list[str] = Field(description="Asset checks that run with it.")
    description: str | None
    group: str
    kinds: list[str]
    code_version: str | None
    retries: int | None = Field(description="Of the op's retry policy, if it has one.")

    @property
    def asset_key(self) -> dg.AssetKey:
        """The key as Dagster takes it."""
        return dg.AssetKey.from_user_string(self.key)


def assets_of(job: dg.JobDefinition) -> list[AssetNode]:
    """Assets of a job over days of model versions, each after those that it is made from.

    Raises
    ------
    InputError
        If an asset's partition is not a day of a model version: no DAG could run it.
    """
    graph = job.asset_layer.asset_graph
    selected = set(job.asset_layer.selected_asset_keys)
    nodes = []
    for key in graph.toposorted_asset_keys:
        if key not in selected:
            continue
        node = graph.get(key)
        name = asset_name(key)
        if node.partitions_def != MODEL_DAYS:
            raise InputError(
                f"{job.name}: {name}: found partitions {node.partitions_def}; "
                "allowed: those of MODEL_DAYS, a day of a model version"
            )
        policy = job.get_retry_policy_for_handle(
            NodeHandle(node.assets_def.node_def.name, parent=None)
        )
        nodes.append(
            AssetNode(
                name=name,
                key=key.to_user_string(),
                upstream=sorted(map(asset_name, node.parent_keys & selected)),
                waits_for=sorted(
                    parent.to_user_string()
                    for parent in node.parent_keys - selected
                    if graph.get(parent).partitions_def == MODEL_VERSIONS
                ),
                checks=sorted(one.name for one in graph.get_check_keys_for_assets({key})),
                description=node.description,
                group=node.group_name,
                kinds=sorted(node.kinds),
                code_version=node.code_version,
                retries=policy.max_retries if policy else None,
            )
        )
    return nodes
