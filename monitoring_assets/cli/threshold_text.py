"""What ``monitoring thresholds`` says of a study: the answer first, then its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.threshold_study import Study, daily_indices, main_outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from monitoring_assets.statistics.alerts.simulation import Caught
    from monitoring_assets.statistics.alerts.tuning import ChoiceOutcome, Incident, Suggestion

SETTINGS = ("fail of PSI", "fail of CSI", "open", "at_once", "pool_days")
"""Of a choice, in the order of its settings."""
SHOWN = 3
CURVE_DAYS = 60


def print_study(study: Study, *, curves: bool) -> None:
    """Print the answer, the choices beside it, and what they would have paged."""
    from rich.console import Console

    suggestion, simulation = study.suggestion, study.simulation
    console = Console(highlight=False)
    first, last = study.days[0].day, study.days[-1].day
    console.print(
        f"{study.manifest.key}, stored from {first} to {last}; {simulation.months:.0f} months "
        f"simulated; target {study.target:g} false pages a month",
        markup=False,
    )
    console.print(f"\n{_answer(study)}", markup=False)
    console.print(_table(suggestion))
    for name, outcome in main_outcomes(suggestion):
        console.print(f"{name}: {_choice_text(outcome, study)}", markup=False)
        for incident in outcome.past or ():
            console.print(
                f"  {_incident_text(incident)}",
                *(f"    {reason}" for reason in incident.reasons),
                sep="\n",
                markup=False,
            )
    for note in _notes(study):
        console.print(f"Note: {note}", markup=False)
    if curves:
        _print_curves(study)


def _answer(study: Study) -> str:
    """What to do, and why: the first words of the answer."""
    suggestion = study.suggestion
    now, suggested = suggestion.in_force, suggestion.suggested
    if not suggestion.changes:
        text = "Keep what is in force: "
        if now.reviewed(is_real=False):
            text += "nothing that was tried pages fewer of the false alarms and all that is real."
        else:
            text += "nothing within the target catches a smaller shift without paging more."
    else:
        text = f"Set {_changes(now, suggested)}: {_gains(study)}."
    held = suggestion.held_back
    if held is not None and held.past:
        first = next(one for one in held.past if one.review is None)
        text += (
            f"\nHeld back, as it would have paged on {_incident_text(first)}: "
            f"{_changes(now, held)}. If that was real, say so and ask again: monitoring review "
            f"record {study.manifest.key} --real --from {first.since} "
            f"--to {first.resolved or study.days[-1].day} --why ..."
        )
    return text


def _gains(study: Study) -> str:
    """What the suggested choice costs and gives, beside the one in force."""
    now, suggested = study.suggestion.in_force, study.suggestion.suggested
    mover = study.simulation.mover
    said = [
        f"it catches {what} shifted by {index} {_after(after)} (now {_after(before)})"
        for what, index, before, after in (
            ("the score", "PSI", now.score, suggested.score),
            (mover.name if mover else "", "CSI", now.characteristic, suggested.characteristic),
        )
        if what and _short(before) != _short(after)
    ]
    for is_real, name in ((True, "real changes"), (False, "false alarms")):
        counts = [one.reviewed(is_real=is_real) for one in (suggested, now)]
        if any(counts):
            said.append(f"it pages {counts[0]} of the {name} in the stored days (now {counts[1]})")
    bounds = [f"{one.false_pages.upper:.2g}" for one in (suggested, now)]
    return "; ".join([*said, f"fewer than {bounds[0]} false pages a month (now {bounds[1]})"])


def _after(caught: Caught | None) -> str:
    return (
        "that is never caught"
        if caught is None
        else f"{caught.index:.2f} after {caught.days:.0f} days"
    )


def _changes(now: ChoiceOutcome, other: ChoiceOutcome) -> str:
    """The settings in which a choice differs from the one in force."""
    settings = zip(SETTINGS, now.choice.settings, other.choice.settings, strict=True)
    return ", ".join(
        f"{name} to {after} (now {before})" for name, before, after in settings if before != after
    )


def _incident_text(incident: Incident) -> str:
    until = f"resolved {incident.resolved}" if incident.resolved else "still open"
    review = f", {incident.review.verdict}" if incident.review else ""
    return f"{incident.opened} ({incident.family}, since {incident.since}, {until}{review})"


def _table(suggestion: Suggestion) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD,
        padding=0,
        caption="PSI, CSI: fail; once: opens on a single day; pool: days judged together; false "
        "pages: a month, < upper 95 % bound; score, charact.: index of the smallest shift caught, "
        "and days to the page; past: pages over the stored days",
        caption_justify="left",
    )
    table.add_column("", no_wrap=True)
    for heading in (
        "PSI",
        "CSI",
        "open",
        "once",
        "pool",
        "false pages",
        "score",
        "charact.",
        "past",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, outcome in [*main_outcomes(suggestion), *_others(suggestion)]:
        policy = outcome.choice.policy
        table.add_row(
            name,
            f"{outcome.choice.psi.fail:g}",
            f"{outcome.choice.csi.fail:g}",
            str(policy.open),
            f"{policy.at_once:g}",
            f"{policy.pool_days}",
            *_results(outcome),
            style="bold" if name else "dim",
        )
    return table


def _others(suggestion: Suggestion) -> list[tuple[str, ChoiceOutcome]]:
    """The choices near the suggested one whose results differ most: the rest say the same."""
    by_result = {_results(one): one for one in reversed(suggestion.near)}
    for _, outcome in main_outcomes(suggestion):
        by_result.pop(_results(outcome), None)
    best = suggestion.suggested.smallest
    differing = sorted(by_result.values(), key=lambda one: -abs(one.smallest - best))
    return [("", one) for one in differing[:SHOWN]]


def _results(outcome: ChoiceOutcome) -> tuple[str, ...]:
    """What a choice costs and gives, as the table shows it."""
    false_pages = outcome.false_pages
    return (
        f"{false_pages.per_month:.2f} < {false_pages.upper:.2f}",
        _short(outcome.score),
        _short(outcome.characteristic),
        str(len(outcome.past or ())),
    )


def _short(caught: Caught | None) -> str:
    return "never" if caught is None else f"{caught.index:.2f} {caught.days:>2.0f}d"


def _choice_text(outcome: ChoiceOutcome, study: Study) -> str:
    said = [
        f"{outcome.false_pages.pages} false pages in {outcome.false_pages.months:.0f} months",
        _catches("the score", "PSI", outcome.score),
    ]
    if study.simulation.mover:
        said.append(_catches(study.simulation.mover.name, "CSI", outcome.characteristic))
    paged = "would have paged:" if outcome.past else "would never have paged"
    return f"{'; '.join(said)}; over the stored days it {paged}"


def _catches(what: str, index: str, caught: Caught | None) -> str:
    if caught is None:
        return f"catches no shift of {what}"
    return (
        f"catches {what} shifted by {index} {caught.index:.2f} ({caught.score_sds:.2f} standard "
        f"deviations of the score), after {caught.days:.0f} days"
    )


def _notes(study: Study) -> list[str]:
    suggestion, simulation = study.suggestion, study.simulation
    notes = list(study.notes)
    if simulation.seasonal:
        notes.append(f"with weekdays of their own: {_some(simulation.seasonal)}")
    if simulation.restless:
        notes.append(f"days vary more than chance in: {_some(simulation.restless)}")
    if not suggestion.meets_target:
        notes.append("nothing that was tried stays within the target; this is the quietest")
    return notes


def _some(names: Sequence[str]) -> str:
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")


def _print_curves(study: Study) -> None:
    from monitoring_assets.cli.sparkline import curve

    calendar, psi, csi = daily_indices(study)
    calendar = calendar[-CURVE_DAYS:]
    click.echo(f"\n{len(calendar)} days to {calendar[-1]}")
    choice = study.suggestion.suggested.choice
    for name, values, fail in (
        ("PSI", psi, choice.psi.fail),
        ("largest CSI", csi, choice.csi.fail),
    ):
        line = curve(values[-CURVE_DAYS:], fail)
        click.echo(f"{name:<12}{line}  full height: {fail:g}")
