"""Section ``scoring``."""

import pyarrow as pa
import pytest

from resources.scorers.base import ScoringError, scores_together
from tests.resources.manifest.build import IMAGE, faults_of, parse, valid


@pytest.mark.parametrize(
    ("scoring", "field"),
    [
        ({"flavour": "scored", "path": "s/{date}.parquet", "range": [1, 0]}, "scoring.range"),
        (
            {"flavour": "scored", "path": "s/{date}.parquet", "range": [0, 0.5, 1]},
            "scoring.range",
        ),
        ({"flavour": "scored", "path": "s/{day}/{date}.parquet"}, "scoring.path"),
        ({"flavour": "scored", "path": "s/{date.parquet"}, "scoring.path"),
        (
            {"flavour": "command", "artefact": "m", "sha256": "a" * 64, "command": ["a", "{in}"]},
            "scoring.command.1",
        ),
        (
            {"flavour": "command", "artefact": "m", "sha256": "a" * 64, "command": ["a", '{"a"}']},
            "scoring.command.1",
        ),
    ],
)
def test_a_fault_of_the_scoring_is_named_as_the_file_names_it(scoring, field):
    assert [fault.field for fault in faults_of(scoring=scoring)] == [field]


def test_a_container_image_is_a_model():
    assert parse(valid(scoring=IMAGE)).scoring.image == IMAGE["image"]


def test_a_reason_that_a_file_lacks_is_null_there():
    tables = pa.table({"score": [0.1], "why": ["R01"]}), pa.table({"score": [0.2]})
    assert scores_together(tables, "a").to_pydict() == {"score": [0.1, 0.2], "why": ["R01", None]}


def test_reasons_that_do_not_go_together_name_a_file_and_both_types():
    tables = (pa.table({"score": [0.1], "why": [why]}) for why in ("R01", 7))
    with pytest.raises(ScoringError, match=r"s/a\.parquet and other .*why .* string vs int64"):
        scores_together(list(tables), "s/a.parquet")
