"""Messages for tests of channels, of the outbox, and of what hands them over."""

from __future__ import annotations

import datetime as dt
from typing import Any

from resources.delivery import metrics
from resources.delivery.messages import BreachLine, Change, Link, Measurements, Notice, Subject

DAY = dt.date(2026, 3, 3)
NOW = dt.datetime(2026, 3, 4, 6, 30, tzinfo=dt.UTC)


def subject(model: str = "pd_cards", version: str = "1", **changes: Any) -> Subject:
    return Subject(key=f"{model}.{version}", model=model, version=version, **changes)


def notice(number: int = 1, action: Any = "open", **changes: Any) -> Notice:
    """A notice of a population incident of pd_cards.1 that pages."""
    about = changes.pop("subject", subject())
    given: dict[str, Any] = {
        "subject": about,
        "incident": f"{about.key}/population/1",
        "number": number,
        "action": action,
        "family": "population",
        "severity": "critical",
        "day": DAY,
        "since": dt.date(2026, 3, 2),
        "summary": "pd_cards 1: PSI of the score is 0.31",
        "reasons": ["PSI at fail on 2 of the last 3 days"],
        "breaches": [
            BreachLine(
                family="population",
                subject="score",
                text="share of scores above 0.4: 12% to 30%",
                value=0.31,
                limit=0.25,
                since=dt.date(2026, 3, 2),
            ),
            BreachLine(
                family="characteristics",
                subject="income",
                text="missing: 1% to 40%",
                value=1.2,
                limit=0.25,
                since=dt.date(2026, 3, 2),
                moved_score_by=0.041,
            ),
        ],
        "commands": ["monitoring report pd_cards.1 --date 2026-03-03"],
        "links": [Link(text="Partition", href="https://dagster.lender.example/assets/alerts")],
        "decided_at": NOW,
    }
    return Notice(**(given | changes))


def change(**changes: Any) -> Change:
    about = changes.pop("subject", subject())
    return Change(subject=about, summary=f"{about.key} is monitored", at=NOW, **changes)


def measurements(day: dt.date = DAY, psi: float = 0.31, **changes: Any) -> Measurements:
    given: dict[str, Any] = {
        "subject": subject(team="risk"),
        "day": day,
        "gauges": [
            metrics.PSI.gauge(psi),
            metrics.CSI.gauge(1.2, characteristic="income per month"),
        ],
        "checks": [metrics.PARTITION.status("critical", "PSI of the score is 0.31")],
    }
    return Measurements(**(given | changes))
