"""Iceberg tables by their metadata files, read by PyIceberg: row-level deletes included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from resources.errors import InputError
from resources.storage import S3Storage
from resources.table_formats.base import Condition, Evidence, VersionedTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import DataScan

    from resources.storage import Storage

METADATA = "metadata"
# 00004-<uuid>.metadata.json of catalogs, v4.metadata.json of Hadoop tables.
_NUMBERED = re.compile(r"v?(\d+)(?:-[^/]*?)?(?:\.gz)?\.metadata\.json(?:\.gz)?")


def metadata_numbers(paths: Iterable[str]) -> dict[str, int]:
    """Numbers of the metadata files among paths below a table's folder.

    Examples
    --------
    >>> metadata_numbers(["metadata/00004-5f.metadata.json", "metadata/v5.gz.metadata.json"])
    {'00004-5f.metadata.json': 4, 'v5.gz.metadata.json': 5}
    """
    names = (path.removeprefix(f"{METADATA}/") for path in paths if path.startswith(METADATA))
    return {name: int(found[1]) for name in names if (found := _NUMBERED.fullmatch(name))}


class IcebergVersion(VersionedTable):
    """An Iceberg table as one of its metadata files has it.

    Parameters
    ----------
    storage, folder
        Where it lies.
    read
        Evidence of the metadata file to open; that of the highest number, if None.

    Raises
    ------
    InputError
        If two files have the highest number, or the table needs what is not read.
    """

    format: ClassVar[str] = "Iceberg"
    package: ClassVar[str] = "pyiceberg"

    def __init__(self, storage: Storage, folder: str, read: Evidence | None) -> None:
        import pyarrow as pa
        from pyiceberg.table import StaticTable

        super().__init__(storage.url(folder))
        self._metadata = str(read["metadata"]) if read else self._newest(storage, folder)
        properties = {}
        if isinstance(storage, S3Storage):
            properties = {"s3.region": storage.region}
            if storage.endpoint:
                properties["s3.endpoint"] = storage.endpoint
        with self._explained(f"{self.format} table {self.url}, {self._metadata}"):
            self._table = StaticTable.from_metadata(
                f"{self.url}/{METADATA}/{self._metadata}", properties
            )
            found = self._table.schema().as_arrow()
        self.schema = pa.schema([(field.name, field.type) for field in found])

    def _newest(self, storage: Storage, folder: str) -> str:
        listed = storage.list(f"{folder}/{METADATA}")
        numbers = metadata_numbers(path.removeprefix(f"{folder}/") for path in listed)
        newest = sorted(name for name in numbers if numbers[name] == max(numbers.values()))
        if len(newest) > 1:
            raise InputError(
                f"{self.format} table {self.url}: {' and '.join(newest)} both have the highest "
                "number, as after a commit that failed; remove the one that its catalog does not "
                "name"
            )
        return newest[0]

    @property
    @override
    def evidence(self) -> Evidence:
        found: Evidence = {"format": self.format, "table": self.url}
        snapshot = self._table.current_snapshot()
        if snapshot is not None:
            # As text: of 63 bits, and JavaScript rounds numbers to 53.
            found["snapshot"] = str(snapshot.snapshot_id)
        return found | {"metadata": self._metadata}

    @override
    def batches(self, conditions: Sequence[Condition]) -> Iterator[pa.RecordBatch]:
        scan = self._scan(conditions)
        with self._explained(str(self)):
            for batch in scan.to_arrow_batch_reader():
                yield batch.select(self.schema.names).cast(self.schema)

    @override
    def has_rows(self, conditions: Sequence[Condition]) -> bool:
        from pyiceberg.expressions import AlwaysTrue

        scan = self._scan(conditions)
        with self._explained(str(self)):
            tasks = list(scan.plan_files())
            if any(
                task.residual == AlwaysTrue() and not task.delete_files and task.file.record_count
                for task in tasks
            ):
                return True
            if not tasks:
                return False
            columns = tuple({one.column: None for one in conditions} or self.schema.names)
            one_row = scan.update(selected_fields=columns, limit=1)
            return any(batch.num_rows for batch in one_row.to_arrow_batch_reader())

    @override
    def files(self, conditions: Sequence[Condition]) -> list[str]:
        scan = self._scan(conditions)
        with self._explained(str(self)):
            return sorted(
                " ".join([task.file.file_path, *sorted(one.file_path for one in task.delete_files)])
                for task in scan.plan_files()
            )

    def _scan(self, conditions: Sequence[Condition]) -> DataScan:
        from pyiceberg.expressions import (
            AlwaysTrue,
            And,
            BooleanExpression,
            EqualTo,
            GreaterThanOrEqual,
            LessThan,
        )

        kinds = {"=": EqualTo, ">=": GreaterThanOrEqual, "<": LessThan}
        wanted: BooleanExpression = AlwaysTrue()
        for column, operator, value in self.comparisons(conditions):
            wanted = And(wanted, kinds[operator](column, value))
        return self._table.scan(row_filter=wanted)

    @contextmanager
    def _explained(self, where: str) -> Iterator[None]:
        """Faults of the table as words; a network's may pass, and stay what they are."""
        import pyarrow as pa
        from pyiceberg.exceptions import NoSuchTableError, ValidationError

        try:
            yield
        except FileNotFoundError as error:
            raise InputError(
                f"{where}: a file of this snapshot is gone, as after its expiry ({error}); run the "
                "day again, which reads the newest"
            ) from error
        except pa.ArrowException as error:
            # Its own text may show the value of a row.
            raise OSError(f"{where}: {type(error).__name__} while reading rows") from None
        except (NotImplementedError, ValueError, NoSuchTableError, ValidationError) as error:
            # Of pydantic's, not where its documentation is.
            why = " ".join(str(error).partition("\n    For further")[0].split())
            raise InputError(
                f"{where}: {why}; allowed: tables of format version 1 to 3 without equality "
                "deletes, such as after a rewrite of the data files"
            ) from error
