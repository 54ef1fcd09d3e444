"""The page of two tables: ``monitoring drift --html``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from monitoring_assets.pages.render import DETAILED, render
from monitoring_assets.statistics.drift.drift import ColumnDrift
from monitoring_assets.statistics.drift.thresholds import ALARMING, WORST_FIRST, Status


def drift_page(
    reference: str,
    current: str,
    drifts: Sequence[ColumnDrift],
    reference_rows: int,
    rows: int,
    apart: Mapping[str, str],
    new: Sequence[str],
) -> str:
    """Return the drift of two tables as one file of HTML.

    Parameters
    ----------
    reference, current
        What people call the tables.
    drifts
        Columns that were compared.
    reference_rows, rows
        Rows of both.
    apart
        Those of the columns that always differ, and what they are; without a verdict.
    new
        Columns that only the current data has.
    """
    judged = sorted(
        (one for one in drifts if one.column not in apart),
        key=lambda one: (WORST_FIRST.index(one.status), -(one.value or 0.0)),
    )
    found = Counter(one.status for one in judged)
    return render(
        "drift.html.j2",
        reference=reference,
        current=current,
        drifts=judged,
        status=judged[0].status if judged else Status.OK,
        verdict=_verdict(judged, found),
        counts=[(status, found[status]) for status in WORST_FIRST if found[status]],
        reference_rows=reference_rows,
        rows=rows,
        apart=apart,
        new=new,
        detailed=DETAILED,
        opened=next((one for one in judged if one.status in ALARMING), None),
    )


def _verdict(judged: Sequence[ColumnDrift], found: Counter[Status]) -> str:
    if not judged:
        return "No column was judged."
    moved = [one for one in judged if one.status in ALARMING]
    text = f"None of {len(judged)} columns has moved beyond a limit and beyond chance."
    if moved:
        worst = max(moved, key=lambda one: one.value or 0.0)
        text = (
            f"{len(moved)} of {len(judged)} columns have moved beyond a limit and beyond chance, "
            f"{worst.column} most: {worst.index} {worst.value:.3f}."
        )
    if found[Status.ERROR]:
        text += f" {found[Status.ERROR]} could not be compared."
    return text
