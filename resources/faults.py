"""Faults of a day: what checks and runs found wrong with it, beside what counts can say.

The file of a fault is there as long as the fault is. Whatever makes the day again replaces or
removes what the same source said before.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, TypeAdapter

from monitoring_assets.statistics.alerts.policy import Family
from resources import layout
from resources.masking import masked
from resources.storage import Storage

RUN = "run"
"""Source of the fault that a failed or missing run is; other sources are the checked assets."""


def run_of(asset: str) -> str:
    """Source of the fault that the failed run of one asset is, as Airflow has them."""
    return f"{RUN}.{asset}"


ONBOARDING = "onboarding"
"""Source of the fault that a reference profile could not be made, on the day that was found."""


class RecordedFault(BaseModel):
    """One thing wrong with a day.

    Parameters
    ----------
    family
        What it counts as.
    subject
        The check, the characteristic or the run it is about.
    text
        In words, without the day.
    pages
        Whether it is worth a page.
    segment
        The segment that it is about, as in ``region north``; None for all rows.
    first_cohort, horizon
        Of a change of performance: the first day whose applicants it is about, and the days after
        which their outcomes count.
    """

    model_config = ConfigDict(frozen=True)

    family: Family
    subject: str
    text: str
    pages: bool = True
    segment: str | None = None
    first_cohort: dt.date | None = None
    horizon: int | None = None


_FAULTS = TypeAdapter(list[RecordedFault])


def record_faults(
    storage: Storage, key: str, day: dt.date, source: str, faults: Sequence[RecordedFault]
) -> None:
    """Replace what a source says of a day; none means that all is well."""
    path = layout.fault(key, day, source)
    faults = [fault.model_copy(update={"text": masked(fault.text)}) for fault in faults]
    if faults:
        storage.write(path, _FAULTS.dump_json(list(faults), indent=2))
    else:
        storage.delete(path)


def forget_faults(storage: Storage, key: str, source: str) -> None:
    """Take away what a source says of any day of a version."""
    for path in storage.list(layout.faults(key)):
        if layout.fault_parts(path)[1] == source:
            storage.delete(path)


def read_faults(
    storage: Storage, key: str, first: dt.date, last: dt.date
) -> dict[dt.date, list[RecordedFault]]:
    """Faults of a version by day, from ``first`` to ``last``; days without any are left out."""
    found: defaultdict[dt.date, list[RecordedFault]] = defaultdict(list)
    for path in storage.list(layout.faults(key)):
        day, _ = layout.fault_parts(path)
        if first <= day <= last:
            try:
                content = storage.read(path)
            except FileNotFoundError:  # mended since the listing
                continue
            found[day] += _FAULTS.validate_json(content)
    return dict(found)
