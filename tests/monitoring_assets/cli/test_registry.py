"""`monitoring registry`: what is said of versions before they are uploaded."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.storage import LocalStorage


def validate(path, *options):
    return CliRunner().invoke(main, ["registry", "validate", str(path), *options])


def test_validate_takes_a_folder_a_manifest_or_a_registry(any_lender):
    any_lender.publish()
    root = any_lender.registry.root
    for path in (
        root,
        f"{root}/pd_cards/1",
        f"{root}/pd_cards/1/",
        f"{root}/pd_cards/1/model.yaml",
    ):
        done = validate(path)
        assert (done.exit_code, done.output) == (0, "pd_cards/1: valid\n")


def test_validate_looks_at_nothing_but_the_folder_it_is_given(lender, monkeypatch):
    lender.publish()
    lender.publish(version="2", owner="")
    looked_at = set()

    def recorded(original):
        def record(self, path=""):
            looked_at.add(self.url(path))
            return original(self, path)

        return record

    monkeypatch.setattr(LocalStorage, "list", recorded(LocalStorage.list))
    monkeypatch.setattr(LocalStorage, "open", recorded(LocalStorage.open))
    folder = Path(lender.registry.root, "pd_cards", "1")
    monkeypatch.chdir(folder)
    for path in (folder, ".", "../1", "../../pd_cards/1/model.yaml"):
        assert validate(path).output == "pd_cards/1: valid\n"
    names = ("model.yaml", "model.onnx", "reference.parquet")
    assert looked_at == {str(folder / name) for name in names}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("s3://no-bucket-of-this-name", "NoSuchBucket"),
        ("s3://no-bucket-of-this-name/pd_cards/1", "NoSuchBucket"),
        ("{root}/registry/pd_cards/2/model.yaml", "no model version"),
        ("gs://models/pd_cards/1", "found scheme 'gs'; allowed: s3://"),
        ("nowhere", "no such file or folder"),
    ],
)
def test_validate_says_what_it_cannot_look_at(s3_lender, path, why):
    done = validate(path.format(root=s3_lender.root))
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: ")
    assert why in " ".join(done.stderr.replace("│", "").split())


def test_validate_names_every_fault(lender):
    lender.publish(owner="", schedule={"timezone": "Mars"}, surprise=1)
    done = CliRunner().invoke(main, ["registry", "validate", lender.registry.root])
    assert done.exit_code == 2
    assert len([line for line in done.output.splitlines() if "model.yaml: " in line]) == 3
    listed = ["registry", "validate", lender.registry.root, "--format", "json"]
    document = json.loads(CliRunner().invoke(main, listed).stdout)
    assert {fault["field"] for fault in document[0]["faults"]} == {
        "owner",
        "schedule.timezone",
        "surprise",
    }


def test_validate_says_when_there_is_nothing(tmp_path):
    done = CliRunner().invoke(main, ["registry", "validate", str(tmp_path)])
    assert done.exit_code == 2
    assert "no model version" in done.output
