"""``monitoring validate``: the tests of a validation unit over a period."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import (
    chosen_horizon,
    estimate_shown,
    format_option,
    period_options,
    stored_range,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from monitoring_assets.periods.validation import (
        BandConcentration,
        BandTests,
        PredictionTests,
        Validation,
    )
    from monitoring_assets.statistics.validation.outcome import TestOutcome

METRICS = {"mae": "MAE", "rmse": "RMSE", "r2": "R2", "generalised_auc": "generalised AUC"}
STYLES = {"green": "green", "amber": "yellow", "red": "bold red", "not computed": "cyan"}


@click.command(
    epilog="""\b
Examples:
  monitoring validate pd_cards.3 --from 2025-01-01 --to 2025-12-31
  monitoring validate pd_cards.3 --horizon 360 --format json
"""
)
@click.argument("model")
@period_options
@format_option
def validate(
    model: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    horizon: int | None,
    output: str,
) -> None:
    """Test the calibration, discrimination and concentration of MODEL (name.version) in a period.

    For the portfolio, and by score band. Each test has its null hypothesis and its source; the
    lights are policy: amber under a p-value of 0.05, red under 0.01.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.periods.validation import validation
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    since, until = stored_range(store, model, first, last)
    after = chosen_horizon(store, model, horizon)
    found = validation(store, model, since, until, after)
    if output == "json":
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)


def _document(found: Validation) -> dict[str, Any]:
    bands: Sequence[BandTests | PredictionTests] = found.bands or found.predictions
    return {
        "model": found.key,
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "horizon": found.horizon,
        "days": found.cohort.days,
        "rows": found.cohort.rows,
        "bads": found.cohort.bads if found.bands else None,
        "expected": found.cohort.expected,
        "metrics": {name: asdict(figure) for name, figure in found.cohort.metrics.items()},
        "tests": list(map(_fields, found.portfolio)),
        "concentration": list(map(asdict, found.concentrations)),
        "bands": [
            {
                "label": band.label,
                **asdict(band.counts),
                # JSON has no infinity: an end that is open is null.
                "low": _finite(band.counts.low),
                "high": _finite(band.counts.high),
                "tests": list(map(_fields, band.tests)),
            }
            for band in bands
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _fields(test: TestOutcome) -> dict[str, Any]:
    return asdict(test) | {"light": test.light}


def _print(found: Validation) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from monitoring_assets.statistics.validation.outcome import LIGHTS_IN_WORDS, WANTED_IN_WORDS

    cohort = found.cohort
    after = "" if found.horizon is None else f" after {found.horizon} days"
    bad = f", {cohort.bads:,} of them bad" if found.bands else ""
    click.echo(
        f"{found.key}, {found.first} to {found.last}: {cohort.rows:,} rows of {cohort.days} days "
        f"whose outcomes are known{after}{bad}"
    )
    for name, figure in cohort.metrics.items():
        click.echo(
            f"  {METRICS.get(name, name.replace('_', ' '))}: {estimate_shown(figure, ',.4g')}"
        )
    portfolio = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("test", "null hypothesis"):
        portfolio.add_column(name, overflow="fold")
    for name in ("statistic", "p-value", "light"):
        portfolio.add_column(name, justify="right", no_wrap=True)
    for test in found.portfolio:
        portfolio.add_row(test.name, test.null, *_cells(test))
        if test.reason:
            portfolio.add_row("", test.reason)
    console = Console()
    console.print(portfolio)
    for measured in found.concentrations:
        click.echo(_concentration(measured))
    if found.predictions:
        console.print(_predictions(found))
        click.echo(f"Lights are policy: {LIGHTS_IN_WORDS}. Sources: --format json")
        return
    bands = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    bands.add_column("score band", no_wrap=True)
    for name in ("rows", "bads", "bad rate", "expected", "Jeffreys' p"):
        bands.add_column(name, justify="right", no_wrap=True)
    apart = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    apart.add_column("score band", no_wrap=True)
    for name in ("riskier than the one before", "same each month"):
        apart.add_column(name, justify="right", no_wrap=True)
    for one in found.bands:
        band = one.counts
        rate = f"{band.bads / band.rows:.2%}" if band.rows else ""
        expected = f"{band.expected:.2%}" if band.expected is not None else ""
        counts = f"{band.rows:,}", f"{band.bads:,}"
        bands.add_row(Text(one.label), *counts, rate, expected, _light(one.jeffreys))
        before = _light(one.heterogeneity) if one.heterogeneity else ""
        apart.add_row(Text(one.label), before, _light(one.homogeneity))
    console.print(bands)
    console.print(apart)
    click.echo(f"Lights are policy: {LIGHTS_IN_WORDS}; riskier than before, {WANTED_IN_WORDS}.")
    click.echo("Sources, and the exact binomial test of each band: --format json")


def _predictions(found: Validation) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    bands = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    bands.add_column("score band", no_wrap=True)
    for name in ("rows", "mean predicted", "mean realised", "more realised: p"):
        bands.add_column(name, justify="right", no_wrap=True)
    for one in found.predictions:
        rows, sums = one.counts.rows, (one.counts.predicted, one.counts.realised)
        means = (f"{total / rows:,.4g}" if rows else "" for total in sums)
        bands.add_row(Text(one.label), f"{rows:,}", *means, _light(one.mean_error))
    return bands


def _concentration(one: BandConcentration) -> str:
    sides = {"now": one.now, "at development": one.development}
    shown = ", ".join(
        f"{side} {found.herfindahl:.3f} (coefficient of variation {found.variation:.3f})"
        for side, found in sides.items()
        if found is not None
    )
    return f"Herfindahl index by {one.by}: {shown or 'not known'}"


def _cells(test: TestOutcome) -> tuple[str, str, str]:
    shown = ("" if one is None else f"{one:,.4g}" for one in (test.statistic, test.p_value))
    statistic, p_value = shown
    return statistic, p_value, f"[{STYLES[test.light]}]{test.light}[/]"


def _light(test: TestOutcome) -> str:
    p_value = "" if test.p_value is None else f"{test.p_value:.2g} "
    return f"{p_value}[{STYLES[test.light]}]{test.light}[/]"
