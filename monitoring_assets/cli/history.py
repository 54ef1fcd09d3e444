"""``monitoring history``: the figures of weeks, months, quarters or years."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import (
    chosen_horizon,
    format_option,
    html_option,
    period_options,
    stored_range,
    write_page,
)
from monitoring_assets.periods.calendar import UNITS, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitoring_assets.periods.cohorts import Cohort
    from monitoring_assets.periods.roll_up import PeriodFigures, PeriodIndex


@click.command(
    epilog="""\b
Examples:
  monitoring history pd_cards.3
  monitoring history pd_cards.3 --from 2025-01-01 --to 2025-12-31 --by quarter
  monitoring history pd_cards.3 --by week --horizon 30 --format json
  monitoring history pd_cards.3 --html year.html
"""
)
@click.argument("model")
@period_options
@click.option(
    "--by", type=click.Choice(UNITS), default="month", show_default=True, help="Of the calendar."
)
@html_option
@format_option
def history(
    model: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    by: Unit,
    horizon: int | None,
    html: Path | None,
    output: str,
) -> None:
    """Show MODEL (name.version) over time: drift, incidents and performance of each period.

    PSI and CSI are those of a period's rows together, so a shift of a few days shows less in a
    month than on its day. Performance is of the cohorts of the period whose outcomes are known.
    The page of --html has a calendar of all days and the figures of each month.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.pages.model_content import read_model
    from monitoring_assets.pages.model_page import model_page
    from monitoring_assets.periods.calendar import periods
    from monitoring_assets.periods.roll_up import roll_up
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    since, until = stored_range(store, model, first, last)
    after = chosen_horizon(store, model, horizon)
    found = list(roll_up(store, model, list(periods(since, until, by)), after))
    if html:
        content = read_model(store, store.landed(model).manifest, since, until, after)
        write_page(html, model_page(content))
    if output == "json":
        click.echo(json.dumps([_document(one, after) for one in found], indent=2))
    else:
        _print(found, model, after)


def _document(one: PeriodFigures, horizon: int | None) -> dict[str, Any]:
    cohort = one.performance
    return {
        "period": one.period.name,
        "first": one.period.first.isoformat(),
        "last": one.period.last.isoformat(),
        "days": one.days,
        "rows": one.rows,
        "columns": [
            {
                "column": column.column,
                "index": column.index,
                "days": column.days,
                "rows": column.rows,
                "value": column.value,
                "critical_value": column.critical_value,
                "status": column.status,
            }
            for column in one.columns
        ],
        "incidents": [
            {"day": incident.day.isoformat(), "family": incident.family}
            for incident in one.incidents
        ],
        "horizon": horizon,
        "performance": None
        if cohort is None
        else {
            "days": cohort.days,
            "rows": cohort.rows,
            "bads": cohort.bads if cohort.is_binary else None,
            "expected": cohort.expected,
            "auc": cohort.auc.value,
            "auc_standard_error": cohort.auc.standard_error,
            "reference_auc": cohort.reference_auc.value,
            "metrics": {name: one.value for name, one in cohort.metrics.items()},
        },
    }


def _print(found: Sequence[PeriodFigures], model: str, horizon: int | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    after = "" if horizon is None else f"; outcomes after {horizon} days"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("period", no_wrap=True)
    for name in ("days", "rows", "PSI"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("largest CSI", overflow="fold", min_width=16)
    are_numbers = any(one.performance and not one.performance.is_binary for one in found)
    names = ("actual", "expected", "gAUC") if are_numbers else ("bads", "expected", "AUC")
    for name in ("opened", *names):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        cohort = one.performance
        table.add_row(
            one.period.name,
            str(one.days),
            f"{one.rows:,}",
            _index(one.psi),
            f"{one.worst.column} {_index(one.worst)}" if one.worst else "",
            str(len(one.incidents)) if one.incidents else "",
            *_performance(cohort),
        )
    click.echo(f"{model}{after}")
    Console().print(table)


def _performance(cohort: Cohort | None) -> tuple[str, str, str]:
    """What was realised, what was expected, and how well the score ranked."""
    from monitoring_assets.statistics.performance.prediction import GENERALISED_AUC, MEAN_REALISED

    if cohort is None:
        return "", "", ""
    level, form, rank = cohort.bad_rate, ".1%", cohort.auc
    if not cohort.is_binary:
        metrics = cohort.metrics
        level, form, rank = metrics[MEAN_REALISED].value, ",.4g", metrics[GENERALISED_AUC]
    return (
        "" if level is None else f"{level:{form}}",
        "" if cohort.expected is None else f"{cohort.expected:{form}}",
        "" if rank.value is None else f"{rank.value:.3f}",
    )


def _index(one: PeriodIndex | None) -> str:
    if one is None or one.value is None:
        return "" if one is None else "not compared"
    return f"{one.value:.3f}" + ("" if one.status == "ok" else f" {one.status}")
