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
    from monitoring_assets.statistics.drift.segment_report import SegmentReport
    from monitoring_assets.statistics.performance.report import CohortPerformance

HISTORY_DAYS = 30


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
    from resources.acceptances import accepted_shifts
    from resources.environment import resources_from_environment
    from resources.errors import InputError

    store = resources_from_environment()["store"]
    date = stored_day(store, "drift_report", model, day)
    if html:
        from monitoring_assets.pages.day_content import read_day
        from monitoring_assets.pages.day_page import day_page

        try:
            write_page(html, day_page(read_day(store, model, date)))
        except InputError as error:
            raise click.BadParameter(str(error)) from error
        if in_browser:
            click.launch(str(html))
    elif in_browser:
        raise click.UsageError("--open needs --html FILE, the page to open")
    try:
        table, notes = store.read_table("drift_report", model, date)
    except InputError as error:
        from monitoring_assets.pages.stopped_day import read_stopped_day

        stopped = read_stopped_day(store, model, date)
        if stopped is None:
            raise click.BadParameter(str(error)) from error
        show_stopped_day(stopped, model, date, output)
        return
    from monitoring_assets.alerting.decision_inputs import stored_indices, stored_weeks

    manifest = store.landed(model).manifest
    weeks = stored_weeks(store, model, date, manifest.alerts.at_once)
    accepted = [str(one) for one in accepted_shifts(store, manifest) if one.last < date]
    performance = store.find_table("performance_report", model, date)
    segments = store.find_table("segment_report", model, date)
    if output == "json":
        shown = notes | {
            "accepted": accepted,
            "columns": [
                row | {"week": asdict(weeks[name]) if (name := row["column"]) in weeks else None}
                for row in table.to_pylist()
            ],
            "performance": performance.to_pylist() if performance else [],
            "segments": segments.to_pylist() if segments else [],
        }
        click.echo(json.dumps(shown, indent=2, default=str))
        return

    from monitoring_assets.cli.drift_table import print_drift
    from monitoring_assets.cli.sparkline import curve
    from monitoring_assets.statistics.drift.report import MARGINAL_MIX, DriftReport
    from monitoring_assets.statistics.drift.segment_report import SegmentReport
    from monitoring_assets.statistics.performance.report import PerformanceReport
    from resources.table_formats.base import in_words

    found = DriftReport.from_table(table)
    drifts = found.drifts()
    moved = {one.drift.column: one.moved_score_by for one in found.columns}
    click.echo(f"{model} on {date}, manifest {notes['manifest_sha256'][:12]}")
    for name, read in notes.get("versions", {}).items():
        click.echo(f"Read of {name}: {in_words(read)}")
    for days in accepted:
        click.echo(f"Judged against the reference; pages also against the days {days}")
    print_drift(drifts, found.reference_rows, found.rows, moved=moved, weeks=weeks)
    shift = found.score.mean_score_shift if found.score else None
    if shift is not None:
        click.echo(f"Mean score moved by {shift:+.4f} against the reference.")
        click.echo(f"Moved score by: {notes.get('attribution', MARGINAL_MIX)}.")
    if performance is not None:
        for cohort in PerformanceReport.from_table(performance).cohorts:
            click.echo(_performance_line(cohort))
            if cohort.found.unmatched:
                click.echo(f"Outcomes {cohort.title}: {cohort.unmatched_text}")
    if segments is not None:
        of_total = {drift.column: drift.status for drift in drifts}
        for line in _segment_lines(SegmentReport.from_table(segments), of_total):
            click.echo(line)
    worst = max(drifts, key=lambda drift: drift.value or 0.0)
    shown = {drift.column: drift for drift in drifts if drift is worst or drift.index == "PSI"}
    click.echo(f"\nThe {HISTORY_DAYS} days to {date}")
    last_days = [date - dt.timedelta(days=back) for back in range(HISTORY_DAYS - 1, -1, -1)]
    history = stored_indices(store, model, store.days("drift_report", model), last_days)
    for name, drift in shown.items():
        values = [day.get(name) for day in history]
        full = drift.thresholds.fail
        click.echo(f"{name:<18} {drift.index} {curve(values, full)}  full height: {full} or more")


def _performance_line(cohort: CohortPerformance) -> str:
    """AUC with its interval, or why there is none."""
    of, found = f"AUC {cohort.title}", cohort.found
    auc = found.metric("auc")
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
