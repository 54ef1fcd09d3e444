"""The contract of a registry, for folders on a disk and on S3."""

from pathlib import Path

import pytest

from resources.registry import scan
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

    @pytest.mark.parametrize("above", ["retail", "retail/unsecured"])
    def test_a_version_that_lies_too_deep_is_a_fault_that_says_where_to(
        self, landing, files, above
    ):
        for path, content in files.items():
            landing.put(f"{above}/pd_cards/1", path, content)
        verdicts, _ = scan(landing.registry, {}, seconds=60)
        assert list(verdicts) == [f"{above}/pd_cards/1"]
        (fault,) = verdicts[f"{above}/pd_cards/1"].faults
        assert fault.file == f"{landing.registry.root}/{above}/pd_cards/1/model.yaml"
        assert fault.found == f"a version in {above}/pd_cards/1"
        assert fault.allowed.endswith("move the folder to pd_cards/1")
        assert scan(landing.registry, verdicts, seconds=0)[0] == verdicts

    def test_a_manifest_inside_a_version_is_a_file_of_it(self, landed):
        landed.put("pd_cards/1", "training/model.yaml", b"name: another")
        verdicts, _ = scan(landed.registry, {}, seconds=60)
        assert list(verdicts) == ["pd_cards/1"]
        assert verdicts["pd_cards/1"].faults == ()

    def test_files_further_down_wait_for_the_manifest_of_their_version(self, landing):
        landing.put("pd_cards/1", "training/notes.txt", b"notes")
        (candidate,) = landing.registry.candidates()
        assert (candidate.folder, candidate.is_complete) == ("pd_cards/1", False)


@pytest.fixture
def linked(lender, tmp_path):
    """A version whose folder lies elsewhere, as Kubernetes and git-sync mount it."""
    lender.publish()
    folder = Path(lender.registry.root, "pd_cards/1")
    elsewhere = tmp_path / "mounted" / "..2026_11_28"
    elsewhere.parent.mkdir()
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    return folder


def test_a_version_that_is_a_link_is_one(lender, linked):
    verdicts, _ = scan(lender.registry, {}, seconds=60)
    assert verdicts["pd_cards/1"].manifest is not None
    Path(linked, "model.yaml").write_text("[")
    assert scan(lender.registry, verdicts, seconds=60)[0]["pd_cards/1"].faults


def test_a_model_whose_folder_is_a_link_has_its_versions(lender, tmp_path):
    lender.publish()
    name = Path(lender.registry.root, "pd_cards")
    name.rename(tmp_path / "cards")
    name.symlink_to(tmp_path / "cards")
    assert scan(lender.registry, {}, seconds=60)[0]["pd_cards/1"].manifest is not None


def test_links_in_a_circle_have_an_end(lender, linked):
    Path(linked, "again").symlink_to(linked)
    Path(linked, "root").symlink_to(lender.registry.root)
    verdicts, _ = scan(lender.registry, {}, seconds=60)
    assert list(verdicts) == ["pd_cards/1"]
    assert verdicts["pd_cards/1"].manifest is not None
