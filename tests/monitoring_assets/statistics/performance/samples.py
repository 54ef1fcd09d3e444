"""Scores and outcomes that the tests of performance share."""

import numpy as np
from hypothesis import strategies as st
from scipy.special import expit

EDGES = [0.1, 0.3, 0.5, 0.7]
"""Edges of five bands; some are scores that occur."""


@st.composite
def cohorts(draw, least_bads=0, least_goods=0):
    """Scores with many ties, among them 0 and 1, and outcomes."""
    outcomes = draw(st.lists(st.integers(0, 1), min_size=1, max_size=60))
    outcomes += [1] * least_bads + [0] * least_goods
    scores = draw(
        st.lists(
            st.one_of(st.integers(0, 20).map(lambda k: k / 20), st.floats(0, 1)),
            min_size=len(outcomes),
            max_size=len(outcomes),
        )
    )
    return np.array(scores), np.array(outcomes)


def draw(rng, n, intercept=0.0, slope=1.0, mean=-2.0, spread=1.2):
    """Scores whose outcomes have log odds of ``intercept + slope * logit(score)``."""
    log_odds = rng.normal(mean, spread, n)
    return expit(log_odds), rng.random(n) < expit(intercept + slope * log_odds)
