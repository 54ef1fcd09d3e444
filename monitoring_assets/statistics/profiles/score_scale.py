"""Scales: the probability of a bad that a score in points is declared to stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Direction = Literal[1, -1]
"""1 if a high score is risky, -1 if it is safe."""


@dataclass(frozen=True, slots=True)
class ScoreScale:
    """The log odds of a bad as a line of the score, or as several that join.

    A scorecard adds up weights of evidence, so that its log odds are a line of its points; where
    its calibration is a table, the straight line between two of its log odds is the same between
    them. Beyond the ends a score stands for what the nearer end does.

    Parameters
    ----------
    scores
        Two or more, strictly ascending.
    log_odds
        Of a bad against a good at each, in nats; they rise, or they fall, throughout.
    """

    scores: tuple[float, ...]
    log_odds: tuple[float, ...]

    @classmethod
    def doubling(
        cls, score_range: tuple[float, float], points: float, at_odds: float, pdo: float
    ) -> ScoreScale:
        """Make the scale whose odds of a good against a bad double every ``pdo`` points.

        ``ln(odds) = ln(at_odds) + (score - points) * ln(2) / pdo``.

        Parameters
        ----------
        score_range
            Lowest and highest score.
        points, at_odds
            A score, and how many goods there are to a bad at it; over 0.
        pdo
            Over 0.

        References
        ----------
        Siddiqi (2006), Credit Risk Scorecards, chapter 6, "Scorecard scaling".
        """
        odds = (math.log(at_odds) + (one - points) * math.log(2) / pdo for one in score_range)
        return cls(score_range, tuple(-one for one in odds))

    @classmethod
    def calibrated(cls, scores: Sequence[float], probabilities: Sequence[float]) -> ScoreScale:
        """Make the scale of a calibration table.

        Parameters
        ----------
        scores
            As `ScoreScale` has them.
        probabilities
            Of a bad at each, over 0 and under 1.
        """
        return cls(tuple(scores), tuple(map(float, logit(np.array(probabilities)))))

    @property
    def direction(self) -> Direction:
        """Which way the score runs."""
        return 1 if self.log_odds[-1] > self.log_odds[0] else -1

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of a bad of each score, float64[n]; NaN of NaN."""
        found: NDArray[np.float64] = expit(np.interp(scores, self.scores, self.log_odds))
        return found


def predicted(scores: NDArray[np.float64], scale: ScoreScale | None) -> NDArray[np.float64]:
    """Return what scores predict: themselves, or the probabilities that a scale declares."""
    return scores if scale is None else scale.probabilities(scores)
