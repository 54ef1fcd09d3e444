"""A study of a model's past: what each choice of thresholds would have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from monitoring_assets.statistics.alerts.breach import DayFacts
    from monitoring_assets.statistics.alerts.simulation import Simulation
    from monitoring_assets.statistics.alerts.tuning import ChoiceOutcome, Suggestion
    from resources.manifest import Manifest


@dataclass(frozen=True)
class Study:
    """A model, what is stored of it, and what follows.

    Parameters
    ----------
    manifest
        As it is monitored.
    days
        Stored days.
    quiet
        Number of those from which the days without drift were learnt.
    simulation
        Those days.
    suggestion
        What follows.
    target
        False pages per month asked for.
    notes
        What to know of the figures.
    """

    manifest: Manifest
    days: Sequence[DayFacts]
    quiet: int
    simulation: Simulation
    suggestion: Suggestion
    target: float
    notes: Sequence[str]


def main_outcomes(suggestion: Suggestion) -> list[tuple[str, ChoiceOutcome]]:
    """What is in force, and what is suggested if it is something else."""
    suggested = [("suggested", suggestion.suggested)] if suggestion.changes else []
    return [("in force", suggestion.in_force), *suggested]


def daily_indices(
    study: Study,
) -> tuple[list[dt.date], list[float | None], list[float | None]]:
    """The days, PSI, and largest CSI of each; None on a day without a report."""
    import datetime as dt

    from monitoring_assets.statistics.drift.stability import stability_index

    by_day = {day.day: day for day in study.days}
    first, last = min(by_day), max(by_day)
    calendar = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    psi: list[float | None] = []
    csi: list[float | None] = []
    smoothing = study.manifest.thresholds.smoothing
    for day in calendar:
        values: dict[str, list[float]] = {"PSI": [], "CSI": []}
        for column in by_day[day].columns if day in by_day else ():
            if column.error is None:
                index = stability_index(column.reference, column.current, smoothing=smoothing)
                values[column.index].append(index)
        psi.append(max(values["PSI"], default=None))
        csi.append(max(values["CSI"], default=None))
    return calendar, psi, csi
