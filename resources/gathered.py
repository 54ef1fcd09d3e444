"""What decisions read of a version's many small reports, gathered in one file.

The reports stay where they are, one file a day. A gathered one counts only as long as the listing
shows the report with the tag that it was read with, so the file may be old, lost, or written by
two processes at once: what it lacks is read from the reports.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, TypeVar

import pyarrow as pa

from resources import layout
from resources.storage import StoredFile
from resources.store import Store, arrow_file

LOG = logging.getLogger(__name__)
READERS = 16
UNGATHERED = 8
"""Reports that are read one by one before they are gathered: writing costs more than reading."""
DIGEST_BYTES = 32
REMEMBERED = 8_192
"""Reports that a process keeps in memory, for the days of a run that look back at the same ones."""

T = TypeVar("T")
Report = tuple[pa.Table, dict[str, Any]]
"""Rows of a report and its notes."""


@dataclass(frozen=True, eq=False)
class Gathered(Generic[T]):
    """The reports of a data set, as decisions read them.

    Parameters
    ----------
    dataset
        The data set.
    days
        Most days that are gathered: the newest.
    load
        Reads the rows that are needed of a report, and its notes, from the content of its file.
    parse
        What they become.
    """

    dataset: layout.Dataset
    days: int
    load: Callable[[bytes], Report]
    parse: Callable[[dt.date, Report], T]
    _known: dict[tuple[str, str, str], T] = field(default_factory=dict, init=False, repr=False)

    def read(
        self, store: Store, key: str, files: Mapping[dt.date, StoredFile], *, keep: bool = False
    ) -> dict[dt.date, T]:
        """What the reports of some days become.

        Parameters
        ----------
        files
            Of the reports, in the order of days, from `Store.days`.
        keep
            Whether to gather those that are not: a run of the pipeline does, people who look do
            not.
        """
        if len(self._known) > REMEMBERED:
            self._known.clear()
        names = {day: (store.root, file.path, file.etag) for day, file in files.items()}
        absent = {day: file for day, file in files.items() if names[day] not in self._known}
        reports: dict[dt.date, Report] = {}
        if len(absent) > 1:
            reports = dict(self._gathered(store, key, absent))
        single = [day for day in absent if day not in reports]
        with ThreadPoolExecutor(READERS) as readers:
            read = readers.map(lambda day: self.load(store.storage.read(absent[day].path)), single)
            reports |= zip(single, read, strict=True)
        for day, report in reports.items():
            self._known[names[day]] = self.parse(day, report)
        newest = sorted(absent)[-self.days :]
        # What is in memory already was gathered by the day of this run that read it.
        if keep and len(absent) == len(files) and len({*newest} & {*single}) >= UNGATHERED:
            self._gather(store, key, absent, reports)
        return {day: self._known[name] for day, name in names.items()}

    def _gathered(
        self, store: Store, key: str, files: Mapping[dt.date, StoredFile]
    ) -> Iterator[tuple[dt.date, Report]]:
        """The reports that are gathered and have not changed since."""
        try:
            content = store.storage.read(layout.gathered(self.dataset, key))
        except FileNotFoundError:
            return
        digest, content = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if digest != sha256(content).digest():
            LOG.warning("%s is damaged and is not read", layout.gathered(self.dataset, key))
            return
        table = pa.ipc.open_file(arrow_file(content)).read_all()
        index = json.loads(table.schema.metadata[b"reports"])
        start = 0
        for one in index:
            day, rows = dt.date.fromisoformat(one["date"]), one["rows"]
            if day in files and files[day].etag == one["etag"]:
                yield day, (table.slice(start, rows), one["notes"])
            start += rows

    def _gather(
        self,
        store: Store,
        key: str,
        files: Mapping[dt.date, StoredFile],
        reports: Mapping[dt.date, Report],
    ) -> None:
        """Write down the newest reports that have the columns of the very newest."""
        newest = sorted(reports)[-self.days :]
        schema = reports[newest[-1]][0].schema.remove_metadata()
        alike = [day for day in newest if reports[day][0].schema.remove_metadata() == schema]
        index = [
            {
                "date": day.isoformat(),
                "etag": files[day].etag,
                "rows": reports[day][0].num_rows,
                "notes": reports[day][1],
            }
            for day in alike
        ]
        table = pa.concat_tables(reports[day][0].replace_schema_metadata() for day in alike)
        table = table.combine_chunks().replace_schema_metadata({"reports": json.dumps(index)})
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        content = sink.getvalue().to_pybytes()
        # Arrow would not notice a damaged byte, and a decision would be made of it.
        store.storage.write(layout.gathered(self.dataset, key), sha256(content).digest() + content)
