"""Judging model versions: a manifest and the files that it names, or what is wrong with them.

`scan` looks at a registry once and judges every version, reusing what it said before of one in
which nothing changed, so that 300 versions in folders cost one listing and no reads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from resources.manifest import (
    MANIFEST_NAME,
    FieldFault,
    Manifest,
    ManifestError,
    parse_manifest,
)
from resources.registry.base import Candidate, ModelRegistry
from resources.registry.sample import judge_sample
from resources.storage import Files, open_path
from resources.text_tables import sample_sha256

READERS = 16
# Fingerprint of a verdict that is about more than the files of the folder: no version has it.
JUDGE_AGAIN = ""


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


def scan(
    registry: ModelRegistry, known: Mapping[str, Verdict], *, seconds: float
) -> tuple[dict[str, Verdict], list[str]]:
    """Judge every version of a registry.

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
    end = time.monotonic() + seconds
    done, changed = {}, []
    for candidate in registry.candidates():
        before = known.get(candidate.folder)
        if before is not None and before.fingerprint == candidate.fingerprint:
            done[candidate.folder] = before
        else:
            changed.append(candidate)

    def judge(candidate: Candidate) -> Verdict | None:
        if time.monotonic() >= end:
            return None
        return judge_version(registry.files(candidate.folder), candidate)

    with ThreadPoolExecutor(READERS) as readers:
        verdicts = list(readers.map(judge, changed))
    done |= {verdict.folder: verdict for verdict in verdicts if verdict is not None}
    return done, [one.folder for one in changed if one.folder not in done]


def judge_version(files: Files, candidate: Candidate) -> Verdict:
    """Check one version: its manifest, the files that it names, their content.

    Never raises for a fault of the version: whatever is wrong becomes a `FieldFault`.
    """
    folder, fingerprint = candidate.folder, candidate.fingerprint
    if not candidate.is_complete:
        return Verdict(folder, fingerprint)
    file = files.url(MANIFEST_NAME)
    manifest, faults, digests = None, [], {}
    warnings: list[str] = []
    try:
        manifest = parse_manifest(files.read(MANIFEST_NAME).decode("utf-8"), file)
        faults += _check_place(files, folder, manifest)
        faults += _check_artefact(files, manifest)
        found, warnings = _check_files(files, manifest)
        faults += found
        if not faults:
            digests = file_digests(files, manifest)
        if faults and _names_files_elsewhere(files, manifest):
            fingerprint = JUDGE_AGAIN
    except ManifestError as error:
        faults += error.faults
    except UnicodeDecodeError as error:
        faults.append(FieldFault(file, "", str(error), "UTF-8 text"))
    except Exception as error:  # what cannot be read now must not hide the other versions
        unread = files.url("") if manifest else file
        faults.append(FieldFault(unread, "", f"{type(error).__name__}: {error}", "readable"))
        fingerprint = JUDGE_AGAIN
    valid = None if faults else manifest
    return Verdict(folder, fingerprint, valid, tuple(faults), digests, tuple(warnings))


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
    model = manifest.scoring.model_file
    if model is None:
        return []
    file = files.url(MANIFEST_NAME)
    place, path = open_path(model.path, files)
    try:
        found = place.sha256(path)
    except FileNotFoundError:
        return [FieldFault(file, "scoring.artefact", "no such file", place.url(path))]
    if found != model.sha256:
        return [FieldFault(place.url(path), "scoring.sha256", found, model.sha256)]
    return []


def _check_files(files: Files, manifest: Manifest) -> tuple[list[FieldFault], list[str]]:
    """The SQL is there, and the reference sample is one."""
    file = files.url(MANIFEST_NAME)
    faults = []
    if manifest.features.sql is not None:
        place, path = open_path(manifest.features.sql, files)
        try:
            with place.open(path):
                pass
        except FileNotFoundError:
            faults.append(FieldFault(file, "features.sql", "no such file", place.url(path)))
    found, warnings = judge_sample(files, manifest)
    return faults + found, warnings


def _names_files_elsewhere(files: Files, manifest: Manifest) -> bool:
    """Whether mending a fault may leave the version's own files as they are."""
    paths = [manifest.reference.path, manifest.features.sql]
    if manifest.scoring.model_file is not None:
        paths.append(manifest.scoring.model_file.path)
    return any(path is not None and open_path(path, files)[0] is not files for path in paths)
