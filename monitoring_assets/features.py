"""Asset ``features``: a day's batch as the model sees it, and its counts in the same bins."""

from typing import TYPE_CHECKING

import dagster as dg

from monitoring_assets.partitions import MODEL_DAYS, ModelDay, materialise_each
from monitoring_assets.reference import reference_profile
from resources.errors import InputError
from resources.lake import DayFiles, Lake
from resources.registry import ModelRegistry, version_path
from resources.store import Landed, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

ROW_GROUP_ROWS = 131_072
DUCKDB_MEMORY = "1GB"


@dg.asset(
    partitions_def=MODEL_DAYS,
    deps=[reference_profile],
    group_name="monitoring",
    kinds={"parquet", "duckdb"},
    description="The key and the model's characteristics for every row of the day's batch.",
)
def features(
    context: dg.AssetExecutionContext, registry: ModelRegistry, lake: Lake, store: Store
) -> dg.MaterializeResult:
    """Stream the batch to Parquet, then count it."""
    from monitoring_assets.statistics.profile import Profile, count
    from monitoring_assets.statistics.source import ParquetSource

    def compute(day: ModelDay) -> dict[str, object]:
        landed = store.landed(day.key)
        manifest = landed.manifest
        reference = Profile.from_table(store.read_table("reference_profile", day.key)[0])
        files = lake.day_files(manifest.batch.path, day.day, manifest.batch.marker)
        path = store.path("features", day.key, day.day)
        with store.storage.writing(path) as local:
            schema = _write(_rows(files, landed, registry), local)
            bins = {name: reference.bins[name] for name in manifest.features.names}
            profile = count(ParquetSource([local]), bins)
            types = {field.name: str(field.type) for field in schema}
            notes = {
                "types": types,
                "key": _tally_keys(local, manifest.batch.key),
                "manifest_sha256": manifest.sha256,
                "run_id": context.run_id,
            }
            # Between here and the new profile no profile is better than the old rows' one.
            store.remove("features_profile", day.key, day.day)
        store.write_table("features_profile", day.key, day.day, profile.to_table(), notes)
        return {
            "dagster/row_count": profile.rows,
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, kind) for name, kind in types.items()]
            ),
            "rows": profile.rows,
            "missing_max": max(c.missing_share for c in profile.columns.values()),
            "batch": [files.storage.url(path) for path in files.paths],
            "path": store.storage.url(path),
        }

    return materialise_each(context, compute)


def _rows(files: DayFiles, landed: Landed, registry: ModelRegistry) -> "Iterator[pa.RecordBatch]":
    """The key and the characteristics of a batch, piece by piece.

    A characteristic that the batch does not have is left out: the batch quality check says so.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    manifest = landed.manifest
    try:
        batch = ds.dataset(files.locations, filesystem=files.storage.filesystem, format="parquet")
        if manifest.features.sql is None:
            _require_key(manifest.batch.key, batch.schema.names, files)
            present = [name for name in manifest.features.names if name in batch.schema.names]
            # Few pieces in flight: the default keeps a gigabyte of them.
            yield from batch.to_batches(
                columns=[manifest.batch.key, *present],
                batch_size=ROW_GROUP_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
            )
        else:
            yield from _query(batch, files, landed, registry)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        raise InputError(f"batch {files.storage.url(files.paths[0])}: {error}") from error


def _query(
    batch: "pa.dataset.Dataset", files: DayFiles, landed: Landed, registry: ModelRegistry
) -> "Iterator[pa.RecordBatch]":
    """What the version's SQL makes of the batch."""
    import hashlib

    import duckdb

    manifest = landed.manifest
    storage, path = version_path(registry.storage, landed.folder, manifest.features.sql or "")
    with duckdb.connect() as connection:
        # A manifest is data: its query reads the batch and nothing else of this machine.
        connection.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
        connection.execute("SET enable_external_access = false")
        connection.register("batch", batch)
        try:
            text = storage.read(path)
            landed.verify("features.sql", hashlib.sha256(text).hexdigest(), storage.url(path))
            result = connection.sql(text.decode())
            if result is None:
                raise InputError(f"{storage.url(path)}: the SQL is not a query")
            reader: pa.RecordBatchReader = result.to_arrow_reader(ROW_GROUP_ROWS)
            _require_key(manifest.batch.key, reader.schema.names, files)
            present = [name for name in manifest.features.names if name in reader.schema.names]
            for piece in reader:
                yield piece.select([manifest.batch.key, *present])
        except duckdb.Error as error:
            raise InputError(f"{storage.url(path)}: {error}") from error


def _require_key(key: str, names: list[str], files: DayFiles) -> None:
    if key not in names:
        raise InputError(
            f"batch {files.storage.url(files.paths[0])}: no key column {key!r} (batch.key); "
            f"it has {', '.join(names)}"
        )


def _write(pieces: "Iterator[pa.RecordBatch]", local: "Path") -> "pa.Schema":
    """Write pieces as row groups of a size that is good to scan, and say what columns they have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(pieces, None)
    if first is None:
        raise InputError("the batch's files have no row group")
    held, rows = [first], first.num_rows
    with pq.ParquetWriter(local, first.schema) as writer:
        for piece in pieces:
            held.append(piece)
            rows += piece.num_rows
            if rows >= ROW_GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(held), row_group_size=rows)
                held, rows = [], 0
        if held:
            writer.write_table(pa.Table.from_batches(held), row_group_size=max(rows, 1))
    return first.schema


def _tally_keys(local: "Path", key: str) -> dict[str, int]:
    """Rows by what their key is: ``unique``, ``repeated`` (after its first row) or ``missing``."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
        column = '"' + key.replace('"', '""') + '"'
        rows, present, unique = connection.execute(
            f"SELECT count(*), count({column}), count(DISTINCT {column}) FROM read_parquet(?)",
            [str(local)],
        ).fetchall()[0]
    return {"unique": unique, "repeated": present - unique, "missing": rows - present}
