"""Where a manifest may lead: beside itself, into buckets, and where the deployment allows.

A manifest is data that a team uploads, and what reads its files may read more than that team.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from resources.manifest import MANIFEST_NAME, FieldFault, Manifest
from resources.storage import Files, LocalStorage

VARIABLE = "MONITORING_ALLOWED_PLACES"


def faults_of_places(files: Files, manifest: Manifest) -> Iterator[FieldFault]:
    """Paths of a manifest that lead to where it may not read."""
    file, allowed = files.url(MANIFEST_NAME), _allowed()
    model = manifest.scoring.model_file
    named: list[tuple[str, str | None]] = [
        ("reference.path", manifest.reference.path),
        ("features.sql", manifest.features.sql),
        ("scoring.artefact", model.path if model else None),
        ("batch.path", manifest.batch.path),
        ("outcome.path", manifest.outcome.path if manifest.outcome else None),
        ("fairness.path", manifest.fairness.path if manifest.fairness else None),
        *(("scoring.path", path) for path in manifest.scoring.day_paths),
    ]
    for field, path in named:
        if path is not None and not _may_read(path, allowed):
            yield FieldFault(file, field, repr(path), _words(allowed))


def fault_of_link(files: Files, path: str, field: str) -> FieldFault | None:
    """A file of a version that is a link to where the version may not read."""
    if not isinstance(files, LocalStorage):
        return None
    real = Path(files.location(path)).resolve()
    # Kubernetes and git-sync link within what they mount; a folder may itself be a link.
    homes = [Path(files.root).resolve(), Path(files.root).parents[1].resolve()]
    allowed = _allowed()
    if any(map(real.is_relative_to, homes)) or _may_read(str(real), allowed):
        return None
    return FieldFault(files.url(path), field, f"a link to {real}", _words(allowed))


def _allowed() -> list[str]:
    return os.environ.get(VARIABLE, "").split()


def _may_read(path: str, allowed: list[str]) -> bool:
    path = path.removeprefix("file://")
    if path.startswith("/"):
        # What lies in the lake is read by a path below it, too.
        places = [*allowed, os.environ.get("MONITORING_LAKE", "")]
        roots = [Path(one.removeprefix("file://")) for one in places if one and "s3://" not in one]
        # Not resolved: a date stands in it.
        return any(map(Path(os.path.normpath(path)).is_relative_to, roots))
    if path.startswith("s3://"):
        # Without a list the role that reads S3 is the limit.
        buckets = [one.rstrip("/") for one in allowed if one.startswith("s3://")]
        parts = path.split("/")
        return not buckets or any(parts[: len(b)] == b for b in (one.split("/") for one in buckets))
    return True


def _words(allowed: list[str]) -> str:
    more = f", and {VARIABLE}: {', '.join(allowed)}" if allowed else f" (or set {VARIABLE})"
    return f"a file beside {MANIFEST_NAME}, a path below the lake, or a URL of a bucket{more}"
