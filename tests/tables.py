"""Delta Lake and Iceberg tables that tests write to, as other engines write them."""

from __future__ import annotations

import json
import struct
from base64 import b85encode
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate
from pyiceberg.transforms import Transform
from pyiceberg.typedef import Record
from pyroaring import BitMap64

from resources.storage import S3Storage, Storage

Z85 = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
)
DELETION_VECTOR_MAGIC = 1681511377
_TEXTS = ["2026-08-31T23:59:59.999", "2026-09-01T00:00:00", "2026-09-02T00:00:00"]
_TIMES = pd.to_datetime(_TEXTS, format="ISO8601").as_unit("us")
DAYS = {
    "text": (_TEXTS, "day=2026-09-01"),
    "time": (_TIMES, "day=2026-09-01"),
    "time in UTC": (_TIMES.tz_localize("UTC"), "day=2026-09-01"),
    "date": (_TIMES.date, "day=2026-09-01"),
    "number": ([20260831, 20260901, 20260902], "day=20260901"),
    "number of two digits": ([8, 9, 10], "day=09"),
    "text in another form": (["20260831", "20260901", "20260902"], "day=20260901"),
}
"""Values before, on and after a day, and what a path says for it."""


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def delta_options(storage: Storage) -> dict[str, str]:
    if not isinstance(storage, S3Storage):
        return {}
    return {"AWS_ENDPOINT_URL": storage.endpoint or "", "AWS_ALLOW_HTTP": "true"}


def write_delta(storage: Storage, folder: str, frame: pd.DataFrame, **options) -> DeltaTable:
    """Append rows to a Delta Lake table, or make it."""
    mode = {"mode": "append"} | options
    where = delta_options(storage)
    scheme = "s3://" if where else "file://"
    uri = scheme + quote(storage.url(folder).removeprefix(scheme))
    write_deltalake(uri, arrow(frame), storage_options=where, **mode)
    return DeltaTable(uri, storage_options=where)


def commit(storage: Storage, folder: str, version: int, *actions: dict) -> None:
    """Write a version's entry of the log by hand."""
    lines = "\n".join(map(json.dumps, actions))
    storage.write(f"{folder}/_delta_log/{version:020d}.json", lines.encode())


def protocol(*features: str) -> dict:
    return {
        "protocol": {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": list(features),
            "writerFeatures": list(features),
        }
    }


def deletion_vector(*rows: int) -> dict:
    """Rows of a file that are deleted, inline in the log as the protocol has it."""
    raw = struct.pack("<i", DELETION_VECTOR_MAGIC) + BitMap64(rows).serialize()
    raw += b"\0" * (-len(raw) % 4)
    text = b85encode(raw).decode().translate(Z85)
    return {
        "storageType": "i",
        "pathOrInlineDv": text,
        "sizeInBytes": len(raw),
        "cardinality": len(rows),
    }


class Icebergs:
    """A SQL catalog on SQLite whose tables lie where they are said to."""

    def __init__(self, storage: Storage, scratch: Path) -> None:
        self._storage = storage
        properties = {}
        if isinstance(storage, S3Storage):
            properties = {"s3.endpoint": storage.endpoint or "", "s3.region": storage.region}
        scratch.mkdir(parents=True, exist_ok=True)
        self.catalog = SqlCatalog(
            "lender",
            uri=f"sqlite:///{scratch}/catalog.db",
            warehouse=storage.url("warehouse"),
            **properties,
        )
        self.catalog.create_namespace_if_not_exists("risk")

    def write(self, folder: str, frame: pd.DataFrame, by: Transform | None = None) -> Table:
        """Append rows to a table, or make it, partitioned by a transform of its day."""
        name, rows = f"risk.{folder.replace('/', '_')}", arrow(frame)
        if self.catalog.table_exists(name):
            table = self.catalog.load_table(name)
        else:
            where = self._storage.url(folder)
            table = self.catalog.create_table(name, rows.schema, location=where)
            if by is not None:
                with table.update_spec() as spec:
                    spec.add_field("day", by, "part")
        table.append(rows)
        return table


def delete_rows(table: Table, folder: str, content: DataFileContent, deletes: pa.Table) -> None:
    """Commit a file of deletes to a local table, as Spark and Flink do and PyIceberg does not."""
    path = Path(folder) / "data" / f"deletes-{content.value}.parquet"
    pq.write_table(deletes, path)
    snapshot = table.current_snapshot()
    number, spec = snapshot.sequence_number + 1, table.spec()
    file = DataFile.from_args(
        content=content,
        file_path=f"file://{path}",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=len(deletes),
        file_size_in_bytes=path.stat().st_size,
        equality_ids=[1] if content == DataFileContent.EQUALITY_DELETES else None,
        spec_id=spec.spec_id,
    )
    later, io = snapshot.snapshot_id + 1, table.io
    manifest = io.new_output(f"file://{folder}/metadata/deletes-{content.value}.avro")

    class Deletes(ManifestWriterV2):
        def content(self) -> ManifestContent:
            return ManifestContent.DELETES

    with Deletes(spec, table.schema(), manifest, later, "deflate") as writer:
        entry = ManifestEntry.from_args(
            status=ManifestEntryStatus.ADDED, snapshot_id=later, data_file=file
        )
        writer.add_entry(entry)
    listed = f"file://{folder}/metadata/snap-{later}.avro"
    with write_manifest_list(
        2, io.new_output(listed), later, snapshot.snapshot_id, number, "deflate"
    ) as lists:
        lists.add_manifests([*snapshot.manifests(io), writer.to_manifest_file()])
    added = Snapshot(
        snapshot_id=later,
        parent_snapshot_id=snapshot.snapshot_id,
        sequence_number=number,
        timestamp_ms=snapshot.timestamp_ms + 1,
        manifest_list=listed,
        summary=Summary(Operation.DELETE),
        schema_id=table.schema().schema_id,
    )
    table.catalog.commit_table(
        table,
        (),
        (
            AddSnapshotUpdate(snapshot=added),
            SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=later),
        ),
    )
