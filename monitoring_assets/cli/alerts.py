"""``monitoring alerts``: what was decided on a day, and why; what waits is sent again."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import click

from monitoring_assets.cli.options import DAY, format_option, stored_day

if TYPE_CHECKING:
    from resources.delivery.outbox import Waiting
    from resources.store import Store


RESEND_SECONDS = 60.0


class _ShowGroup(click.Group):
    """A group that shows a model's alerts unless another command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``show`` before a model's key."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ShowGroup)
def alerts() -> None:
    """Show the alert decision on a day (`monitoring alerts MODEL`), or send again what waits."""


@alerts.command(
    epilog="""\b
Examples:
  monitoring alerts pd_cards.3
  monitoring alerts pd_cards.3 --date 2026-09-12
  monitoring alerts pd_cards.3 --date 2026-09-12 --replay
"""
)
@click.argument("model")
@click.option("--date", "day", type=DAY, help="Day.  [default: the last]")
@click.option(
    "--replay",
    is_flag=True,
    help="Decide again from the evidence of that time, and compare with what was recorded.",
)
@format_option
def show(model: str, day: dt.datetime | None, replay: bool, output: str) -> None:
    """Show the alert decision on a day of MODEL (name.version), and what waits to be delivered.

    Reads the store that MONITORING_STORE names. Exit code: 0, 1 if a replay says something else
    than was recorded, 2 for bad usage or input.
    """
    from resources.delivery.outbox import Outbox
    from resources.environment import resources_from_environment
    from resources.errors import InputError

    store = resources_from_environment()["store"]
    date = stored_day(store, "alerts", model, day)
    try:
        table, notes = store.read_table("alerts", model, date)
    except InputError as error:
        raise click.BadParameter(str(error)) from error
    rows = table.to_pylist()
    differences = _differences(store, model, date, rows, notes) if replay else None
    waiting = Outbox(store.storage).waiting(model)
    if output == "json":
        lines = {"families": rows, "waiting": [_line(one) for one in waiting]}
        said = {} if differences is None else {"replay_differs_in": differences}
        click.echo(json.dumps(notes | lines | said, indent=2, default=str))
    else:
        _print(model, date, rows, notes, waiting)
        if differences is not None:
            same = "the same answer, from the evidence of that time"
            click.echo(f"\nReplayed: {', '.join(differences) or same}")
    if differences:
        raise SystemExit(1)


@alerts.command(
    epilog="""\b
Examples:
  monitoring alerts resend
  monitoring alerts resend pd_cards.3
"""
)
@click.argument("model", required=False)
def resend(model: str | None) -> None:
    """Send what waits for a channel now, of MODEL (name.version) or of all, after it was mended.

    What a service asked to wait with still waits. Reads and writes the store that MONITORING_STORE
    names. Exit code: 0, 1 if something still waits, 2 for bad usage or input.
    """
    from resources.delivery.channels import channels_from_environment
    from resources.delivery.outbox import Outbox
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    outbox = Outbox(store.storage)
    tried = outbox.deliver(
        channels_from_environment(store),
        key=model,
        seconds=RESEND_SECONDS,
        now=dt.datetime.now(dt.UTC),
        at_once=True,
    )
    for one in tried:
        if one.taken:
            click.echo(f"{one.path} sent: {one.text}")
    waiting = outbox.waiting(model)
    for left in waiting:
        click.echo(_line(left))
    if waiting:
        raise SystemExit(1)
    if not tried:
        click.echo("nothing waits")


def _differences(
    store: Store, model: str, date: dt.date, rows: list[Any], notes: dict[str, Any]
) -> list[str]:
    """Families whose decision the same inputs now make differently, and in what."""
    from monitoring_assets.alerting.decision_inputs import Inputs, recorded_history
    from monitoring_assets.assets.alerts import decisions_table
    from monitoring_assets.partitions import ModelDay
    from monitoring_assets.statistics.alerts.decision import decide

    inputs = Inputs.model_validate(notes["inputs"])
    try:
        history = recorded_history(store, ModelDay(date, model), inputs)
    except FileNotFoundError as error:
        raise click.ClickException(f"a report of that time is no longer there: {error}") from error
    again = decisions_table(decide(history, inputs.policy)).to_pylist()
    differences = []
    for then, now in zip(rows, again, strict=True):
        names = [name for name in now if _decided(now, name) != _decided(then, name)]
        if names:
            differences.append(f"{now['family']} differs in {', '.join(names)}")
    return differences


def _decided(row: dict[str, Any], name: str) -> Any:
    """A field of a decision, without sentences: a later release may word the same differently."""
    if name == "breaches":
        return [{key: breach[key] for key in breach if key != "text"} for breach in row[name]]
    return None if name == "reasons" else row[name]


def _print(
    model: str,
    date: dt.date,
    rows: list[Any],
    notes: dict[str, Any],
    waiting: list[Waiting],
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    inputs = notes["inputs"]
    how = "in a backfill" if inputs["is_backfill"] else f"on {inputs['decided_on']}"
    click.echo(f"{model} on {date}, decided {how} from {len(inputs['reports'])} daily reports")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("family", "decision", "since", "why"):
        table.add_column(name, no_wrap=name != "why")
    styles = {"open": "bold red", "keep": "red", "suppress": "yellow", "resolve": "green"}
    for row in rows:
        style = styles.get(row["action"], "dim")
        table.add_row(
            row["family"],
            Text(row["action"], style),
            str(row["since"] or ""),
            Text("\n".join(row["reasons"])),
        )
    console = Console()
    console.print(table)
    for one in waiting:
        console.print(_line(one), style="yellow", soft_wrap=True)


def _line(one: Waiting) -> str:
    when = f", due {one.not_before:%H:%M:%S} UTC" if one.not_before else ""
    return f"{one.path} waits{when}: {one.reason or 'not tried yet'}"
