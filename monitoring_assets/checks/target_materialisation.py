"""What a check's evaluation is about: the materialisation that it judged."""

import dagster as dg

from monitoring_assets.partitions import ModelDay
from resources.dagster_internals import AssetCheckEvaluationTargetMaterializationData


def target_materialisation(
    instance: dg.DagsterInstance, asset: dg.AssetKey, day: ModelDay
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The materialisation that was judged, so that the UI can tell an outdated evaluation."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[day.partition]), limit=1
    ).records
    if not found:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        run_id=found[0].run_id, storage_id=found[0].storage_id, timestamp=found[0].timestamp
    )
