"""Locks: one process at a time works on something in the store, without a lock service."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from resources import layout
from resources.layout import Ticket
from resources.storage import Storage

# Seconds that a ticket outlives its caller's time: the longest that one step can take beyond it.
GRACE_SECONDS = 60.0
POLL_SECONDS = 0.2


@contextmanager
def lock(storage: Storage, name: str, seconds: float) -> Iterator[bool]:
    """Whether the lock is ours: within the block no other process holds it.

    Each process first writes a ticket, then looks for others'. Of two that see each other the one
    with the later name gives way, and the other waits until it is alone. At least one of two sees
    the other, because a listing shows every object that was written before it, on S3 too. The
    ticket of a process that was killed is void: at once on its own host, elsewhere after the time
    in its name.

    Parameters
    ----------
    storage
        Where the tickets are written.
    name
        What is worked on.
    seconds
        Longest to wait, and for how long the work is begun.
    """
    deadline = time.monotonic() + seconds
    until = round(time.time() + seconds + GRACE_SECONDS)
    ours = Ticket(secrets.token_hex(8), until, os.getpid(), socket.gethostname())
    ticket = layout.ticket(name, ours)
    storage.write(ticket, b"")
    try:
        yield _is_alone(storage, layout.tickets(name), ticket, deadline)
    finally:
        storage.delete(ticket)


def _is_alone(storage: Storage, folder: str, ticket: str, deadline: float) -> bool:
    while True:
        others = storage.list(folder).keys() - {ticket}
        void = {other for other in others if _is_void(layout.ticket_parts(other))}
        for other in void:
            storage.delete(other)
        if not others - void:
            return True
        if min(others - void) < ticket or time.monotonic() + POLL_SECONDS >= deadline:
            return False
        time.sleep(POLL_SECONDS)


def _is_void(ticket: Ticket) -> bool:
    """Whether the process of a ticket is gone, or its time is over."""
    return ticket.until < time.time() or is_gone(ticket.pid, ticket.host)


def is_gone(pid: int, host: str) -> bool:
    """Whether a process of this host has ended; of another host's there is no telling."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it is there, and another user's
        return False
    return False
