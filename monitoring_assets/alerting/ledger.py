"""The ledger: what people know of a subject, brought up to date with its decisions."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitoring_assets.alerting.incidents import Ledger, NoticeContext, reconcile
from resources.delivery.channel import Channel
from resources.delivery.channels import channels_from_environment
from resources.delivery.messages import Measurements
from resources.delivery.outbox import Outbox
from resources.lock import turn
from resources.storage import Storage
from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.decision import Decision

# Until another run has told of the same version; it takes a second or two.
TURN_SECONDS = 60.0
POLL_SECONDS = 0.2


def read_ledger(storage: Storage, key: str) -> Ledger:
    """What people know of a subject; an empty ledger if they have never been told anything."""
    try:
        return Ledger.model_validate_json(storage.read(f"incidents/{key}.json"))
    except FileNotFoundError:
        return Ledger()


def tell(
    store: Store,
    telling: NoticeContext,
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

    Raises
    ------
    TimeoutError
        If other runs of the same version have been telling all the time.
    """
    key, storage = telling.subject.key, store.storage
    channels = channels_from_environment(store)
    end = time.monotonic() + TURN_SECONDS
    is_told = False
    while not is_told:
        if time.monotonic() > end:
            raise TimeoutError(f"other runs have been telling of {key} for {TURN_SECONDS:.0f} s")
        with turn(storage, f"telling/{key}", TURN_SECONDS) as is_told:
            if is_told and not _write_down(storage, telling, decisions, measurements, channels):
                return ["nobody is told: a later day has been"]
        if not is_told:
            time.sleep(POLL_SECONDS)
    outbox = Outbox(storage)
    sent = outbox.deliver(channels, key=key, seconds=seconds, now=dt.datetime.now(dt.UTC))
    return [
        f"{one.channel}: {one.path} " + (one.text if one.taken else f"waits: {one.text}")
        for one in sent
    ]


def _write_down(
    storage: Storage,
    telling: NoticeContext,
    decisions: Sequence[Decision],
    measurements: Measurements | None,
    channels: Sequence[Channel],
) -> bool:
    """Bring ledger and outbox up to date, in our turn; False if a later day has been told.

    The ledger comes first and holds its notices until they are in the outbox: whatever is killed
    in between, `finish_telling` goes on from there, and a notice has one name for ever.
    """
    key = telling.subject.key
    ledger = read_ledger(storage, key)
    if ledger.decided is not None and ledger.decided > telling.day:
        return False
    _put(storage, ledger, channels)
    after, notices = reconcile(ledger, decisions, telling, [one.name for one in channels])
    if after != ledger:
        storage.write(f"telling/{key}", b"")
        after = after.model_copy(update={"notices": tuple(notices)})
        storage.write(f"incidents/{key}.json", after.model_dump_json(indent=2).encode())
        _put(storage, after, channels)
        storage.delete(f"telling/{key}")
    if measurements is not None:
        Outbox(storage).put(measurements, channels)
    return True


def _put(storage: Storage, ledger: Ledger, channels: Sequence[Channel]) -> None:
    for notice in ledger.notices:
        Outbox(storage).put(notice, channels)


def finish_telling(store: Store) -> None:
    """Put into the outbox what runs that were killed have written down: one listing if nothing."""
    for path in store.storage.list("telling"):
        key = path.removeprefix("telling/")
        with turn(store.storage, path, 0.0) as ours:
            if ours:
                ledger = read_ledger(store.storage, key)
                _put(store.storage, ledger, channels_from_environment(store))
                store.storage.delete(path)
