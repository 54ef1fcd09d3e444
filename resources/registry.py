"""The model registry: folders ``<name>/<version>/`` under one root, each a model version.

`ModelRegistry.scan` lists the root once and judges every version, reusing what it said before of a
folder in which nothing changed, so that 300 versions cost one listing and no reads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dagster import ConfigurableResource
from pydantic import Field

from resources.arrow_types import same_family
from resources.manifest import (
    MANIFEST_NAME,
    ArtefactScoring,
    Fault,
    Manifest,
    ManifestError,
    ScoredScoring,
    parse_manifest,
)
from resources.storage import LocalStorage, Storage, StoredFile, open_path, open_storage

READERS = 16
# Fingerprint of a verdict that is about more than the files of the folder: no folder has it.
JUDGE_AGAIN = ""


@dataclass(frozen=True)
class Candidate:
    """A version's folder as one listing of the registry saw it."""

    folder: str
    files: Mapping[str, StoredFile]

    @property
    def is_complete(self) -> bool:
        """Whether the manifest, the last file to be written, is there."""
        return f"{self.folder}/{MANIFEST_NAME}" in self.files

    @property
    def fingerprint(self) -> str:
        """A text that changes when any file of the folder does."""
        tags = "\n".join(f"{file.path} {file.etag}" for file in self.files.values())
        return hashlib.sha256(tags.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Verdict:
    """What is known of a version's folder: its manifest, or what is wrong with it.

    ``manifest`` and ``faults`` are both empty while the folder waits for its manifest. ``digests``
    are the SHA-256 of the files that the manifest names without saying theirs, by field.
    """

    folder: str
    fingerprint: str
    manifest: Manifest | None = None
    faults: tuple[Fault, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)


class ModelRegistry(ConfigurableResource):
    """The artifact registry that model versions land in."""

    root: str = Field(description="Local folder or s3://bucket/prefix of the registry.")

    @property
    def storage(self) -> Storage:
        """The registry's files."""
        return open_storage(self.root)

    def candidates(self) -> list[Candidate]:
        """Every version folder, from one listing (one S3 call for a thousand files)."""
        storage = self.storage
        if isinstance(storage, LocalStorage) and not Path(storage.url("")).is_dir():
            raise FileNotFoundError(f"model registry {storage.url('')}: no such folder")
        folders: dict[str, dict[str, StoredFile]] = {}
        for path, file in storage.list().items():
            parts = PurePosixPath(path).parts
            if len(parts) >= 3:  # files of the root or of a name belong to no version
                folders.setdefault("/".join(parts[:2]), {})[path] = file
        return [Candidate(folder, files) for folder, files in sorted(folders.items())]

    def scan(
        self, known: Mapping[str, Verdict], *, seconds: float
    ) -> tuple[dict[str, Verdict], list[str]]:
        """Judge every version folder.

        Parameters
        ----------
        known
            Earlier verdicts by folder; one whose fingerprint still holds is not made again.
        seconds
            Stop starting new judgements after this long: hashing large artefacts must not outlast
            a sensor's tick.

        Returns
        -------
        Verdicts by folder, and the folders left for the next scan.
        """
        storage, end = self.storage, time.monotonic() + seconds

        done, changed = {}, []
        for candidate in self.candidates():
            before = known.get(candidate.folder)
            if before is not None and before.fingerprint == candidate.fingerprint:
                done[candidate.folder] = before
            else:
                changed.append(candidate)

        def judge(candidate: Candidate) -> Verdict | None:
            return judge_version(storage, candidate) if time.monotonic() < end else None

        with ThreadPoolExecutor(READERS) as readers:
            verdicts = list(readers.map(judge, changed))
        done |= {verdict.folder: verdict for verdict in verdicts if verdict is not None}
        return done, [one.folder for one in changed if one.folder not in done]


def judge_version(storage: Storage, candidate: Candidate) -> Verdict:
    """Check one version: its manifest, the files that it names, their content.

    Never raises for a fault of the version: whatever is wrong becomes a `Fault`.
    """
    folder, fingerprint = candidate.folder, candidate.fingerprint
    if not candidate.is_complete:
        return Verdict(folder, fingerprint)
    file = f"{folder}/{MANIFEST_NAME}"
    manifest, faults, digests = None, [], {}
    try:
        manifest = parse_manifest(storage.read(file).decode("utf-8"), storage.url(file))
        faults += _check_place(storage, candidate, manifest)
        faults += _check_artefact(storage, candidate, manifest)
        faults += _check_files(storage, candidate, manifest)
        if not faults:
            digests = file_digests(storage, folder, manifest)
        if faults and _names_files_elsewhere(storage, manifest):
            fingerprint = JUDGE_AGAIN
    except ManifestError as error:
        faults += error.faults
    except UnicodeDecodeError as error:
        faults.append(Fault(storage.url(file), "", str(error), "UTF-8 text"))
    except Exception as error:  # what cannot be read now must not hide the other versions
        unread = storage.url(folder if manifest else file)
        faults.append(Fault(unread, "", f"{type(error).__name__}: {error}", "readable"))
        fingerprint = JUDGE_AGAIN
    return Verdict(folder, fingerprint, None if faults else manifest, tuple(faults), digests)


def file_digests(storage: Storage, folder: str, manifest: Manifest) -> dict[str, str]:
    """SHA-256 of the reference sample and of the SQL, by the field that names them."""
    paths = {"reference.path": manifest.reference.path, "features.sql": manifest.features.sql}
    digests = {}
    for name, path in paths.items():
        if path is not None:
            place, relative = version_path(storage, folder, path)
            digests[name] = place.sha256(relative)
    return digests


def _check_place(storage: Storage, candidate: Candidate, manifest: Manifest) -> list[Fault]:
    name, version = candidate.folder.split("/")
    file = storage.url(f"{candidate.folder}/{MANIFEST_NAME}")
    pairs = (("name", manifest.name, name), ("version", manifest.version, version))
    return [
        Fault(file, field, repr(found), f"the folder's name, {folder!r}")
        for field, found, folder in pairs
        if found != folder
    ]


def _check_artefact(storage: Storage, candidate: Candidate, manifest: Manifest) -> list[Fault]:
    scoring = manifest.scoring
    if not isinstance(scoring, ArtefactScoring):
        return []
    file = storage.url(f"{candidate.folder}/{MANIFEST_NAME}")
    place, path = version_path(storage, candidate.folder, scoring.artefact)
    try:
        found = place.sha256(path)
    except FileNotFoundError:
        return [Fault(file, "scoring.artefact", "no such file", place.url(path))]
    if found != scoring.sha256:
        return [Fault(place.url(path), "scoring.sha256", found, scoring.sha256)]
    return []


def _check_files(storage: Storage, candidate: Candidate, manifest: Manifest) -> list[Fault]:
    """The SQL is there; the reference can be read and has the characteristics."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowInvalid

    file = storage.url(f"{candidate.folder}/{MANIFEST_NAME}")
    faults = []
    if manifest.features.sql is not None:
        place, path = version_path(storage, candidate.folder, manifest.features.sql)
        if not place.exists(path):
            faults.append(Fault(file, "features.sql", "no such file", place.url(path)))
    place, path = version_path(storage, candidate.folder, manifest.reference.path)
    try:
        schema = pq.read_schema(place.location(path), filesystem=place.filesystem)
    except FileNotFoundError:
        return [*faults, Fault(file, "reference.path", "no such file", place.url(path))]
    except ArrowInvalid as error:
        return [*faults, Fault(place.url(path), "", str(error), "a Parquet file")]
    except OSError as error:
        raise OSError(f"{place.url(path)}: {error}") from error
    wanted = [(f"features.columns.{c.name}", c.name, c.type) for c in manifest.features.columns]
    if manifest.reference.score is not None:
        wanted.append(("reference.score", manifest.reference.score, None))
    elif isinstance(manifest.scoring, ScoredScoring):
        allowed = "the reference's column that holds the score, as there is no model to run"
        faults.append(Fault(file, "reference.score", "nothing", allowed))
    outcomes = manifest.reference_outcomes.values()
    wanted += [("reference.outcome", column, None) for column in outcomes]
    wanted += [("segments", column, None) for column in manifest.carried]
    for field_name, column, arrow_type in wanted:
        if column not in schema.names:
            allowed = f"a column of {place.url(path)}: {', '.join(schema.names)}"
            faults.append(Fault(file, field_name, column, allowed))
        elif schema.names.count(column) > 1:
            found = f"{schema.names.count(column)} columns {column} in {place.url(path)}"
            faults.append(Fault(file, field_name, found, "one"))
        elif arrow_type is not None and not same_family(arrow_type, schema.field(column).type):
            found = f"{arrow_type} in the manifest, {schema.field(column).type} in the reference"
            faults.append(Fault(file, field_name, found, "the same kind of type in both"))
    return faults


def _names_files_elsewhere(storage: Storage, manifest: Manifest) -> bool:
    """Whether mending a fault may leave the version's own folder as it is."""
    paths = [manifest.reference.path, manifest.features.sql]
    if isinstance(manifest.scoring, ArtefactScoring):
        paths.append(manifest.scoring.artefact)
    return any(path is not None and open_path(path, storage)[0] is not storage for path in paths)


def version_path(storage: Storage, folder: str, path: str) -> tuple[Storage, str]:
    """Where a path of a manifest leads: beside the manifest, or to a URL of its own."""
    place, relative = open_path(path, storage)
    return (place, f"{folder}/{relative}") if place is storage else (place, relative)
