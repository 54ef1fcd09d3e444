"""`monitoring registry`: what is said of versions before they are uploaded."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.storage import LocalStorage, open_storage
from tests.conftest import rows


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


SQL = "SELECT loan_id, monthly * 12 AS income, region FROM batch"


@pytest.fixture
def with_sql(lender):
    """The folder of a version whose batches have the income of a month."""
    open_storage(lender.registry.root).write("pd_cards/1/features.sql", SQL.encode())
    lender.publish(features={"columns": ["income", "region"], "sql": "features.sql"})
    return Path(lender.registry.root, "pd_cards", "1")


def show_features(*arguments):
    return CliRunner().invoke(main, ["registry", "features", *map(str, arguments)])


def test_features_shows_what_the_sql_makes_of_a_file(with_sql, tmp_path):
    batch = rows(1, 50)
    frame = batch.assign(monthly=batch["income"] / 12).drop(columns="income")
    frame.to_parquet(tmp_path / "today.parquet")
    done = show_features(with_sql, tmp_path / "today.parquet", "--format", "json")
    assert done.exit_code == 0, done.output
    income, region = json.loads(done.stdout)
    assert (income["column"], region["column"]) == ("income", "region")
    assert float(income["batch"]["lowest"]) == pytest.approx(batch["income"].min())
    assert float(income["reference"]["lowest"]) == pytest.approx(rows(0, 2000)["income"].min())
    assert region["batch"]["median"] is None
    assert region["batch"]["type"] == "VARCHAR"
    table = show_features(with_sql, tmp_path / "today.parquet").stdout
    assert [line.split()[0] for line in table.splitlines() if "sample" in line] == [
        "income",
        "region",
    ]


def test_features_names_what_the_batch_lacks(with_sql, tmp_path):
    batch = tmp_path / "today.parquet"
    rows(1, 50).to_parquet(batch)
    done = show_features(with_sql, batch)
    assert (done.exit_code, '"monthly" not found' in done.output) == (2, True)
    done = show_features(with_sql, tmp_path / "none.parquet")
    assert (done.exit_code, "no Parquet file at" in done.output) == (2, True)


def test_features_without_sql_names_a_characteristic_that_is_not_there(lender, tmp_path):
    lender.publish()
    batch = tmp_path / "today.parquet"
    rows(1, 50).drop(columns="region").to_parquet(batch)
    done = show_features(Path(lender.registry.root, "pd_cards", "1"), batch)
    assert done.exit_code == 2
    assert ["batch", "absent"] in [line.split() for line in done.stdout.splitlines()]
    assert done.stderr == f"{batch}: no region\n"
