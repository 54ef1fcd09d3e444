"""A version's reports of many days, gathered in one Parquet file a quarter.

The reports stay where they are, one file a day. A gathered one counts only as long as the listing
shows the report with the tag that it was read with, so the file may be old, lost, or written by
two processes at once: what it lacks is read from the reports.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from resources import layout
from resources.storage import StoredFile
from resources.store import Store, arrow_file, every_column, read_content

LOG = logging.getLogger(__name__)
READERS = 16
UNGATHERED = 8
"""Reports of a quarter that are read one by one before they are gathered: writing costs more."""
REMEMBERED = 8_192
"""Reports that a process keeps in memory, for the days of a run that look back at the same ones."""
DATE, NOTES = "date", "notes"
"""Columns that a gathered file has beside the reports': each row's day, and the notes of a report
as JSON in its first row."""
INDEX, DIGEST = b"reports", b"digest"
"""Keys of a gathered file's metadata: its reports as JSON, and the SHA-256 of the file."""
MARK = b"gathered-sha256:"
UNKNOWN = b"-" * 64
"""What stands in the place of the SHA-256 while it is computed."""

T = TypeVar("T")
Report = tuple[pa.Table, dict[str, Any]]
"""Rows of a report and its notes."""
Files = Mapping[dt.date, StoredFile]
"""Files of reports by day, in order, from `Store.days`."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A report that a gathered file knows: its next ``rows`` rows.

    0 if it has none, or other columns than the newest of its quarter, as of an earlier release: it
    is read by itself, and is no reason to write the file again.
    """

    date: str
    etag: str
    rows: int

    @property
    def day(self) -> dt.date:
        return dt.date.fromisoformat(self.date)


@dataclass(frozen=True, eq=False)
class Gathered(Generic[T]):
    """The reports of a data set, as one of their readers takes them.

    Parameters
    ----------
    dataset
        The data set.
    parse
        What a report becomes.
    is_wanted
        Which leaf columns are needed of a report, by their dotted path; all without it.
    """

    dataset: layout.Dataset
    parse: Callable[[dt.date, Report], T]
    is_wanted: Callable[[str], bool] = every_column
    _known: dict[tuple[str, str, str], T] = field(default_factory=dict, init=False, repr=False)

    def read(self, store: Store, key: str, files: Files) -> dict[dt.date, T]:
        """What the reports of some days become.

        A run gathers those that are not; people who look write nothing.
        """
        if len(self._known) > REMEMBERED:
            self._known.clear()
        names = {day: (store.root, file.path, file.etag) for day, file in files.items()}
        for quarter, of_quarter in _by_quarter(files).items():
            absent = {
                day: file for day, file in of_quarter.items() if names[day] not in self._known
            }
            path = layout.gathered(self.dataset, key, quarter)
            # What is in memory already was gathered by the day of this run that read it.
            may_gather = store.is_in_run and len(absent) == len(of_quarter)
            for day, report in self._read(store, path, absent, may_gather=may_gather):
                self._known[names[day]] = self.parse(day, report)
        return {day: self._known[name] for day, name in names.items()}

    def _read(
        self, store: Store, path: str, files: Files, *, may_gather: bool
    ) -> Iterator[tuple[dt.date, Report]]:
        """The reports of a quarter: those that are gathered in a file, and each of the others."""
        entries, content = _open(store, path) if len(files) > 1 else ([], b"")
        known = {one.day for one in entries if one.day in files and files[one.day].etag == one.etag}
        slices = _slices(entries, content, self.is_wanted) if known else ()
        found = {day: report for day, report in slices if day in known}
        yield from found.items()
        single = {day: file for day, file in files.items() if day not in found}
        contents = _contents(store, single)
        for day, one in contents.items():
            yield day, read_content(one, self.is_wanted)
        if may_gather and len(single.keys() - known) >= UNGATHERED:
            # The other days of the quarter stay as they are.
            tags = {one.day: one.etag for one in entries}
            reports = dict(_slices(entries, content))
            tags |= {day: file.etag for day, file in single.items()}
            reports |= {day: read_content(one) for day, one in contents.items()}
            _write(store, path, tags, reports)


