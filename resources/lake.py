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

from resources.errors import InputError
from resources.manifest import Manifest
from resources.storage import DayFiles, StoredFile, open_path, open_storage
from resources.table_files import belongs, refuse_table_formats

DATE = re.compile(r"\d{4}-\d\d-\d\d")


class NotArrivedError(InputError):
    """The files of a day are not there, or not complete."""


class Lake(ConfigurableResource):
    """The files that production writes; nothing here writes to it."""

    root: str = Field(description="Local folder or s3://bucket/prefix that batch paths start from.")

    def day_files(self, pattern: str, day: dt.date, marker: str | None = None) -> DayFiles:
        """Find the Parquet files of a day.

        Parameters
        ----------
        pattern
            A file, a folder (of which the ``*.parquet`` are taken that lie directly in it) or a
            glob, with ``{date}`` for the day as YYYY-MM-DD. ``*`` stays within one folder; ``[[]``
            is a bracket.
        marker
            Name of a file that must lie in the folder of the batch.

        Raises
        ------
        NotArrivedError
            If there is no file yet, or no marker. Says where it looked.
        InputError
            If the files are part of a Delta Lake or Iceberg table.
        """
        files = self._arrived(pattern, day, marker)
        folders = {file.rpartition("/")[0] for file in files.paths}
        refuse_table_formats(files.storage, folders)
        return files

    def _arrived(self, pattern: str, day: dt.date, marker: str | None = None) -> DayFiles:
        """Find the files of a day; what they are part of is not asked, as each tick calls this."""
        place, path = open_path(pattern.format(date=day.isoformat()), open_storage(self.root))
        segments = _segments(path)
        is_there: Callable[[str], bool] = place.exists
        if _is_glob("/".join(segments)):
            names = place.list("/".join(_literal(segments)))
            paths = tuple(name for name in names if _matches(name, segments))
            is_there = names.__contains__
        else:
            paths = (path,) if is_there(path) else ()
        if not paths:
            raise NotArrivedError(f"no Parquet file at {place.url(path)}")
        depth = _batch_depth(segments, day.isoformat())
        batches = {tuple(file.split("/")[:depth]) for file in paths}
        if marker and not all(is_there("/".join([*batch, marker])) for batch in batches):
            raise NotArrivedError(f"{place.url(path)} is not complete: no {marker} beside it yet")
        return DayFiles(place, paths)

    def files_by_day(
        self, pattern: str, days: Iterable[dt.date]
    ) -> dict[dt.date, list[StoredFile]]:
        """Find the Parquet files of several days in one listing; days without any are left out.

        Parameters
        ----------
        pattern
            As `day_files` takes it.
        """
        base = open_storage(self.root)
        place, path = open_path(pattern.format(date="*"), base)
        by_date: defaultdict[str, list[StoredFile]] = defaultdict(list)
        for name, file in place.list("/".join(_literal(_segments(path)))).items():
            for date in set(DATE.findall(name)):
                by_date[date].append(file)
        found = {}
        for day in days:
            _, path = open_path(pattern.format(date=day.isoformat()), base)
            segments = _segments(path)
            files = [one for one in by_date[day.isoformat()] if _matches(one.path, segments)]
            if files:
                found[day] = files
        return found

    def has_arrived(self, manifest: Manifest, day: dt.date) -> bool:
        """Whether all that a day of a version needs is there, whole: its batch, and its scores."""
        batch = manifest.batch
        try:
            self._arrived(batch.path, day, batch.marker)
            for path in manifest.scoring.day_paths:
                self._arrived(path, day)
        except NotArrivedError:
            return False
        return True


def _segments(path: str) -> list[str]:
    """The parts of a pattern; a folder stands for the Parquet files directly in it."""
    segments = path.rstrip("/").split("/")
    if path.endswith("/") or not (_is_glob(path) or path.endswith(".parquet")):
        segments.append("*.parquet")
    return segments


def _is_glob(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def _literal(segments: Sequence[str]) -> list[str]:
    """The segments before the first that leaves a choice."""
    return list(takewhile(lambda segment: not _is_glob(segment), segments))


def _matches(path: str, segments: Sequence[str]) -> bool:
    """Whether a path is that of a pattern, segment by segment."""
    names = path.split("/")
    return len(names) == len(segments) and all(
        fnmatchcase(name, wanted) and belongs(name, wanted)
        for name, wanted in zip(names, segments, strict=True)
    )


def _batch_depth(segments: Sequence[str], date: str) -> int:
    """How many segments lead to the folder of a batch: the last one that is the day's alone.

    Folders below the day's that the pattern names are part of the way to it; those that it leaves
    open are parts of the batch. Where no folder has the day in its name, the files lie side by
    side in one.
    """
    folders = segments[:-1]
    depth = max((n for n, name in enumerate(folders, 1) if date in name), default=len(folders))
    return depth + len(_literal(folders[depth:]))
