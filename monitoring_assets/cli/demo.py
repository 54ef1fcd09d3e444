"""``monitoring demo``: the whole product on a made-up lender, and how soon it saw what happened."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitoring_assets.cli.init import TEMPLATES
from monitoring_assets.cli.options import DAY, format_option, print_next, program
from monitoring_assets.cli.progress import ShowProgress, progress
from monitoring_assets.cli.sparkline import BARS, bar
from monitoring_assets.packages import IN_WHEEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitoring_assets.demo.detection import Detection, Sighting
    from monitoring_assets.demo.truth import Truth

PORT = 3000
WARN, FAIL = 0.1, 0.25
STOPPED = "\N{MULTIPLICATION SIGN}"
SHOWN_ALARMS = 2
PACKED = "pd_overdraft.1"
"""The version with the incident of performance, whose evidence pack is written."""
CHAMPION, CHALLENGER, CUT_OFF = "pd_mortgage.1", "pd_mortgage.2", 0.1
"""A version, its shadow, and the score from which on the lender refuses."""

INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
run_queue:
  max_concurrent_runs: 2
event_log_storage:
  module: monitoring_assets.demo.event_log
  class: PooledSqliteEventLogStorage
  config:
    base_dir: {folder}
"""


@click.command(
    epilog="""\b
Examples:
  monitoring demo
  monitoring demo --home /tmp/lender --days 90 --seed 1
  monitoring demo --serve
"""
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Folder for everything: registry, lake, store and Dagster's own files.",
)
@click.option("--days", type=click.IntRange(8, 365), help="Days of applications.  [default: 60]")
@click.option("--end", type=DAY, help="Last day.  [default: yesterday]")
@click.option("--seed", type=int, help="Seed of the made-up data.  [default: 7]")
@click.option("--serve", is_flag=True, help=f"Then start the Dagster UI on port {PORT}.")
@format_option
def demo(
    home: Path,
    days: int | None,
    end: dt.datetime | None,
    seed: int | None,
    serve: bool,
    output: str,
) -> None:
    """Monitor five models of a made-up lender over 60 days, and compare with the truth.

    The lender is made from a seed, so what happened to each model is known. Its versions are
    onboarded by the registry sensor and its days are backfilled. What is there already is used
    again.

    Exit code: 0, 1 if a day is lost, 2 for bad usage or a folder that is not the demo's.
    """
    from monitoring_assets.demo.processes import import_early
    from monitoring_assets.demo.truth import Truth

    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    before = Truth.read(home)
    until = end.date() if end else before.end if before else yesterday
    if until > yesterday:
        raise click.BadParameter(f"{until} is not over yet", param_hint="--end")
    import_early()
    with progress() as step:
        try:
            truth = _build(
                home,
                until,
                days or (before.days if before else 60),
                (before.seed if before else 7) if seed is None else seed,
                step,
            )
        except FileExistsError as error:
            raise click.BadParameter(str(error), param_hint="--home") from error
        except ModuleNotFoundError as error:
            wanted = "scikit-learn and skl2onnx are needed for the demo"
            hint = "pip install scikit-learn skl2onnx"
            raise click.UsageError(f"{error}; {wanted}: {hint}") from error
        _prepare(home, truth)
        try:
            detections = _monitor(truth, step)
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error
        pack = _write_pack(home, truth, step)
    if output == "json":
        _print_json(detections)
    else:
        _print_report(home, truth, detections, pack)
    if serve:
        _serve(home)


def _build(home: Path, end: dt.date, days: int, seed: int, step: ShowProgress) -> Truth:
    # Its libraries take a second or two, and a lender that is there needs none of them.
    from monitoring_assets.demo import lender

    def show(done: int, total: int, doing: str) -> None:
        step(f"making the lender: {doing}", done, total)

    return lender.build(home, end=end, days=days, seed=seed, progress=show)


def _prepare(home: Path, truth: Truth) -> None:
    """Point Dagster and the product at the demo's folders, for this process and its children."""
    folder = home.resolve()
    instance = folder / "dagster"
    instance.mkdir(exist_ok=True)
    (instance / "dagster.yaml").write_text(
        INSTANCE.format(folder=json.dumps(str(instance))), encoding="utf-8"
    )
    shutil.copy(TEMPLATES / "workspace.yaml", folder)
    os.environ.update(
        DAGSTER_HOME=str(instance),
        MONITORING_REGISTRY=str(folder / "registry"),
        MONITORING_LAKE=str(folder / "lake"),
        MONITORING_STORE=str(folder / "store"),
        # The date dimension reads it when it is imported: nothing before this line may do that.
        MONITORING_START_DATE=truth.dates[0].isoformat(),
    )


