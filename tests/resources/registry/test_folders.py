"""The contract of a registry, for folders on a disk and on S3."""

import pytest

from resources.registry.folders import FolderRegistry
from resources.storage import open_storage
from tests.resources.registry.contract import Landing, RegistryContract


class FolderLanding(Landing):
    """Files written where the registry looks."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._storage = open_storage(root)
        self._storage.write("README.md", b"a registry")

    def put(self, folder, path, content):
        self._storage.write(f"{folder}/{path}", content)

    def remove(self, folder, path):
        self._storage.delete(f"{folder}/{path}")


class TestFolders(RegistryContract):
    kind = FolderRegistry

    @pytest.fixture
    def landing(self, any_lender):
        return FolderLanding(any_lender.registry.root)
