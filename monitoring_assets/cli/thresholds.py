"""``monitoring thresholds``: which thresholds a model's own past and volumes speak for."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import format_option
from monitoring_assets.cli.threshold_study import Study
from monitoring_assets.cli.threshold_text import print_study

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.simulation import Caught
    from monitoring_assets.statistics.alerts.tuning import Choice, ChoiceOutcome
    from resources.manifest import Manifest
    from resources.store import Store

PAST_DAYS = 180
LEAST_MONTHS = 190.0
# Without a single false page the upper bound is 3 / months; some room is left over that.
MONTHS_AT_TARGET = 4.0


@click.group()
def thresholds() -> None:
    """Thresholds and hysteresis of the alerts, from evidence."""


@thresholds.command(
    epilog="""\b
Examples:
  monitoring thresholds suggest pd_cards.3
  monitoring thresholds suggest pd_cards.3 --target 0.02 --plot pd_cards.png
  monitoring thresholds suggest pd_cards.3 --format json
"""
)
@click.argument("model")
@click.option(
    "--target",
    type=click.FloatRange(0.01, 10),
    default=0.1,
    show_default=True,
    metavar="PAGES_PER_MONTH",
    help="False pages a month that the model may give, at the upper end of the uncertainty.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Draw the choices and the past.  [default: small curves in the table]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the simulated days.")
@format_option
def suggest(model: str, target: float, plot: Path | None, seed: int, output: str) -> None:
    """Suggest thresholds and hysteresis for MODEL (name.version), to paste into its manifest.

    From stored counts alone: what each choice would have paged in the past, how often it pages
    without any drift at the model's own volumes, and the smallest shift it still catches. The most
    sensitive one within the target is suggested.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from resources.environment import resources_from_environment

    if plot is not None and plot.suffix != ".png":
        raise click.BadParameter(f"{plot} does not end in .png", param_hint="--plot")
    study = _study(resources_from_environment()["store"], model, target, seed)
    if plot is not None:
        from monitoring_assets.cli.threshold_plot import draw

        try:
            draw(study, plot)
        except OSError as error:
            raise click.BadParameter(str(error), param_hint="--plot") from error
        _say(f"drew {plot}")
    if output == "json":
        click.echo(json.dumps(_document(study), indent=2))
        return
    print_study(study, curves=plot is None)
    if study.suggestion.changes:
        click.echo("\nTo paste into model.yaml, whose revision must be raised to count:\n")
        click.echo(fragment(study.manifest, study.suggestion.suggested.choice), nl=False)


def _say(text: str) -> None:
    click.echo(f"{text} ...", err=True)


def _study(store: Store, model: str, target: float, seed: int) -> Study:
    import numpy as np

    from monitoring_assets.alerting.decision_inputs import stored_facts
    from monitoring_assets.reference.profile import read_reference
    from monitoring_assets.statistics.alerts.no_drift_model import LEARN_DAYS
    from monitoring_assets.statistics.alerts.simulation import Column, Simulation
    from monitoring_assets.statistics.alerts.tuning import Choice, quiet_days, suggest
    from resources.errors import InputError
    from resources.reviews import read_reviews
    from resources.scorers.base import SCORE

    landed = store.all_landed()
    if model not in landed:
        known = ", ".join(sorted(landed)) or "none has landed yet"
        raise click.BadParameter(f"{model!r} is no model version in {store.root}; known: {known}")
    manifest = landed[model].manifest
    try:
        reference = read_reference(store, model)
    except InputError as error:
        raise click.UsageError(
            f"{error}\nIts run failed or has not been: materialise reference_profile first"
        ) from error
    days = stored_facts(store, model, last_days=PAST_DAYS)
    if not days:
        raise click.UsageError(
            f"{model} has no drift report in {store.root}: 0 days. Without a day its volume is not "
            "known, so nothing can be said about false pages; backfill a day or more, "
            f"{LEARN_DAYS} to learn its weekdays too"
        )

    limits = manifest.thresholds
    expected = manifest.alerts.expected_days(days[0].day, days[-1].day)
    policy = replace(manifest.alerts, expected=expected)
    now = Choice(limits.psi, limits.csi, policy, limits.characteristics)
    reviews = [one.days for one in read_reviews(store.storage, model)]
    quiet, which = quiet_days(days, now, manifest.deployed_at, reviews)
    if not quiet:
        raise click.UsageError(
            f"every day of {model} that has a report is a real change by `monitoring review list "
            f"{model}`: there is no day without drift to learn from"
        )
    notes = [f"days without drift are drawn like {len(quiet)} stored ones ({which})"]
    if len(quiet) < LEARN_DAYS:
        notes.append(
            f"with fewer than {LEARN_DAYS} such days only their volumes are known: not how "
            "weekdays differ, nor whether days vary more than chance, and the past says little"
        )
    reasons = manifest.scoring.reason_columns
    if reasons:
        notes.append("scoring.reasons are not drawn: their false pages come on top of these")
    columns = {}
    for name, profile in reference.columns.items():
        if name in reasons:
            continue
        try:
            columns[name] = Column.of(name, profile, quiet)
        except ValueError as error:
            notes.append(f"left out: {error}")
    if SCORE not in columns or not columns[SCORE].spread or not columns[SCORE].days.any():
        raise click.UsageError(
            f"the score of {model} has no profile to compare days with: materialise "
            "reference_profile again"
        )
    score = columns.pop(SCORE)
    months = max(LEAST_MONTHS, MONTHS_AT_TARGET / target)
    _say(f"drawing {months:.0f} months of {1 + len(columns)} columns without drift")
    simulation = Simulation(
        score,
        list(columns.values()),
        np.array([day.day.weekday() for day in quiet]),
        smoothing=limits.smoothing,
        months=months,
        seed=seed,
    )
    suggestion = suggest(now, simulation, days, manifest.deployed_at, target, _say, reviews)
    return Study(manifest, days, len(quiet), simulation, suggestion, target, notes)


