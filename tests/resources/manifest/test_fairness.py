"""Section ``fairness``: columns that nothing else reads."""

import pytest

from resources.manifest import band_labels
from tests.resources.manifest.build import faults_of, parse, valid

OUTCOME = {
    "path": "o/{date}/",
    "column": "dpd_{horizon}",
    "maturity": [30, 90],
    "key": "customer",
}


def test_without_the_section_there_are_no_protected_columns():
    assert parse(valid()).fairness is None


def test_what_is_not_said_has_a_default():
    found = parse(valid(fairness={"columns": ["sex", "age"], "bands": {"age": [25, 40]}})).fairness
    assert (found.path, found.min_rows, found.reference_groups) == (None, 30, {})


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("income", "a feature"),
        ("postcode", "a segment"),
        ("loan_id", "the batch's key"),
        ("applied_on", "the batch's date"),
        ("score", "the model's output"),
        ("pd", "the score"),
        ("bad_after_90", "an outcome"),
        ("dpd_30", "an outcome"),
        ("customer", "the key of outcomes"),
    ],
)
def test_a_protected_column_is_nothing_else(column, what):
    (fault,) = faults_of(
        batch={"path": "cards/", "key": "loan_id", "date_column": "applied_on"},
        reference={"path": "r.parquet", "score": "pd", "outcome": "bad_after_{horizon}"},
        outcome=OUTCOME,
        segments=["postcode"],
        fairness={"columns": ["sex", column]},
    )
    assert (fault.field, fault.found) == ("fairness.columns", f"'{column}'")
    assert fault.allowed == f"a column that nothing else reads; this is {what}"


def test_an_outcome_of_a_reference_without_horizons_is_one():
    (fault,) = faults_of(
        reference={"path": "r.parquet", "outcome": "bad"}, fairness={"columns": ["bad"]}
    )
    assert fault.allowed.endswith("this is an outcome")


@pytest.mark.parametrize(
    ("changes", "field", "allowed"),
    [
        ({"columns": []}, "columns", "at least 1"),
        ({"columns": ["sex", "sex"]}, "columns", "columns that differ"),
        ({"bands": {"age": [25]}}, "bands.age", "one of fairness.columns: sex"),
        ({"reference_groups": {"age": "a"}}, "reference_groups.age", "one of fairness.columns"),
        ({"bands": {"sex": [25, 25]}}, "bands.sex", "numbers that ascend"),
        ({"bands": {"sex": []}}, "bands.sex", "at least 1"),
        (
            {"bands": {"sex": [25]}, "reference_groups": {"sex": "old"}},
            "reference_groups.sex",
            "a band: under 25, 25 and over",
        ),
        ({"min_rows": 1}, "min_rows", "greater than or equal to 5"),
        ({"path": "protected.parquet"}, "path", "a path with {date}"),
    ],
)
def test_what_the_section_may_not_say(changes, field, allowed):
    (fault,) = faults_of(fairness={"columns": ["sex"]} | changes)
    assert fault.field == f"fairness.{field}"
    assert allowed in fault.allowed


@pytest.mark.parametrize(("said", "group"), [(1, "1"), (True, "true"), ("f", "f")])
def test_a_reference_group_is_the_text_of_its_value(said, group):
    found = parse(valid(fairness={"columns": ["sex"], "reference_groups": {"sex": said}}))
    assert found.fairness.reference_groups == {"sex": group}


def test_bands_are_named_by_what_is_in_them():
    assert band_labels([25, 40, 62.5]) == [
        "under 25",
        "25 to under 40",
        "40 to under 62.5",
        "62.5 and over",
    ]
