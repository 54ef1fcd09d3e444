"""The page of a version over time: a year of days at a glance, and its months in figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from monitoring_assets.pages.chart import Chart
from monitoring_assets.pages.render import render
from monitoring_assets.statistics.drift.thresholds import WORST_FIRST, Status

CELL, GAP, LABEL = 20, 3, 64
"""Width of a day, between two days, and of a month's name, in units of the drawing."""
SIGNS = {Status.WARN: "~", Status.FAIL: "!", Status.INSUFFICIENT: "?", Status.ERROR: "x"}
"""What stands in a day beside its colour, so that no one has to tell colours apart."""
NO_REPORT = "no report"
WIDTH, HEIGHT = 720, 120


@dataclass(frozen=True)
class Day:
    """A day of the calendar.

    Parameters
    ----------
    status
        The worst of its columns; None without a report.
    psi, csi
        Of the score, and the largest of a characteristic.
    column
        The characteristic.
    opened
        Families that led an incident which opened.
    """

    day: dt.date
    status: Status | None
    psi: float | None = None
    csi: float | None = None
    column: str | None = None
    opened: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is known of it, in a line."""
        parts = [str(self.status or NO_REPORT)]
        parts += [f"PSI {self.psi:.3f}"] if self.psi is not None else []
        parts += [f"CSI {self.csi:.3f} ({self.column})"] if self.csi is not None else []
        parts += [f"incident opened: {', '.join(self.opened)}"] if self.opened else []
        return "; ".join(parts)


@dataclass(frozen=True)
class Month:
    """The figures of a month's rows together; None where they are not known."""

    name: str
    days: int
    rows: int
    psi: float | None
    csi: float | None
    column: str | None
    status: Status | None
    incidents: int
    bad_rate: float | None
    expected: float | None
    auc: float | None


def model_page(
    key: str, days: Sequence[Day], months: Sequence[Month], horizon: int | None, fail: float
) -> str:
    """Return the page as one file of HTML.

    Parameters
    ----------
    days
        Each calendar day of the range, one or more.
    months
        Those of the range.
    horizon
        Days after which outcomes count.
    fail
        Limit of the PSI.
    """
    psi = [one.psi for one in days]
    counts = {
        status: sum((one.status or NO_REPORT) == status for one in days)
        for status in (*WORST_FIRST, NO_REPORT)
    }
    return render(
        "model.html.j2",
        key=key,
        days=days,
        counts={status: count for status, count in counts.items() if count},
        incidents=[one for one in days if one.opened],
        rows=[
            (f"{month:%b %Y}", list(of_month))
            for month, of_month in groupby(days, lambda one: one.day.replace(day=1))
        ],
        months=months,
        horizon=horizon,
        fail=fail,
        psi=psi,
        chart=Chart.of_index((WIDTH, HEIGHT), psi, fail),
        cell=CELL,
        step=CELL + GAP,
        label=LABEL,
        signs=SIGNS,
        no_report=NO_REPORT,
    )
