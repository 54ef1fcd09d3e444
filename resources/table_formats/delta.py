"""Delta Lake tables, read by delta-rs: deletion vectors and column mapping included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from typing_extensions import override

from resources.errors import InputError
from resources.storage import S3Storage
from resources.table_formats.base import Condition, Evidence, VersionedTable

if TYPE_CHECKING:
    import pyarrow as pa

    from resources.storage import Storage

LOG = "_delta_log"


class DeltaVersion(VersionedTable):
    """A version of a Delta Lake table.

    Parameters
    ----------
    storage, folder
        Where it lies.
    read
        Evidence of the version to open; the newest, if None.

    Raises
    ------
    InputError
        If the table needs what is not read, or the version is gone.
    """

    format: ClassVar[str] = "Delta Lake"
    package: ClassVar[str] = "deltalake"

    def __init__(self, storage: Storage, folder: str, read: Evidence | None) -> None:
        import pyarrow as pa
        from deltalake import DeltaTable

        super().__init__(storage.url(folder))
        if "%" in self.url:  # which delta-rs decodes twice
            raise InputError(f"{self.format} table {self.url}: found % in its path; allowed: none")
        # To a URL `a#b` would be the folder `a`.
        scheme, options = "file://", {}
        if isinstance(storage, S3Storage):
            scheme = "s3://"
            options = {"AWS_REGION": storage.region}
            if storage.endpoint:
                options |= {
                    "AWS_ENDPOINT_URL": storage.endpoint,
                    "AWS_ALLOW_HTTP": str(storage.endpoint.startswith("http://")).lower(),
                }
        version = None if read is None else int(read["version"])
        with self._explained(f"{self.format} table {self.url}"):
            uri = scheme + quote(self.url.removeprefix(scheme))
            self._table = DeltaTable(uri, version=version, storage_options=options)
            self._version = self._table.version()
            self.schema = pa.schema(self._table.schema().to_arrow())

    @property
    @override
    def evidence(self) -> Evidence:
        return {"format": self.format, "table": self.url, "version": self._version}

    @override
    def batches(self, conditions: Sequence[Condition]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        predicate = self._predicate(conditions)
        with self._explained(str(self)):
            found = self._table.scan(columns=self.schema.names, predicate=predicate)
            for batch in pa.RecordBatchReader.from_stream(found):
                yield batch.select(self.schema.names).cast(self.schema)

    @override
    def has_rows(self, conditions: Sequence[Condition]) -> bool:
        import pyarrow as pa
        from deltalake import QueryBuilder

        predicate = self._predicate(conditions) or "true"
        with self._explained(str(self)):
            query = QueryBuilder().register("rows", self._table)
            found = query.execute(f"SELECT 1 FROM rows WHERE {predicate} LIMIT 1")
            return any(batch.num_rows for batch in pa.RecordBatchReader.from_stream(found))

    @override
    def files(self, conditions: Sequence[Condition]) -> list[str]:
        predicate = self._predicate(conditions)
        with self._explained(str(self)):
            found = sorted(self._table.file_uris(file_pruning_predicate=predicate))
            # Rows are deleted without another file name.
            marks = "deletionVectors" in (self._table.protocol().reader_features or ())
        return [*found, f"version {self._version}"] if marks else found

    def _predicate(self, conditions: Sequence[Condition]) -> str | None:
        """The conditions as SQL, None without any."""
        parts = [
            '"{}" {} {}'.format(column.replace('"', '""'), operator, _literal(value))
            for column, operator, value in self.comparisons(conditions)
        ]
        return " AND ".join(parts) or None

    @contextmanager
    def _explained(self, where: str) -> Iterator[None]:
        """Faults of the table as words; a network's may pass, and stay what they are."""
        import pyarrow as pa
        from deltalake.exceptions import DeltaError

        try:
            yield
        except DeltaError as error:
            raise InputError(
                f"{where}: {error}; allowed: a version that is whole and needs no other reader "
                "features than deletionVectors, columnMapping, timestampNtz and v2Checkpoint"
            ) from error
        except pa.ArrowException as error:
            if "not found" in str(error).lower():
                raise InputError(
                    f"{where}: a file of this version is gone, as after VACUUM; run the day again, "
                    "which reads the newest version"
                ) from None
            # Its own text may show the value of a row.
            raise OSError(f"{where}: {type(error).__name__} while reading rows") from None


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
