"""Locks over a store: one at a time, and none for ever."""

import os
import socket
import subprocess
import sys
import time

import pytest

from resources.lock import lock
from resources.storage import open_storage


@pytest.fixture
def storage(tmp_path):
    return open_storage(str(tmp_path / "store"))


def tickets(storage):
    return list(storage.list("turns"))


def put_ticket(storage, pid, until, host=None, first="0"):
    storage.write(f"turns/work/{first}-{until:.0f}-{pid}-{host or socket.gethostname()}", b"")


def test_the_lock_is_ours_where_nobody_has_it_and_is_given_back(storage):
    with lock(storage, "work", 0) as ours:
        assert ours
        assert len(tickets(storage)) == 1
    assert tickets(storage) == []


def test_it_is_given_back_when_the_work_fails(storage):
    with pytest.raises(ZeroDivisionError), lock(storage, "work", 0):
        raise ZeroDivisionError
    assert tickets(storage) == []


def test_it_is_not_ours_while_another_holds_it(storage):
    put_ticket(storage, os.getpid(), time.time() + 60)
    with lock(storage, "work", 0) as ours:
        assert not ours
    assert len(tickets(storage)) == 1


def test_other_work_has_another_lock(storage):
    put_ticket(storage, os.getpid(), time.time() + 60)
    with lock(storage, "other work", 0) as ours:
        assert ours


def test_the_ticket_of_a_process_that_is_gone_is_void_at_once(storage):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    put_ticket(storage, gone.pid, time.time() + 600)
    with lock(storage, "work", 0) as ours:
        assert ours


@pytest.mark.parametrize(("seconds", "is_ours"), [(-1, True), (600, False)])
def test_a_ticket_from_elsewhere_is_void_after_its_time(storage, seconds, is_ours):
    put_ticket(storage, 1, time.time() + seconds, "elsewhere.example")
    with lock(storage, "work", 0) as ours:
        assert ours is is_ours