def gather(store: Store, dataset: layout.Dataset, key: str) -> Iterator[tuple[str, bool]]:
    """Gather all reports of a version.

    Yields
    ------
    The path of each quarter's file, in order, and whether it had to be written.
    """
    for quarter, files in _by_quarter(store.days(dataset, key)).items():
        path = layout.gathered(dataset, key, quarter)
        tags = {day: file.etag for day, file in files.items()}
        is_old = {one.day: one.etag for one in _open(store, path)[0]} != tags
        if is_old:
            contents = _contents(store, files)
            _write(store, path, tags, {day: read_content(one) for day, one in contents.items()})
        yield path, is_old


def _by_quarter(files: Files) -> dict[str, dict[dt.date, StoredFile]]:
    found: dict[str, dict[dt.date, StoredFile]] = {}
    for day, file in files.items():
        found.setdefault(f"{day.year}-Q{(day.month + 2) // 3}", {})[day] = file
    return found


def _contents(store: Store, files: Files) -> dict[dt.date, bytes]:
    with ThreadPoolExecutor(READERS) as readers:
        read = readers.map(lambda file: store.storage.read(file.path), files.values())
        return dict(zip(files, read, strict=True))


def _open(store: Store, path: str) -> tuple[list[_Entry], bytes]:
    """What a gathered file holds, and its content; nothing if it is absent or damaged."""
    try:
        content = store.storage.read(path)
    except FileNotFoundError:
        return [], b""
    # Parquet has checksums of its pages, and none of its footer.
    before, mark, rest = content.rpartition(MARK)
    digest, after = rest[: len(UNKNOWN)], rest[len(UNKNOWN) :]
    if digest != _digest(before + mark + UNKNOWN + after):
        LOG.warning("%s is damaged and is not read", path)
        return [], b""
    index = pq.ParquetFile(arrow_file(content)).metadata.metadata[INDEX]
    return [_Entry(**one) for one in json.loads(index)], content


def _slices(
    entries: Sequence[_Entry], content: bytes, is_wanted: Callable[[str], bool] = every_column
) -> Iterator[tuple[dt.date, Report]]:
    """Every report of a gathered file that has rows there."""
    if not entries:
        return
    table, _ = read_content(
        content, lambda leaf: leaf == NOTES or (leaf != DATE and is_wanted(leaf))
    )
    notes, table = table[NOTES].drop_null(), table.drop_columns(NOTES)
    start = 0
    with_rows = (one for one in entries if one.rows)
    for one, of_report in zip(with_rows, notes.to_pylist(), strict=True):
        yield one.day, (table.slice(start, one.rows), json.loads(of_report))
        start += one.rows


def _write(
    store: Store,
    path: str,
    tags: Mapping[dt.date, str],
    reports: Mapping[dt.date, Report],
) -> None:
    """Replace a gathered file by the reports that have rows, and the columns of the newest."""
    plain = {day: reports[day][0].replace_schema_metadata() for day in sorted(reports)}
    newest = plain[max(plain)].schema
    alike = {day: table for day, table in plain.items() if len(table) and table.schema == newest}
    if not alike:
        return
    entries = [_Entry(str(day), tags[day], len(alike.get(day, ()))) for day in plain]
    table = pa.concat_tables(
        table.add_column(0, DATE, pa.array([day] * len(table), pa.date32())).append_column(
            NOTES, pa.array([json.dumps(reports[day][1])] + [None] * (len(table) - 1), pa.string())
        )
        for day, table in alike.items()
    )
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        index = json.dumps([asdict(one) for one in entries])
        writer.add_key_value_metadata({INDEX: index, DIGEST: MARK + UNKNOWN})
    content = sink.getvalue().to_pybytes()
    digest = _digest(content)
    before, mark, rest = content.rpartition(MARK)
    store.storage.write(path, before + mark + digest + rest[len(UNKNOWN) :])


def _digest(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode()
