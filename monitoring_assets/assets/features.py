"""Asset ``features``: a day's batch as the model sees it, and its counts in the same bins."""

from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.assets.reference_profile import reference_profile
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.materialise import materialise_each
from resources.faults import RUN, record_faults
from resources.lake import Lake
from resources.registry import ModelRegistry
from resources.store import Store

if TYPE_CHECKING:
    from resources.table_formats.base import Evidence

BATCH_VERSION = "batch_version"
"""Name of what says which version of a table was read: in the notes and in Dagster."""


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[reference_profile],
            kinds={"parquet", "duckdb"},
            description="The key, the model's characteristics and the segment columns for every "
            "row of the day's batch.",
        )
    ],
)
def features(
    context: dg.AssetExecutionContext, registry: ModelRegistry, lake: Lake, store: Store
) -> dg.MaterializeResult:
    """Stream the batch to Parquet, then count it."""
    from monitoring_assets.engines import engine_of
    from monitoring_assets.statistics.profiles.profile import Profile

    def compute(day: ModelDay) -> dict[str, object]:
        landed = store.landed(day.key)
        manifest = landed.manifest
        table, notes = store.read_table("reference_profile", day.key)
        reference = Profile.from_table(table)
        files = lake.day_files(manifest.batch.path, day.day, manifest.batch.marker)
        before = _version_before(store, day)
        bins = {name: reference.bins[name] for name in manifest.features.names}
        made = engine_of(manifest).features(
            store, day, files, landed, registry, manifest.declared_types | notes["types"], bins
        )
        profile = made.counts.counted.whole()
        types = {field.name: str(field.type) for field in made.counts.schema}
        recorded = {
            "types": types,
            "key": made.keys,
            BATCH_VERSION: files.evidence,
            "manifest_sha256": manifest.sha256,
            "run_id": context.run_id,
        }
        store.write_table("features_profile", day.key, day.day, profile.to_table(), recorded)
        # The batch is there: what kept an earlier run from coming so far no longer does.
        record_faults(store.storage, day.key, day.day, RUN, [])
        return {
            "dagster/row_count": profile.rows,
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, kind) for name, kind in types.items()]
            ),
            "rows": profile.rows,
            "missing_excess_max": profile.missing_excess(reference),
            "batch": [files.storage.url(path) for path in files.paths],
            **_version_shown(files.evidence, before),
            "path": store.url("features", day.key, day.day),
            **made.reported,
        }

    return materialise_each(context, store, compute)


def _version_before(store: Store, day: ModelDay) -> "Evidence | None":
    """The version of the batch's table that the day's report was made from, if there is one."""
    if not store.has("drift_report", day.key, day.day):
        return None
    _, notes = store.read_table("drift_report", day.key, day.day)
    found: Evidence | None = notes.get("versions", {}).get("batch")
    return found


def _version_shown(read: "Evidence | None", before: "Evidence | None") -> dict[str, object]:
    if read is None:
        return {}
    shown: dict[str, object] = {BATCH_VERSION: dg.MetadataValue.json(read)}
    if before is not None:
        shown["same_version_as_before"] = read == before
        shown["batch_version_before"] = dg.MetadataValue.json(before)
    return shown
