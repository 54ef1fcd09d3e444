"""The Jensen-Shannon distance, against SciPy's and closed forms."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from monitoring_assets.statistics.drift.jensen_shannon import JensenShannon
from monitoring_assets.statistics.drift.stability import stability_index

DISTANCE = JensenShannon()


def test_it_is_scipys_in_bits():
    rng = np.random.default_rng(0)
    for _ in range(200):
        reference, current = rng.poisson(rng.uniform(0.1, 50), (2, 12))
        if reference.any() and current.any():
            expected = jensenshannon(reference, current, base=2)
            assert DISTANCE.value(reference, current) == pytest.approx(expected, abs=1e-12)


def test_closed_forms():
    assert DISTANCE.value([5, 0], [0, 9]) == pytest.approx(1)  # nothing in common
    # Shares 1, 0 against 1/2, 1/2: (log2(4/3) + (log2(2/3) + 1) / 2) / 2.
    divergence = (math.log2(4 / 3) + (math.log2(2 / 3) + 1) / 2) / 2
    assert DISTANCE.value([4, 0], [3, 3]) == pytest.approx(math.sqrt(divergence))


def test_small_shifts_are_those_of_the_index():
    reference, current = np.full(10, 10_000), np.full(10, 10_000) + np.arange(-450, 451, 100)
    index = stability_index(reference, current)
    expected = math.sqrt(index / (8 * math.log(2)))
    assert DISTANCE.value(reference, current) == pytest.approx(expected, rel=1e-3)
