"""Telling: the ledger of a subject, and the outbox, brought up to date with its decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitoring_assets.incidents import Ledger, Telling, reconcile
from resources.notice import Measurements
from resources.outbox import Outbox, channels_from_environment
from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.statistics.decision import Decision


def read_ledger(store: Store, key: str) -> Ledger:
    """What people know of a subject; an empty ledger if they have never been told anything."""
    try:
        return Ledger.model_validate_json(store.storage.read(_path(key)))
    except FileNotFoundError:
        return Ledger()


def tell(
    store: Store,
    telling: Telling,
    decisions: Sequence[Decision],
    measurements: Measurements | None,
    *,
    seconds: float,
) -> list[str]:
    """Put what has changed into the outbox and try to send it.

    The outbox comes before the ledger: after a kill between them the same notices are written once
    more, under the same names.

    Parameters
    ----------
    store
        Holds the ledger and the outbox.
    telling
        Whom and what it is about.
    decisions
        One for each family.
    measurements
        What the day's metrics are; None for none.
    seconds
        For sending; what is not sent by then waits for the delivery sensor.

    Returns
    -------
    What was sent and what waits, in words.
    """
    key = telling.subject.key
    outbox, channels = Outbox(store.storage), channels_from_environment(store)
    ledger = read_ledger(store, key)
    after, notices = reconcile(ledger, decisions, telling)
    for notice in notices:
        outbox.put(notice, channels)
    if measurements is not None:
        outbox.put(measurements, channels)
    if after != ledger:
        store.storage.write(_path(key), after.model_dump_json(indent=2).encode())
    sent = outbox.deliver(channels, key=key, seconds=seconds, now=dt.datetime.now(dt.UTC))
    return [
        f"{one.channel}: {one.path} " + (one.text if one.taken else f"waits: {one.text}")
        for one in sent
    ]


def _path(key: str) -> str:
    return f"incidents/{key}.json"
