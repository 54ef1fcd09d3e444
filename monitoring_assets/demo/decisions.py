"""What the made-up lender decides of the applicants whom it has scored, and what people change."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SECTION = {
    "column": "decision",
    "approved": ["accept"],
    "booked": "drawn",
    "override": "overridden",
    "amount": "limit_offered",
}
"""Of a manifest."""
CUT_OFF, LOWER_CUT_OFF = 0.08, 0.05
"""Highest score that is accepted, before and after the rule changed."""
OVERRIDDEN, DRAWN, WAITING = 0.03, 0.8, 0.01
"""Shares: of the decisions that a person turns, of the accepted who draw, of those who wait."""


def decide(
    rng: np.random.Generator, scores: NDArray[np.float64], requested: pa.Array, cut_off: float
) -> dict[str, pa.Array]:
    """Decide on applicants.

    Parameters
    ----------
    scores
        float64[N], probabilities of default.
    requested
        The limit that each wants, which most are offered.

    Returns
    -------
    dict
        Column by name, those of ``SECTION``.
    """
    rows = len(scores)
    overridden = rng.random(rows) < OVERRIDDEN
    accepted = (scores <= cut_off) ^ overridden
    drawn = accepted & (rng.random(rows) < DRAWN)
    waits = rng.random(rows) < WAITING
    limits = np.asarray(requested, np.float64) * np.where(rng.random(rows) < 0.1, 0.5, 1.0)
    decision = pa.array(np.where(accepted, "accept", "decline"), mask=waits)
    values = (decision, drawn & ~waits, overridden & ~waits, limits)
    names = (SECTION[field] for field in ("column", "booked", "override", "amount"))
    return {str(name): pa.array(one) for name, one in zip(names, values, strict=True)}
