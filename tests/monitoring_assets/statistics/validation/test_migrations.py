"""Migrations against the `riskvalidation` package, and the size of the test by simulation."""

import numpy as np
import pytest
from riskvalidation.validation.rating_system import (
    matrix_weighted_bandwidth,
    rating_migration_ztests,
)

from monitoring_assets.statistics.validation.migrations import (
    bandwidths,
    cell_tests,
    matrix_test,
)

MATRICES = [
    [[80, 15, 5], [10, 70, 20], [2, 25, 73]],
    [[80, 5, 15], [40, 20, 40], [50, 25, 73]],
    [[10, 1, 2, 3], [0, 50, 0, 9], [7, 1, 4, 0], [1, 2, 3, 4]],
]


@pytest.mark.parametrize("counts", MATRICES)
def test_bandwidths_are_those_of_elsewhere(counts):
    found = bandwidths(np.array(counts))
    assert (found.upper, found.lower) == pytest.approx(matrix_weighted_bandwidth(counts), rel=1e-12)


def test_customers_who_stay_have_no_bandwidth_and_all_the_way_is_1():
    assert bandwidths(np.eye(3, dtype=int)).upper is bandwidths(np.eye(3, dtype=int)).lower is None
    assert bandwidths(np.array([[0, 0, 9], [0, 5, 0], [2, 0, 0]])).upper == 1.0


@pytest.mark.parametrize("counts", MATRICES)
def test_cells_are_tested_as_elsewhere(counts):
    theirs = {
        (cell["from"] - 1, cell["to"] - 1): cell
        for cell in rating_migration_ztests(counts).extras["cells"]
    }
    ours = {(one.before, one.after): one.outcome for one in cell_tests(np.array(counts))}
    assert ours.keys() == {(i, j) for i in range(len(counts)) for j in range(len(counts)) if i != j}
    tested = {cell: found for cell, found in ours.items() if found.p_value is not None}
    assert tested
    for cell, found in tested.items():
        assert found.statistic == pytest.approx(theirs[cell]["z"], rel=1e-9)
        assert found.p_value == pytest.approx(theirs[cell]["p"], rel=1e-9)


def test_what_cannot_be_tested_says_why():
    found = {
        (one.before, one.after): one.outcome.reason
        for one in cell_tests(np.array([[0, 0, 0], [0, 9, 0], [1, 0, 3]]))
    }
    assert found[0, 1] == "no customer was in this band"
    assert "empty" in found[1, 0] or "has all" in found[1, 0]
    assert matrix_test(list(cell_tests(np.zeros((2, 2), int)))).reason == "no customer has migrated"


def test_a_matrix_without_an_order_is_rejected_and_one_at_its_edge_seldom():
    far_more = np.array([[800, 50, 150], [100, 700, 200], [20, 250, 730]])
    assert matrix_test(list(cell_tests(far_more))).light == "red"
    rng = np.random.default_rng(4)
    at_the_edge = [0.25, 0.25, 0.25, 0.25]
    rejected = 0
    for _ in range(500):
        counts = np.array([rng.multinomial(500, at_the_edge) for _ in range(4)])
        rejected += matrix_test(list(cell_tests(counts))).p_value < 0.05
    assert 0.01 < rejected / 500 < 0.06
