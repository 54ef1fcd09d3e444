"""The lake: where production leaves a day's batch, and where finished scores may lie."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile

from dagster import ConfigurableResource
from pydantic import Field
from typing_extensions import override

from resources.date_column import has_rows_of
from resources.errors import InputError, NotArrivedError
from resources.fields import DATE_FIELD
from resources.file_formats import FORMATS, of_one_format
from resources.manifest import Manifest
from resources.storage import (
    DayFiles,
    S3Storage,
    Storage,
    StoredFile,
    Warehouse,
    open_path,
    open_storage,
)
from resources.table_files import belongs, refuse_table_formats
from resources.table_formats.base import Evidence
from resources.table_formats.rows import TableRows, conditions_of, holds_table, table_at

DIGITS = {"%Y": r"\d{4}", "%y": r"\d\d", "%m": r"\d\d", "%d": r"\d\d", "%j": r"\d{3}"}
ISO = "%Y-%m-%d"
# Folders at the end of a path that each say what a column holds.
VALUES_BELOW = re.compile("(/[^/=]+=[^/]*)+/?$")
SHOWN_NAMES = 3
GLOB = re.compile(r"[*?[]")


class Lake(ConfigurableResource):
    """The files that production writes; nothing here writes to it."""

    root: str = Field(description="Local folder or s3://bucket/prefix that batch paths start from.")

    def day_files(
        self, pattern: str, day: dt.date, marker: str | None = None, read: Evidence | None = None
    ) -> DayFiles:
        """Find the files of a day, or its rows in a Delta Lake or Iceberg table.

        Parameters
        ----------
        pattern
            A file, a folder (of which the files of one format are taken that lie directly in it) or
            a glob, with ``{date}`` for the day as YYYY-MM-DD, or ``{date:%Y/%m/%d}`` for another
            form. ``*`` stays within one folder; ``[[]`` is a bracket. Of a table of versions it is
            the folder, or ``<folder>/<column>={date}``.
        marker
            Name of a file that must lie in the folder of the batch.
        read
            Evidence of a version of a table that the day was read from; if it is this table, the
            same version is read again. Else it is the newest.

        Raises
        ------
        NotArrivedError
            If there is no file or row yet, or no marker. Says where it looked.
        InputError
            If the table cannot be read, or the files are part of one.
        """
        files = self._arrived(pattern, day, marker, read)
        if isinstance(files, TableRows):
            return files
        folders = {file.rpartition("/")[0] for file in files.paths}
        refuse_table_formats(files.storage, folders)
        return files

    def _arrived(
        self,
        pattern: str,
        day: dt.date,
        marker: str | None = None,
        read: Evidence | None = None,
    ) -> DayFiles:
        """Find the files of a day; what they are part of is not asked, as each tick calls this."""
        place, path = _place(open_storage(self.root), pattern, day)
        if rows := table_at(place, path, read):
            if marker:
                raise InputError(
                    f"{rows.table}: found marker {marker}; allowed: none, as each version is whole"
                )
            if rows.conditions and not rows.has_rows():
                raise NotArrivedError(f"no row of {day} in {rows.table} ({pattern})")
            return rows
        segments = _segments(path)
        is_there: Callable[[str], bool] = place.exists
        listed: dict[str, StoredFile] = {}
        if _is_open(segments):
            listed = place.list("/".join(_literal(segments)))
            paths = _select(listed, segments)
        else:
            paths = [path] if is_there(path) else []
        if listed:
            is_there = listed.__contains__
        elif segments[-1] == "" and not _is_open(path.split("/")) and is_there(path):
            paths = [path]  # not a folder, but a file without an ending
        if not paths:
            raise NotArrivedError(_absence(place.url(path), listed, segments))
        if marker:
            depth = self._batch_depth(pattern)
            batches = {tuple(file.split("/")[:depth]) for file in paths}
            if not all(is_there("/".join([*batch, marker])) for batch in batches):
                raise NotArrivedError(
                    f"{place.url(path)} is not complete: no {marker} beside it yet"
                )
        return DayFiles(place, tuple(paths))

    def files_by_day(
        self, pattern: str, days: Iterable[dt.date]
    ) -> dict[dt.date, list[StoredFile]]:
        """Find the files of several days in one listing; days without any are left out.

        Of a day's rows in a table of versions the one file is the table's folder, whose tag changes
        if they may have changed.

        Parameters
        ----------
        pattern
            As `day_files` takes it.
        """
        days = list(days)
        if not days:
            return {}
        root = open_storage(self.root)
        rows = _rows_by_day(root, pattern, days)
        if rows is not None:
            return rows
        place, path = _place(root, pattern, _AnyDay())
        # The form that says most of a day: files are looked up by what it makes of theirs.
        form = max((found or ISO for found in DATE_FIELD.findall(pattern)), key=len)
        digits = re.escape(form)
        for directive, meaning in DIGITS.items():
            digits = digits.replace(directive, meaning)
        dated = re.compile(f"(?=({digits}))")
        by_date: defaultdict[str, list[str]] = defaultdict(list)
        # Every file of a day starts with what its pattern says before it leaves a choice.
        paths = {day: _place(root, pattern, day)[1] for day in days}
        first = min(GLOB.split(path, maxsplit=1)[0] for path in paths.values())
        listed = place.list("/".join(_literal(_segments(path))), after=first[:-1])
        for name in listed:
            for date in set(dated.findall(name)):
                by_date[date].append(name)
        found = {}
        for day, path in paths.items():
            names = by_date[format(day, form)]
            if not holds_table(names, path.strip("/")):
                names = _select(names, _segments(path))
            if names:
                found[day] = [listed[name] for name in names]
        return found

    def _batch_depth(self, pattern: str) -> int:
        """How many segments lead to the folder of a batch: the last one that is the day's alone.

        Folders below the day's that the pattern names are part of the way to it; those that it
        leaves open are parts of the batch. Where no folder has the day in its name, the files lie
        side by side in one.
        """
        root = open_storage(self.root)
        # Two days that no form of a day writes alike.
        first, second = (
            _segments(_place(root, pattern, day)[1])[:-1]
            for day in (dt.date(2001, 2, 3), dt.date(2012, 11, 10))
        )
        days_own = (
            n for n, pair in enumerate(zip(first, second, strict=True), 1) if len({*pair}) > 1
        )
        depth = max(days_own, default=len(first))
        return depth + len(_literal(first[depth:]))

    def days_with_batch(self, manifest: Manifest, days: Sequence[dt.date]) -> list[dt.date]:
        """Those of some days that have a batch, whole or not, in one listing."""
        batch = manifest.batch
        if batch.date_column is None:
            return list(self.files_by_day(batch.path, days))
        try:
            files = self._arrived(batch.path, days[0])
        except NotArrivedError:
            return []
        return [day for day in days if has_rows_of(files, batch.date_column, day)]

    def has_arrived(self, manifest: Manifest, day: dt.date) -> bool:
        """Whether all that a day of a version needs is there, whole: its batch, and its scores."""
        batch = manifest.batch
        try:
            files = self._arrived(batch.path, day, batch.marker)
            if batch.date_column and not has_rows_of(files, batch.date_column, day):
                return False
            for path in manifest.scoring.day_paths:
                self._arrived(path, day)
        except NotArrivedError:
            return False
        return True


class _AnyDay:
    """What stands for the day in a glob of all days, whatever form the day would have."""

    @override
    def __format__(self, form: str) -> str:
        return "*"


def _place(root: Storage, pattern: str, day: dt.date | _AnyDay) -> tuple[Storage, str]:
    """Where a day's files lie, and their path there, which may be a glob."""
    path = pattern.format(date=day)
    # In a bucket it means the root of the lake; no key starts with a slash.
    return open_path(path.lstrip("/") if isinstance(root, S3Storage) else path, root)


def _rows_by_day(
    root: Storage, pattern: str, days: Iterable[dt.date]
) -> dict[dt.date, list[StoredFile]] | None:
    """Rows by day of tables, one or one a year; None if the pattern leads to no table."""
    found = {}
    tables: dict[str, TableRows | None] = {}
    for day in days:
        place, path = _place(root, pattern, day)
        above = VALUES_BELOW.sub("", path)
        if above == path and not isinstance(place, Warehouse):
            return None
        if above not in tables:
            try:
                tables[above] = table_at(place, path)
            except NotArrivedError:
                tables[above] = None
        if rows := tables[above]:
            (folder,) = rows.paths
            of_day = rows.at(conditions_of(path, folder))
            if of_day.has_rows():
                found[day] = [StoredFile(folder, 0, of_day.state)]
    return found if any(tables.values()) or isinstance(place, Warehouse) else None


def _segments(path: str) -> list[str]:
    """The parts of a pattern; the last is empty where it is a folder's."""
    segments = path.split("/")
    if segments[-1] and not _is_open(segments) and not of_one_format([path]):
        segments.append("")
    return segments


def _is_open(segments: Sequence[str]) -> bool:
    """Whether they leave a choice of files."""
    return not segments[-1] or any(map(_is_glob, segments))


def _is_glob(segment: str) -> bool:
    return GLOB.search(segment) is not None


def _literal(segments: Sequence[str]) -> list[str]:
    """The segments before the first that leaves a choice."""
    return list(takewhile(lambda segment: segment and not _is_glob(segment), segments))


def _select(paths: Iterable[str], segments: Sequence[str]) -> list[str]:
    """Those paths that are of a pattern: of one format, unless its last segment has an ending."""
    found = [path for path in paths if _matches(path, segments)]
    if "." in segments[-1]:
        return found
    return of_one_format(found) or (found if segments[-1] else [])


def _matches(path: str, segments: Sequence[str]) -> bool:
    """Whether a path is that of a pattern, segment by segment."""
    names = path.split("/")
    return len(names) == len(segments) and all(
        fnmatchcase(name, wanted or "*") and belongs(name, wanted)
        for name, wanted in zip(names, segments, strict=True)
    )


def _absence(url: str, listed: Iterable[str], segments: Sequence[str]) -> str:
    """What to say where a day has no files: what else its folder has."""
    others = sorted(path.rpartition("/")[2] for path in listed if _matches(path, segments))
    if not others:
        return f"no file at {url}"
    shown = ", ".join(others[:SHOWN_NAMES]) + (", ..." if len(others) > SHOWN_NAMES else "")
    return f"no {FORMATS} file at {url}, only {shown}"
