"""Which files of a folder belong to a table."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath


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
