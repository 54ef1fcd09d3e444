"""The store: everything this project computes, as Parquet that other tools read too.

Each data set is Hive-partitioned (`resources.layout`), with one file a partition, so that
replacing the file replaces the partition in one step.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dagster import ConfigurableResource, InitResourceContext
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import override

from resources import layout
from resources.errors import InputError
from resources.layout import Dataset
from resources.manifest import Manifest, is_revisable
from resources.storage import Storage, StoredFile, open_storage

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
# Key of a Parquet file's own metadata under which what is not a row is kept, as JSON.
NOTES = b"monitoring"
WRITERS = 16
ROWS: Mapping[Dataset, Dataset] = {"features_profile": "features", "scores_profile": "scores"}
"""The rows that a profile counts."""
LOG = logging.getLogger(__name__)


def arrow_file(content: bytes) -> pa.NativeFile:
    """A file of Arrow's for what was read, in memory of Arrow's own.

    One of Arrow's threads may let go of a file after the interpreter has begun to end. If the
    memory is Python's, that aborts a process that has done its work.
    """
    import pyarrow as pa

    buffer = pa.allocate_buffer(len(content))
    memoryview(buffer).cast("B")[:] = content
    return pa.BufferReader(buffer)  # noqa: TID251


class NotMaterialisedError(InputError):
    """A partition that is needed has not been made."""


class ReplacedError(NotMaterialisedError):
    """A profile is absent, and its rows are there: a run replaces both, or was killed meanwhile."""


class Landed(BaseModel):
    """A version as it is monitored: what was accepted, and when and where from.

    ``digests`` are the SHA-256 of the files that the manifest names without saying theirs, by
    field: they are the version as much as the manifest is.
    """

    model_config = ConfigDict(frozen=True)

    manifest: Manifest
    folder: str
    landed_at: dt.datetime
    digests: dict[str, str] = {}

    @property
    def fingerprint(self) -> str:
        """A text that changes with anything that was accepted."""
        parts = [self.manifest.sha256, *sorted(self.digests.values())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def refused_changes(self, manifest: Manifest, digests: Mapping[str, str]) -> list[str]:
        """Fields of a later manifest, and files, that must not be taken over; empty if all may.

        `retired_at` ends a version's life and is always taken. What only says how the version is
        watched is taken with a higher `revision`. All else makes a new version.
        """
        changed = set(manifest.changes_from(self.manifest)) - {"retired_at"}
        if manifest.revision > self.manifest.revision:
            changed = {c for c in changed - {"revision"} if not is_revisable(c)}
        files = {name for name in digests if digests[name] != self.digests.get(name)}
        return sorted(changed | files)

    @property
    def why_unprofiled(self) -> str:
        """Why the version has no reference profile, if it has none."""
        if not self.is_retired:
            return "has no reference profile yet: see the runs of onboard_model"
        return (
            f"was retired on {self.manifest.retired_at}, before it had a reference profile, so its "
            "days cannot be computed; to compute them, take retired_at out of model.yaml, onboard "
            "the version, and put it back"
        )

    @property
    def is_retired(self) -> bool:
        """Whether the version is no longer in production today."""
        return self.manifest.is_retired(dt.datetime.now(dt.UTC).date())

    def verify(self, field: str, found: str, url: str) -> None:
        """Refuse a file that is not the one that was accepted.

        Raises
        ------
        InputError
            If its SHA-256, ``found``, is another one.
        """
        if found != self.digests.get(field):
            raise InputError(
                f"{url} ({field}) has changed after the version landed: put the old file back, or "
                "publish the new one as a new version"
            )


class Store(ConfigurableResource):
    """Profiles, reports and the data they came from."""

    root: str = Field(description="Local folder or s3://bucket/prefix that this project owns.")
    # By path: what a version has once. None outside of runs and ticks, which end.
    _known: dict[str, Any] | None = PrivateAttr(default=None)

    @override
    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Read manifests and references once a run: its steps are of one version as it was."""
        self._known = {}

    @property
    def is_in_run(self) -> bool:
        """Whether this is the store of a run or a tick, not of a person who looks."""
        return self._known is not None

    @property
    def storage(self) -> Storage:
        """The store's files."""
        return open_storage(self.root)

    def url(self, dataset: Dataset, key: str, day: dt.date | None = None) -> str:
        """Name of a partition's file for people."""
        return self.storage.url(layout.partition(dataset, key, day))

    def fetched(
        self, dataset: Dataset, key: str, day: dt.date | None = None
    ) -> AbstractContextManager[Path]:
        """A partition's file on local disk while the block runs, as `Storage.fetched` has it."""
        return self.storage.fetched(layout.partition(dataset, key, day))

    def writing(
        self, dataset: Dataset, key: str, day: dt.date | None = None
    ) -> AbstractContextManager[Path]:
        """A local file that becomes the partition's, as `Storage.writing` has it."""
        path = layout.partition(dataset, key, day)
        self._forget(path)
        return self.storage.writing(path)

    def parts(self, dataset: Dataset, key: str, day: dt.date) -> list[str]:
        """Paths of a day's rows, in order: the partition's file, or what several machines wrote.

        Raises
        ------
        NotMaterialisedError
            If the day is not there.
        """
        path = layout.partition(dataset, key, day)
        found = list(self.storage.list(layout.parts(dataset, key, day)))
        if not found:
            raise NotMaterialisedError(_absent(dataset, key, day, self.storage.url(path)))
        return [path] if path in found else found

    def locations(self, dataset: Dataset, key: str, day: dt.date) -> list[str]:
        """Names of the files of a day's rows for the storage's file system.

        Raises
        ------
        NotMaterialisedError
            If the day is not there.
        """
        return [self.storage.location(path) for path in self.parts(dataset, key, day)]

    def keep_only(self, dataset: Dataset, key: str, day: dt.date, parts: int | None = None) -> None:
        """Delete what else an earlier run wrote of a day's rows.

        Parameters
        ----------
        parts
            How many there are now; None if the partition is one file.
        """
        kept = {layout.partition(dataset, key, day)}
        if parts is not None:
            kept = {layout.part(dataset, key, day, number) for number in range(parts)}
        for path in self.storage.list(layout.parts(dataset, key, day)):
            if path not in kept:
                self.storage.delete(path)

    @contextmanager
    def fetched_rows(self, dataset: Dataset, key: str, day: dt.date) -> Iterator[list[Path]]:
        """The files of a day's rows on local disk while the block runs.

        Raises
        ------
        NotMaterialisedError
            If the day is not there.
        """
        with ExitStack() as fetched:
            paths = self.parts(dataset, key, day)
            yield [fetched.enter_context(self.storage.fetched(path)) for path in paths]

    def has(self, dataset: Dataset, key: str, day: dt.date | None = None) -> bool:
        """Whether a partition is there."""
        return self.storage.exists(layout.partition(dataset, key, day))

    def remove(self, dataset: Dataset, key: str, day: dt.date) -> None:
        """Delete a partition, so that it is not read while what it came from is replaced."""
        self.storage.delete(layout.partition(dataset, key, day))

    def write_table(
        self,
        dataset: Dataset,
        key: str,
        day: dt.date | None,
        table: pa.Table,
        notes: Mapping[str, Any],
        *,
        evidence: str | None = None,
    ) -> None:
        """Replace a partition by a small table.

        Parameters
        ----------
        notes
            JSON values that are kept beside the rows.
        evidence
            A name under which this revision is also kept for good, below ``evidence/``.
        """
        import pyarrow.parquet as pq

        table = table.replace_schema_metadata({NOTES: json.dumps(notes)})
        with self.writing(dataset, key, day) as local:
            pq.write_table(table, local, compression="zstd", write_page_checksum=True)
            if evidence is not None:
                kept = layout.evidence(dataset, key, day, evidence)
                self.storage.write(kept, local.read_bytes())

    def write_report(
        self,
        dataset: Dataset,
        key: str,
        day: dt.date,
        table: pa.Table,
        manifest: Manifest,
        run_id: str,
        code_version: str,
        notes: Mapping[str, Any],
    ) -> None:
        """Replace a day's report, kept for good with what it was made by.

        Parameters
        ----------
        manifest
            In force.
        run_id
            The run that made it; the revision is kept under its name.
        code_version
            Of the asset.
        notes
            What else was in force, as JSON values.
        """
        made = {
            "date": day.isoformat(),
            "model": key,
            "manifest_sha256": manifest.sha256,
            "code_version": code_version,
            "run_id": run_id,
        }
        self.write_table(dataset, key, day, table, made | dict(notes), evidence=run_id)

    def read_table(
        self, dataset: Dataset, key: str, day: dt.date | None = None
    ) -> tuple[pa.Table, dict[str, Any]]:
        """A small table and its notes.

        Raises
        ------
        NotMaterialisedError
            If the partition is not there.
        ReplacedError
            If it will be, unless the run that replaces it was killed.
        """
        path = layout.partition(dataset, key, day)
        try:
            return self.read_path(path) if day else self._once(path, read_content)
        except FileNotFoundError:
            text = _absent(dataset, key, day, self.storage.url(path))
            rows = ROWS.get(dataset)
            if rows and day and self.storage.list(layout.parts(rows, key, day)):
                why = f"another run replaces {rows}, or was killed while it did: make {rows} again"
                raise ReplacedError(f"{text}; {why}") from None
            raise NotMaterialisedError(text) from None

    def find_table(self, dataset: Dataset, key: str, day: dt.date) -> pa.Table | None:
        """The table of a partition; None where there is none."""
        try:
            return self.read_table(dataset, key, day)[0]
        except NotMaterialisedError:
            return None

    def read_path(self, path: str) -> tuple[pa.Table, dict[str, Any]]:
        """A small table and its notes, by the path of its file.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """
        return read_content(self.storage.read(path))

    def days(
        self,
        dataset: Dataset,
        key: str,
        since: dt.date | None = None,
        until: dt.date = dt.date.max,
    ) -> dict[dt.date, StoredFile]:
        """Files of a version's materialised days, in order, from one listing.

        Parameters
        ----------
        since, until
            First and last day; all by default.
        """
        folder = layout.partitions(dataset, key)
        files = self.storage.list(folder, after=f"{folder}/date={since}" if since else "")
        days = {layout.partition_day(path): file for path, file in files.items()}
        return {day: file for day, file in days.items() if day <= until}

    def profiled_keys(self) -> set[str]:
        """Keys of the versions that have a reference profile, from one listing."""
        return set(map(layout.partition_key, self.storage.list("reference_profile")))

    def landed(self, key: str) -> Landed:
        """The accepted manifest of a version.

        Raises
        ------
        NotMaterialisedError
            If no version of that key has landed.
        """
        path = layout.manifest(key)
        try:
            return self._once(path, Landed.model_validate_json)
        except FileNotFoundError:
            raise NotMaterialisedError(
                f"no model version {key!r} has landed: {self.storage.url(path)} is not there; "
                "the registry sensor writes it when the version is complete and valid"
            ) from None

    def all_landed(self) -> dict[str, Landed]:
        """Every version that has landed, by key: from one object, whatever their number."""
        return dict(self._all_landed()[0])

    def unreadable_keys(self) -> set[str]:
        """Keys of versions that have landed and that `all_landed` leaves out."""
        return set(self._all_landed()[1])

    def _all_landed(self) -> tuple[Mapping[str, Landed], frozenset[str]]:
        try:
            return _all_landed(self.storage.read(layout.ALL_MANIFESTS))
        except FileNotFoundError:
            return {}, frozenset()

    def land(self, landed: Mapping[str, Landed], changed: set[str]) -> None:
        """Record versions as monitored.

        Parameters
        ----------
        landed
            All of them, by key.
        changed
            Keys of those that are new or have changed; each of their manifests is kept for good
            under its hash, as evidence of what was in force.
        """
        storage = self.storage

        def record(key: str) -> None:
            content = landed[key].model_dump_json(indent=2).encode()
            storage.write(layout.manifest_revision(key, landed[key].manifest.sha256), content)
            storage.write(layout.manifest(key), content)
            self._forget(layout.manifest(key))

        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(record, sorted(changed)))
        if changed:
            # Last: it is what a sensor reads, and it makes up for a kill before this line.
            content_all = {key: item.model_dump(mode="json") for key, item in landed.items()}
            self.storage.write(layout.ALL_MANIFESTS, json.dumps(content_all).encode())

    def _once(self, path: str, parse: Callable[[bytes], T]) -> T:
        """Read a file, or what it was when this run first read it."""
        if self._known is None:
            return parse(self.storage.read(path))
        if path not in self._known:
            self._known[path] = parse(self.storage.read(path))
        found: T = self._known[path]
        return found

    def _forget(self, path: str) -> None:
        if self._known is not None:
            self._known.pop(path, None)


