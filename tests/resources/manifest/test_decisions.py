"""Section ``decisions``: columns of the batch that are nothing else."""

import pytest

from tests.resources.manifest.build import faults_of, parse, valid

ALL = {"column": "decision", "booked": "drawn", "override": "overridden", "amount": "asked"}


def test_without_the_section_nothing_is_read():
    found = parse(valid())
    assert (found.decisions, found.decision_columns) == (None, [])


def test_true_and_1_are_approved_by_default():
    found = parse(valid(decisions={"column": "approved"}))
    assert found.decisions.approved == ["true", "1"]
    assert found.decision_columns == ["approved"]
    assert found.declared_types["approved"] == "boolean"


def test_values_are_texts_however_yaml_writes_them():
    found = parse(valid(decisions=ALL | {"approved": [True, 2, "A"]}))
    assert found.decisions.counted.approved == {"true", "2", "A"}
    assert found.declared_types == {
        "loan_id": "string",
        "drawn": "boolean",
        "overridden": "boolean",
        "asked": "number",
    }


def test_a_column_may_be_a_segment_too():
    found = parse(valid(segments=["overridden"], decisions=ALL))
    assert found.decision_columns == ["decision", "drawn", "asked"]


def test_a_sample_may_have_some_of_the_columns():
    section = parse(valid(decisions=ALL)).decisions
    found = section.columns_in(["asked", "decision", "income"])
    assert (found.decision, found.booked, found.override, found.amount) == (
        "decision",
        None,
        None,
        "asked",
    )
    assert section.columns_in(["asked"]) is None
    assert section.columns_in(section.columns.values()) == section.counted


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("income", "a feature"),
        ("loan_id", "the batch's key"),
        ("applied_on", "the batch's date"),
        ("score", "the model's output"),
        ("pd", "the score"),
        ("reason_1", "a reason of the score"),
    ],
)
@pytest.mark.parametrize("field", ["column", "amount"])
def test_a_column_of_decisions_is_nothing_else(field, column, what):
    (fault,) = faults_of(
        batch={"path": "cards/", "key": "loan_id", "date_column": "applied_on"},
        reference={"path": "r.parquet", "score": "pd"},
        scoring={
            "flavour": "scored",
            "path": "scores/{date}.parquet",
            "score": "pd",
            "reasons": ["reason_1"],
        },
        decisions={"column": "decision"} | {field: column},
    )
    assert (fault.field, fault.found) == (f"decisions.{field}", f"'{column}'")
    assert fault.allowed == f"a column of decisions; this is {what}"


def test_one_column_says_one_thing():
    faults = faults_of(decisions={"column": "decision", "override": "decision"})
    assert [one.field for one in faults] == ["decisions.column", "decisions.override"]
    assert {one.allowed for one in faults} == {"columns that differ"}


def test_a_protected_column_is_no_decision():
    (fault,) = faults_of(decisions=ALL, fairness={"columns": ["asked"]})
    assert fault.allowed.endswith("this is a column of decisions")


@pytest.mark.parametrize(
    ("changes", "field", "allowed"),
    [
        ({"approved": []}, "approved", "at least 1"),
        ({"approved": [1, "1"]}, "approved", "values that differ"),
        ({"column": None}, "column", "text"),
    ],
)
def test_what_the_section_may_not_say(changes, field, allowed):
    (fault,) = faults_of(decisions=ALL | changes)
    assert fault.field == f"decisions.{field}"
    assert allowed in fault.allowed
