"""A pack on disk: page, workbook, tables and manifests, sealed together."""

from __future__ import annotations

import datetime as dt
import platform
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from monitoring_assets.evidence.content import ABOUT, Content
from monitoring_assets.evidence.page import evidence_page
from monitoring_assets.evidence.seal import find_former, read_seal, write_seal
from monitoring_assets.evidence.workbook import write_workbook
from resources.errors import InputError

PAGE = "evidence.html"
WORKBOOK = "evidence.xlsx"


def write_pack(
    content: Content, folder: Path, now: dt.datetime, after: Path | None = None
) -> dict[str, Any]:
    """Write a pack in one step, and return its seal.

    The time and the versions of packages stand in the seal alone: all other files are the same for
    the same content.

    Parameters
    ----------
    folder
        Does not exist yet, or is empty.
    after
        The former pack or its seal; else the newest of the model beside the folder.

    Raises
    ------
    InputError
        If the folder holds something, or ``after`` is no pack of the model.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already: a pack is never overwritten")
    former = read_seal(after) if after else find_former(folder, content.key, str(content.last))
    if former is not None and former["model"] != content.key:
        raise InputError(f"{after} is a pack of {former['model']}, not of {content.key}")
    about = {
        "model": content.key,
        "first": str(content.first),
        "last": str(content.last),
        "made": {
            "at": now.isoformat(),
            "python": platform.python_version(),
            "packages": _packages(),
        },
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".evidence-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        (made / "tables").mkdir(parents=True)
        (made / "manifests").mkdir()
        for name, table in content.tables.items():
            pq.write_table(table, made / "tables" / f"{name}.parquet", compression="zstd")
        for sha256, revision in content.revisions.items():
            (made / "manifests" / f"{sha256}.json").write_bytes(revision)
        title = f"Evidence: {content.key}, {content.first} to {content.last}"
        write_workbook(made / WORKBOOK, title, content.tables, ABOUT)
        (made / PAGE).write_text(evidence_page(content), encoding="utf-8", newline="\n")
        write_seal(made, about, former)
        made.replace(folder)
    return read_seal(folder)


def _packages() -> dict[str, str]:
    return dict(sorted((one.name.lower(), one.version) for one in distributions()))
