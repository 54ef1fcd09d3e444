"""Section ``alerts``: who hears of a breach, and when it is worth a page."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitoring_assets.statistics.alerts.policy import Policy

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,60}$"


@dataclass(frozen=True, slots=True)
class Alerts(Policy):
    """Who hears of a breach, and when it is worth a page."""

    service: str | None = field(
        default=None,
        metadata={
            "pattern": _NAME,
            "description": "The on-call service that owns this model.",
            "examples": ["card-models"],
        },
    )
    team: str | None = field(default=None, metadata={"pattern": _NAME})
