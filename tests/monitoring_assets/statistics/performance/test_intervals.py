"""Wilson's interval and its standard error."""

import numpy as np
import pytest
from scipy.stats import binom

from monitoring_assets.statistics.performance.intervals import proportion


def test_newcombe():
    """Newcombe (1998), Statistics in Medicine 17(8), table I, method 3."""
    for hits, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = proportion(hits, trials, "")
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_standard_error_is_that_of_a_share_in_large_samples():
    found = proportion(30_000, 1_000_000, "")
    assert found.standard_error == pytest.approx(np.sqrt(0.03 * 0.97 / 1e6), rel=1e-4)
    assert proportion(0, 50, "").standard_error > 0


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.2])
@pytest.mark.parametrize("rows", [50, 1_000])
def test_coverage(rate, rows):
    """Exact, over all counts that can come."""
    held = 0.0
    for hits in range(rows + 1):
        found = proportion(hits, rows, "")
        held += binom.pmf(hits, rows, rate) * (found.low <= rate <= found.high)
    assert 0.90 < held < 0.99
