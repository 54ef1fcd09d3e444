"""What a test found, and the light that a policy gives it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ECB = "ECB (2019), Instructions for reporting the validation results of internal models, section {}"


class Light(StrEnum):
    """How a p-value is read. The levels are policy, not part of any test."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    NOT_COMPUTED = "not computed"


AMBER_UNDER, RED_UNDER = 0.05, 0.01
LIGHTS_IN_WORDS = f"amber under a p-value of {AMBER_UNDER:g}, red under {RED_UNDER:g}"
WANTED_IN_WORDS = f"green under a p-value of {AMBER_UNDER:g}, else amber"


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The outcome of a statistical test.

    Parameters
    ----------
    name
        Of the test.
    null
        The hypothesis that a small p-value speaks against, in words.
    source
        Who defines the test.
    statistic
        None if it could not be computed.
    p_value
        Probability of a statistic as extreme if the null hypothesis holds; None as above.
    reason
        Why it could not be computed; None if it was.
    is_wanted
        Whether it is good that the hypothesis is rejected.
    """

    __test__ = False  # no class of tests, whatever pytest thinks of its name

    name: str
    null: str
    source: str
    statistic: float | None = None
    p_value: float | None = None
    reason: str | None = None
    is_wanted: bool = False

    @property
    def light(self) -> Light:
        """The policy's light."""
        if self.p_value is None:
            return Light.NOT_COMPUTED
        if self.is_wanted:
            return Light.GREEN if self.p_value < AMBER_UNDER else Light.AMBER
        if self.p_value < RED_UNDER:
            return Light.RED
        return Light.AMBER if self.p_value < AMBER_UNDER else Light.GREEN
