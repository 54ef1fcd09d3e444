"""Pages that a model's team gets, true and false: this project beside three other rules.

Simulated model-months with known truth (`alert_streams.py`), the same rows for every rule. An
*incident* of another rule is a run of consecutive days in alarm. A page is false unless it comes
while a drift lasts or within ``GRACE_DAYS`` after it; the first page of a drift catches it, and
its delay is counted from the first day of the drift. An alarm that was on before the drift and
stays on carries no news: it does not catch it.

Run: python benchmarks/alert_quality.py
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure

from monitoring_assets.statistics.alerts.policy import Opening

if TYPE_CHECKING:
    from alert_streams import Stream

    from monitoring_assets.statistics.alerts.decision import DayFacts

FIRST_DAY = dt.date(2026, 1, 5)
REPLICAS = 20
PEER_REPLICAS = 3
GRACE_DAYS = 3
POLICIES: dict[str, dict[str, Any]] = {
    "model-monitoring": {},
    "ours, a day opens": {"open": Opening(1, 1)},
    "ours, days never pooled": {"pool_days": 1},
}
NAIVE = "any index over 0.25"
METHODS = [
    *POLICIES,
    NAIVE,
    "evidently, half of columns",
    "evidently, any column",
    "nannyml, any column",
]


@dataclass(frozen=True)
class Month:
    """What a rule did on one stream.

    Parameters
    ----------
    scenario, method, replica
        Which.
    pages
        Days on which it paged, from 0, the first quiet day.
    onset, end
        First day of the drift and the first one after it; the same where a page is false.
    """

    scenario: str
    method: str
    replica: int
    pages: tuple[int, ...]
    onset: int
    end: int

    @property
    def true_pages(self) -> list[int]:
        """Pages that are about the drift."""
        last = self.end + GRACE_DAYS if self.onset < self.end else self.onset
        return [day for day in self.pages if self.onset <= day < last]


def facts(stream: Stream, folder: Path) -> list[DayFacts]:
    """Profile the days of a stream, written as Parquet, and compare them with the reference."""
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.alerts.decision import ColumnDay, DayFacts, Fault
    from monitoring_assets.statistics.drift.attribution import mean_shift, score_spread
    from monitoring_assets.statistics.drift.thresholds import Thresholds
    from monitoring_assets.statistics.profiles.profile import ParquetSource, count, fit_bins

    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(stream.reference(), folder / "reference.parquet")
    source = ParquetSource(folder / "reference.parquet")
    bins = fit_bins(source)
    expected = count(source, bins, scores=source, score_column="score")
    labels = {
        name: tuple(slot.label for slot in column.bins.slots)
        for name, column in expected.columns.items()
        if column.bins
    }
    spread = score_spread(expected.columns["score"])
    found = []
    for number, table in enumerate(stream.days()):
        pq.write_table(table, folder / f"{number:02}.parquet")
        source = ParquetSource(folder / f"{number:02}.parquet")
        profile = count(source, bins, scores=source, score_column="score")
        day = FIRST_DAY + dt.timedelta(number)
        lost = [
            name
            for name, column in profile.columns.items()
            if column.missing_share > expected.columns[name].missing_share + 0.2
        ]
        if lost:  # as the batch quality check has it, which stops the day before its report
            faults = tuple(Fault("data quality", name, f"{name} is missing") for name in lost)
            found.append(DayFacts(day, faults=faults))
            continue
        columns, shift = [], None
        for name, column in profile.columns.items():
            moved = mean_shift(expected.columns[name], column)
            score = name == "score"
            shift = moved.shift if score else shift
            columns.append(
                ColumnDay(
                    name,
                    "PSI" if score else "CSI",
                    labels[name],
                    expected.columns[name].counts,
                    column.counts,
                    Thresholds(),
                    None if score else moved.mix,
                )
            )
        found.append(DayFacts(day, tuple(columns), score_sd=spread, score_shift=shift))
    return found


def our_pages(days: Sequence[DayFacts], options: dict[str, int]) -> tuple[int, ...]:
    """Return the days on which an incident that pages is opened."""
    from monitoring_assets.statistics.alerts.decision import Policy, replay

    decided = replay(days, Policy(**options), FIRST_DAY)
    return tuple(
        day
        for day, decisions in enumerate(decided)
        if any(d.action == "open" and d.joins is None for d in decisions)
    )


def naive_alarms(days: Sequence[DayFacts]) -> list[int]:
    """Return the days on which any index is over 0.25, or that a check has stopped."""
    from monitoring_assets.statistics.drift.stability import stability_index

    return [
        day
        for day, known in enumerate(days)
        if known.faults
        or any(stability_index(c.reference, c.current) > 0.25 for c in known.columns)
    ]


def runs(alarms: Sequence[int]) -> tuple[int, ...]:
    """Return the first day of each run of consecutive days."""
    return tuple(day for day in alarms if day - 1 not in alarms)


def simulate(data: Path, task: tuple[int, int]) -> list[Month]:
    """Make one stream; say what our rules and the naive one do."""
    from alert_streams import QUIET_DAYS, SCENARIOS, Stream

    number, replica = task
    scenario = SCENARIOS[number]
    stream = Stream(scenario, replica)
    folder = data / f"{number:02}-{replica:03}"
    days = facts(stream, folder)
    if replica >= PEER_REPLICAS:
        shutil.rmtree(folder)
    month = functools.partial(Month, scenario.name, replica=replica)
    span = {"onset": stream.onset, "end": stream.end if stream.drifts else stream.onset}
    pages = {method: our_pages(days, options) for method, options in POLICIES.items()}
    pages[NAIVE] = runs(naive_alarms(days))
    return [
        month(method, pages=tuple(day for day in when if day >= QUIET_DAYS), **span)
        for method, when in pages.items()
    ]


def evidently(folder: Path, days: Sequence[int], _: int) -> dict[str, list[int]]:
    """Return the days in alarm of its drift preset: half of the columns, and any one.

    The tests are those that the preset chooses, without the plots that it draws of each column.
    """
    import pandas as pd
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    reference = pd.read_parquet(folder / "reference.parquet")
    half, any_one = [], []
    for day in days:
        current = pd.read_parquet(folder / f"{day:02}.parquet")
        drifted = 0
        for name in reference:
            before, now = reference[name].dropna(), current[name].dropna()
            numeric = pd.api.types.is_numeric_dtype(before)
            kind = ColumnType.Numerical if numeric else ColumnType.Categorical
            test = get_stattest(before, now, kind, None)
            drifted += bool(test(before, now, kind, None).drifted)
        if drifted >= 0.5 * reference.shape[1]:
            half.append(day)
        if drifted:
            any_one.append(day)
    return {"evidently, half of columns": half, "evidently, any column": any_one}


def nannyml(folder: Path, days: Sequence[int], reference_days: int) -> dict[str, list[int]]:
    """Return the days in alarm of its univariate drift, a chunk a day, thresholds as they are."""
    import pandas as pd
    from nannyml import UnivariateDriftCalculator

    reference = pd.read_parquet(folder / "reference.parquet")
    tables = [
        pd.read_parquet(folder / f"{day:02}.parquet").assign(
            at=pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=day)
        )
        for day in days
    ]
    columns = list(reference)
    start = pd.Timestamp(FIRST_DAY) - pd.Timedelta(days=reference_days)
    day_of_row = pd.to_timedelta(range(len(reference)), unit="D") * reference_days / len(reference)
    calculator = UnivariateDriftCalculator(
        column_names=columns, timestamp_column_name="at", chunk_period="D"
    ).fit(reference.assign(at=start + day_of_row))
    results = calculator.calculate(pd.concat(tables)).filter(period="analysis").to_df()
    alerts = results.xs("alert", axis=1, level=2)
    alarmed = alerts.any(axis=1).to_numpy()
    return {"nannyml, any column": [day for day, on in zip(days, alarmed, strict=True) if on]}


PEERS = {"evidently": evidently, "nannyml": nannyml}


def peer_alarms(
    name: str, data: Path, last: int, reference_days: int
) -> dict[str, dict[str, list[int]]]:
    """Run a library on the last days of every stream that was kept; alarms by stream and method."""
    found = {}
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        days = sorted(int(path.stem) for path in folder.glob("[0-9]*.parquet"))[-last:]
        found[folder.name] = PEERS[name](folder, days, reference_days)
    return found


def run_peer(
    data: Path, last: int, library: str, reference_days: int = 7
) -> dict[str, dict[str, list[int]]]:
    """Run a library in its own environment; return what ``peer_alarms`` says there.

    NannyML learns its thresholds from the reference in chunks of a day, so the reference is spread
    over as many days as give it chunks of a day's size.
    """
    import peers

    python = peers.environment(library)
    found: dict[str, dict[str, list[int]]] = measure.run(
        __file__, "measure", library, data, last, reference_days, python=python
    )
    return found


def summary(months: Sequence[Month]) -> dict[str, Any]:
    """Reduce the months of one method to the figures of the table."""
    from scipy.stats import beta, chi2

    drifts = [month for month in months if month.onset < month.end]
    false = sum(len(month.pages) - len(month.true_pages) for month in months)
    most = chi2.ppf(0.975, 2 * false + 2) / 2 / len(months)
    row: dict[str, Any] = {
        "months": len(months),
        "false pages / month": false / len(months),
        "at most (95 %)": float(most),
    }
    if drifts:
        caught = [month for month in drifts if month.true_pages]
        missed = len(drifts) - len(caught)
        row["caught"] = len(caught) / len(drifts)
        row["at least (95 %)"] = float(beta.ppf(0.025, len(caught), missed + 1)) if caught else 0.0
        if caught:
            row["delay, days"] = sum(m.true_pages[0] - m.onset for m in caught) / len(caught)
            pages = sum(len(month.true_pages) for month in caught)
            row["incidents / caught drift"] = pages / len(caught)
    return row


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw false pages against drifts caught, and how long after a drift began each rule paged."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    shown = [method for method in METHODS if not method.startswith("ours")]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 5), layout="constrained")
    streams = [row["stream"] for row in rows if row["method"] == shown[0] and "caught" in row]
    streams.remove("all")
    for number, (method, marker) in enumerate(zip(shown, "os^Dv", strict=True)):
        mine = {row["stream"]: row for row in rows if row["method"] == method}
        style = {"marker": marker, "linestyle": "none", "color": f"C{number}", "markersize": 9}
        every = mine["all"]
        left.plot(every["false pages / month"], 100 * every["caught"], label=method, **style)
        late = [(place, mine[stream].get("delay, days")) for place, stream in enumerate(streams)]
        # Side by side within a stream: many rules page on the same day.
        apart = 0.14 * (number - 2)
        known = [(place + apart, days) for place, days in late if days is not None]
        right.plot([days for _, days in known], [place for place, _ in known], **style)
    left.set(xlabel="false pages a model-month", ylabel="drifts caught, %", ylim=(-4, 106))
    right.set(xlabel="days from the first day of a drift to the page", yticks=range(len(streams)))
    right.set_yticklabels(streams)
    right.invert_yaxis()
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(shown), frameon=False)
    figure.savefig(path, dpi=110)


def main(data: Path) -> None:
    """Simulate, run every rule, publish the table and the plot."""
    from alert_streams import MONTH_DAYS, QUIET_DAYS, SCENARIOS

    shutil.rmtree(data, ignore_errors=True)
    tasks = [(number, replica) for replica in range(REPLICAS) for number in range(len(SCENARIOS))]
    with ProcessPoolExecutor(2) as pool:
        months = [m for some in pool.map(functools.partial(simulate, data), tasks) for m in some]
    spans = {(m.scenario, m.replica): (m.onset, m.end) for m in months}
    with ThreadPoolExecutor(len(PEERS)) as pool:  # each waits for a process of its own
        found_by = pool.map(functools.partial(run_peer, data, MONTH_DAYS), PEERS)
    for found in found_by:
        for folder, by_method in found.items():
            number, replica = map(int, folder.split("-"))
            name = SCENARIOS[number].name
            for method, alarms in by_method.items():
                pages = tuple(day for day in runs(alarms) if day >= QUIET_DAYS)
                months.append(Month(name, method, replica, pages, *spans[name, replica]))
    rows = []
    for stream in [*(scenario.name for scenario in SCENARIOS), "all"]:
        for method in METHODS:
            mine = [m for m in months if m.method == method and stream in (m.scenario, "all")]
            rows.append({"stream": stream, "method": method} | summary(mine))
    measure.publish("alert_quality", rows)
    plot(rows, measure.ROOT / "docs" / "alert_quality.png")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        alarms = peer_alarms(sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:6]))
        print()
        print(json.dumps(alarms))
    else:
        options = measure.arguments(__doc__ or "").parse_args()
        main(options.data / "alert_quality")
