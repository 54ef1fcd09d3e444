"""A registry of folders: ``<name>/<version>/`` under one root, local or on S3.

One listing sees every version: one S3 call for a thousand files.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from resources.manifest import MANIFEST_NAME
from resources.registry.base import Candidate, ModelRegistry
from resources.storage import LocalStorage, Storage, open_storage


class FolderRegistry(ModelRegistry):
    """Folders on a disk, or under a prefix of a bucket."""

    schemes: ClassVar[tuple[str, ...]] = ("s3", "file")

    @override
    def candidates(self) -> list[Candidate]:
        storage = open_storage(self.root)
        if isinstance(storage, LocalStorage) and not Path(storage.url("")).is_dir():
            raise FileNotFoundError(f"model registry {storage.url('')}: no such folder")
        tags: defaultdict[str, list[str]] = defaultdict(list)
        listed = storage.list()
        complete = {
            path.removesuffix(f"/{MANIFEST_NAME}")
            for path in listed
            if path.endswith(f"/{MANIFEST_NAME}")
        }
        for path, file in listed.items():
            # A file of a version, or of a folder below one's place that has the manifest; those of
            # the root or of a name belong to no version.
            names = path.split("/")
            above = ["/".join(names[:depth]) for depth in range(2, len(names))]
            if above:
                folder = next((one for one in above if one in complete), above[0])
                tags[folder].append(f"{path} {file.etag}")
        return [
            Candidate(
                folder,
                hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16],
                folder in complete,
            )
            for folder, lines in sorted(tags.items())
        ]

    @override
    def files(self, folder: str) -> Storage:
        return open_storage(f"{self.root.rstrip('/')}/{folder}")
