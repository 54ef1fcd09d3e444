"""How large a statistic of drift gets by chance."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import gammaincc, gammainccinv


@dataclass(frozen=True, slots=True)
class NullLaw:
    """Gamma law of a statistic without drift; one with shape 0 is always 0.

    Parameters
    ----------
    shape, scale
        Of the gamma distribution; the mean is their product.
    """

    shape: float
    scale: float

    @classmethod
    def with_moments(cls, mean: float, variance: float) -> NullLaw:
        """Return the law with this mean and variance."""
        return cls(mean**2 / variance, variance / mean) if variance > 0 else cls(0.0, 0.0)

    def p_value(self, value: float) -> float:
        """Return the probability of such a value or a larger one."""
        return float(gammaincc(self.shape, value / self.scale)) if self.shape else 1.0

    def critical_value(self, level: float) -> float:
        """Return the value that is exceeded with a probability of ``level``.

        Raises
        ------
        ValueError
            ``level`` is not in (0, 1).
        """
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1, not {level}")
        return float(self.scale * gammainccinv(self.shape, level)) if self.shape else 0.0


def stability_law(n: int, m: int, dof: int) -> NullLaw:
    """Return the law of the stability index of two samples without drift.

    It is about ``(1 / n + 1 / m) * chi2(dof)``. With Jeffreys smoothing that holds down to some
    50 rows.

    Parameters
    ----------
    n, m
        Rows of the reference and of the current sample.
    dof
        Degrees of freedom: bins with any row on either side, minus 1. For 0 the index is always 0.

    Raises
    ------
    ValueError
        A sample is empty, or ``dof`` is negative.

    References
    ----------
    Yurdakul and Naranjo (2020), "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14(4).
    """
    if n < 1 or m < 1:
        raise ValueError(f"both samples need rows, not {n} and {m}")
    if dof < 0:
        raise ValueError(f"dof must not be negative, not {dof}")
    return NullLaw(dof / 2, 2 * (1 / n + 1 / m))


def critical_value(n: int, m: int, dof: int, level: float = 1e-3) -> float:
    """Return the stability index that is exceeded by chance with a probability of ``level``.

    The rows and ``dof`` are those of `stability_law`; what it and `NullLaw` refuse is refused.

    Examples
    --------
    >>> round(critical_value(100_000, 1_000, 9), 4)
    0.0282
    """
    return stability_law(n, m, dof).critical_value(level)
