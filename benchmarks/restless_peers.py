"""Restless populations: this project beside the naive rule, Evidently and NannyML.

The streams of `restless_pages.py` at 1,000 rows a day, the same rows for every rule: months without
drift, and the same kinds with a true drift on top. The rules are those of `alert_quality.py`: an
incident of another rule is a run of days in alarm, and its first day a page. A drift is found by
the first page from its start on; one that begins while an incident is open is left out, and
counted beside. Ours and the naive rule see every day from the first; the libraries, which learn
nothing from days, the last 60 without drift and those around the start of a drift, whose stream
ends a week after it. NannyML has the reference in chunks of a day's rows. Every reference and every
day is kept as Parquet under ``--data``, a folder for each stream, so that other rules can be run on
the same rows.

Run: python benchmarks/restless_peers.py
"""

from __future__ import annotations

import datetime as dt
import functools
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measure

REPLICAS = 3
ROWS = 1_000
DRIFT_DAYS = 8
"""Days of a drift."""
PART = {False: "calm", True: "drift"}
OURS = "model-monitoring"


@dataclass(frozen=True)
class Months:
    """What a rule did in the two months of a stream that count.

    Parameters
    ----------
    kind, method
        Which.
    drifts
        Whether there is a drift.
    onset
        Day on which it begins.
    pages
        Days that page, of all that are known.
    is_open
        Whether an incident was open on the day before the drift.
    """

    kind: str
    method: str
    drifts: bool
    onset: int
    pages: tuple[int, ...]
    is_open: bool


def simulate(data: Path, task: tuple[str, int, bool]) -> tuple[str, list[Months]]:
    """Write a stream; say what our rule and the naive one do. The first is its folder."""
    import pyarrow.parquet as pq
    from alert_quality import NAIVE, naive_alarms, runs
    from restless_streams import DAYS, FIRST_DAY, KINDS, Stream

    from monitoring_assets.statistics.alerts.decision import Policy, replay

    kind, replica, drifts = task
    stream = Stream(kind, replica, drifts=drifts, rows=ROWS)
    name = f"{[*KINDS].index(kind):02}-{replica:03}"
    folder = data / PART[drifts] / name
    folder.mkdir(parents=True)
    last = stream.onset + DRIFT_DAYS if drifts else DAYS
    reference, tables = stream.reference(), [stream.table(day) for day in range(last)]
    pq.write_table(reference, folder / "reference.parquet")
    for day, table in enumerate(tables):
        pq.write_table(table, folder / f"{day:02}.parquet")
    days = stream.days_of(reference, tables)
    decided = [*replay(days, Policy(), FIRST_DAY - dt.timedelta(days=100))]
    opened = [
        any(one.action == "open" and one.joins is None for one in decisions)
        for decisions in decided
    ]
    before = decided[stream.onset - 1]
    is_open = any(one.action in ("open", "keep") for one in before)
    pages = tuple(day for day, is_page in enumerate(opened) if is_page)
    alarms = naive_alarms(days)
    return f"{PART[drifts]}/{name}", [
        Months(kind, OURS, drifts, stream.onset, pages, is_open),
        Months(kind, NAIVE, drifts, stream.onset, runs(alarms), stream.onset - 1 in alarms),
    ]


def summary(months: Sequence[Months]) -> dict[str, Any]:
    """Return the figures of one method."""
    from restless_streams import COUNTED_DAYS, KNOWN_DAYS

    calm = [one for one in months if not one.drifts]
    moved = [one for one in months if one.drifts]
    free = [one for one in moved if not one.is_open]
    late = [
        min((day - one.onset for day in one.pages if day >= one.onset), default=99) for one in free
    ]
    pages = sum(day >= KNOWN_DAYS for one in calm for day in one.pages)
    return {
        "pages / month": pages / len(calm) / COUNTED_DAYS * 30,
        "drifts": len(moved),
        "open before": len(moved) - len(free),
        "found on the first day": sum(days == 0 for days in late) / len(free) if free else None,
        "found within 3 days": sum(days <= 3 for days in late) / len(free) if free else None,
    }


def main(data: Path, replicas: int) -> None:
    """Write the streams, run every rule, publish the table."""
    from alert_quality import METHODS, NAIVE, PEERS, run_peer, runs
    from restless_streams import COUNTED_DAYS, KINDS, REFERENCE_ROWS

    shutil.rmtree(data, ignore_errors=True)
    tasks = [
        (kind, n, drifts) for kind in KINDS for n in range(replicas) for drifts in (False, True)
    ]
    with ProcessPoolExecutor(2) as pool:
        streams = dict(pool.map(functools.partial(simulate, data), tasks))
    months = [one for found in streams.values() for one in found]
    parts = [
        (data / PART[drifts], last, peer, REFERENCE_ROWS // ROWS)
        for peer in PEERS
        for drifts, last in ((False, COUNTED_DAYS), (True, 1 + DRIFT_DAYS))
    ]
    with ThreadPoolExecutor(len(parts)) as waiting:  # each waits for a process of its own
        found_by = [*waiting.map(run_peer, *zip(*parts, strict=True))]
    for (folder, *_), found in zip(parts, found_by, strict=True):
        for name, by_method in found.items():
            of, *_ = streams[f"{folder.name}/{name}"]
            for method, alarms in by_method.items():
                is_open = of.onset - 1 in alarms
                months.append(Months(of.kind, method, of.drifts, of.onset, runs(alarms), is_open))
    methods = [OURS, *METHODS[METHODS.index(NAIVE) :]]
    rows = [
        {"stream": kind, "method": method}
        | summary([one for one in months if one.method == method and kind in (one.kind, "all")])
        for kind in [*KINDS, "all"]
        for method in methods
    ]
    measure.publish("restless_peers", rows)


if __name__ == "__main__":
    parser = measure.arguments(__doc__ or "")
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    options = parser.parse_args()
    main(options.data / "restless_peers", options.replicas)
