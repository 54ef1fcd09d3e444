"""Delta Lake and Iceberg tables that tests write to, as other engines write them."""

from __future__ import annotations

import json
import struct
from base64 import b85encode
from pathlib import Path

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyroaring import BitMap64

from resources.storage import S3Storage, Storage

Z85 = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
)
DELETION_VECTOR_MAGIC = 1681511377


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
    write_deltalake(storage.url(folder), arrow(frame), storage_options=where, **mode)
    return DeltaTable(storage.url(folder), storage_options=where)


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

    def write(self, folder: str, frame: pd.DataFrame, **options) -> Table:
        """Append rows to a table, or make it."""
        name, rows = f"risk.{folder.replace('/', '_')}", arrow(frame)
        if self.catalog.table_exists(name):
            table = self.catalog.load_table(name)
        else:
            table = self.catalog.create_table(
                name, rows.schema, location=self._storage.url(folder), **options
            )
        table.append(rows)
        return table
