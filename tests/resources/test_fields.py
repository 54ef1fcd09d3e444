"""Types of fields, each with what it refuses."""

import pytest
import yaml

from resources.manifest import parse_manifest
from tests.resources.manifest.build import faults_of, valid


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_is_finite(number):
    faults = faults_of(
        scoring=valid()["scoring"] | {"range": [number, 1]},
        thresholds={"psi": {"fail": number}, "characteristics": {"income": {"warn": number}}},
        checks={"max_missing": {"income": number}},
    )
    assert {fault.field for fault in faults} == {
        "scoring.range.0",
        "thresholds.psi.fail",
        "thresholds.characteristics.income.warn",
        "checks.max_missing.income",
    }
    assert {(fault.found, fault.allowed) for fault in faults} == {(str(number), "a finite number")}


@pytest.mark.parametrize(("written", "version"), [("3", "3"), ("2026-09-01", "2026-09-01")])
def test_a_version_without_quotes_is_text(written, version):
    text = yaml.safe_dump(valid()).replace("version: '3'", f"version: {written}")
    assert parse_manifest(text, "m").version == version
