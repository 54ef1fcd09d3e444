"""The page of a version over time: a year of days at a glance, and its months in figures."""

from __future__ import annotations

from itertools import groupby

from monitoring_assets.pages.chart import Chart
from monitoring_assets.pages.model_content import NO_REPORT, ModelContent
from monitoring_assets.pages.render import render
from monitoring_assets.statistics.alerts.reviews import review_of
from monitoring_assets.statistics.drift.thresholds import WORST_FIRST, Status

CELL, GAP, LABEL = 20, 3, 64
"""Width of a day, between two days, and of a month's name, in units of the drawing."""
SIGNS = {Status.WARN: "~", Status.FAIL: "!", Status.INSUFFICIENT: "?", Status.ERROR: "x"}
"""What stands in a day beside its colour, so that no one has to tell colours apart."""
WIDTH, HEIGHT = 720, 120


def model_page(model: ModelContent) -> str:
    """Return the page as one file of HTML."""
    psi = [one.psi for one in model.days]
    counts = {
        status: sum((one.status or NO_REPORT) == status for one in model.days)
        for status in (*WORST_FIRST, NO_REPORT)
    }
    return render(
        "model.html.j2",
        model=model,
        counts={status: count for status, count in counts.items() if count},
        incidents=[
            (one, review_of(model.reviews, one.day, one.day)) for one in model.days if one.opened
        ],
        rows=[
            (f"{month:%b %Y}", list(of_month))
            for month, of_month in groupby(model.days, lambda one: one.day.replace(day=1))
        ],
        psi=psi,
        chart=Chart.of_index((WIDTH, HEIGHT), psi, model.fail),
        cell=CELL,
        step=CELL + GAP,
        label=LABEL,
        signs=SIGNS,
        no_report=NO_REPORT,
    )
