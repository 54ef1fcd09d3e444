"""``monitoring dashboards``: what Datadog shows of the models, from this repository."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import format_option

if TYPE_CHECKING:
    from monitoring_assets.dashboards.definition import Definition

DONE = {"create": "created", "update": "updated", "keep": "unchanged"}
TO_DO = {"create": "to create", "update": "to update", "keep": "unchanged"}
REFUSED = "refused"
KEYS_HINT = "Which keys and scopes are needed: docs/datadog.md"


def _handles(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Any:
    for value in values:
        if not value.startswith("@") or len(value.split()) != 1:
            raise click.BadParameter(f"{value!r} is no handle such as @slack-models")
    return values


notify_option = click.option(
    "--notify",
    multiple=True,
    callback=_handles,
    envvar="MONITORING_DATADOG_NOTIFY",
    show_envvar=True,
    help="Handle that the monitors tell, such as @slack-models; may be repeated.  "
    "[default: no one]",
)


@click.group()
def dashboards() -> None:
    """Dashboards and monitors of Datadog, as code."""


@dashboards.command(
    epilog="""\b
Examples:
  monitoring dashboards render
  monitoring dashboards render --out infra/datadog --notify @slack-models
"""
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("datadog"),
    show_default=True,
    help="Folder to write to.",
)
@notify_option
@format_option
def render(out: Path, notify: tuple[str, ...], output: str) -> None:
    """Write the dashboards and monitors as JSON files, and say what each shows.

    Needs no account. The files are what `apply` sends, and what Datadog's own import takes.

    Exit code: 0, 2 for bad usage or if a file cannot be written.
    """
    from monitoring_assets.dashboards.definition import DashboardSettings
    from monitoring_assets.dashboards.plan import definitions

    lines = []
    for definition in definitions(DashboardSettings.from_environment(notify)):
        path = out / f"{definition.kind}s" / f"{definition.slug}.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(definition.body, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise click.BadParameter(str(error), param_hint="--out") from error
        lines.append((path, definition))
    if output == "json":
        document = [
            {"file": str(path), "title": definition.title, "shows": _shows(definition)}
            for path, definition in lines
        ]
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for path, definition in lines:
        click.secho(f"{definition.title}  ({path})", bold=True)
        for line in _shows(definition):
            click.echo(f"  {line}")


def _shows(definition: Definition) -> list[str]:
    """What a definition shows: groups with the titles of their widgets, or a monitor's query."""
    if definition.kind == "monitor":
        notified = [word for word in definition.body["message"].split() if word.startswith("@")]
        return [definition.body["query"], f"notifies {', '.join(notified) or 'no one'}"]
    shown = [widget["definition"] for widget in definition.body["widgets"]]
    return [
        f"{item['title']}: " + ", ".join(_titles(item)) if "widgets" in item else item["title"]
        for item in shown
        if "title" in item
    ]


def _titles(group: dict[str, Any]) -> list[str]:
    return [widget["definition"]["title"] for widget in group["widgets"]]


@dashboards.command(
    epilog="""\b
Examples:
  monitoring dashboards apply --dry-run
  monitoring dashboards apply --notify @slack-models --notify @teams-risk
  DD_SITE=datadoghq.eu monitoring dashboards apply
  monitoring dashboards apply --dry-run --fail-on-difference   # in CI
"""
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, write nothing.")
@click.option(
    "--fail-on-difference",
    is_flag=True,
    help="With --dry-run: exit with 1 if there is something to write.",
)
@notify_option
@format_option
def apply(
    dry_run: bool,
    fail_on_difference: bool,
    notify: tuple[str, ...],
    output: str,
) -> None:
    """Create or update the dashboards and monitors in Datadog.

    Reads DD_API_KEY, DD_APP_KEY and DD_SITE. What is as it should be is not written again; what
    does not carry our mark and title is never touched, and nothing is ever deleted.

    Exit code: 0, 1 with --fail-on-difference, 2 for bad usage, or if Datadog was not reached or
    said no: then the same command may be run again.
    """
    if fail_on_difference and not dry_run:
        raise click.UsageError("--fail-on-difference needs --dry-run")
    from monitoring_assets.dashboards.account import Account, link
    from monitoring_assets.dashboards.definition import DashboardSettings
    from monitoring_assets.dashboards.plan import definitions, plan
    from resources.delivery.channel import UndeliveredError

    account = Account(say=lambda text: click.echo(text, err=True))
    try:
        wanted = definitions(DashboardSettings.from_environment(notify))
        steps, strays = plan(wanted, account)
    except UndeliveredError as error:
        raise click.UsageError(f"{error}\n{KEYS_HINT}") from error

    lines = []
    stopped = None
    for step in steps:
        definition = step.definition
        line: dict[str, Any] = {"kind": definition.kind, "title": definition.title}
        if dry_run:
            line["action"] = TO_DO[step.action]
            line["difference"] = step.difference if step.action == "update" else ""
        else:
            try:
                theirs = step.apply(account)
            except UndeliveredError as error:
                if not error.refused:
                    stopped = error.reason
                    break
                line |= {"action": REFUSED, "why": error.reason}
            else:
                line |= {
                    "action": DONE[step.action],
                    "link": link(definition.kind, theirs),
                }
        lines.append(line)
        if output == "table":
            _print_line(line)

    if output == "json":
        document = {
            "definitions": lines,
            "not_touched": [asdict(stray) for stray in strays],
            "stopped": stopped,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for stray in strays:
            click.echo(f"not touched  {stray.title}  {stray.link}\n  {stray.why}")
        counts = Counter(line["action"] for line in lines)
        words = [*(TO_DO if dry_run else DONE).values(), REFUSED]
        click.echo(", ".join(f"{counts[word]} {word}" for word in words if counts[word]))
    if stopped is not None:
        click.secho(f"Stopped after {len(lines)} of {len(steps)}: {stopped}", fg="red", err=True)
    if stopped is not None or any(line["action"] == REFUSED for line in lines):
        sys.exit(2)
    if fail_on_difference and any(step.action != "keep" for step in steps):
        sys.exit(1)


def _print_line(line: dict[str, Any]) -> None:
    where = f"  {line['link']}" if "link" in line else ""
    click.echo(f"{line['action']:<11}  {line['title']}{where}")
    if line.get("difference"):
        click.echo(line["difference"])
    if "why" in line:
        click.secho(f"  {line['why']}", fg="red")