def fragment(manifest: Manifest, choice: Choice) -> str:
    """The part of a manifest that makes a choice take effect, as YAML; all else of it is kept."""
    import yaml

    said = manifest.model_dump(mode="json", exclude_defaults=True)
    limits = said.get("thresholds", {}) | {
        name: asdict(one) for name, one in (("psi", choice.psi), ("csi", choice.csi))
    }
    policy = choice.policy
    alerts = said.get("alerts", {}) | {
        "open": asdict(policy.open),
        "at_once": policy.at_once,
        "pool_days": policy.pool_days,
    }
    content = {"revision": manifest.revision + 1, "thresholds": limits, "alerts": alerts}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _document(study: Study) -> dict[str, Any]:
    suggestion, simulation = study.suggestion, study.simulation
    return {
        "model": study.manifest.key,
        "target_pages_per_month": study.target,
        "meets_target": suggestion.meets_target,
        "days": {
            "first": study.days[0].day.isoformat(),
            "last": study.days[-1].day.isoformat(),
            "with_report": sum(bool(day.columns) for day in study.days),
            "quiet": study.quiet,
        },
        "simulated_months": simulation.months,
        "weekday_pattern": simulation.seasonal,
        "varies_more_than_chance": simulation.restless,
        "shifted_characteristic": simulation.mover.name if simulation.mover else None,
        "notes": list(study.notes),
        "in_force": _line(suggestion.in_force),
        "suggested": _line(suggestion.suggested),
        "held_back": _line(suggestion.held_back) if suggestion.held_back else None,
        "one_change_away": [_line(outcome) for outcome in suggestion.near],
        "tried": [_line(outcome) for outcome in suggestion.tried],
        "manifest": fragment(study.manifest, suggestion.suggested.choice),
    }


def _line(outcome: ChoiceOutcome) -> dict[str, Any]:
    policy = outcome.choice.policy
    line: dict[str, Any] = {
        "psi_fail": outcome.choice.psi.fail,
        "csi_fail": outcome.choice.csi.fail,
        "open": asdict(policy.open),
        "at_once": policy.at_once,
        "pool_days": policy.pool_days,
        "false_pages_per_month": outcome.false_pages.per_month,
        "false_pages_per_month_upper_95": outcome.false_pages.upper,
        "smallest_score_shift": _caught(outcome.score),
        "smallest_characteristic_shift": _caught(outcome.characteristic),
    }
    if outcome.past is not None:
        line["past"] = [
            {
                "family": one.family,
                "opened": one.opened.isoformat(),
                "since": one.since.isoformat(),
                "resolved": one.resolved.isoformat() if one.resolved else None,
                "reasons": list(one.reasons),
                "review": one.review and one.review.verdict,
            }
            for one in outcome.past
        ]
    return line


def _caught(caught: Caught | None) -> dict[str, float] | None:
    if caught is None:
        return None
    return {
        "index": caught.index,
        "score_standard_deviations": caught.score_sds,
        "median_days": caught.days,
    }