def _monitor(truth: Truth, step: ShowProgress) -> list[Detection]:
    step("starting Dagster", 0, 1)
    import dagster as dg

    from monitoring_assets.definitions import defs
    from monitoring_assets.demo.detection import detect
    from monitoring_assets.demo.findings import add_performance, read_findings
    from monitoring_assets.demo.replay import replay
    from resources.store import Store

    with dg.DagsterInstance.get() as instance:
        step("starting Dagster", 1, 1)
        replay(defs, instance, truth.end, step)
        found = read_findings(instance)
    add_performance(found, Store(root=os.environ["MONITORING_STORE"]))
    return detect(truth, found)


def _print_json(detections: list[Detection]) -> None:
    from pydantic import TypeAdapter

    from monitoring_assets.demo.detection import Detection

    click.echo(TypeAdapter(list[Detection]).dump_json(detections, indent=2))


def _write_pack(home: Path, truth: Truth, step: ShowProgress) -> Path:
    """Write the evidence of one version; return the folder."""
    from monitoring_assets.evidence.content import collect
    from monitoring_assets.evidence.pack import write_pack
    from resources.store import Store

    folder = home / "evidence" / PACKED
    # A pack is never overwritten, but that of the demo's last run is no record.
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(root=os.environ["MONITORING_STORE"])
    content = collect(store, PACKED, truth.dates[0], truth.end, step)
    write_pack(content, folder, dt.datetime.now(dt.UTC))
    return folder


def _print_report(home: Path, truth: Truth, detections: list[Detection], pack: Path) -> None:
    console = Console()
    table = Table(title="What happened, and what monitoring saw", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("model version", no_wrap=True)
    table.add_column("what happened")
    table.add_column("what was found")
    table.add_column("worst", no_wrap=True)
    table.add_column("false\nalarms", justify="right", no_wrap=True)
    for detection in detections:
        table.add_row(
            Text.assemble(detection.truth.key, (f"\n{detection.days} days", "dim")),
            _happened(truth, detection),
            _found(detection),
            _worst(detection),
            Text(str(detection.false_alarms), "bold red" if detection.false_alarms else "green"),
        )
    console.print(table)
    console.print(_curves(truth, detections, console.width))
    console.print(_told(home))
    print_next(_next_commands(home, truth, pack))


def _happened(truth: Truth, detection: Detection) -> Text:
    event, deployed = detection.truth.event, detection.truth.deployed_at
    if event is not None:
        return Text(f"{_day(event.began)}: {event.what}")
    if deployed > truth.dates[0]:
        return Text(f"{_day(deployed)}: version lands", "dim")
    return Text("nothing", "dim")


def _found(detection: Detection) -> Text:
    """How long it took to see the event, as an alarm and as a failure, and by what it was seen."""
    if detection.truth.event is None:
        return Text("nothing", "dim")
    alarm, failure = detection.first_alarm, detection.first_failure
    if alarm is None:
        return Text("not found", "bold red")
    lines = [Text(_when(alarm), "bold"), *map(Text, _seen(alarm))]
    if failure is not None and failure.day != alarm.day:
        lines += [Text(f"fails {_when(failure)}", "bold"), *map(Text, _seen(failure))]
    return Text("\n").join(lines)


def _when(sighting: Sighting) -> str:
    delay = {0: "same day", 1: "after 1 day"}.get(sighting.delay, f"after {sighting.delay} days")
    return f"{delay}, {_day(sighting.day)}"


def _seen(sighting: Sighting) -> list[str]:
    # Of several alarms about one subject one of data quality says most plainly what is wrong.
    quality = ("broken_columns", "batch_quality")
    by_check = sorted(sighting.alarms, key=lambda alarm: alarm.check in quality)
    seen = list({alarm.subject: str(alarm) for alarm in by_check}.values())[:SHOWN_ALARMS]
    return [*seen, "day stopped"] if sighting.is_blocked else seen


def _worst(detection: Detection) -> Text:
    """The largest index of a characteristic, and of the score."""
    csi, psi = detection.worst_csi, detection.worst_psi
    indices = (("CSI", csi[1] if csi else None), ("PSI", psi))
    return Text("\n").join(
        Text.assemble(f"{name} ", (f"{value:.2f}", _style(value)))
        for name, value in indices
        if value is not None
    )


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%b}"


def _style(index: float) -> str:
    return "bold red" if index >= FAIL else "yellow" if index >= WARN else "green"


