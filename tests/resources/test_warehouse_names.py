import pytest
from pydantic import TypeAdapter, ValidationError

from resources.fields import TablePath
from resources.manifest.faults import shown
from resources.warehouse_names import warehouse_name

SECRETS = [
    "warehouse://me:secret@risk/scoring.loans",
    "postgresql://me:secret@server/scoring.loans",
    "redshift://me:secret@server/loans",
]


def test_a_name():
    path = "warehouse://risk_2/scoring.loans/applied={date}"
    assert warehouse_name(path) == "risk_2"
    assert TypeAdapter(TablePath).validate_python(path) == path
    assert TypeAdapter(TablePath).validate_python("warehouse://risk/scoring.loans")


@pytest.mark.parametrize("path", [*SECRETS, "warehouse://", "warehouse://Risk/loans"])
def test_no_name(path):
    with pytest.raises(ValueError, match="stands in the environment only") as caught:
        warehouse_name(path)
    assert "secret" not in str(caught.value)
    with pytest.raises(ValidationError, match="stands in the environment only"):
        TypeAdapter(TablePath).validate_python(path)


def test_a_fault_shows_no_password():
    assert shown("postgresql://me:secr@et@server/loans") == "'postgresql://...@server/loans'"
