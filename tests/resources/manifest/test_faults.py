"""Faults of a manifest in words: file, field, what was found, what is allowed."""

import datetime as dt
import re

import pytest

from resources.manifest import ManifestError, parse_manifest
from tests.resources.manifest.build import IMAGE, faults_of


def test_every_fault_is_named_at_once_with_what_is_allowed():
    faults = faults_of(
        owner=None,
        ownr="risk",
        deployed_at="soon",
        batch={"path": "cards/today.parquet", "key": "loan_id"},
        scoring={"flavour": "onnx", "artefact": "../model.onnx", "sha256": "ABC"},
        schedule={"cron": "@hourly", "timezone": "London"},
        thresholds={"psi": {"warn": 0.3, "fail": 0.2}, "smoothing": "laplace"},
    )
    assert {fault.file for fault in faults} == {"m/model.yaml"}
    assert {fault.field: (fault.found, fault.allowed) for fault in faults} == {
        "owner": ("nothing", "this field must be given"),
        "ownr": ("an unknown field", "no such field (a typing error?)"),
        "deployed_at": ("'soon'", "a date, YYYY-MM-DD"),
        "batch.path": (
            "'cards/today.parquet'",
            "a path with {date}, the day as YYYY-MM-DD, or a form such as {date:%Y/%m/%d} (of %Y "
            "%y %m %d %j), and no other braces",
        ),
        "scoring.artefact": ("'../model.onnx'", "a path that does not leave its folder (no '..')"),
        "scoring.sha256": ("'ABC'", "text that matches ^[0-9a-f]{64}$"),
        "schedule.cron": (
            "'@hourly'",
            "a daily cron line 'MINUTE HOUR * * *', such as '0 6 * * *'",
        ),
        "schedule.timezone": (
            "'London'",
            "a name of the IANA time zone database, such as Europe/London",
        ),
        "thresholds.psi.warn": ("0.3", "at most `fail`, 0.2"),
        "thresholds.smoothing": ("'laplace'", "'jeffreys' or a share over 0 and under 0.1"),
    }
    assert len(faults) == 10


def test_fields_that_disagree_with_each_other_are_named_at_once():
    faults = faults_of(
        retired_at=dt.date(2026, 8, 1),
        thresholds={"characteristics": {"incme": {}}},
        checks={"max_missing": {"age": 0.1}},
    )
    feature = "a feature: income, region"
    assert [(fault.field, fault.found, fault.allowed) for fault in faults] == [
        ("retired_at", "'2026-08-01'", "a day from deployed_at on, 2026-09-01"),
        ("thresholds.characteristics", "'incme'", feature),
        ("checks.max_missing", "'age'", feature),
    ]
    faults = faults_of(owner="", features={"columns": ["income", "score", "loan_id"]})
    assert [(fault.field, fault.found, fault.allowed) for fault in faults[1:]] == [
        ("features.columns", "'score'", "another name; this is the model's output"),
        ("features.columns", "'loan_id'", "another name; this is the batch's key"),
    ]


def test_reasons_are_columns_of_their_own():
    scored = {"flavour": "scored", "path": "scores/{date}/"}
    reference = {"path": "reference.parquet", "score": "score"}
    named = {"income": {}, "why": {}, "reason": {}}
    faults = faults_of(
        reference=reference,
        scoring=scored | {"reasons": ["income", "score", "loan_id", "why"]},
        thresholds={"characteristics": named},
    )
    assert [(fault.field, fault.found, fault.allowed) for fault in faults[:3]] == [
        ("scoring.reasons", "'income'", "another name; this is a feature"),
        ("scoring.reasons", "'score'", "another name; this is the model's output"),
        ("scoring.reasons", "'loan_id'", "another name; this is the batch's key"),
    ]
    (fault,) = faults_of(scoring=scored | {"reasons": ["why", "why"]}, reference=reference)
    assert fault.allowed == "columns that differ"
    (fault,) = faults_of(
        reference=reference,
        scoring=scored | {"reasons": ["why"]},
        thresholds={"characteristics": named},
    )
    assert (fault.found, fault.allowed) == ("'reason'", "a feature or reason: income, region, why")
    (fault,) = faults_of(
        scoring={"flavour": "onnx", "artefact": "a", "sha256": "a" * 64, "reasons": ["why"]}
    )
    assert fault.field == "scoring.reasons"


def test_fields_that_disagree_are_named_whatever_is_wrong_elsewhere():
    faults = faults_of(
        owner="",
        retired_at=dt.date(2026, 8, 1),
        reference={"path": "reference.parquet", "bins": 1},
        features={"columns": ["income", "region"]},
        scoring={"flavour": "pickle"},
        checks={"max_missing": {"age": 0.1}},
    )
    assert {fault.field for fault in faults} == {
        "owner",
        "retired_at",
        "reference.bins",
        "scoring.flavour",
        "checks.max_missing",
    }


