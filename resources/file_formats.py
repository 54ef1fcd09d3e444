"""Formats that tables are read in, known by the endings of files."""

from __future__ import annotations

import re
from collections.abc import Iterable

FORMATS = "Parquet, CSV or JSON lines"
_CSV = re.compile(r"\.(csv|tsv)(\.gz)?$", re.IGNORECASE)
_JSON_LINES = re.compile(r"\.(json|jsonl|ndjson)(\.gz)?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|pq)(\.\w+)?$", re.IGNORECASE)


def is_csv(path: str) -> bool:
    """Whether a file is CSV, by its ending."""
    return _CSV.search(path) is not None


def is_text(path: str) -> bool:
    """Whether a file is CSV or JSON lines, by its ending.

    Examples
    --------
    >>> [is_text(path) for path in ("a.csv", "a.v1.jsonl.gz", "a.parquet", "a.csv.txt")]
    [True, True, False, False]
    """
    return is_csv(path) or _JSON_LINES.search(path) is not None


def of_one_format(paths: Iterable[str]) -> list[str]:
    """Those files of a folder that are in Parquet; else those in CSV; else those in JSON lines.

    Examples
    --------
    >>> of_one_format(["part-0.parquet", "summary.json"]), of_one_format(["a.csv", "b.txt"])
    (['part-0.parquet'], ['a.csv'])
    """
    names = list(paths)
    found = (
        [path for path in names if kind.search(path)] for kind in (_PARQUET, _CSV, _JSON_LINES)
    )
    return next(filter(None, found), [])
