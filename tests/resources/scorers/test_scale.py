"""Section ``scoring.scale``: what it declares, and the words of each refusal."""

import numpy as np
import pytest

from tests.resources.manifest.build import faults_of, parse, valid

POINTS = {"flavour": "scored", "path": "s/{date}.parquet", "range": [300, 850]}
DOUBLING = {"points": 600, "at_odds": 30, "pdo": 20}


def table(*rows):
    return [{"points": points, "probability": chance} for points, chance in rows]


def scored(scale, **changes):
    return POINTS | {"scale": scale} | changes


def test_points_to_double_the_odds():
    scoring = parse(valid(scoring=scored(DOUBLING))).scoring
    found = scoring.score_scale.probabilities(np.array([580.0, 600, 620]))
    assert found == pytest.approx([1 / 16, 1 / 31, 1 / 61])
    assert (scoring.predicts_probability, scoring.is_probability) == (True, False)
    assert scoring.direction == -1


def test_a_table():
    scoring = parse(valid(scoring=scored({"table": table((300, 0.5), (850, 0.001))}))).scoring
    assert scoring.score_scale.probabilities(np.array([300.0])) == pytest.approx([0.5])
    risky = parse(valid(scoring=scored({"table": table((0, 0.01), (900, 0.5))}))).scoring
    assert risky.direction == 1


def test_without_a_scale_points_predict_nothing():
    scoring = parse(valid(scoring=POINTS)).scoring
    assert (scoring.score_scale, scoring.predicts_probability) == (None, False)


def test_it_is_what_the_version_is():
    before, after = parse(valid(scoring=POINTS)), parse(valid(scoring=scored(DOUBLING)))
    assert {one.partition(".")[0] for one in after.changes_from(before)} == {"scoring"}


@pytest.mark.parametrize(
    ("scale", "field", "words"),
    [
        (DOUBLING | {"pdo": 0}, "scale.pdo", "greater than 0"),
        (DOUBLING | {"pdo": -20}, "scale.pdo", "greater than 0"),
        (DOUBLING | {"at_odds": 0}, "scale.at_odds", "greater than 0"),
        ({"points": 600, "pdo": 20}, "scale.at_odds", "either points, at_odds and pdo, or a table"),
        ({}, "scale.points", "either points, at_odds and pdo, or a table"),
        (
            {"pdo": 20, "table": table((300, 0.5), (850, 0.1))},
            "scale.pdo",
            "either points, at_odds and pdo, or a table",
        ),
        ({"table": table((300, 0.5))}, "scale.table", "two rows or more"),
        ({"table": table((300, 0.5), (850, 1.0))}, "scale.table.1.probability", "less than 1"),
        ({"table": table((300, 0), (850, 0.5))}, "scale.table.0.probability", "greater than 0"),
        (
            {"table": table((300, 0.5), (300, 0.4), (850, 0.1))},
            "scale.table.1.points",
            "over those of the row before, 300",
        ),
        (
            {"table": table((300, 0.5), (500, 0.1), (850, 0.2))},
            "scale.table.2.probability",
            "rise throughout, or fall throughout",
        ),
        ({"table": table((300, 0.5), (850, 0.5))}, "scale.table", "probabilities that differ"),
        (
            {"table": table((300, 0.5), (800, 0.1))},
            "scale.table",
            "points that reach from 300 to 850, the range",
        ),
    ],
)
def test_a_fault_names_field_and_what_may_stand_there(scale, field, words):
    (fault,) = faults_of(scoring=scored(scale))
    assert fault.field == f"scoring.{field}"
    assert words in fault.allowed


def test_a_probability_has_no_scale():
    (fault,) = faults_of(scoring=scored(DOUBLING, range=[0, 1]))
    assert (fault.field, fault.found) == ("scoring.scale", "'a scale, and range [0, 1]'")
    assert "is the probability itself" in fault.allowed
