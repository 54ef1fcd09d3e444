"""Drift of columns as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitoring_assets.statistics.drift.additional import ADDITIONAL
from monitoring_assets.statistics.drift.drift import ColumnDrift
from monitoring_assets.statistics.drift.last_days import WEEK, LastDays
from monitoring_assets.statistics.drift.thresholds import Status
from monitoring_assets.statistics.profiles.bins import short_label

STYLES: dict[Status, str] = {
    Status.FAIL: "bold red",
    Status.ERROR: "bold magenta",
    Status.WARN: "yellow",
    Status.INSUFFICIENT: "cyan",
    Status.OK: "green",
}
"""Style of each status, the worst first."""
FAILS = "!"


def print_drift(
    drifts: Sequence[ColumnDrift],
    reference: int,
    current: int,
    new: Sequence[str] = (),
    moved: Mapping[str, float | None] | None = None,
    apart: Mapping[str, str] = MappingProxyType({}),
    weeks: Mapping[str, LastDays] = MappingProxyType({}),
) -> None:
    """Print the columns, the worst first, then the bins of the worst.

    Parameters
    ----------
    drifts
        The columns.
    reference, current
        Rows.
    new
        Columns that only the current data has.
    moved
        What each column did to the mean score; shown if given.
    apart
        Columns that always differ, and what they are; listed last, without a verdict.
    weeks
        The last days together by column; shown if given.
    """
    console = Console()
    statuses = list(STYLES)
    ranked = sorted(
        drifts, key=lambda d: (d.column in apart, statuses.index(d.status), -(d.value or 0.0))
    )
    title = f"{reference:,} reference rows, {current:,} current rows"
    if weeks:
        most = max(weeks.values(), key=lambda week: week.days)
        title += f", {most.rows:,} in {most.days} of the last {WEEK} days"
    table = Table(
        title=title,
        box=SIMPLE_HEAD,
        padding=0,  # names and statuses are whole at 80 columns
    )
    if any(week.status == Status.FAIL for week in weeks.values()):
        table.caption = f"{FAILS} the last {WEEK} days together are over the limit"
    also = list(dict.fromkeys(one.statistic for column in drifts for one in column.additional))
    figures: dict[str, Sequence[str | Text]] = {
        "value": [_number(column.value) for column in ranked],
        f"{WEEK}\ndays": [_week(weeks.get(column.column)) for column in ranked],
        "chance": [_number(column.critical_value) for column in ranked],
        "missing": [_share(column.current_missing) for column in ranked],
        "unseen": [_share(column.unseen) for column in ranked],
        "outside": [_share(column.out_of_range) for column in ranked],
        "moved\nscore": [_shift((moved or {}).get(column.column)) for column in ranked],
        **{ADDITIONAL[name].label: [_judged(one, name) for one in ranked] for name in also},
    }
    # A column without a figure would take its width from the names.
    shown = {heading: cells for heading, cells in figures.items() if any(map(bool, cells))}
    table.add_column("column", overflow="fold", min_width=14)
    for heading in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status")
    for column, *cells in zip(ranked, *shown.values(), strict=True):
        table.add_row(
            Text(f"{column.column} (PSI)" if column.index == "PSI" else column.column),
            *cells,
            Text(apart[column.column], "dim")
            if column.column in apart
            else Text(column.status, STYLES[column.status]),
        )
    console.print(table)
    judged = [column for column in drifts if column.column not in apart]
    worst = max(judged, key=lambda d: d.value or 0.0, default=None)
    if worst and worst.value:
        console.print(_bars(worst))
    for column in ranked:
        if column.error and column.column not in apart:
            console.print(Text(f"{column.column}: {column.error}"))
        week = weeks.get(column.column)
        if week and week.decides(column.status):
            words = f"{column.column}: {column.index} {column.value:.2f} on {current:,} rows"
            console.print(Text(f"{words} ({column.status}); {week}", STYLES[week.status]))
        for item in column.bins:
            if item.slot == "new" and item.current:
                share = item.current / sum(one.current for one in column.bins)
                words = f"{column.column}: {item.label} {share:.1%} of rows, not in the reference"
                console.print(Text(words))
        if column.infinite:
            console.print(Text(f"{column.column}: {column.infinite:,} infinite values"))
    if new:
        console.print(Text(f"Only in the current data, not compared: {', '.join(new)}"))
    console.print(_summary(judged))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _week(week: LastDays | None) -> Text:
    """Return the index of the last days, marked if it fails."""
    if week is None:
        return Text()
    mark = FAILS if week.status == Status.FAIL else " "
    return Text(f"{week.value:.2f}{mark}", STYLES[week.status])


def _judged(column: ColumnDrift, statistic: str) -> Text:
    """Return a statistic beside the index, in the colour of its own status."""
    found = (one.judgement for one in column.additional if one.statistic == statistic)
    return next((Text(_number(one.value), STYLES[one.status]) for one in found), Text())


def _shift(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"


def _share(value: float | None) -> str:
    return f"{value:.1%}" if value else ""


def _bars(column: ColumnDrift) -> Table:
    """Return the shares of a column's bins side by side."""
    table = Table(title=Text(f"{column.column}: share of rows by bin"), box=SIMPLE_HEAD)
    table.add_column("bin", overflow="fold")
    table.add_column("reference", style="dim", no_wrap=True)
    table.add_column("current", no_wrap=True)
    table.add_column(column.index, justify="right", no_wrap=True)
    rows = [sum(getattr(item, side) for item in column.bins) for side in ("reference", "current")]
    shown = [item for item in column.bins if item.reference or item.current]
    shares = [(item.reference / rows[0], item.current / rows[1]) for item in shown]
    longest = max(max(pair) for pair in shares)
    for item, pair in zip(shown, shares, strict=True):
        bars = [f"{share:6.1%} {'█' * round(12 * share / longest)}" for share in pair]
        table.add_row(Text(short_label(item.label, item.slot)), *bars, f"{item.contribution:.4f}")
    return table


def _summary(drifts: Sequence[ColumnDrift]) -> Text:
    """Return how many columns have each status."""
    text = Text()
    for status, style in STYLES.items():
        number = sum(column.status == status for column in drifts)
        if number:
            text.append(", " if text else "").append(f"{number} {status}", style)
    return text
