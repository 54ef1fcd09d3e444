"""Which files of a folder belong to a table."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from resources.errors import InputError

if TYPE_CHECKING:
    from resources.storage import Storage


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name holds no data, or none yet, as Spark and Hive have it.

    Examples
    --------
    >>> [is_hidden(name) for name in ("_temporary", ".ipynb_checkpoints", "_region=north", "a")]
    [True, True, False, False]
    """
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def belongs(path: str, pattern: str = "") -> bool:
    """Whether a file belongs to a table.

    Parameters
    ----------
    path
        Of the file, below the table's folder or as a pattern has found it.
    pattern
        The pattern. What is hidden belongs to a table only if a part of the pattern says so.
    """
    said = [part for part in PurePosixPath(pattern).parts if is_hidden(part)]
    return not any(
        is_hidden(name) and not any(fnmatchcase(name, part) for part in said)
        for name in PurePosixPath(path).parts
    )


def refuse_table_formats(storage: Storage, folders: Collection[str]) -> None:
    """Refuse files of Delta Lake and Iceberg tables, whose log says which of them are read now.

    Parameters
    ----------
    storage
        Where they lie.
    folders
        Those that are read whole or by a glob. The table may be any folder above them.

    Raises
    ------
    InputError
        Names the table's folder, its format and what to do.
    """
    above = {"", *folders}.union(*(map(str, PurePosixPath(path).parents) for path in folders))
    for folder in sorted(above - {"."}):
        start = f"{folder}/" if folder else ""
        if storage.list(f"{start}_delta_log"):
            found = "a Delta Lake table"
        elif any(name.endswith(".metadata.json") for name in storage.list(f"{start}metadata")):
            found = "an Iceberg table"
        else:
            continue
        raise InputError(
            f"{storage.url(folder)}: found {found}, whose folder also holds files of older "
            "versions; allowed: the table's folder, or <folder>/<column>={date} for a day's rows"
        )
