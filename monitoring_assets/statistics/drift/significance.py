"""How large the stability index gets by chance."""

from __future__ import annotations

from scipy.special import chdtri


def critical_value(n: int, m: int, dof: int, level: float = 1e-3) -> float:
    """Return the stability index that is exceeded by chance with a probability of ``level``.

    Without drift the index of two samples is distributed about as
    ``(1 / n + 1 / m) * chi2(dof)``. With Jeffreys smoothing that holds down to some 50 rows.

    Parameters
    ----------
    n, m
        Rows of the reference and of the current sample.
    dof
        Degrees of freedom: bins with any row on either side, minus 1.
    level
        Probability of a false alarm.

    Returns
    -------
    float
        Critical value; 0 for ``dof`` 0, where the index is always 0.

    Raises
    ------
    ValueError
        A sample is empty, ``dof`` is negative, or ``level`` is not in (0, 1).

    Examples
    --------
    >>> round(critical_value(100_000, 1_000, 9), 4)
    0.0282

    References
    ----------
    Yurdakul and Naranjo (2020), "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14(4).
    """
    if n < 1 or m < 1:
        raise ValueError(f"both samples need rows, not {n} and {m}")
    if dof < 0:
        raise ValueError(f"dof must not be negative, not {dof}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    return float((1 / n + 1 / m) * chdtri(dof, level)) if dof else 0.0
