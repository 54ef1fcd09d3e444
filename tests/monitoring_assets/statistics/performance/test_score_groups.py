"""Rows with the same score together."""

import numpy as np
import pytest

from monitoring_assets.statistics.performance import score_groups
from monitoring_assets.statistics.performance.score_groups import Grouping, add_by_cell


def grouped(*chunks):
    """Scores, goods and bads of a stream of (scores, outcomes)."""
    grouping = Grouping()
    groups = [g for scores, bad in chunks for g in grouping.add(np.array(scores), np.array(bad))]
    groups += grouping.last()
    return [
        np.concatenate([getattr(g, name) for g in groups]).tolist()
        for name in ("scores", "goods", "bads")
    ]


WHOLE = [[0.1, 0.2, 0.4], [1, 1, 0], [0, 2, 1]]


def test_equal_scores_are_one_group():
    assert grouped(([0.1, 0.2, 0.2, 0.2, 0.4], [0, 1, 0, 1, 1])) == WHOLE


@pytest.mark.parametrize("border", range(6))
def test_a_score_that_two_chunks_share_is_one_group(border):
    scores, bad = [0.1, 0.2, 0.2, 0.2, 0.4], [0, 1, 0, 1, 1]
    assert grouped((scores[:border], bad[:border]), (scores[border:], bad[border:])) == WHOLE


def test_a_score_that_fills_slices_is_one_group(monkeypatch):
    monkeypatch.setattr(score_groups, "SLICE", 2)
    assert grouped(([0.3] * 7, [1] * 7)) == [[0.3], [0], [7]]


@pytest.mark.parametrize(
    ("scores", "outcomes", "said"),
    [
        ([0.1, 0.2], [1], "one shape"),
        ([0.2, 0.1], [0, 1], "ascending order"),
        ([0.1, np.nan], [0, 1], "finite"),
        ([0.1, 0.2], [0, 2], "0 .good. or 1 .bad."),
        ([0.1, 0.2], [-1, 0], "0 .good. or 1 .bad."),
    ],
)
def test_rows_that_cannot_be_grouped_are_refused(scores, outcomes, said):
    with pytest.raises(ValueError, match=said):
        grouped((scores, outcomes))


def test_a_chunk_below_the_last_one_is_refused():
    with pytest.raises(ValueError, match=r"0\.1 comes after 0\.5"):
        grouped(([0.5], [1]), ([0.1], [0]))


def test_values_are_added_up_by_cell_even_where_a_cell_begins_twice():
    sums = np.zeros((2, 3))
    add_by_cell(sums, np.array([0, 0, 1, 0, 2]), np.arange(1.0, 6.0), np.ones(5))
    assert sums.tolist() == [[7, 3, 5], [3, 1, 1]]
