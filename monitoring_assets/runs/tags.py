"""Tags that runs of ours carry."""

from collections.abc import Mapping

import dagster as dg

from monitoring_assets.partitions import MODEL_DAYS, ModelDay
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    PARTITION_NAME_TAG,
)
from resources.kubernetes.pod_config import run_pod_tags
from resources.manifest import Manifest

# Tag of a run of ours that is part of a backfill in which Dagster does not see one.
BACKFILL = "monitoring/backfill"


def is_backfill(tags: Mapping[str, str]) -> bool:
    """Whether a run's tags say that it makes up for days, as opposed to a day's own run."""
    return not tags.keys().isdisjoint({BACKFILL, BACKFILL_ID_TAG, ASSET_PARTITION_RANGE_START_TAG})


def range_tags(first: ModelDay, last: ModelDay) -> dict[str, str]:
    """Tags of one run over the days of a version from one to another."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.partition,
        ASSET_PARTITION_RANGE_END_TAG: last.partition,
    }


def days_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[ModelDay]:
    """The days that a run was for; none if it was for something else."""
    tags = run.tags
    if ASSET_PARTITION_RANGE_START_TAG in tags:
        keys = dg.PartitionKeyRange(
            tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG]
        )
        partitions = MODEL_DAYS.get_partition_keys_in_range(keys, instance)
    else:
        partitions = [tags[PARTITION_NAME_TAG]] if PARTITION_NAME_TAG in tags else []
    return [ModelDay.parse(partition) for partition in partitions if "|" in partition]


REQUESTED_BY = "monitoring/requested_by"


def run_tags(manifest: Manifest) -> dict[str, str]:
    """Tags of every run that computes something of a version, whatever requests it."""
    pod_tags = run_pod_tags(manifest.pod, starts_pods=manifest.scoring.starts_pods)
    return {"monitoring/model": manifest.name} | pod_tags
