"""The page of all models: the worst first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitoring_assets.pages.chart import Chart
from monitoring_assets.pages.day_page import SPARK
from monitoring_assets.pages.render import render
from monitoring_assets.pages.summary import Summary, read_summaries
from resources import layout
from resources.store import Store

SILENT_DAYS = 2
"""Days without a report after which a model counts as silent."""
_ORDER = (
    *("incident open", "stopped", "silent", "error", "fail", "warn"),
    *("insufficient evidence", "ok", "shadow"),
)


@dataclass(frozen=True)
class Line:
    """A version on the page; without a summary it has never had a day.

    The outcome is that of its last day, or ``silent``. A shadow version's is ``shadow``: it calls
    for no action, whatever its days are like.
    """

    key: str
    summary: Summary | None
    outcome: str

    @property
    def chart(self) -> Chart:
        """Where the values of its score's index lie."""
        assert self.summary is not None
        return Chart.of_index(SPARK, self.summary.psi, self.summary.fail)


def fleet_lines(summaries: Sequence[Summary], keys: Collection[str], today: dt.date) -> list[Line]:
    """Return a line for each version, the worst first.

    Parameters
    ----------
    summaries
        Of versions that have had a day.
    keys
        Versions that are monitored; of others nothing is shown.
    today
        What a version's last day is compared with.
    """
    by_key = {one.key: one for one in summaries}
    lines = [
        Line(key, found, _outcome(found, today)) for key in keys for found in [by_key.get(key)]
    ]
    return sorted(lines, key=_place)


def fleet_page(lines: Sequence[Line], made_at: dt.datetime) -> str:
    """Return the page of all models as one file of HTML."""
    found = Counter(line.outcome for line in lines)
    return render(
        "fleet.html.j2",
        lines=lines,
        counts=[(outcome, found[outcome]) for outcome in _ORDER if found[outcome]],
        made_at=made_at,
    )


def write_fleet_page(store: Store, made_at: dt.datetime) -> list[Line]:
    """Write the page of all models of a store, and return what it shows."""
    lines = fleet_lines(read_summaries(store), store.all_landed(), made_at.date())
    store.storage.write(layout.FLEET_PAGE, fleet_page(lines, made_at).encode())
    return lines


def _outcome(found: Summary | None, today: dt.date) -> str:
    if found is None:
        return "silent"
    if found.is_shadow and found.outcome != "incident open":
        return "shadow"
    if found.outcome != "incident open" and (today - found.day).days > SILENT_DAYS:
        return "silent"
    return found.outcome


def _place(line: Line) -> tuple[int, dt.date, float, str]:
    """The worst first; of open incidents the oldest, of others the largest index."""
    found = line.summary
    since = found.since if found and found.since else dt.date.max
    return _ORDER.index(line.outcome), since, -(found.csi or 0.0) if found else 0.0, line.key