@pytest.mark.parametrize(
    ("changes", "field", "found", "allowed"),
    [
        ({"name": "PD Cards"}, "name", "'PD Cards'", r"matches \^\[a-z\]"),
        ({"version": "v/1"}, "version", "'v/1'", r"matches \^\[a-z0-9\]"),
        ({"shadow": "champion"}, "shadow", "'champion'", "true or false"),
        ({"revision": 0}, "revision", "0", "greater than or equal to 1"),
        ({"reference": "r.parquet"}, "reference", "'r.parquet'", "^a mapping of fields$"),
        ({"reference": {"path": ""}}, "reference.path", "''", "^text that is not empty$"),
        ({"owner": ["risk"]}, "owner", r"\['risk'\]", "^text$"),
        ({"revision": "two"}, "revision", "'two'", "^a whole number$"),
        ({"revision": 1.5}, "revision", "1.5", "^a whole number$"),
        ({"retired_at": [1]}, "retired_at", r"\[1\]", "^a date, YYYY-MM-DD$"),
        ({"thresholds": {"psi": {"warn": "low"}}}, "thresholds.psi.warn", "'low'", "^a number$"),
        ({"thresholds": {"psi": {"warn": []}}}, "thresholds.psi.warn", r"\[\]", "^a number$"),
        ({"checks": {"max_missing": []}}, "checks.max_missing", r"\[\]", "^a mapping of fields$"),
        ({"scoring": "onnx"}, "scoring", "'onnx'", "^a mapping of fields$"),
        ({"pod": {"memory": "2 GB"}}, "pod.memory", "'2 GB'", "text that matches"),
        ({"pod": {"memory": "0"}}, "pod.memory", "'0'", "text that matches"),
        ({"pod": {"cpu": "half"}}, "pod.cpu", "'half'", "text that matches"),
        ({"pod": {"retry_memory": "2Gi"}}, "pod.memory", "nothing", "given, as `retry_memory` is"),
        (
            {"pod": {"memory": "2Gi", "retry_memory": "2147483648"}},
            "pod.retry_memory",
            "'2147483648'",
            "more than `memory`, 2Gi",
        ),
        (
            {"pod": {"memory": "2Gi", "retry_memory": "2147M"}},
            "pod.retry_memory",
            "'2147M'",
            "more than `memory`, 2Gi",
        ),
        (
            {"scoring": IMAGE | {"image": "lender/pd_cards:3"}},
            "scoring.image",
            "'lender/pd_cards:3'",
            "sha256",
        ),
        (
            {"scoring": IMAGE | {"command": ["score", "{artefact}"]}},
            "scoring.command.1",
            "'{artefact}'",
            "no braces but {input} and {output}",
        ),
        ({"pod": {1: 2}}, "pod.1", "1", "^a name that is text$"),
        ({"reference": {"path": "r", "bins": 1}}, "reference.bins", "1", "greater than or equal"),
        ({"features": {"columns": []}}, "features.columns", r"\[\]", "^a list of at least 1$"),
        ({"features": {"columns": ["a", "a"]}}, "features.columns", "'a twice'", "names that diff"),
        (
            {"scoring": {"artefact": "m"}},
            "scoring.flavour",
            "nothing",
            "'onnx', 'command', 'image' or 'sc",
        ),
        ({"scoring": {"flavour": "pickle"}}, "scoring.flavour", "'pickle'", "'onnx', 'command'"),
        ({"segments": "region"}, "segments", "'region'", "^a list$"),
        ({"checks": {"blocking": ["ks"]}}, "checks.blocking.0", "'ks'", "'batch_quality', 'broken"),
        ({"checks": {"min_rows": 0}}, "checks.min_rows", "0", "greater than or equal to 1"),
        ({"checks": {"max_missing": {"income": 2}}}, "checks.max_missing.income", "2", "or equal"),
        ({"thresholds": {"csi": {"level": 1}}}, "thresholds.csi.level", "1", "less than 1"),
        ({"thresholds": {"smoothing": 0.5}}, "thresholds.smoothing", "0.5", "'jeffreys' or a sha"),
        ({"alerts": {"service": "a|b"}}, "alerts.service", "'a|b'", "text that matches"),
        ({"alerts": {"open": {"days": 4}}}, "alerts.open.days", "4", "at most `of`, 3"),
        ({"alerts": {"resolve": 0}}, "alerts.resolve", "0", "greater than or equal to 1"),
        (
            {"alerts": {"mute": [{"first": "2026-09-02", "last": "2026-09-01", "why": "x"}]}},
            "alerts.mute.0.last",
            "'2026-09-01'",
            "a day from `first` on, 2026-09-02",
        ),
        (
            {"batch": {"path": "{date}", "key": "score"}},
            "batch.key",
            "'score'",
            "another name; this is the model's output",
        ),
    ],
)
def test_each_rule_says_field_found_and_allowed(changes, field, found, allowed):
    (fault,) = faults_of(**changes)
    assert fault.field == field
    assert re.search(found, fault.found)
    assert re.search(allowed, fault.allowed)
    assert str(fault) == (
        f"m/model.yaml: {field}: found {fault.found}; allowed: {fault.allowed} (line {fault.line})"
    )


def test_a_characteristic_may_have_the_name_of_a_flavour():
    faults = faults_of(
        features={"columns": ["onnx"]}, thresholds={"characteristics": {"onnx": {"warn": 0}}}
    )
    assert [fault.field for fault in faults] == ["thresholds.characteristics.onnx.warn"]


@pytest.mark.parametrize(
    ("text", "field", "found"),
    [
        ("", "", "NoneType"),
        ("- a\n- b", "", "list"),
        ("name: a\nowner: [b", "line 2", "expected"),
        ("name: a\nb: !!python/name:os.system x", "b", "python/name:os.system"),
        ("\x00", "", "control characters"),
    ],
)
def test_a_text_that_is_no_mapping_is_one_fault_of_the_file(text, field, found):
    with pytest.raises(ManifestError) as raised:
        parse_manifest(text, "m/model.yaml")
    (fault,) = raised.value.faults
    assert (fault.file, fault.field) == ("m/model.yaml", field)
    assert found in fault.found


def test_a_value_that_is_long_is_cut():
    (fault,) = faults_of(name="x" * 500)
    assert len(fault.found) == 80
