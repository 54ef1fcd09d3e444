"""Judging version folders: each on its own, once, and again when something was mended."""

import datetime as dt
import os
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.registry import open_registry
from resources.registry import scan as registry_scan
from resources.storage import open_storage
from tests.conftest import rows
from tests.s3_requests import recorded_requests


def scan(lender, known=None, seconds=60.0):
    return registry_scan(lender.registry, known or {}, seconds=seconds)[0]


def registry_files(lender):
    return open_storage(lender.registry.root)


def test_a_complete_version_is_valid(any_lender):
    any_lender.publish()
    verdict = scan(any_lender)["pd_cards/1"]
    assert verdict.faults == ()
    assert verdict.manifest.key == "pd_cards.1"


def test_a_version_waits_for_its_manifest(any_lender):
    storage = registry_files(any_lender)
    storage.write("pd_cards/1/model.onnx", b"graph")
    verdict = scan(any_lender)["pd_cards/1"]
    assert (verdict.manifest, verdict.faults) == (None, ())


def test_files_outside_a_version_are_nobodys(any_lender):
    any_lender.publish()
    storage = registry_files(any_lender)
    storage.write("README.md", b"ours")
    storage.write("pd_cards/notes.txt", b"ours too")
    assert list(scan(any_lender)) == ["pd_cards/1"]


def without_manifest_field(lender):
    lender.publish_manifest("pd_cards", "1", owner=None)


def broken_yaml(lender):
    registry_files(lender).write("pd_cards/1/model.yaml", b"name: [pd_cards")


def manifest_that_is_no_text(lender):
    registry_files(lender).write("pd_cards/1/model.yaml", b"\xff\xfe\x00")


def manifest_of_another_version(lender):
    text = registry_files(lender).read("pd_cards/1/model.yaml")
    text = text.replace(b"version: '1'", b"version: '2'")
    registry_files(lender).write("pd_cards/1/model.yaml", text)


def missing_artefact(lender):
    registry_files(lender).delete("pd_cards/1/model.onnx")


def another_artefact(lender):
    registry_files(lender).write("pd_cards/1/model.onnx", b"not what was hashed")


def missing_reference(lender):
    registry_files(lender).delete("pd_cards/1/reference.parquet")


def reference_that_is_no_parquet(lender):
    registry_files(lender).write("pd_cards/1/reference.parquet", b"income,region\n1,north\n")


def reference_cut_short(lender):
    content = registry_files(lender).read("pd_cards/1/reference.parquet")
    registry_files(lender).write("pd_cards/1/reference.parquet", content[:-40] + content[-8:])


def reference_without_a_column(lender):
    frame = rows(0, 50).drop(columns="income")
    lender.put(registry_files(lender), "pd_cards/1/reference.parquet", frame)


def reference_of_another_type(lender):
    lender.publish_manifest(
        "pd_cards", "1", features={"columns": ["region", {"name": "income", "type": "string"}]}
    )


def missing_sql(lender):
    lender.publish_manifest(
        "pd_cards", "1", features={"columns": ["income", "region"], "sql": "features.sql"}
    )


def sql_in_another_encoding(lender):
    missing_sql(lender)
    text = "SELECT *, income AS größe FROM batch"
    registry_files(lender).write("pd_cards/1/features.sql", text.encode("latin-1"))


FAULTS = [
    (without_manifest_field, "pd_cards/1/model.yaml", "owner"),
    (broken_yaml, "pd_cards/1/model.yaml", "line 1"),
    (manifest_that_is_no_text, "pd_cards/1/model.yaml", ""),
    (manifest_of_another_version, "pd_cards/1/model.yaml", "version"),
    (missing_artefact, "pd_cards/1/model.yaml", "scoring.artefact"),
    (another_artefact, "pd_cards/1/model.onnx", "scoring.sha256"),
    (missing_reference, "pd_cards/1/model.yaml", "reference.path"),
    (reference_that_is_no_parquet, "pd_cards/1/reference.parquet", ""),
    (reference_without_a_column, "pd_cards/1/model.yaml", "features.columns.income"),
    (reference_of_another_type, "pd_cards/1/model.yaml", "features.columns.income"),
    (missing_sql, "pd_cards/1/model.yaml", "features.sql"),
    (sql_in_another_encoding, "pd_cards/1/features.sql", "features.sql"),
]


