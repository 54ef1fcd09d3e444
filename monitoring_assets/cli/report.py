"""``monitoring report``: the drift report of a day, as it was recorded."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import DAY, format_option, html_option, stored_day, write_page
from monitoring_assets.cli.stopped_day import show_stopped_day

if TYPE_CHECKING:
    from monitoring_assets.pages.day_content import DayContent
    from monitoring_assets.statistics.drift.segment_report import SegmentReport
    from monitoring_assets.statistics.performance.report import CohortPerformance
    from resources.store import Store

HISTORY_DAYS = 30
SHOWN_SEGMENTS = 3


@click.command(
    epilog="""\b
Examples:
  monitoring report pd_cards.3
  monitoring report pd_cards.3 --date 2026-09-12
  monitoring report pd_cards.3 --date 2026-09-12 --format json
  monitoring report pd_cards.3 --html report.html --open
"""
)
@click.argument("model")
@click.option("--date", "day", type=DAY, help="Day.  [default: the last]")
@html_option
@click.option("--open", "in_browser", is_flag=True, help="Open the page of --html in a browser.")
@format_option
def report(
    model: str, day: dt.datetime | None, html: Path | None, in_browser: bool, output: str
) -> None:
    """Show what moved on a day of MODEL (name.version), what that did to the score, and how it did.

    Of a day that a check has stopped it shows the faults, and the drift of what was counted.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.pages.day_content import read_day
    from monitoring_assets.pages.day_page import day_page
    from resources.environment import resources_from_environment
    from resources.errors import InputError

    store = resources_from_environment()["store"]
    date = stored_day(store, "drift_report", model, day)
    try:
        content = read_day(store, model, date)
    except InputError as error:
        raise click.BadParameter(str(error)) from error
    if html:
        write_page(html, day_page(content))
        if in_browser:
            click.launch(str(html))
    elif in_browser:
        raise click.UsageError("--open needs --html FILE, the page to open")
    if content.stopped is not None:
        show_stopped_day(content.stopped, model, date, output)
    elif content.report is None:
        faults = "; ".join(fault.text for fault in content.faults)
        url = store.url("drift_report", model, date)
        raise click.BadParameter(
            f"drift_report of {date}|{model} is not materialised: {url} is not there, and nothing "
            f"was counted of the day: {faults}"
        )
    elif output == "json":
        _print_json(store, content)
    else:
        _print(content)


def _print_json(store: Store, content: DayContent) -> None:
    key, day = content.manifest.key, content.day
    table, notes = store.read_table("drift_report", key, day)
    weeks = {one.drift.column: one.week for one in content.columns}
    performance = store.find_table("performance_report", key, day)
    segments = store.find_table("segment_report", key, day)
    shown = notes | {
        "verdict": content.verdict,
        "accepted": list(map(str, content.accepted)),
        "acceptance": asdict(content.acceptance) if content.acceptance else None,
        "columns": [
            row | {"week": asdict(week) if (week := weeks.get(row["column"])) else None}
            for row in table.to_pylist()
        ],
        "performance": performance.to_pylist() if performance else [],
        "segments": segments.to_pylist() if segments else [],
    }
    click.echo(json.dumps(shown, indent=2, default=str))


def _print(content: DayContent) -> None:
    from monitoring_assets.cli.drift_table import print_drift
    from monitoring_assets.cli.sparkline import curve
    from monitoring_assets.statistics.drift.report import MARGINAL_MIX
    from resources.table_formats.base import in_words

    report = content.report
    assert report is not None
    notes, drifts = content.notes, [one.drift for one in content.columns]
    manifest = notes["manifest_sha256"][:12]
    click.echo(f"{content.manifest.key} on {content.day}, manifest {manifest}")
    for name, read in notes.get("versions", {}).items():
        click.echo(f"Read of {name}: {in_words(read)}")
    click.echo(content.verdict)
    for days in content.accepted:
        click.echo(f"Judged against the reference; pages also against the days {days}")
    print_drift(
        drifts,
        report.reference_rows,
        report.rows,
        moved={one.drift.column: one.moved_score_by for one in content.columns},
        weeks={one.drift.column: one.week for one in content.columns if one.week},
    )
    shift = report.score.mean_score_shift if report.score else None
    if shift is not None:
        click.echo(f"Mean score moved by {shift:+.4f} against the reference.")
        click.echo(f"Moved score by: {notes.get('attribution', MARGINAL_MIX)}.")
    for cohort in content.cohorts:
        click.echo(_performance_line(cohort))
        if cohort.found.unmatched:
            click.echo(f"Outcomes {cohort.title}: {cohort.unmatched_text}")
    if content.acceptance:
        click.echo(str(content.acceptance))
    if content.change:
        _print_change(content)
    if content.segments is not None:
        of_total = {drift.column: drift.status for drift in drifts}
        for line in _segment_lines(content.segments, of_total):
            click.echo(line)
    worst = max(drifts, key=lambda drift: drift.value or 0.0)
    click.echo(f"\nThe {HISTORY_DAYS} days to {content.day}")
    for one in content.columns:
        if one.drift is worst or one.drift.index == "PSI":
            full = one.drift.thresholds.fail
            line = curve(list(one.history[-HISTORY_DAYS:]), full)
            name, index = one.drift.column, one.drift.index
            click.echo(f"{name:<18} {index} {line}  full height: {full} or more")


