"""Section ``thresholds``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from monitoring_assets.statistics.drift.additional import ADDITIONAL
from monitoring_assets.statistics.drift.thresholds import Limits, Thresholds
from resources.fields import ColumnName, Section

if TYPE_CHECKING:
    StatisticName = str
else:
    StatisticName = Literal[tuple(ADDITIONAL)]


@dataclass(frozen=True, slots=True)
class AucDrop(Limits):
    """How far AUC may fall."""

    warn: float = field(default=0.03, metadata={"gt": 0, "le": 1})
    fail: float = field(default=0.05, metadata={"gt": 0, "le": 1})


@dataclass(frozen=True, slots=True)
class BadRateRatio(Limits):
    """How many times more, or fewer, bads there may be than expected."""

    warn: float = field(default=1.25, metadata={"gt": 1, "le": 1e6})
    fail: float = field(default=1.5, metadata={"gt": 1, "le": 1e6})


class PerformanceThresholds(Section):
    """When performance warns, when it fails, and how sure that must be."""

    auc_drop: AucDrop = AucDrop()
    bad_rate_ratio: BadRateRatio = BadRateRatio()
    level: float = Field(
        1e-3, gt=0, lt=1, description="Chance of a difference this large without any change."
    )


class ThresholdPolicy(Section):
    """Thresholds of the score (PSI), of the characteristics (CSI) and of performance."""

    psi: Thresholds = Thresholds()
    csi: Thresholds = Thresholds()
    characteristics: dict[ColumnName, Thresholds] = Field(
        default_factory=dict,
        max_length=10_000,
        description="CSI thresholds of single characteristics.",
    )
    smoothing: Literal["jeffreys"] | Annotated[float, Field(gt=0, lt=0.1)] = Field(
        "jeffreys", description="+0.5 a count; or the share that an empty bin gets, such as 1e-4."
    )
    additional: dict[StatisticName, Thresholds] = Field(
        default_factory=dict,
        description="Statistics computed and checked beside PSI and CSI, with their thresholds; "
        "`{}` for their own. They open no incident.",
    )
    performance: PerformanceThresholds = PerformanceThresholds()  # type: ignore[call-arg]

    @field_validator("additional", mode="before")
    @classmethod
    def _own_defaults(cls, given: object) -> object:
        """Fill in what a statistic's section leaves out."""
        if not isinstance(given, dict):
            return given
        return {
            name: asdict(ADDITIONAL[name].limits) | section
            if name in ADDITIONAL and isinstance(section, dict)
            else section
            for name, section in given.items()
        }