def _told(home: Path) -> Table:
    """What the people on call were told, in its order: the alert log's notices."""
    from pydantic import TypeAdapter

    from resources import layout
    from resources.delivery.messages import Message, Notice
    from resources.storage import open_storage

    storage = open_storage(str(home / "store"))
    read = TypeAdapter[Message](Message).validate_json
    messages = [read(storage.read(path)) for path in storage.list(layout.ALERT_LOG)]
    notices = [message for message in messages if isinstance(message, Notice)]
    table = Table(title="What the people on call were told", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("day", "incident", ""):
        table.add_column(name, no_wrap=True)
    table.add_column("summary")
    for notice in sorted(notices, key=lambda one: (one.day, one.incident, one.number)):
        style = "green" if notice.action == "resolve" else "bold red"
        name = layout.without_subject(notice.incident)
        summary = notice.summary.removeprefix(f"{notice.subject.key}: ")
        who = Text.assemble(notice.subject.key, (f"\n{name}", "dim"))
        table.add_row(_day(notice.day), who, Text(notice.action, style), summary)
    return table


def _curves(truth: Truth, detections: list[Detection], width: int) -> Text:
    """PSI over the days, a line for each version, all on the same days."""
    indent = max(len(detection.truth.key) for detection in detections) + 1
    # As many days to a character as the screen makes necessary.
    step = -(-truth.days // max(width - indent, 1))
    groups = [truth.dates[at : at + step] for at in range(0, truth.days, step)]
    text = Text(f"{'PSI of the score':{indent}}", "bold")
    first, last = _day(truth.dates[0]), _day(truth.end)
    text.append(f"{first}{last:>{max(len(groups) - len(first), len(last) + 1)}}\n", "dim")
    for detection in detections:
        text.append(f"{detection.truth.key:{indent}}", "not bold")
        for group in groups:
            values = [detection.psi[day] for day in group if day in detection.psi]
            scored = [value for value in values if value is not None]
            if not values:
                text.append(" ")
            elif len(scored) < len(values):
                text.append(STOPPED, "bold red")
            else:
                worst = max(scored)
                text.append(bar(worst, FAIL), _style(worst))
        text.append("\n")
    legend = f"{BARS[-1]} is {FAIL} or more; {STOPPED} was stopped by a check before it had one"
    text.append(f"{legend}\n", "dim not bold")
    return text


def _next_commands(home: Path, truth: Truth, pack: Path) -> Iterator[tuple[str, str]]:
    from monitoring_assets.demo.lender import DECIDED
    from monitoring_assets.evidence.pack import PAGE
    from resources import layout

    command = program()
    has_make = home == Path(".demo") and not IN_WHEEL.is_dir()
    serve = "make dev" if has_make else f"{command} demo --home {home} --serve"
    on_store = f"MONITORING_STORE={home}/store {command}"
    on_lake = f"MONITORING_LAKE={home}/lake {on_store}"
    pushed = f"pd_personal_loans.1 --date {truth.end}"
    yield serve, f"the Dagster UI on this data, http://localhost:{PORT}"
    pages = (home / "store" / layout.FLEET_PAGE).absolute().as_uri()
    yield pages, "all models, and a page for each of the last days, to open in a browser"
    evidence = (pack / PAGE).absolute().as_uri()
    yield evidence, f"the evidence of {PACKED}: what failed, when, and what was done"
    yield f"{command} evidence verify {pack}", "whether anything in that pack was altered"
    yield f"{on_store} report {pushed}", "what moved on a day, and what that did to the score"
    yield f"{on_store} alerts {pushed}", "what was decided on it, and why"
    versions = f"{CHAMPION} {CHALLENGER} --cut-off {CUT_OFF:g} --html comparison.html"
    yield f"{on_lake} compare {versions}", "whether the shadow version is better than its champion"
    yield f"{on_store} decisions {DECIDED} --by week", "when the acceptance rule was changed"
    suggest = f"{on_store} thresholds suggest pd_personal_loans.1 --plot thresholds.png"
    yield suggest, "when other thresholds would have found it, and what they would cost"


def _serve(home: Path) -> None:
    """Become Dagster's own server, so that it gets the signals of the terminal itself."""
    workspace = str(home.resolve() / "workspace.yaml")
    click.echo(f"The Dagster UI is on http://localhost:{PORT} (Ctrl-C stops it)")
    command = [sys.executable, "-m", "dagster", "dev", "-w", workspace, "-p", str(PORT)]
    os.execv(sys.executable, command)
