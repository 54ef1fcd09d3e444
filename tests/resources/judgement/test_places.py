"""Where a manifest may lead."""

from pathlib import Path

import pytest

from resources.registry import scan
from resources.storage import open_storage
from tests.conftest import rows


def faults(lender, **changes):
    lender.publish(**changes)
    return scan(lender.registry, {}, seconds=60)[0]["pd_cards/1"].faults


def with_path(lender, field, path):
    """Changes by which a field names a path."""
    manifest = lender.manifest("pd_cards", "1")
    return {
        "features.sql": {"features": {"columns": ["income", "region"], "sql": path}},
        "reference.path": {"reference": {"path": path}},
        "scoring.artefact": {"scoring": manifest["scoring"] | {"artefact": path}},
        "batch.path": {"batch": {"path": path, "key": "loan_id"}},
        "outcome.path": {"outcome": {"path": path, "column": "bad", "maturity": 9}},
        "fairness.path": {"fairness": {"columns": ["sex"], "path": path}},
        "scoring.path": {
            "scoring": {"flavour": "scored", "path": path},
            "reference": {"path": "reference.parquet", "score": "score"},
        },
    }[field]


FIELDS = ["features.sql", "reference.path", "scoring.artefact"]
DATED = ["batch.path", "outcome.path", "fairness.path", "scoring.path"]


@pytest.mark.parametrize("field", [*FIELDS, *DATED])
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "file:///etc/passwd", "//etc/passwd", "file:///x/../etc/passwd"]
)
def test_no_path_leads_into_this_machine(any_lender, field, path):
    path += "/{date}/" if field in DATED else ""
    (fault,) = faults(any_lender, **with_path(any_lender, field, path))
    assert (fault.field, fault.found) == (field, repr(path))
    assert "MONITORING_ALLOWED_PLACES" in fault.allowed


def test_a_deployment_allows_folders_and_no_others(lender, monkeypatch, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    rows(0, 50).to_parquet(shared / "sample.parquet")
    rows(0, 50).to_parquet(tmp_path / "sample.parquet")
    monkeypatch.setenv("MONITORING_ALLOWED_PLACES", f"s3://models {shared}")
    for path, expected in (
        (f"{shared}/sample.parquet", True),
        (f"file://{shared}/sample.parquet", True),
        (f"{tmp_path}/sample.parquet", False),
        (f"file://{shared}/../sample.parquet", False),
        (f"{shared}x/sample.parquet", False),
    ):
        found = faults(lender, reference={"path": path})
        assert (found == ()) == expected, path


def test_a_deployment_allows_buckets_and_no_others(s3_lender, monkeypatch):
    storage = open_storage(s3_lender.root)
    for folder in ("samples", "samples-of-others"):
        s3_lender.put(storage, f"{folder}/a.parquet", rows(0, 50))
    monkeypatch.setenv("MONITORING_ALLOWED_PLACES", f"{s3_lender.root}/samples/")
    assert faults(s3_lender, reference={"path": f"{s3_lender.root}/samples/a.parquet"}) == ()
    other = f"{s3_lender.root}/samples-of-others/a.parquet"
    (fault,) = faults(s3_lender, reference={"path": other})
    assert fault.found == repr(other)
    monkeypatch.delenv("MONITORING_ALLOWED_PLACES")
    assert faults(s3_lender, reference={"path": other}) == ()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("model.yaml", ""),
        ("features.sql", "features.sql"),
        ("reference.parquet", "reference.path"),
        ("model.onnx", "scoring.artefact"),
    ],
)
def test_a_link_leads_no_further_than_a_path(lender, name, field, tmp_path):
    lender.publish(features={"columns": ["income", "region"], "sql": "features.sql"})
    file = Path(lender.registry.root, "pd_cards/1", name)
    if name == "features.sql":
        file.write_text("SELECT * FROM batch")
    else:
        open_storage(lender.registry.root).write("pd_cards/1/features.sql", b"SELECT 1")
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    verdict = scan(lender.registry, {}, seconds=60)[0]["pd_cards/1"]
    (fault,) = verdict.faults
    assert (fault.field, fault.found) == (field, f"a link to {elsewhere}")
    inside = file.with_name(f"..{name}")
    elsewhere.replace(inside)  # as Kubernetes mounts a ConfigMap
    file.unlink()
    file.symlink_to(inside.name)
    assert scan(lender.registry, {}, seconds=60)[0]["pd_cards/1"].faults == ()
