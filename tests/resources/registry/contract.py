"""What a model registry of every kind must do.

The test of a kind is a class that inherits `RegistryContract` and has a fixture ``landing``: a
registry of that kind, empty, and the means to fill it.
"""

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar

import pytest
import yaml

from resources.registry import REGISTRIES, ModelRegistry, open_registry, scan
from tests.conftest import Lender, rows, sigmoid_of_log_income

NAMES = ("model.onnx", "reference.parquet", "model.yaml")


class Landing(ABC):
    """How a team lands a version: files in ``<name>/<version>``, versions from "1" on."""

    def __init__(self, root: str) -> None:
        self.registry: ModelRegistry = open_registry(root)

    @abstractmethod
    def put(self, folder: str, path: str, content: bytes) -> None:
        """Write a file of a version, again or for the first time."""

    @abstractmethod
    def remove(self, folder: str, path: str) -> None:
        """Take a file of a version away."""


class RegistryContract:
    """The tests of a kind."""

    kind: ClassVar[type[ModelRegistry]]

    @pytest.fixture
    def files(self, tmp_path):
        """The files of a valid version ``pd_cards/1``, the manifest last."""
        lender = Lender(str(tmp_path / "made"), tmp_path)
        sample = tmp_path / "reference.parquet"
        rows(0, 200).to_parquet(sample, index=False)
        manifest = yaml.safe_dump(lender.manifest("pd_cards", "1")).encode()
        contents = (sigmoid_of_log_income(), sample.read_bytes(), manifest)
        return dict(zip(NAMES, contents, strict=True))

    @pytest.fixture
    def landed(self, landing, files):
        """The registry with that version in it."""
        for path, content in files.items():
            landing.put("pd_cards/1", path, content)
        return landing

    def test_it_is_registered(self, landing):
        assert type(landing.registry) is self.kind
        assert self.kind in REGISTRIES

    def test_an_empty_one_has_no_versions(self, landing):
        assert scan(landing.registry, {}, seconds=60) == ({}, [])

    def test_a_complete_version_is_judged_once(self, landed):
        first, left = scan(landed.registry, {}, seconds=60)
        assert (list(first), left) == (["pd_cards/1"], [])
        assert first["pd_cards/1"].faults == ()
        assert first["pd_cards/1"].manifest.key == "pd_cards.1"
        second, _ = scan(landed.registry, first, seconds=0)
        assert second["pd_cards/1"] is first["pd_cards/1"]

    def test_what_there_is_no_time_for_is_left(self, landed):
        assert scan(landed.registry, {}, seconds=0) == ({}, ["pd_cards/1"])

    def test_a_version_waits_for_its_manifest(self, landing, files):
        manifest = files.pop("model.yaml")
        for path, content in files.items():
            landing.put("pd_cards/1", path, content)
        waiting, _ = scan(landing.registry, {}, seconds=60)
        assert (waiting["pd_cards/1"].manifest, waiting["pd_cards/1"].faults) == (None, ())
        landing.put("pd_cards/1", "model.yaml", manifest)
        assert scan(landing.registry, waiting, seconds=60)[0]["pd_cards/1"].manifest

    def test_the_fingerprint_changes_with_the_files_only(self, landed, files):
        def fingerprint():
            (candidate,) = landed.registry.candidates()
            return candidate.fingerprint

        seen = [fingerprint()]
        assert fingerprint() == seen[0]
        manifest = files["model.yaml"].replace(b"risk@", b"Risk@")
        assert manifest != files["model.yaml"]
        for path, content in (
            ("model.yaml", manifest),  # of the same size
            ("reference.parquet", b"another"),
            ("features.sql", b"SELECT * FROM batch"),
        ):
            landed.put("pd_cards/1", path, content)
            seen.append(fingerprint())
        landed.remove("pd_cards/1", "features.sql")
        seen.append(fingerprint())
        assert "" not in seen
        assert len(set(seen[:-1])) == 4
        assert seen[-1] != seen[-2]

    @pytest.mark.parametrize(
        ("path", "content", "field"),
        [
            ("model.yaml", b"[]", ""),
            ("model.yaml", b"\xff\xfe\x00", ""),
            ("model.onnx", b"another", "scoring.sha256"),
            ("model.onnx", None, "scoring.artefact"),
            ("reference.parquet", b"no Parquet", ""),
            ("reference.parquet", None, "reference.path"),
        ],
    )
    def test_a_broken_version_is_a_fault_hides_no_other_and_heals(
        self, landed, files, path, content, field
    ):
        other = files["model.yaml"].replace(b"pd_cards", b"pd_loans")
        for name, whole in (files | {"model.yaml": other}).items():
            landed.put("pd_loans/1", name, whole)
        if content is None:
            landed.remove("pd_cards/1", path)
        else:
            landed.put("pd_cards/1", path, content)
        verdicts, _ = scan(landed.registry, {}, seconds=60)
        assert verdicts["pd_loans/1"].faults == ()
        (fault,) = verdicts["pd_cards/1"].faults
        assert fault.field == field
        assert f"{landed.registry.root}/pd_cards/1/{path}" in str(fault)
        landed.put("pd_cards/1", path, files[path])
        assert scan(landed.registry, verdicts, seconds=60)[0]["pd_cards/1"].faults == ()

    def test_name_and_version_are_those_of_the_registry(self, landed, files):
        manifest = files["model.yaml"].replace(b"pd_cards", b"pd_loans")
        landed.put("pd_cards/1", "model.yaml", manifest)
        (fault,) = scan(landed.registry, {}, seconds=60)[0]["pd_cards/1"].faults
        assert (fault.field, fault.found) == ("name", "'pd_loans'")

    @pytest.mark.parametrize("path", NAMES)
    def test_bytes_and_their_sum_agree(self, landed, files, path):
        place, relative = landed.registry.locate("pd_cards/1", path)
        assert place.url(relative) == f"{landed.registry.root}/pd_cards/1/{path}"
        assert place.read(relative) == files[path]
        assert place.sha256(relative) == hashlib.sha256(files[path]).hexdigest()
        with place.fetched(relative) as local:
            assert local.read_bytes() == files[path]
        with place.open(relative) as stream:
            stream.seek(10)
            assert stream.read(5) == files[path][10:15]

    @pytest.mark.parametrize("folder", ["pd_cards/1", "pd_cards/99", "pd_none/1"])
    def test_a_file_that_is_not_there_is_not_found(self, landed, folder):
        place = landed.registry.files(folder)
        for read in (place.read, place.sha256):
            with pytest.raises(FileNotFoundError, match=r"none\.bin"):
                read("none.bin")
        for read in (place.open, place.fetched):
            with pytest.raises(FileNotFoundError, match=r"none\.bin"), read("none.bin"):
                pass
