"""Judging one model version: a manifest and the files that it names, or what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from resources.duckdb_session import isolated_database
from resources.errors import InputError
from resources.judgement.places import fault_of_link, faults_of_places
from resources.judgement.sample import judge_sample
from resources.manifest import (
    MANIFEST_NAME,
    MOST_BYTES,
    FieldFault,
    Manifest,
    ManifestError,
    parse_manifest,
)
from resources.masking import masked
from resources.scorers.base import ScoringError
from resources.storage import Files, S3Storage, open_path, sha256_of_file
from resources.text_tables import sample_sha256

# Fingerprint of a verdict that is about more than the files of the folder: no version has it.
JUDGE_AGAIN = ""
MOST_SQL_BYTES = 1 << 20


@dataclass(frozen=True)
class Verdict:
    """What is known of a version: its manifest, or what is wrong with it.

    ``manifest`` and ``faults`` are both empty while the version waits for its manifest. ``digests``
    are the SHA-256 of the files that the manifest names without saying theirs, by field.
    ``warnings`` say what is allowed, and worth a look.
    """

    folder: str
    fingerprint: str
    manifest: Manifest | None = None
    faults: tuple[FieldFault, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The verdict in values of JSON."""
        return {
            "fingerprint": self.fingerprint,
            "manifest": self.manifest.model_dump(mode="json") if self.manifest else None,
            "faults": [asdict(fault) for fault in self.faults],
            "digests": dict(self.digests),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, folder: str, item: Mapping[str, Any]) -> Verdict:
        """Read what `to_json` wrote.

        Raises
        ------
        LookupError, TypeError, ValueError
            If it is something else.
        """
        return cls(
            folder,
            item["fingerprint"],
            Manifest.model_validate(item["manifest"]) if item["manifest"] else None,
            tuple(FieldFault(**fault) for fault in item["faults"]),
            item["digests"],
            tuple(item["warnings"]),
        )


def prepare(is_on_s3: bool) -> None:
    """Load once, in a process from which others are forked, what every judgement needs."""
    import duckdb  # noqa: F401
    import numpy.ma  # noqa: F401  # numpy imports it when it is first used
    import pyarrow.parquet  # noqa: F401

    import monitoring_assets.statistics.profiles.binning  # noqa: F401
    from resources.onnx_runtime import load_onnxruntime

    load_onnxruntime()
    if is_on_s3:
        _ = S3Storage("s3://any").region  # makes the client, and asks the server for nothing


def judge_version(files: Files, folder: str, fingerprint: str) -> Verdict:
    """Check one complete version: its manifest, the files that it names, their content.

    Never raises for a fault of the version: whatever is wrong becomes a `FieldFault`. It has no
    limit of time of its own.

    Parameters
    ----------
    files
        Those of the version.
    folder
        ``<name>/<version>``, as the registry has it.
    fingerprint
        Of the files as they are.
    """
    file = files.url(MANIFEST_NAME)
    manifest, faults, digests = None, list[FieldFault](), {}
    warnings: list[str] = []
    try:
        manifest = _read_manifest(files, file)
        faults += _check_place(files, folder, manifest)
        faults += faults_of_places(files, manifest)
        if not faults:
            faults += _check_artefact(files, manifest)
            found, warnings = _check_files(files, manifest)
            faults += found
        if not faults:
            digests = file_digests(files, manifest)
            # What cannot be written down would end the tick of all.
            json.dumps(Verdict(folder, fingerprint, manifest).to_json(), allow_nan=False)
        if faults and _names_files_elsewhere(files, manifest):
            fingerprint = JUDGE_AGAIN
    except ManifestError as error:
        faults += error.faults
    except InputError as error:
        faults.append(FieldFault(file, "", str(error), "a regular file"))
    except UnicodeDecodeError as error:
        faults.append(FieldFault(file, "", str(error), "UTF-8 text"))
    except Exception as error:  # what cannot be read now must not hide the other versions
        unread = files.url("") if manifest else file
        said = masked(f"{type(error).__name__}: {error}")
        faults.append(FieldFault(unread, "", said, "readable"))
        fingerprint = JUDGE_AGAIN
    valid = None if faults else manifest
    return Verdict(folder, fingerprint, valid, tuple(faults), digests, tuple(warnings))


