"""A valid manifest, and what is said of one that is changed."""

import datetime as dt

import pytest
import yaml

from resources.manifest import ManifestError, parse_manifest
from resources.store import Landed

IMAGE = {
    "flavour": "image",
    "image": f"registry.lender.example:5000/risk/pd_cards@sha256:{'a' * 64}",
    "command": ["score", "{input}", "{output}"],
}


def valid(**changes):
    fields = {
        "name": "pd_cards",
        "version": "3",
        "owner": "risk@lender.example",
        "deployed_at": dt.date(2026, 9, 1),
        "reference": {"path": "reference.parquet"},
        "batch": {"path": "cards/{date}.parquet", "key": "loan_id"},
        "features": {"columns": ["income", "region"]},
        "scoring": {"flavour": "onnx", "artefact": "model.onnx", "sha256": "a" * 64},
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def parse(fields):
    return parse_manifest(yaml.safe_dump(fields), "m/model.yaml")


def faults_of(**changes):
    with pytest.raises(ManifestError) as raised:
        parse(valid(**changes))
    return raised.value.faults


def landed(**changes):
    return Landed(
        manifest=parse(valid(**changes)),
        folder="pd_cards/3",
        landed_at=dt.datetime(2026, 9, 2, tzinfo=dt.UTC),
    )
