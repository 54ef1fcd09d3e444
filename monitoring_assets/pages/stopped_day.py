"""A day that a check has stopped before it had a report: what was found, and what was counted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from monitoring_assets.reference.comparison import compare_with_reference
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.drift.drift import ColumnDrift
from monitoring_assets.statistics.profiles.profile import Profile
from resources.faults import RecordedFault, read_faults
from resources.layout import Dataset
from resources.store import Store


@dataclass(frozen=True)
class StoppedDay:
    """What checks and runs found wrong, and the drift of what was counted before."""

    faults: list[RecordedFault]
    drifts: list[ColumnDrift]
    reference_rows: int
    rows: int


def read_stopped_day(store: Store, model: str, day: dt.date) -> StoppedDay | None:
    """What is known of a day without a report; None if nothing of it was counted."""
    datasets: tuple[Dataset, ...] = ("scores_profile", "features_profile")
    counted = next((one for one in datasets if store.has(one, model, day)), None)
    if counted is None:
        return None
    current = Profile.from_table(store.read_table(counted, model, day)[0])
    reference = read_reference(store, model)
    thresholds = store.landed(model).manifest.thresholds
    return StoppedDay(
        read_faults(store.storage, model, day, day).get(day, []),
        compare_with_reference(reference, current, thresholds),
        reference.rows,
        current.rows,
    )
