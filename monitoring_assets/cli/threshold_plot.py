"""The choices of thresholds, and a model's past under two of them, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitoring_assets.cli.threshold_study import daily_indices, main_outcomes

if TYPE_CHECKING:
    from pathlib import Path

    from monitoring_assets.cli.threshold_study import Study
    from monitoring_assets.statistics.alerts.simulation import Caught
    from monitoring_assets.statistics.alerts.tuning import ChoiceOutcome

COLOURS = {"in force": "#e08050", "suggested": "#5aa0dc"}
MARKERS = {"in force": "s", "suggested": "D"}
GREY = "#9a9a9a"


def draw(study: Study, path: Path) -> None:
    """Draw a study as PNG: above what each choice costs and catches, below the past.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    mover = study.simulation.mover
    figure.suptitle(
        f"{study.manifest.key}: what thresholds would have done, and would do", fontsize=13
    )
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    above, below = parts
    score, characteristic = above.subplots(1, 2, sharey=True)
    _choices(score, study, "PSI of the smallest shift of the score caught", lambda o: o.score)
    name = mover.name if mover else "a characteristic"
    _choices(
        characteristic,
        study,
        f"CSI of the smallest shift of {name} caught",
        lambda o: o.characteristic,
    )
    score.set_ylabel("false pages a month, upper 95 % bound")
    characteristic.legend(loc="center right", fontsize=9)
    _past(below, study)
    figure.savefig(path, dpi=110)


def _choices(axes: Any, study: Study, label: str, caught: Any) -> None:
    """One point a choice: what it costs against what it catches."""
    from matplotlib.ticker import LogLocator

    def point(outcome: ChoiceOutcome) -> tuple[float, float] | None:
        shift: Caught | None = caught(outcome)
        return None if shift is None else (shift.index, outcome.false_pages.upper)

    points = {p for outcome in study.suggestion.tried if (p := point(outcome))}
    if points:
        axes.scatter(*zip(*points, strict=True), s=14, color=GREY, label="other choices", zorder=2)
    for name, outcome in main_outcomes(study.suggestion):
        if at := point(outcome):
            axes.scatter(*at, s=80, color=COLOURS[name], marker=MARKERS[name], label=name, zorder=3)
    axes.axhline(study.target, color="black", linestyle="--", linewidth=1)
    axes.annotate(
        f"target {study.target:g}",
        (1, study.target),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 3),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.03, 1.0)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_xlabel(f"{label} (80 % within 14 days)", fontsize=9)
    axes.grid(alpha=0.3)


def _past(figure: Any, study: Study) -> None:
    """The daily indices, the limits, and the incidents as bars under them."""
    import datetime as dt

    import numpy as np
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    calendar, psi, csi = daily_indices(study)
    outcomes = main_outcomes(study.suggestion)
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 0.5 + 0.25 * len(outcomes)))
    for axes, title, values, limits in (
        (panels[0], "PSI", psi, {name: o.choice.psi.fail for name, o in outcomes}),
        (panels[1], "largest CSI", csi, {name: o.choice.csi.fail for name, o in outcomes}),
    ):
        line = np.array([np.nan if value is None else value for value in values])
        axes.plot(calendar, line, color="black", linewidth=1.2, marker=".", markersize=4)
        for name, at in limits.items():
            axes.axhline(at, color=COLOURS[name], linestyle="--", linewidth=1.2)
            axes.annotate(
                f"{name} {at:g}",
                (0, at),
                xycoords=("axes fraction", "data"),
                xytext=(4, 2),
                textcoords="offset points",
                color=COLOURS[name],
                fontsize=8,
            )
        axes.set_ylabel(title)
        axes.set_ylim(0, _top(line, max(limits.values())))
        axes.grid(alpha=0.3)
    bars = panels[2]
    end = calendar[-1] + dt.timedelta(days=1)
    for row, (name, outcome) in enumerate(outcomes):
        if not outcome.past:
            bars.annotate("none", (calendar[0], row), va="center", fontsize=8)
        for incident in outcome.past or ():
            until = incident.resolved or end
            bars.barh(row, until - incident.opened, left=incident.opened, color=COLOURS[name])
            late = (end - incident.opened).days < len(calendar) / 8
            bars.annotate(
                incident.family,
                (incident.opened, row),
                xytext=(-3 if late else 3, 0),
                textcoords="offset points",
                ha="right" if late else "left",
                va="center",
                fontsize=8,
            )
    bars.set_yticks(range(len(outcomes)), [name for name, _ in outcomes])
    bars.set_ylim(len(outcomes) - 0.4, -0.6)
    bars.set_title("incidents that would have been opened", fontsize=9, loc="left")
    locator: Any = AutoDateLocator()  # type: ignore[no-untyped-call]
    bars.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    bars.xaxis.set_major_formatter(formatter)
    bars.set_xlim(calendar[0] - dt.timedelta(days=1), end)


def _top(line: Any, limit: float) -> float:
    """Upper end of an axis: the limits are seen, and a broken day does not flatten the rest."""
    import numpy as np

    largest = float(np.nanmax(line, initial=0.0))
    return 1.1 * min(max(largest, 1.3 * limit), 4 * limit)