def _read_manifest(files: Files, file: str) -> Manifest:
    if fault := fault_of_link(files, MANIFEST_NAME, ""):
        raise ManifestError([fault])
    try:
        content = files.read_up_to(MOST_BYTES, MANIFEST_NAME)
    except InputError as error:
        allowed = f"a regular file of at most {MOST_BYTES:,} bytes"
        raise ManifestError([FieldFault(file, "", str(error), allowed)]) from None
    return parse_manifest(content.decode("utf-8"), file)


def file_digests(files: Files, manifest: Manifest) -> dict[str, str]:
    """SHA-256 of the reference sample and of the SQL, by the field that names them."""
    paths = {"reference.path": manifest.reference.path, "features.sql": manifest.features.sql}
    digests = {}
    for name, path in paths.items():
        if path is not None:
            place, relative = open_path(path, files)
            sha256 = sample_sha256 if name == "reference.path" else Files.sha256
            digests[name] = sha256(place, relative)
    return digests


def _check_place(files: Files, folder: str, manifest: Manifest) -> list[FieldFault]:
    file = files.url(MANIFEST_NAME)
    name, version, *deeper = folder.split("/")
    if deeper:
        place = f"{manifest.name}/{manifest.version}"
        allowed = f"<name>/<version> below the registry's root: move the folder to {place}"
        return [FieldFault(file, "", f"a version in {folder}", allowed)]
    pairs = (("name", manifest.name, name), ("version", manifest.version, version))
    return [
        FieldFault(file, field, repr(found), f"the folder's name, {folder!r}")
        for field, found, folder in pairs
        if found != folder
    ]


def _check_artefact(files: Files, manifest: Manifest) -> list[FieldFault]:
    """The model is the one that the manifest says, and gives what the manifest wants of it."""
    model = manifest.scoring.model_file
    if model is None:
        return []
    file = files.url(MANIFEST_NAME)
    place, path = open_path(model.path, files)
    if fault := place is files and fault_of_link(files, path, "scoring.artefact"):
        return [fault]
    try:
        with place.fetched(path) as local:
            found = sha256_of_file(local)
            if found != model.sha256:
                return [FieldFault(place.url(path), "scoring.sha256", found, model.sha256)]
            manifest.scoring.check(local)
    except FileNotFoundError:
        return [FieldFault(file, "scoring.artefact", "no such file", place.url(path))]
    except ScoringError as error:
        return [FieldFault(file, "scoring", str(error), "a model that can score")]
    except InputError as error:
        return [FieldFault(file, "scoring.artefact", str(error), "a regular file")]
    return []


def _check_files(files: Files, manifest: Manifest) -> tuple[list[FieldFault], list[str]]:
    """The SQL is there and is a query, and the reference sample is one."""
    faults = list(_check_sql(files, manifest))
    place, path = open_path(manifest.reference.path, files)
    if fault := place is files and fault_of_link(files, path, "reference.path"):
        return [*faults, fault], []
    found, warnings = judge_sample(files, manifest)
    return faults + found, warnings


def _check_sql(files: Files, manifest: Manifest) -> Iterator[FieldFault]:
    if manifest.features.sql is None:
        return
    import duckdb

    file = files.url(MANIFEST_NAME)
    place, path = open_path(manifest.features.sql, files)
    url = place.url(path)
    if fault := place is files and fault_of_link(files, path, "features.sql"):
        yield fault
        return
    try:
        text = place.read_up_to(MOST_SQL_BYTES, path).decode()
        with isolated_database() as connection:
            statements = connection.extract_statements(text)
    except FileNotFoundError:
        yield FieldFault(file, "features.sql", "no such file", url)
    except UnicodeDecodeError as error:
        yield FieldFault(url, "features.sql", str(error), "UTF-8 text")
    except InputError as error:
        yield FieldFault(file, "features.sql", str(error), "a query in a regular file")
    except duckdb.Error as error:
        yield FieldFault(url, "features.sql", " ".join(str(error).split()), "a query of DuckDB")
    else:
        kinds = [statement.type.name for statement in statements]
        if kinds != ["SELECT"]:
            yield FieldFault(url, "features.sql", ", ".join(kinds) or "nothing", "one query")


def _names_files_elsewhere(files: Files, manifest: Manifest) -> bool:
    """Whether mending a fault may leave the version's own files as they are."""
    paths = [manifest.reference.path, manifest.features.sql]
    if manifest.scoring.model_file is not None:
        paths.append(manifest.scoring.model_file.path)
    return any(path is not None and open_path(path, files)[0] is not files for path in paths)
