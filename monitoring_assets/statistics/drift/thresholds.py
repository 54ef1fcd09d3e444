"""Thresholds, and the rule that holds a value against them: over the limit and beyond chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray


class Status(StrEnum):
    """What was found of a value. ``INSUFFICIENT``: over a threshold, but chance explains it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    INSUFFICIENT = "insufficient evidence"
    ERROR = "error"


WORST_FIRST = (Status.ERROR, Status.FAIL, Status.WARN, Status.INSUFFICIENT, Status.OK)
ALARMING = frozenset({Status.WARN, Status.FAIL})
"""Over a threshold, and beyond chance."""

Dependence = Literal["positive", "any"]
"""``"positive"`` for Benjamini-Hochberg, ``"any"`` for Benjamini-Yekutieli."""


class AtOddsError(ValueError):
    """Fields that are fine one by one but not together: each with what it holds and what it may.

    ``rule`` says the same where no field can be named, as on a command line.
    """

    def __init__(self, *faults: tuple[str, object, str], rule: str = "") -> None:
        self.faults = faults
        super().__init__(rule or "; ".join(allowed for _, _, allowed in faults))


# Sections of a manifest as well: ``metadata`` has the bounds and the words of its JSON Schema, and
# pydantic holds what a file says against them.
@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something warns, and fails.

    Raises
    ------
    AtOddsError
        ``warn`` is over ``fail``, or not positive.
    """

    warn: float
    fail: float

    def __post_init__(self) -> None:
        if not 0 < self.warn <= self.fail:
            rule = f"0 < warn <= fail is needed, not {self.warn} and {self.fail}"
            raise AtOddsError(("warn", self.warn, f"at most `fail`, {self.fail}"), rule=rule)


@dataclass(frozen=True, slots=True)
class Thresholds(Limits):
    """When a stability index warns, when it fails, and how sure it must be."""

    warn: float = field(default=0.1, metadata={"gt": 0, "le": 1e6})
    fail: float = field(default=0.25, metadata={"gt": 0, "le": 1e6})
    level: float = field(
        default=1e-3,
        metadata={
            "gt": 0,
            "lt": 1,
            "description": "Chance of a value this large without any drift.",
        },
    )

    def __post_init__(self) -> None:
        Limits.__post_init__(self)  # `slots` makes another class of this one: no `super()`
        if not 0 < self.level < 1:
            raise ValueError(f"level must be between 0 and 1, not {self.level}")

    @property
    def middle(self) -> float:
        """Middle of ``warn`` and ``fail``: an incident is about a true index over it.

        What is measured at ``fail`` opens one when its true value is surely over the middle, and
        what is measured under the middle is well again.
        """
        return (self.warn + self.fail) / 2


@overload
def is_beyond(value: float, p: float, limit: float, level: float) -> bool: ...
@overload
def is_beyond(
    value: NDArray[np.float64],
    p: NDArray[np.float64],
    limit: NDArray[np.float64] | float,
    level: NDArray[np.float64] | float,
) -> NDArray[np.bool_]: ...
def is_beyond(value, p, limit, level):  # type: ignore[no-untyped-def]
    """Say where a value is at or over a limit, and not by chance.

    Parameters
    ----------
    value
        float64[...], what was measured.
    p
        float64[...], how likely chance alone gives as much.
    limit, level
        float64[...], the threshold, and the probability of a false alarm.

    Returns
    -------
    bool or ndarray
        bool[...]; False where there is no value (NaN).
    """
    return (value >= limit) & (p <= level)


def status_of(value: float, p: float, limits: Limits, level: float) -> Status:
    """Return the status of a value: under ``warn`` it is ok, whatever chance says.

    Parameters
    ----------
    value
        What was measured.
    p
        How likely chance alone gives as much.
    limits, level
        Thresholds, and the probability of a false alarm.
    """
    if value < limits.warn:
        return Status.OK
    if is_beyond(value, p, limits.fail, level):
        return Status.FAIL
    return Status.WARN if is_beyond(value, p, limits.warn, level) else Status.INSUFFICIENT