@pytest.mark.parametrize(
    ("break_it", "file", "field"), FAULTS, ids=lambda v: getattr(v, "__name__", "")
)
def test_a_fault_names_its_file_stops_nobody_else_and_heals(any_lender, break_it, file, field):
    any_lender.publish("pd_cards")
    any_lender.publish("pd_loans")
    good = scan(any_lender)
    break_it(any_lender)

    verdicts = scan(any_lender, good)

    assert verdicts["pd_loans/1"].manifest is not None
    assert verdicts["pd_cards/1"].manifest is None
    (fault,) = verdicts["pd_cards/1"].faults
    assert fault.file == f"{any_lender.registry.root}/{file}"
    assert fault.field == field
    assert fault.found
    assert fault.allowed
    any_lender.publish("pd_cards")
    healed = scan(any_lender, verdicts)
    assert healed["pd_cards/1"].faults == ()
    assert healed["pd_cards/1"].manifest == good["pd_cards/1"].manifest


def test_a_reference_cut_short_is_named(lender):
    lender.publish()
    reference_cut_short(lender)
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert "pd_cards/1/reference.parquet" in str(fault)


def test_all_faults_of_the_files_are_named_at_once(lender):
    lender.publish()
    missing_artefact(lender)
    reference_without_a_column(lender)
    fields = [fault.field for fault in scan(lender)["pd_cards/1"].faults]
    assert fields == ["scoring.artefact", "features.columns.income"]


def test_outcomes_of_the_reference_are_a_column_of_it(lender):
    lender.publish(reference={"path": "reference.parquet", "outcome": "bad"})
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert (fault.field, fault.found) == ("reference.outcome", "bad")
    path = registry_files(lender).location("pd_cards/1/reference.parquet")
    rows(0, 50).assign(bad=[0, 1] * 25).to_parquet(path)
    assert scan(lender)["pd_cards/1"].faults == ()


def test_scores_of_production_need_the_score_of_the_reference(lender):
    scoring = {"flavour": "scored", "path": "scores/{date}.parquet"}
    lender.publish(scoring=scoring)
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert fault.field == "reference.score"
    lender.publish(scoring=scoring, reference={"path": "reference.parquet", "score": "grade"})
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert (fault.field, fault.found) == ("reference.score", "grade")
    lender.publish(scoring=scoring, reference={"path": "reference.parquet", "score": "score"})
    assert scan(lender)["pd_cards/1"].faults == ()


def test_a_type_may_be_written_in_another_width(lender):
    features = {"columns": [{"name": "income", "type": "float"}, {"name": "region"}]}
    lender.publish(features=features)
    assert scan(lender)["pd_cards/1"].faults == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["model.yaml", "model.onnx", "reference.parquet"])
def test_a_file_that_may_not_be_read_heals_when_it_may(lender, name):
    lender.publish("pd_cards")
    lender.publish("pd_loans")
    file = Path(registry_files(lender).location(f"pd_cards/1/{name}"))
    file.chmod(0)
    verdicts = scan(lender)
    assert verdicts["pd_loans/1"].manifest is not None
    assert name in str(verdicts["pd_cards/1"].faults[0])
    file.chmod(0o644)
    assert scan(lender, verdicts)["pd_cards/1"].faults == ()


def test_a_file_that_s3_refuses_stops_nobody_else_and_heals(s3_lender):
    s3_lender.publish("pd_cards")
    s3_lender.publish("pd_loans")
    bucket, _, key = registry_files(s3_lender).location("pd_cards/1/model.yaml").partition("/")
    content = registry_files(s3_lender).read("pd_cards/1/model.yaml")
    # An object in the archive is listed, and S3 refuses to give it.
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content, StorageClass="GLACIER")
    verdicts = scan(s3_lender)
    assert verdicts["pd_loans/1"].manifest is not None
    (fault,) = verdicts["pd_cards/1"].faults
    assert fault.file.endswith("pd_cards/1/model.yaml")
    assert "InvalidObjectState" in fault.found
    registry_files(s3_lender).write("pd_cards/1/model.yaml", content)
    assert scan(s3_lender, verdicts)["pd_cards/1"].faults == ()


def test_a_file_elsewhere_heals_though_the_folder_is_as_it_was(any_lender, monkeypatch):
    monkeypatch.setenv("MONITORING_ALLOWED_PLACES", any_lender.root)
    sample = f"{any_lender.root}/samples/cards.parquet"
    any_lender.publish(reference={"path": sample})
    verdicts = scan(any_lender)
    (fault,) = verdicts["pd_cards/1"].faults
    assert fault.allowed == sample
    any_lender.put(open_storage(any_lender.root), "samples/cards.parquet", rows(0, 50))
    assert scan(any_lender, verdicts)["pd_cards/1"].faults == ()


