"""Average run length of a CUSUM, and the threshold that gives a stated one."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

OVERSHOOT = 1.166
"""Siegmund's correction: twice 0.583, the mean excess of a normal walk over a level it crosses."""
LEAST = 1e-3
"""Least threshold that is tried."""
STATES = 200
"""States of the Markov chain; more of them move a run length of 20,000 points by under 0.1 %."""


def siegmund(threshold: float, allowance: float, shift: float = 0.0) -> float:
    """Return Siegmund's approximation of the average run length of a one-sided CUSUM.

    Parameters
    ----------
    threshold, allowance, shift
        As ``average_run_length`` takes them.

    Returns
    -------
    float
        Points until the first signal, on average, with the statistic at 0 at the start.

    References
    ----------
    Siegmund (1985), "Sequential Analysis", Springer.
    """
    drift = shift - allowance
    far = threshold + OVERSHOOT
    if drift == 0:
        return far**2
    return float((np.exp(-2 * drift * far) + 2 * drift * far - 1) / (2 * drift**2))


def average_run_length(
    threshold: float, allowance: float, shift: float = 0.0, *, two_sided: bool = False
) -> float:
    """Return the average run length of a CUSUM of independent standard normal points.

    The statistic is cut into the 200 states of a Markov chain, whose run length is exact.

    Parameters
    ----------
    threshold
        Value above which the statistic signals, in standard errors of a point.
    allowance
        What is taken from each point, in standard errors: half the shift to be found.
    shift
        Mean of the points, in standard errors; 0 in control.
    two_sided
        Whether falls are watched as well as rises. Then the run lengths of both sides combine as
        ``1 / (1 / upper + 1 / lower)``.

    Returns
    -------
    float
        Points until the first signal, on average, with the statistic at 0 at the start.

    Raises
    ------
    ValueError
        The threshold is not positive or the allowance is negative.

    References
    ----------
    Brook and Evans (1972), Biometrika 59(3). The two sides: Van Dobben de Bruyn (1968),
    "Cumulative Sum Tests", Griffin.
    """
    if threshold <= 0 or allowance < 0:
        raise ValueError(
            f"a threshold must be positive and an allowance not negative, not {threshold} and "
            f"{allowance}"
        )
    upper = _one_sided(threshold, allowance - shift)
    if not two_sided:
        return upper
    return 1 / (1 / upper + 1 / _one_sided(threshold, allowance + shift))


def threshold_for(run_length: float, allowance: float, *, two_sided: bool = False) -> float:
    """Return the threshold at which a CUSUM that is in control signals once in so many points.

    Parameters
    ----------
    run_length
        Average run length in control, in points, up to 1e8.
    allowance
        What is taken from each point, in standard errors.
    two_sided
        Whether falls are watched as well as rises.

    Raises
    ------
    ValueError
        The allowance is not positive, or the run length is out of range: too short for the
        allowance, which even with a threshold of 0 lets a chart run for longer, or too long.
    """
    # Imported here: it takes longer than all the rest of the module.
    from scipy.optimize import brentq

    if allowance <= 0:
        raise ValueError(f"an allowance must be positive, not {allowance}")
    least = average_run_length(LEAST, allowance, two_sided=two_sided)
    if not least < run_length <= 1e8:
        raise ValueError(
            f"with an allowance of {allowance} a run length is between {least:.1f} and 1e8 "
            f"points, not {run_length}"
        )

    def beyond(threshold: float) -> float:
        found = average_run_length(threshold, allowance, two_sided=two_sided)
        return float(np.log(found / run_length))

    # Each side signals half as often as both.
    one_side = run_length * (2 if two_sided else 1)
    guess = brentq(lambda h: np.log(siegmund(h, allowance) / one_side), -1, 100 / allowance)
    return float(brentq(beyond, max(guess - 1, LEAST), guess + 1, xtol=1e-6))


def _one_sided(threshold: float, allowance: float) -> float:
    """Solve ``run length = 1 + transitions @ run length`` for the state that holds 0."""
    # State 0 is all of (-inf, width / 2]; the others are centred on multiples of the width.
    width = 2 * threshold / (2 * STATES - 1)
    centres = width * np.arange(STATES)
    steps = centres[None, :] - centres[:, None] + allowance
    transitions = ndtr(steps + width / 2) - ndtr(steps - width / 2)
    transitions[:, 0] = ndtr(steps[:, 0] + width / 2)
    return float(np.linalg.solve(np.eye(STATES) - transitions, np.ones(STATES))[0])
