"""Section ``scoring``."""

import pytest

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