def test_what_did_not_change_is_not_read_again(s3_lender):
    for number in range(3):
        s3_lender.publish(version=str(number))
    registry_files(s3_lender).write("pd_cards/9/model.yaml", b"[")
    first = scan(s3_lender)

    with recorded_requests() as requests:
        second = scan(s3_lender, first)

    assert second == first
    (request,) = requests
    assert "list-type=2" in request


def test_only_what_changed_is_read_again(s3_lender):
    for number in range(3):
        s3_lender.publish(version=str(number))
    first = scan(s3_lender)
    s3_lender.publish_manifest("pd_cards", "1", owner="other@lender.example")

    with recorded_requests() as requests:
        second = scan(s3_lender, first)

    assert second["pd_cards/1"].manifest.owner == "other@lender.example"
    read = [request for request in requests if "list-type=2" not in request]
    assert read
    assert all("registry/pd_cards/1/" in request for request in read)


def test_what_there_is_no_time_for_is_left_and_what_is_known_is_not(lender):
    lender.publish("pd_cards")
    known = scan(lender)
    lender.publish("pd_loans")
    verdicts, left = registry_scan(lender.registry, known, seconds=0)
    assert verdicts == known
    assert left == ["pd_loans/1"]
    assert registry_scan(lender.registry, verdicts, seconds=60)[1] == []


def test_a_registry_that_is_not_there_is_not_an_empty_one(tmp_path):
    assert registry_scan(open_registry(str(tmp_path)), {}, seconds=1) == ({}, [])
    with pytest.raises(FileNotFoundError, match="none: no such folder"):
        registry_scan(open_registry(str(tmp_path / "none")), {}, seconds=1)


def test_the_same_content_twice_is_two_versions(lender):
    assert lender.publish(version="1") != lender.publish(version="2")
    assert sorted(scan(lender)) == ["pd_cards/1", "pd_cards/2"]


def test_a_column_that_is_named_twice_in_the_reference_is_a_fault(lender):
    lender.publish()
    array = pa.array([1.0, 2.0])
    table = pa.table([array, array, pa.array(["a", "b"])], names=["income", "income", "region"])
    pq.write_table(table, registry_files(lender).location("pd_cards/1/reference.parquet"))
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert fault.field == "features.columns.income"
    assert fault.found.startswith("2 columns income")


@pytest.mark.parametrize(
    ("column", "values", "field", "found", "allowed"),
    [
        ("bad", ["Y", "N"], "reference.outcome", "bad of type string", "1 or true for a bad"),
        ("bad", [dt.date(2026, 9, 1)] * 2, "reference.outcome", "bad of type date32", "1 or true"),
        ("score", ["0.1", "0.2"], "reference.score", "score of type string", "numbers"),
        ("score", [None, None], "reference.score", "score of type null", "numbers"),
        ("income", [[1.0], []], "features.columns.income", "income of type list<", "numbers, str"),
        ("region", [b"a", b"b"], "features.columns.region", "region of type binary", "numbers, s"),
    ],
)
def test_a_reference_that_no_day_could_use_is_refused(
    lender, column, values, field, found, allowed
):
    lender.publish(reference={"path": "reference.parquet", "score": "score", "outcome": "bad"})
    columns = {"income": [1.0, 2.0], "region": ["a", "b"], "score": [0.1, 0.2], "bad": [0, None]}
    path = registry_files(lender).location("pd_cards/1/reference.parquet")
    pq.write_table(pa.table(columns), path)
    assert scan(lender)["pd_cards/1"].faults == ()
    pq.write_table(pa.table(columns | {column: values}), path)
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert fault.field == field
    assert fault.found.startswith(found)
    assert allowed in fault.allowed


def test_a_reference_without_rows_is_refused(lender):
    lender.publish()
    path = registry_files(lender).location("pd_cards/1/reference.parquet")
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    (fault,) = scan(lender)["pd_cards/1"].faults
    assert (fault.field, fault.found) == ("reference.path", "no rows")


def test_a_broken_link_stops_no_version(lender):
    lender.publish()
    folder = Path(registry_files(lender).location("pd_loans/1"))
    folder.mkdir(parents=True)
    (folder / "model.yaml").symlink_to("model.yaml")
    assert scan(lender)["pd_cards/1"].manifest is not None
