"""Numbers are shown with four digits; what is no number of that kind stays."""

import dagster as dg
import pytest

from monitoring_assets.runs.shown import shown


@pytest.mark.parametrize(
    ("value", "there"),
    [
        (0.21472564478011377, 0.2147),
        (-0.000012345, -0.00001234),
        (12345.678, 12350.0),
        (float("inf"), float("inf")),
        (9007199254740993, 9007199254740993),
        (True, True),
        ("0.21472564", "0.21472564"),
    ],
)
def test_numbers_have_four_digits(value, there):
    assert shown({"psi": value}) == {"psi": there}


def test_metadata_of_dagster_too():
    value = shown({"psi": dg.MetadataValue.float(0.21472564)})["psi"]
    assert value == dg.MetadataValue.float(0.2147)
    assert shown({"gap": dg.MetadataValue.float(None)})["gap"].value is None
    text = dg.MetadataValue.md("**0.21472564**")
    assert shown({"bins": text})["bins"] is text