def every_column(path: str) -> bool:
    """Want every leaf column of a small table."""
    return True


def read_content(
    content: bytes, is_wanted: Callable[[str], bool] = every_column
) -> tuple[pa.Table, dict[str, Any]]:
    """A small table and its notes, from the content of its file.

    Parameters
    ----------
    is_wanted
        Which leaf columns, by their dotted path.
    """
    import pyarrow.parquet as pq

    # A third of the time of `read_table`, which is made for folders of large files.
    file = pq.ParquetFile(arrow_file(content), page_checksum_verification=True)
    leaves = (file.schema.column(at).path for at in range(len(file.schema)))
    columns = None if is_wanted is every_column else [leaf for leaf in leaves if is_wanted(leaf)]
    table = file.read(columns, use_threads=False)
    return table, json.loads((table.schema.metadata or {}).get(NOTES, b"{}"))


@lru_cache(maxsize=2)
def _all_landed(content: bytes) -> tuple[Mapping[str, Landed], frozenset[str]]:
    """Parse what `Store.land` wrote: for sensors that read the same thing at every tick."""
    landed, unreadable = {}, set()
    for key, item in json.loads(content).items():
        try:
            landed[key] = Landed.model_validate(item)
        except Exception as error:  # one version must not stop the others
            LOG.warning(
                "%s: %s cannot be read and is left out: %s", layout.ALL_MANIFESTS, key, error
            )
            unreadable.add(key)
    return landed, frozenset(unreadable)


def _absent(dataset: str, key: str, day: dt.date | None, url: str) -> str:
    partition = f"{day}|{key}" if day else key
    return f"{dataset} of {partition} is not materialised: {url} is not there"
