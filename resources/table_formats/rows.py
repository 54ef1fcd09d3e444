"""Rows of a version of a table, in place of the files of a day."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from typing_extensions import override

from resources.errors import InputError
from resources.file_formats import of_one_format
from resources.row_groups import row_groups, row_writer
from resources.storage import Copies, DayFiles, Warehouse
from resources.table_formats.base import Condition, Evidence, VersionedTable
from resources.table_formats.delta import LOG, DeltaVersion
from resources.table_formats.iceberg import METADATA, IcebergVersion, metadata_numbers
from resources.table_formats.postgres import PostgresTable
from resources.table_formats.snowflake import SnowflakeTable
from resources.table_formats.warehouse import WarehouseTable, kind_of_server

if TYPE_CHECKING:
    from resources.storage import Storage


@dataclass(frozen=True)
class TableRows(DayFiles):
    """The rows of a table that meet all conditions; its folder is the one path.

    Parameters
    ----------
    table
        The version that is read.
    conditions
        None for all rows.
    """

    table: VersionedTable
    conditions: tuple[Condition, ...] = ()

    @property
    @override
    def evidence(self) -> Evidence:
        return self.table.evidence

    def of_day(self, column: str, day: dt.date) -> TableRows:
        """Those of them that a column says to be of a day."""
        return replace(self, conditions=(*self.conditions, Condition(column, day.isoformat())))

    def at(self, conditions: tuple[Condition, ...]) -> TableRows:
        """The rows of the same version that meet other conditions."""
        return replace(self, conditions=conditions)

    def has_rows(self) -> bool:
        """Whether there is one."""
        return self.table.has_rows(self.conditions)

    @property
    def state(self) -> str:
        """A text that changes if they may have changed."""
        files = self.table.files(self.conditions)
        return hashlib.sha256("\n".join(files).encode()).hexdigest()

    @contextmanager
    def as_parquet(self) -> Iterator[DayFiles]:
        """A file of the rows, which lasts as long as the block."""
        with tempfile.TemporaryDirectory(prefix="monitoring-table-") as folder:
            # Under the table's own path, so that errors name that.
            copies = DayFiles(Copies(folder, self.storage), self.paths)
            local = Path(copies.locations[0]) if self.paths[0] else Path(folder) / "rows"
            local.parent.mkdir(parents=True, exist_ok=True)
            with row_writer(local, self.table.schema) as writer:
                batches = self.table.batches(self.conditions)
                for group in row_groups(batch for batch in batches if batch.num_rows):
                    writer.write_table(group)
            yield copies


def table_at(storage: Storage, path: str, read: Evidence | None = None) -> TableRows | None:
    """The rows of a table that a path says, None if it leads to no table.

    Parameters
    ----------
    storage, path
        A table's folder, or below it ``column=value`` as in the folders of partitions: the rows
        that have the value, whether the table is partitioned by it or not.
    read
        Evidence of a version that was read. If it is of this table, the same one is opened.

    Raises
    ------
    InputError
        If the table cannot be read, or its package is not installed.
    NotArrivedError
        If a warehouse has no such table.
    """
    if isinstance(storage, Warehouse):
        name = path.partition("/")[0]
        conditions = conditions_of(path, name)
        return TableRows(storage, (name,), _open_in_warehouse(storage, name), conditions)
    if of_one_format([path]) or any(sign in path for sign in "*?["):
        return None
    folder = path.strip("/")
    while folder:
        table = _open(storage, folder, read)
        if table is not None:
            return TableRows(storage, (folder,), table, conditions_of(path, folder))
        folder, _, last = folder.rpartition("/")
        if "=" not in last:
            return None
    return None


def conditions_of(path: str, folder: str) -> tuple[Condition, ...]:
    """What a path says below the folder of a table.

    Examples
    --------
    >>> conditions_of("loans/region=north/day=2026-09-01/", "loans")[1]
    Condition(column='day', value='2026-09-01')
    """
    below = path.strip("/").removeprefix(folder).strip("/")
    pairs = (name.partition("=") for name in below.split("/") if name)
    return tuple(Condition(unquote(column), unquote(value)) for column, _, value in pairs)


def holds_table(paths: Iterable[str], folder: str) -> bool:
    """Whether some of these files make a folder a table of versions."""
    return _kind(paths, folder) is not None


def sha256_of_table(table: VersionedTable) -> str:
    """A hash of which version it is, in place of that of a file."""
    return hashlib.sha256(json.dumps(table.evidence, sort_keys=True).encode()).hexdigest()


def _kind(paths: Iterable[str], folder: str) -> type[DeltaVersion] | type[IcebergVersion] | None:
    below = [path.removeprefix(f"{folder}/") for path in paths if path.startswith(f"{folder}/")]
    if any(path.startswith(f"{LOG}/") for path in below):
        return DeltaVersion
    return IcebergVersion if metadata_numbers(below) else None


def _open(storage: Storage, folder: str, read: Evidence | None) -> VersionedTable | None:
    listed = [path for name in (LOG, METADATA) for path in storage.list(f"{folder}/{name}")]
    kind = _kind(listed, folder)
    if kind is None:
        return None
    same = read is not None and read["table"] == storage.url(folder)
    with _installed(kind, storage.url(folder)):
        return kind(storage, folder, read if same else None)


def _open_in_warehouse(warehouse: Warehouse, name: str) -> WarehouseTable:
    kind = kind_of_server(warehouse, (PostgresTable, SnowflakeTable))
    with _installed(kind, warehouse.url(name)):
        return kind(warehouse, name)


@contextmanager
def _installed(kind: type[VersionedTable], url: str) -> Iterator[None]:
    """Say what to install where the package of a kind of table is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(
            f"{url}: a {kind.format} table needs the package {kind.package}, which is not "
            f"installed: pip install {kind.package}"
        ) from error