def _print_change(content: DayContent) -> None:
    """Print what has become of the applicants since a change of performance."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from monitoring_assets.pages.day_content import bands_since

    change = content.change
    assert change is not None
    rows, bads = f"{change.cohort.rows:,}", f"{change.cohort.bads:,}"
    predicted = change.expected_bads
    beside = "" if predicted is None else f", where the scores predicted {predicted:,.0f}"
    click.echo(
        f"\nApplicants since {change.first} with a known outcome: {rows}; bad: {bads}{beside}"
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("score band", no_wrap=True)
    for name in ("rows", "bads", "bad rate", "predicted"):
        table.add_column(name, justify="right", no_wrap=True)
    for label, band in bands_since(content):
        rate = f"{band.bads / band.rows:.1%}" if band.rows else ""
        chance = "" if band.expected is None else f"{band.expected:.1%}"
        table.add_row(Text(label), f"{band.rows:,}", f"{band.bads:,}", rate, chance)
    Console().print(table)
    for one in change.segments[:SHOWN_SEGMENTS]:
        auc = "no AUC" if one.auc.value is None else f"AUC {one.auc.value:.3f}"
        before = "" if one.reference is None else f", reference {one.reference:.3f}"
        name = f"{one.segment.column}={one.segment.value}"
        click.echo(f"Segment {name}: {one.rows:,} rows, {one.bads:,} bads, {auc}{before}")


def _performance_line(cohort: CohortPerformance) -> str:
    """AUC with its interval, or why there is none; of predictions of a number their error too."""
    from monitoring_assets.statistics.performance.prediction import GENERALISED_AUC

    found = cohort.found
    rank = found.metric(GENERALISED_AUC)
    of, auc = f"AUC {cohort.title}", found.metric("auc")
    if rank is not None:
        of, auc = f"Generalised {of}", rank
    if auc is None:
        return f"{of}: {found.status}, {found.reason}"
    if auc.value is None:
        return f"{of}: {auc.reason}"
    value = f"{auc.value:.4f}"
    if auc.low is not None:
        value += f" ({auc.low:.4f} to {auc.high:.4f})"
    rows = found.scored if cohort.kind == "estimated" else found.known
    beside = {"reference": auc.reference, "estimated": auc.estimated}
    shown = [f"{name} {number:.4f}" for name, number in beside.items() if number is not None]
    error = found.metric("mean_error")
    if error is not None and error.value is not None:
        shown.append(f"mean error {error.value:+.4g}")
    return "; ".join([f"{of}: {value}, {rows:,} rows", *shown, *filter(None, [found.shift])])


def _segment_lines(report: SegmentReport, total: Mapping[str, str]) -> Iterator[str]:
    """Segments that fail unseen or have vanished, and segment columns that are not there."""
    hidden = [
        (one, one.value)
        for one in report.indices
        if one.status == "fail" and one.value is not None and total.get(one.column) != "fail"
    ]
    for one, value in sorted(hidden, key=lambda one: -one[1]):
        yield (
            f"Segment {one.segment.column}={one.segment.value}: {one.column} {one.index} "
            f"{value:.4f}, fail; {one.rows:,} rows; in the total "
            f"{total.get(one.column, 'not compared')}"
        )
    for segment, text in report.vanished().items():
        yield f"Segment {segment.column}={segment.value}: {text}"
    for column in report.uncounted:
        yield f"Segments of {column.column}: {column.reason}"
