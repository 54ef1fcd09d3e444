"""The ledger: what people know of a subject, brought up to date with its decisions."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitoring_assets.alerting.incidents import Ledger, NoticeContext, reconcile
from resources import layout
from resources.delivery.channel import Channel
from resources.delivery.channels import channels_from_environment
from resources.delivery.messages import Measurements
from resources.delivery.outbox import Outbox
from resources.lock import lock
from resources.storage import Storage
from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.decision import Decision

# Longest wait for another run of the same version; writing down takes a second or two.
LOCK_SECONDS = 60.0
POLL_SECONDS = 0.2


def read_ledger(storage: Storage, key: str) -> Ledger:
    """What people know of a subject; an empty ledger if no notice about it was ever written."""
    try:
        return Ledger.model_validate_json(storage.read(layout.ledger(key)))
    except FileNotFoundError:
        return Ledger()


def tell(
    store: Store,
    context: NoticeContext,
    decisions: Sequence[Decision],
    measurements: Measurements | None,
    *,
    seconds: float,
) -> list[str]:
    """Write down what has changed, put it into the outbox and try to send it.

    Parameters
    ----------
    store
        Holds the ledger and the outbox.
    context
        The subject, day and time of the decision.
    decisions
        One for each family.
    measurements
        What the day's metrics are; None for none.
    seconds
        For sending; what is not sent by then waits for the delivery sensor.

    Returns
    -------
    What was sent and what waits, in words.

    Raises
    ------
    TimeoutError
        If other runs of the same version held the lock all the time.
    """
    key, storage = context.subject.key, store.storage
    channels = channels_from_environment(store)
    end = time.monotonic() + LOCK_SECONDS
    is_ours = False
    while not is_ours:
        if time.monotonic() > end:
            raise TimeoutError(f"other runs have held the ledger of {key} for {LOCK_SECONDS:.0f} s")
        with lock(storage, layout.pending(key), LOCK_SECONDS) as is_ours:
            if is_ours and not _write_down(storage, context, decisions, measurements, channels):
                return ["no notification is sent: a later day has been decided"]
        if not is_ours:
            time.sleep(POLL_SECONDS)
    outbox = Outbox(storage)
    sent = outbox.deliver(channels, key=key, seconds=seconds, now=dt.datetime.now(dt.UTC))
    return [
        f"{one.channel}: {one.path} " + (one.text if one.taken else f"waits: {one.text}")
        for one in sent
    ]


def _write_down(
    storage: Storage,
    context: NoticeContext,
    decisions: Sequence[Decision],
    measurements: Measurements | None,
    channels: Sequence[Channel],
) -> bool:
    """Bring ledger and outbox up to date, under the lock; False if a later day has been decided.

    The ledger comes first and holds its notices until they are in the outbox. After a kill in
    between, `finish_notices` goes on from there, and a notice keeps its name.
    """
    key = context.subject.key
    ledger = read_ledger(storage, key)
    if ledger.decided is not None and ledger.decided > context.day:
        return False
    _put(storage, ledger, channels)
    after, notices = reconcile(ledger, decisions, context, [one.name for one in channels])
    if after != ledger:
        storage.write(layout.pending(key), b"")
        after = after.model_copy(update={"notices": tuple(notices)})
        storage.write(layout.ledger(key), after.model_dump_json(indent=2).encode())
        _put(storage, after, channels)
        storage.delete(layout.pending(key))
    if measurements is not None:
        Outbox(storage).put(measurements, channels)
    return True


def _put(storage: Storage, ledger: Ledger, channels: Sequence[Channel]) -> None:
    for notice in ledger.notices:
        Outbox(storage).put(notice, channels)


def finish_notices(store: Store) -> None:
    """Put into the outbox what runs that were killed have written down: one listing if nothing."""
    for path in store.storage.list(layout.PENDING):
        key = layout.pending_key(path)
        with lock(store.storage, path, 0.0) as is_ours:
            if is_ours:
                ledger = read_ledger(store.storage, key)
                _put(store.storage, ledger, channels_from_environment(store))
                store.storage.delete(path)
