"""The lake: where production leaves a day's batch, and where finished scores may lie."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from dataclasses import dataclass

from dagster import ConfigurableResource
from pydantic import Field

from resources.errors import InputError
from resources.manifest import Manifest, ScoredScoring
from resources.storage import Storage, open_path, open_storage


class NotArrivedError(InputError):
    """The files of a day are not there, or not complete."""


@dataclass(frozen=True)
class DayFiles:
    """The Parquet files of one day: where they lie and their paths there, in order."""

    storage: Storage
    paths: tuple[str, ...]

    @property
    def locations(self) -> list[str]:
        """Names of the files for the storage's file system."""
        return [self.storage.location(path) for path in self.paths]


class Lake(ConfigurableResource):
    """The files that production writes; nothing here writes to it."""

    root: str = Field(description="Local folder or s3://bucket/prefix that batch paths start from.")

    def day_files(self, pattern: str, day: dt.date, marker: str | None = None) -> DayFiles:
        """Find the Parquet files of a day.

        Parameters
        ----------
        pattern
            A file, a folder or a glob, with ``{date}`` for the day as YYYY-MM-DD.
        day
            The day.
        marker
            Name of a file that must lie beside them.

        Raises
        ------
        NotArrivedError
            If there is no file yet, or no marker. Says where it looked.
        """
        place, path = open_path(pattern.format(date=day.isoformat()), open_storage(self.root))
        folder = re.split(r"[*?\[]", path, maxsplit=1)[0]
        if folder != path or not path.endswith(".parquet"):
            folder = folder if folder == path else _folder(folder)
            names = place.list(folder.rstrip("/"))
            wanted = path if folder != path else f"{path.rstrip('/')}/*.parquet"
            paths = tuple(n for n in names if fnmatch.fnmatchcase(n, wanted) and _is_data(n))
            beside = {folder.rstrip("/"), *(_folder(file) for file in paths)}
            marked = marker is None or any(_join(at, marker) in names for at in beside)
        else:
            paths = (path,) if place.exists(path) else ()
            marked = marker is None or place.exists(_join(_folder(path), marker))
        if not paths:
            raise NotArrivedError(f"no Parquet file at {place.url(path)}")
        if not marked:
            raise NotArrivedError(f"{place.url(path)} is not complete: no {marker} beside it yet")
        return DayFiles(place, paths)

    def has_arrived(self, manifest: Manifest, day: dt.date) -> bool:
        """Whether all that a day of a version needs is there, whole: its batch, and its scores."""
        batch, scoring = manifest.batch, manifest.scoring
        try:
            self.day_files(batch.path, day, batch.marker)
            if isinstance(scoring, ScoredScoring):
                self.day_files(scoring.path, day)
        except NotArrivedError:
            return False
        return True


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_data(path: str) -> bool:
    # Spark and Hive hide their own files behind these.
    return not path.rpartition("/")[2].startswith(("_", "."))
