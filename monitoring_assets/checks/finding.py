"""What an expectation said of its subject, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring_assets.statistics.drift.thresholds import Status

UNMET = "{characteristic}: {observed:.4g} ({details})"
UNSURE = "over a threshold, but no more than chance explains: {unsure}"


@dataclass(frozen=True)
class Finding:
    """What one expectation said of one characteristic.

    Parameters
    ----------
    check, expectation
        Name of the check, and of the expectation's class.
    characteristic
        The subject.
    success
        Whether the expectation is met.
    observed
        The value; None where ``error`` is given.
    details
        Plain values. A ``status`` among them is more than met or not.
    error
        Why it could not be computed; it is then not met.
    unmet, unsure
        Phrases of the expectation's class, see `TableExpectation`.
    """

    check: str
    expectation: str
    characteristic: str
    success: bool
    observed: float | None
    details: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    unmet: str = UNMET
    unsure: str = UNSURE

    @property
    def status(self) -> str:
        """``ok``, ``warn``, ``fail``, ``insufficient evidence``, ``not judged`` or ``error``."""
        if self.error is not None:
            return "error"
        return str(self.details.get("status", "ok" if self.success else "fail"))

    @property
    def is_unsure(self) -> bool:
        """Whether the day's own rows are too few to say."""
        return self.status == Status.INSUFFICIENT

    @property
    def shown_details(self) -> str:
        """The error, or the details one after the other."""
        return self.error or ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.details.items()
        )

    @property
    def text(self) -> str:
        """What is said of an expectation that is not met."""
        if self.error is not None:
            return f"{self.characteristic}: {self.error}"
        known = {"characteristic": self.characteristic, "observed": self.observed}
        return self.unmet.format(**known, **self.details, details=self.shown_details)


def all_well(findings: Sequence[Finding]) -> str:
    """What is said of a check whose expectations are all met.

    Parameters
    ----------
    findings
        Those of the check, at least one.
    """
    first = findings[0]
    if first.status == "not judged":
        return str(first.details["why"])
    unsure = [
        one.characteristic + (f" ({one.details['week']})" if "week" in one.details else "")
        for one in findings
        if one.is_unsure
    ]
    if unsure:
        return first.unsure.format(unsure=", ".join(unsure), met=len(findings) - len(unsure))
    return f"{len(findings)} expectations met"
