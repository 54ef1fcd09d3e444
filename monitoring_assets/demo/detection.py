"""What was found, held against what is known to have happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from monitoring_assets.demo.findings import Alarm, DayFindings
from monitoring_assets.demo.truth import Event, Truth, VersionTruth


@dataclass(frozen=True)
class Sighting:
    """The first day on which an event was seen.

    Parameters
    ----------
    delay
        Days since the event began; 0 on its first day.
    alarms
        What was seen, the largest value first.
    is_blocked
        Whether a check stopped the day.
    """

    day: dt.date
    delay: int
    alarms: tuple[Alarm, ...]
    is_blocked: bool


@dataclass(frozen=True)
class Detection:
    """How a version's monitoring did.

    Parameters
    ----------
    truth
        What happened.
    days
        Days that were checked.
    first_alarm, first_failure
        When the event was first seen at all, and first seen as a failure; None where never.
    false_alarms
        Days with an alarm that no event explains.
    worst_psi
        Largest index of the score; None when no day was scored.
    worst_csi
        The characteristic with the largest index, and that index.
    psi
        Index of the score by day; None for a day that was stopped before its score.
    """

    truth: VersionTruth
    days: int
    first_alarm: Sighting | None
    first_failure: Sighting | None
    false_alarms: int
    worst_psi: float | None
    worst_csi: tuple[str, float] | None
    psi: dict[dt.date, float | None]


def detect(truth: Truth, found: Mapping[str, Mapping[dt.date, DayFindings]]) -> list[Detection]:
    """Judge the findings of all versions.

    Parameters
    ----------
    truth
        What happened.
    found
        What the checks said, by version and day.

    Returns
    -------
    One detection for each version, in the order of the truth.
    """
    return [_detect(version, found.get(version.key, {})) for version in truth.versions]


def _detect(version: VersionTruth, found: Mapping[dt.date, DayFindings]) -> Detection:
    days = dict(sorted(found.items()))
    indices = [(value, name) for day in days.values() for name, value in day.csi.items()]
    worst, name = max(indices, default=(0.0, ""))
    return Detection(
        truth=version,
        days=len(days),
        first_alarm=_first_sighting(version.event, days, ("warn", "fail", "error")),
        first_failure=_first_sighting(version.event, days, ("fail", "error")),
        false_alarms=sum(_is_false_alarm(version.event, *item) for item in days.items()),
        worst_psi=max((d.psi for d in days.values() if d.psi is not None), default=None),
        worst_csi=(name, worst) if indices else None,
        psi={day: findings.psi for day, findings in days.items()},
    )


def _first_sighting(
    event: Event | None, days: Mapping[dt.date, DayFindings], statuses: tuple[str, ...]
) -> Sighting | None:
    for day, found in days.items():
        if event is None or not event.touches(day):
            continue
        seen = [a for a in found.alarms if a.status in statuses and _explains(event, a, found)]
        if seen:
            ranked = sorted(seen, key=lambda alarm: -(alarm.observed or 0.0))
            return Sighting(day, (day - event.began).days, tuple(ranked), found.is_blocked)
    return None


def _is_false_alarm(event: Event | None, day: dt.date, found: DayFindings) -> bool:
    if event is None or not event.touches(day):
        return bool(found.alarms)
    return not all(_explains(event, alarm, found) for alarm in found.alarms)


def _explains(event: Event, alarm: Alarm, found: DayFindings) -> bool:
    # What is no characteristic, such as the score, moves because characteristics do.
    return alarm.subject in event.characteristics or alarm.subject not in found.csi
