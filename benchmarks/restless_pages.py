"""Pages a model-month of restless populations and calendars, and how late a true drift is found.

Months without drift (`restless_streams.py`) at each model's own volume, and the same kinds at
1,000 rows a day with a true drift on top, by the decision itself. A drift is found by the first
page from its start on, or by the incident that is open then: how many were is said beside.

Run: python benchmarks/restless_pages.py
"""

from __future__ import annotations

import datetime as dt
import functools
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import measure
import numpy as np

REPLICAS = 40
ROWS = 1_000


def pages(kind: str, replica: int, *, drifts: bool) -> tuple[list[int], bool, int]:
    """Return the days that page, whether an incident was open as the drift began, and when."""
    from restless_streams import FIRST_DAY, KNOWN_DAYS, Stream

    from monitoring_assets.statistics.alerts.decision import Policy, replay

    stream = Stream(kind, replica, drifts=drifts, rows=ROWS if drifts else None)
    found, is_open = [], False
    decided = replay(stream.days(), Policy(), FIRST_DAY - dt.timedelta(days=100))
    for t, decisions in enumerate(decided):
        if t >= KNOWN_DAYS and any(d.action == "open" and d.joins is None for d in decisions):
            found.append(t)
        if t == stream.onset - 1:
            is_open = any(d.action in ("open", "keep") for d in decisions)
    return found, is_open, stream.onset


def summary(kind: str, replicas: int = REPLICAS) -> dict[str, Any]:
    """Return the row of a kind."""
    from restless_streams import COUNTED_DAYS

    calm = [pages(kind, replica, drifts=False) for replica in range(replicas)]
    moved = [pages(kind, replica, drifts=True) for replica in range(replicas)]
    free = [(found, onset) for found, is_open, onset in moved if not is_open]
    late = np.array(
        [min((t - onset for t in found if t >= onset), default=99) for found, onset in free]
    )
    return {
        "stream": kind,
        "pages / month": sum(len(found) for found, *_ in calm) / len(calm) / COUNTED_DAYS * 30,
        "models": len(calm),
        "drift: open before": len(moved) - len(free),
        "found within 3 days": float((late <= 3).mean()) if len(late) else None,
        "within 7 days": float((late <= 7).mean()) if len(late) else None,
        "median days": float(np.median(late)) if len(late) else None,
    }


def main(kinds: list[str], replicas: int) -> None:
    """Publish the table."""
    from restless_streams import KINDS

    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(functools.partial(summary, replicas=replicas), kinds or KINDS))
    measure.publish("restless_pages", rows)


if __name__ == "__main__":
    parser = measure.arguments(__doc__ or "")
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    parser.add_argument("kinds", nargs="*")
    options = parser.parse_args()
    main(options.kinds, options.replicas)
