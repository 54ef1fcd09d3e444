"""Section ``thresholds``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from resources.manifest.faults import AtOddsError
from resources.manifest.fields import Section


class _Limits(Section):
    warn: float
    fail: float

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        if self.warn > self.fail:
            raise AtOddsError(("warn", self.warn, f"at most `fail`, {self.fail}"))
        return self


class IndexThresholds(_Limits):
    """When a stability index warns, when it fails, and how sure it must be."""

    warn: float = Field(0.1, gt=0)
    fail: float = Field(0.25, gt=0)
    level: float = Field(
        1e-3, gt=0, lt=1, description="Chance of a value this large without any drift."
    )


class AucDrop(_Limits):
    """How far AUC may fall."""

    warn: float = Field(0.03, gt=0, le=1)
    fail: float = Field(0.05, gt=0, le=1)


class BadRateRatio(_Limits):
    """How many times more, or fewer, bads there may be than expected."""

    warn: float = Field(1.25, gt=1)
    fail: float = Field(1.5, gt=1)


class PerformanceThresholds(Section):
    """When performance warns, when it fails, and how sure that must be."""

    auc_drop: AucDrop = AucDrop()  # type: ignore[call-arg]
    bad_rate_ratio: BadRateRatio = BadRateRatio()  # type: ignore[call-arg]
    level: float = Field(
        1e-3, gt=0, lt=1, description="Chance of a difference this large without any change."
    )


class ThresholdPolicy(Section):
    """Thresholds of the score (PSI), of the characteristics (CSI) and of performance."""

    psi: IndexThresholds = IndexThresholds()  # type: ignore[call-arg]
    csi: IndexThresholds = IndexThresholds()  # type: ignore[call-arg]
    characteristics: dict[str, IndexThresholds] = Field(
        default_factory=dict, description="CSI thresholds of single characteristics."
    )
    smoothing: Literal["jeffreys"] | Annotated[float, Field(gt=0, lt=0.1)] = Field(
        "jeffreys", description="+0.5 a count; or the share that an empty bin gets, such as 1e-4."
    )
    performance: PerformanceThresholds = PerformanceThresholds()  # type: ignore[call-arg]
